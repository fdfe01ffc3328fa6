// Deploys the stack to an endpoint: this project's emulator, a LocalStack, or another emulator.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { readSettings, type Settings } from "../infra/config.ts";
import { ENV, type EnvName } from "../shared/aws/names.ts";
import { deploymentFile, root, stateDir } from "./paths.ts";
import { run } from "./process.ts";

/** A deployed stack, with URLs that work from this machine. */
export interface Deployment {
  readonly stackName: string;
  /** Endpoint of every AWS service: the value for `AWS_ENDPOINT_URL`. */
  readonly endpoint: string;
  readonly region: string;
  /** Base URL of the REST API, without a final slash. */
  readonly apiUrl: string;
  /** Base URL of the workers' endpoint, without a final slash. */
  readonly workerUrl: string;
  /** All outputs of the stack, by their names. */
  readonly outputs: Readonly<Record<string, string>>;
}

export interface DeployOptions {
  readonly endpoint: string;
  /**
   * Settings of the stack that differ from their defaults. Unless given, `removalPolicy` is `destroy`, and `console` is
   * `off`: the emulator has no CloudFront.
   */
  readonly settings?: Partial<Settings>;
  /** A folder that `synthesize` has written. Its settings are those of the stack then. @default one for `settings` */
  readonly assembly?: string;
  /** Create CDK's own bucket and roles first, which an account needs once. @default true */
  readonly bootstrap?: boolean;
  /** @default the environment's, else `test` */
  readonly accessKeyId?: string;
}

const cdk = path.join(path.dirname(createRequire(import.meta.url).resolve("aws-cdk/package.json")), "bin", "cdk");

/**
 * Bundles the functions and synthesizes the app, without an account. Answers the folder of the assembly, inside `folder`.
 * `validate`: false leaves out CDK's validation of the template, which takes a third of the time.
 * @throws {CommandFailed} with the last lines of the app's output.
 */
export async function synthesize(
  folder: string,
  settings: Partial<Settings> = {},
  { validate = true } = {},
): Promise<string> {
  const assembly = path.join(folder, "cdk.out");
  const context = { removalPolicy: "destroy", console: "off", bundles: path.join(folder, "bundles"), ...settings };
  await run(process.execPath, [path.join(root, "infra", "app.ts")], {
    cwd: root,
    env: {
      ...process.env,
      CDK_OUTDIR: assembly,
      CDK_CONTEXT_JSON: JSON.stringify(context),
      CDK_VALIDATION: String(validate),
    },
  });
  return assembly;
}

/**
 * Bundles, synthesizes and deploys.
 * @throws {CommandFailed} with the last lines of CDK's output.
 */
export async function deploy({
  endpoint,
  settings = {},
  assembly: made,
  bootstrap = true,
  accessKeyId,
}: DeployOptions): Promise<Deployment> {
  const scratch = await mkdtemp(path.join(tmpdir(), "sirocco-deploy-"));
  const region = process.env.AWS_REGION ?? "us-east-1";
  const env = {
    ...process.env,
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: accessKeyId ?? process.env.AWS_ACCESS_KEY_ID ?? "test",
    AWS_SECRET_ACCESS_KEY: process.env.AWS_SECRET_ACCESS_KEY ?? "test",
    AWS_REGION: region,
    CDK_S3_FORCE_PATH_STYLE: "1", // an emulator has one host name for all buckets
    CI: "true", // plain progress lines
    CDK_DISABLE_CLI_TELEMETRY: "true", // it is sent by a process of its own
  };
  try {
    // In a folder without cdk.json, because CDK would otherwise run the app to find its environments.
    const bootstrapped = bootstrap
      ? run(process.execPath, [cdk, "bootstrap", `aws://unknown-account/${region}`], { cwd: scratch, env })
      : undefined;
    const [assembly] = await Promise.all([made ?? synthesize(scratch, settings), bootstrapped]);
    const outputsFile = path.join(scratch, "outputs.json");
    const options = ["--all", "--app", assembly, "--require-approval", "never", "--outputs-file", outputsFile];
    await run(process.execPath, [cdk, "deploy", ...options], { cwd: scratch, env });
    const stacks = JSON.parse(await readFile(outputsFile, "utf8")) as Record<string, Record<string, string>>;
    const [[stackName, outputs] = ["", {}]] = Object.entries(stacks);
    return {
      stackName,
      endpoint,
      region,
      apiUrl: reachable(endpoint, outputs.ApiUrl ?? ""),
      workerUrl: reachable(endpoint, outputs.WorkerUrl ?? ""),
      outputs,
    };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/**
 * The URL at which this machine reaches an output of the stack. The emulator serves AWS's host names under paths of its
 * endpoint. Other hosts, such as those of a LocalStack, are left unchanged.
 */
export function reachable(endpoint: string, url: string): string {
  const { hostname, pathname } = new URL(url);
  const label = hostname.split(".")[0];
  const base = endpoint.replace(/\/$/, "");
  const below = pathname.replace(/\/$/, "");
  if (/\.execute-api\.[^.]+\.amazonaws\.com(\.cn)?$/.test(hostname)) return `${base}/_aws/execute-api/${label}${below}`;
  if (/\.lambda-url\.[^.]+\.on\.aws$/.test(hostname)) return `${base}/_aws/lambda-url/${label}${below}`;
  return url.replace(/\/$/, "");
}

/** The environment variables of the handlers, for a program that runs their code outside Lambda. */
export function environmentOf(
  { stackName, outputs }: Deployment,
  settings: Partial<Settings> = {},
): Record<EnvName, string> {
  const output = (name: string): string => {
    const value = outputs[name];
    if (!value)
      throw new Error(`The stack ${stackName} has no output ${name}: another version deployed it, so deploy it again`);
    return value;
  };
  const read = readSettings((name) => settings[name as keyof Settings]);
  const { retentionDays, dueShards, livenessWindowSeconds, streamSeconds, logLevel, otlpUrl, otlpHeaders, kmsKeyArn } =
    read;
  return {
    [ENV.executionsTable]: output("ExecutionsTable"),
    [ENV.registryTable]: output("RegistryTable"),
    [ENV.schedulesTable]: output("SchedulesTable"),
    [ENV.feedTable]: output("FeedTable"),
    [ENV.payloadBucket]: output("PayloadBucket"),
    [ENV.taskQueuePrefix]: output("TaskQueuePrefix"),
    [ENV.taskDeadLettersArn]: output("TaskDeadLettersArn"),
    [ENV.workerRoleArn]: output("WorkerRoleArn"),
    [ENV.scheduleGroup]: output("ScheduleGroup"),
    [ENV.scheduleRoleArn]: output("ScheduleRoleArn"),
    [ENV.scheduleQueueArn]: output("ScheduleQueueArn"),
    [ENV.scheduleQueueUrl]: output("ScheduleQueueUrl"),
    [ENV.scheduleDeadLettersArn]: output("ScheduleDeadLettersArn"),
    [ENV.retentionDays]: String(retentionDays),
    [ENV.dueShards]: String(dueShards),
    [ENV.livenessWindowMs]: String(livenessWindowSeconds * 1000),
    [ENV.streamSeconds]: String(streamSeconds),
    [ENV.feedDeadLettersUrl]: output("FeedDeadLettersUrl"),
    [ENV.kmsKeyArn]: kmsKeyArn ?? "",
    [ENV.logLevel]: logLevel,
    [ENV.installation]: stackName,
    [ENV.workerUrl]: output("WorkerUrl"),
    [ENV.otlpUrl]: otlpUrl ?? "",
    [ENV.otlpHeaders]: otlpHeaders ?? "",
  };
}

/** Writes the deployment beside the emulator's pid file, for `recall`. */
export async function remember(port: number, deployment: Deployment): Promise<void> {
  await mkdir(stateDir, { recursive: true });
  await writeFile(deploymentFile(port), `${JSON.stringify(deployment, null, 2)}\n`);
}

/** The deployment in the emulator on that port, undefined = `npm run emulator` made none. */
export async function recall(port: number): Promise<Deployment | undefined> {
  const text = await readFile(deploymentFile(port), "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Deployment);
}
