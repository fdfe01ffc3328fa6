/** What `global-setup.ts` makes once for all test files of a run. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { inject } from "vitest";
import type { Settings } from "../../infra/config.ts";
import type { Deployment } from "../../localstack/deploy.ts";
import { createKey } from "../../shared/api/index.ts";
import { registryKeys } from "../../shared/server/aws-operator.ts";
import { ROOT, type TestAccount } from "./support.ts";

/** Not by `fetch`, which waits for five minutes at most: a deployment may take longer on a busy machine. */
async function ask<T>(path: string): Promise<T> {
  const [answer] = (await once(get(`${inject("shared")}${path}`), "response")) as [IncomingMessage];
  const body = await text(answer);
  if (answer.statusCode !== 200) throw new Error(body);
  return JSON.parse(body) as T;
}

/** For the hook that waits for it. */
export const DEPLOYED_WITHIN_MS = 900_000;

/** The folder of the stack's assembly with these settings, for `deploy`. */
export const assemblyOf = (settings: Partial<Settings> = {}): Promise<string> =>
  ask(`/assembly?settings=${encodeURIComponent(JSON.stringify(settings))}`);

export interface Shared {
  readonly account: Omit<TestAccount, "stop">;
  readonly stack: Deployment;
  /** Of the caller alone, unless another file names it too. */
  readonly workspace: string;
  /** An administrator's of that workspace. */
  readonly key: string;
}

/**
 * The stack that test files share. Each has a workspace of its own there, so none sees the executions of another. Variables
 * of this process name the account.
 */
export const sharedStack = (workspace: string = randomUUID()): Promise<Shared> => stackOf("shared", workspace, 3);

/** A stack with the same settings, in another account: for a file that changes its functions, and waits for the sweeper. */
export const ownStack = (file: string): Promise<Shared> => stackOf(file, randomUUID(), 1);

/** `minute`: seconds between two rounds of the sweeper. A round takes a third of a second of processor time here, due executions or not. */
async function stackOf(name: string, workspace: string, minute: number): Promise<Shared> {
  const stack = await ask<Deployment>(`/stack?name=${name}&minute=${minute}`);
  const { endpoint, region } = stack;
  useAccount({ endpoint, ...ROOT });
  const ports = await registryKeys({ table: stack.outputs.RegistryTable!, region });
  const { key } = await createKey(ports, { workspace, name: "tester" });
  return { account: { endpoint, ...ROOT }, stack, workspace, key };
}

/** Lets the AWS clients of this process find the account, as an operator's shell does. */
function useAccount({ endpoint, region, credentials }: Omit<TestAccount, "stop">): void {
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  });
}
