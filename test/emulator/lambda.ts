/** Reads and changes settings of deployed functions, by signed requests instead of the client for Lambda, a further package. */
import type { STSClient } from "@aws-sdk/client-sts";

interface Configuration {
  readonly FunctionName: string;
  readonly Timeout: number;
  readonly Environment: { readonly Variables: Readonly<Record<string, string>> };
}

async function call<T>(sts: STSClient, method: string, path: string, input?: unknown): Promise<T> {
  const endpoint = await sts.config.endpoint!();
  const host = `${endpoint.hostname}:${endpoint.port}`;
  const body = input === undefined ? undefined : JSON.stringify(input);
  const request = { method, ...endpoint, path, query: {}, headers: { host, "content-type": "application/json" }, body };
  const signer = await sts.config.signer();
  const { headers } = await signer.sign(request as never, { signingService: "lambda", signingRegion: "us-east-1" });
  const answer = await fetch(`${endpoint.protocol}//${host}${path}`, { method, headers, ...(body && { body }) });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** The function of the stack whose name begins with `id`, such as `Worker`. */
export async function functionOf(sts: STSClient, stackName: string, id: string): Promise<Configuration> {
  const { Functions } = await call<{ Functions: Configuration[] }>(sts, "GET", "/2015-03-31/functions/");
  const found = Functions.find(({ FunctionName }) => FunctionName.startsWith(`${stackName}-${id}`));
  if (found) return found;
  throw new Error(`the stack has no function ${id}, only ${Functions.map((f) => f.FunctionName).join(", ")}`);
}

/** Sets another timeout (seconds) and further environment variables. Answers a function that restores the settings. */
export async function reconfigure(
  sts: STSClient,
  { FunctionName, Timeout, Environment }: Configuration,
  over: { timeout: number; environment: Readonly<Record<string, string>> },
): Promise<() => Promise<void>> {
  const path = `/2015-03-31/functions/${FunctionName}/configuration`;
  const set = (timeout: number, Variables: Readonly<Record<string, string>>) =>
    call(sts, "PUT", path, { Timeout: timeout, Environment: { Variables } });
  await set(over.timeout, { ...Environment.Variables, ...over.environment });
  return async () => void (await set(Timeout, Environment.Variables));
}
