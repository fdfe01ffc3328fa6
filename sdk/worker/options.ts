/** The settings of a worker: from options and environment, checked before anything is opened. */
import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { PayloadCodec } from "../../shared/encoding/codec.ts";
import { EncodingOptionsError } from "../../shared/encoding/errors.ts";
import type { EncodingOptions } from "../../shared/encoding/options.ts";
import { type Duration, milliseconds } from "../../shared/lib/duration.ts";
import { DeploymentName, idProblem, VersionName, versionDeployment } from "../../shared/protocol/ids.ts";
import { LOG_LEVELS, type LogLevel } from "../../shared/protocol/log-records.ts";
import type { AnyActivity } from "../activity.ts";
import type { Log } from "../runtime/log.ts";
import type { AnyWorkflow } from "../workflow/define.ts";
import { definitionOf } from "../workflow/definitions.ts";
import type { WorkerLimits } from "./room.ts";
import type { AbortAtShutdown, Resources, ServedVersion } from "./types.ts";

export interface WorkerOptions<R extends Record<string, unknown> = Record<string, unknown>> {
  /** Workflows that this deployment owns. Empty: the worker runs activities for the deployment's other workers. */
  readonly workflows: readonly AnyWorkflow[];
  /** Activities that this worker can run. */
  readonly activities?: readonly AnyActivity[];
  /** Default: `DEPLOYMENT_NAME`. 1 to 128 of `A-Z a-z 0-9 _ -`; required. */
  readonly deployment?: string;
  /**
   * Name of this version of the code, for workflows with `versioning: "pinned"`: 1 to 64 of `A-Z a-z 0-9 _ -`. Default: `BUILD_ID`, else a hash of
   * the definitions, which does not see the functions that they call. A worker without workflows serves a version only if it is given here.
   */
  readonly buildId?: string;
  /**
   * Whether this version becomes the current one of its pinned workflows when it registers first; false: an operator
   * promotes it. Default true.
   */
  readonly autoPromote?: boolean;
  /** Default: `WORKER_NAME`, else the host name. */
  readonly name?: string;
  /** Default: `SIROCCO_URL`. */
  readonly url?: string;
  /** Default: `SIROCCO_API_KEY`. */
  readonly apiKey?: string;
  /** Attempts of activities at a time in this process. Default 100. */
  readonly maxConcurrentActivities?: number;
  /** Executions being advanced at a time. Default 200. */
  readonly maxConcurrentWorkflows?: number;
  /** Executions kept in memory between their steps; beyond that they are replayed when they go on. Default 1000. */
  readonly cachedExecutions?: number;
  /**
   * Opened in this order before the first task, handed to every activity as `ctx.resources`, closed in the reverse order at
   * the end. Default: none.
   */
  readonly resources?: Resources<R>;
  /** How long running activities may go on after SIGTERM. Default 30 s. */
  readonly shutdownGrace?: Duration;
  /**
   * When `ctx.signal` tells running activities that the worker stops: `after_grace`, when they are abandoned, or `at_once`, so that an activity
   * that listens can keep its progress in a heartbeat and end. It may still return a result; if it throws, another worker repeats
   * it. Default `after_grace`.
   */
  readonly abortAtShutdown?: AbortAtShutdown;
  /** False: workflow code is not held to determinism. A last resort; warns. Default true. */
  readonly deterministic?: boolean;
  /** True: any error that escapes workflow code fails the execution. Default false: bugs wait for repaired code. */
  readonly failOnAnyError?: boolean;
  /**
   * How payloads are encrypted, compressed and offloaded before they leave this process. Default: not at all. Payloads that
   * clients have only compressed are read in any case.
   */
  readonly encoding?: EncodingOptions;
  readonly log?: Log;
  /** `GET /metrics` on this port, in the text format of Prometheus, without a key. Default: `SIROCCO_METRICS_PORT`, else none. */
  readonly metrics?: { readonly port: number };
  /**
   * Lines that workflow code and activities log from this level on, also by `console` in workflow code, go to the server,
   * which keeps 10,000 of a run. False: none. Default true, which is `info`.
   */
  readonly shipLogs?: boolean | LogLevel;
}

/** The worker's settings are wrong; the message says which and what is allowed. */
export class WorkerConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "WorkerConfigError";
  }
}

/** Environment variables that stand in for options. */
export type WorkerEnvironment = Readonly<Record<string, string | undefined>>;

export interface WorkerSettings {
  readonly deployment: string;
  /** Null: it serves no version, for none of its workflows is pinned. */
  readonly version: ServedVersion | null;
  readonly name: string;
  readonly url: string;
  readonly apiKey: string;
  readonly workflows: ReadonlyMap<string, AnyWorkflow>;
  readonly activities: ReadonlyMap<string, AnyActivity>;
  readonly limits: WorkerLimits;
  readonly graceMs: number;
  readonly abortAtShutdown: AbortAtShutdown;
  readonly deterministic: boolean;
  readonly failOnAnyError: boolean;
  readonly shipLogs: LogLevel | null;
  /** Null: no `/metrics`. */
  readonly metricsPort: number | null;
  readonly codec: PayloadCodec;
}

/** Throws `WorkerConfigError`, or `RangeError` for a duration. */
export function settingsOf<R extends Record<string, unknown>>(
  options: WorkerOptions<R>,
  env: WorkerEnvironment,
): WorkerSettings {
  checkNotEmpty(options);
  const deployment = deploymentOf(options.deployment ?? env.DEPLOYMENT_NAME ?? "");
  return {
    deployment,
    version: versionOf(deployment, options, env),
    url: urlOf(options.url ?? env.SIROCCO_URL ?? ""),
    apiKey: apiKeyOf(options.apiKey ?? env.SIROCCO_API_KEY ?? ""),
    name: (options.name ?? env.WORKER_NAME ?? "") || hostname(),
    workflows: byName("workflow", options.workflows),
    activities: byName("activity", options.activities ?? []),
    limits: {
      maxConcurrentActivities: wholeNumber("maxConcurrentActivities", options.maxConcurrentActivities ?? 100, 1),
      maxConcurrentWorkflows: wholeNumber("maxConcurrentWorkflows", options.maxConcurrentWorkflows ?? 200, 1),
      cachedExecutions: wholeNumber("cachedExecutions", options.cachedExecutions ?? 1000, 0),
    },
    graceMs: milliseconds(options.shutdownGrace ?? "30s", "shutdownGrace"),
    abortAtShutdown: abortOf(options.abortAtShutdown ?? "after_grace"),
    deterministic: options.deterministic ?? true,
    failOnAnyError: options.failOnAnyError ?? false,
    shipLogs: levelOf(options.shipLogs ?? true),
    metricsPort: options.metrics
      ? portOf("metrics.port", String(options.metrics.port))
      : portOf("SIROCCO_METRICS_PORT", env.SIROCCO_METRICS_PORT),
    codec: codecOf(options.encoding),
  };
}

/** Null: no port is set. Throws `WorkerConfigError` for anything that is no port. */
export function portOf(name: string, port: string | undefined): number | null {
  if (!port) return null;
  if (/^\d{1,5}$/.test(port) && Number(port) <= 65_535) return Number(port);
  throw new WorkerConfigError(`${name} is '${port}': it must be a port number from 0 to 65535`);
}

function abortOf(given: AbortAtShutdown): AbortAtShutdown {
  if (given === "after_grace" || given === "at_once") return given;
  throw new WorkerConfigError(`abortAtShutdown is '${given}': it must be 'after_grace' or 'at_once'`);
}

function levelOf(given: boolean | LogLevel): LogLevel | null {
  if (typeof given === "boolean") return given ? "info" : null;
  if (LOG_LEVELS.includes(given)) return given;
  throw new WorkerConfigError(`shipLogs is '${given}': it must be true, false or one of ${LOG_LEVELS.join(", ")}`);
}

/** Throws `WorkerConfigError`. */
export function codecOf(encoding: EncodingOptions | undefined): PayloadCodec {
  try {
    return new PayloadCodec(encoding);
  } catch (error) {
    if (error instanceof EncodingOptionsError) throw new WorkerConfigError(`encoding: ${error.message}`);
    throw error;
  }
}

function deploymentOf(deployment: string): string {
  if (deployment === "") {
    throw new WorkerConfigError(
      "DEPLOYMENT_NAME is not set: a worker must say which deployment it belongs to, for example DEPLOYMENT_NAME=invoice-service",
    );
  }
  const problem = idProblem(DeploymentName, deployment);
  if (problem !== undefined) throw new WorkerConfigError(`DEPLOYMENT_NAME: ${problem}`);
  return deployment;
}

function versionOf(
  of: string,
  { buildId, autoPromote = true, workflows }: WorkerOptions<never> | WorkerOptions,
  env: WorkerEnvironment,
): ServedVersion | null {
  const problem = buildId === undefined ? undefined : idProblem(VersionName, buildId);
  if (problem !== undefined) throw new WorkerConfigError(`buildId: ${problem}`);
  if (!workflows.some(({ options }) => options.versioning) && (buildId === undefined || workflows.length > 0))
    return null;
  const given = buildId ?? (env.BUILD_ID || undefined);
  const wrong = given === undefined ? undefined : idProblem(VersionName, given);
  if (wrong !== undefined) throw new WorkerConfigError(`BUILD_ID: ${wrong}`);
  const name = given ?? hashOf(workflows);
  const tooLong = idProblem(DeploymentName, versionDeployment(of, name));
  if (tooLong !== undefined) {
    throw new WorkerConfigError(`DEPLOYMENT_NAME and BUILD_ID together name the deployment of the version: ${tooLong}`);
  }
  return { of, name, promote: autoPromote };
}

/** Of the definitions, whatever their order. */
function hashOf(workflows: readonly AnyWorkflow[]): string {
  const parts = workflows.map((workflow) => JSON.stringify([workflow.hash, definitionOf(workflow)])).sort();
  return createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 12);
}

function urlOf(url: string): string {
  if (URL.canParse(url) && /^https?:/.test(url)) return url;
  throw new WorkerConfigError(
    `SIROCCO_URL is ${url === "" ? "not set" : `'${url}'`}: it must be the http(s) address of the server, for example http://127.0.0.1:7411`,
  );
}

function apiKeyOf(key: string): string {
  if (key !== "") return key;
  throw new WorkerConfigError(
    "SIROCCO_API_KEY is not set: `sirocco dev` prints a key to its terminal, and keeps it in the file `key` of its data directory",
  );
}

/** A worker of activities alone serves the workflows of other workers of its deployment. */
export function checkNotEmpty({ workflows, activities = [] }: Pick<WorkerOptions, "workflows" | "activities">): void {
  if (workflows.length > 0 || activities.length > 0) return;
  throw new WorkerConfigError("runWorker needs at least one workflow or activity");
}

export function byName<T extends { readonly name: string }>(kind: string, definitions: readonly T[]): Map<string, T> {
  const map = new Map<string, T>();
  for (const definition of definitions) {
    const { name } = definition;
    if (map.has(name)) throw new WorkerConfigError(`two ${kind} definitions are called '${name}'`);
    map.set(name, definition);
  }
  return map;
}

function wholeNumber(name: string, value: number, least: number): number {
  if (Number.isInteger(value) && value >= least) return value;
  throw new WorkerConfigError(`${name} is ${value}: it must be a whole number from ${least}`);
}
