/** `runWorker`: from environment and options to a running worker, and out again in good order. */
import { randomUUID } from "node:crypto";
import { createServer, type Server } from "node:http";
import { hostname } from "node:os";
import { type Duration, milliseconds } from "../../shared/lib/duration.ts";
import type { AnyActivity } from "../activity.ts";
import type { Log } from "../runtime/log.ts";
import type { AnyWorkflow } from "../workflow/define.ts";
import { consoleLog } from "./log.ts";
import { httpTransport, ServerRefusal } from "./transport.ts";
import type { WorkerClock, WorkerContext, WorkerLimits } from "./types.ts";
import { Worker } from "./worker.ts";

export interface WorkerOptions<R extends Record<string, unknown> = Record<string, unknown>> {
  /** Workflows that this deployment owns. */
  readonly workflows: readonly AnyWorkflow[];
  /** Activities that this worker can run. */
  readonly activities?: readonly AnyActivity[];
  /** Default: `DEPLOYMENT_NAME`. 1 to 128 of `A-Z a-z 0-9 _ -`; required. */
  readonly deployment?: string;
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
  /** Opened once before the first task, handed to every activity as `ctx.resources`; `close` is called at the end. */
  readonly resources?: () => R | Promise<R>;
  readonly closeResources?: (resources: R) => void | Promise<void>;
  /** How long running activities may go on after SIGTERM. Default 30 s. */
  readonly shutdownGrace?: Duration;
  /** False: workflow code is not held to determinism. A last resort; warns. Default true. */
  readonly deterministic?: boolean;
  /** True: any error that escapes workflow code fails the execution. Default false: bugs wait for repaired code. */
  readonly failOnAnyError?: boolean;
  readonly log?: Log;
}

export interface RunningWorker {
  readonly session: string;
  readonly deployment: string;
  readonly name: string;
  /** Warnings of the registration. */
  readonly warnings: readonly string[];
  /** Drains and leaves; answers how many activities were abandoned. Calling it again waits for the same end. */
  stop(): Promise<number>;
  /**
   * Resolves, with the reason, when the worker has ended by itself: the server does not accept its key any more. Never
   * rejects; open for ever while the worker works.
   */
  readonly failed: Promise<Error>;
}

/** The worker's settings are wrong; the message says which and what is allowed. */
export class WorkerConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "WorkerConfigError";
  }
}

/** `setTimeout` knows no longer wait than this; it would fire at once. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

const clock: WorkerClock = {
  now: () => Date.now(),
  at(at, fn) {
    let timer: NodeJS.Timeout;
    const arm = () => {
      const wait = at - Date.now();
      timer = wait > LONGEST_TIMEOUT ? setTimeout(arm, LONGEST_TIMEOUT) : setTimeout(fn, Math.max(0, wait));
    };
    arm();
    return () => clearTimeout(timer);
  },
};

/** Starts a worker and answers at once. For programs that decide themselves when it ends. */
export async function startWorker<R extends Record<string, unknown>>(
  options: WorkerOptions<R>,
): Promise<RunningWorker> {
  const env = process.env;
  const log = options.log ?? consoleLog();
  const deployment = options.deployment ?? env.DEPLOYMENT_NAME ?? "";
  if (deployment === "") {
    throw new WorkerConfigError(
      "DEPLOYMENT_NAME is not set: a worker must say which deployment it belongs to, for example DEPLOYMENT_NAME=invoice-service",
    );
  }
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(deployment)) {
    throw new WorkerConfigError(
      `DEPLOYMENT_NAME is '${deployment}': allowed are letters, digits, hyphens and underscores, at most 128`,
    );
  }
  const url = options.url ?? env.SIROCCO_URL ?? "";
  if (!URL.canParse(url) || !/^https?:/.test(url)) {
    throw new WorkerConfigError(
      `SIROCCO_URL is ${url === "" ? "not set" : `'${url}'`}: it must be the http(s) address of the server, for example http://127.0.0.1:7411`,
    );
  }
  const apiKey = options.apiKey ?? env.SIROCCO_API_KEY ?? "";
  if (apiKey === "") throw new WorkerConfigError("SIROCCO_API_KEY is not set: `sirocco dev` prints a key");
  const name = (options.name ?? env.WORKER_NAME ?? "") || hostname();
  const workflows = byName("workflow", options.workflows);
  const activities = byName("activity", options.activities ?? []);
  if (workflows.size === 0) throw new WorkerConfigError("runWorker needs at least one workflow");
  const limits: WorkerLimits = {
    maxConcurrentActivities: wholeNumber("maxConcurrentActivities", options.maxConcurrentActivities ?? 100, 1),
    maxConcurrentWorkflows: wholeNumber("maxConcurrentWorkflows", options.maxConcurrentWorkflows ?? 200, 1),
    cachedExecutions: wholeNumber("cachedExecutions", options.cachedExecutions ?? 1000, 0),
  };
  const graceMs = milliseconds(options.shutdownGrace ?? "30s", "shutdownGrace");
  if (options.deterministic === false)
    log.warn("determinism is off for all workflows of this worker: replay may diverge");
  for (const { name: workflow, options: o } of options.workflows) {
    if (o.deterministic === false) log.warn(`determinism is off for workflow '${workflow}': replay may diverge`);
  }

  const resources = ((await options.resources?.()) ?? {}) as R;
  const context: WorkerContext = {
    transport: httpTransport({
      url,
      apiKey,
      onRetry: (operation, why, attempt) => {
        if (attempt === 3 || attempt % 20 === 0)
          log.warn(`${operation} is being repeated`, { attempt, why: why.message });
      },
    }),
    clock,
    log,
    session: randomUUID(),
    deployment,
    uuid: randomUUID,
    workflows,
    activities,
    limits,
    resources,
    deterministic: options.deterministic ?? true,
    failOnAnyError: options.failOnAnyError ?? false,
  };
  const { promise: failed, resolve: fail } = Promise.withResolvers<Error>();
  const worker = new Worker(context, name, (error) => {
    const why = new WorkerConfigError(
      `the server at ${url} does not accept this SIROCCO_API_KEY any more: ${error.message}`,
    );
    log.error("the worker ends", { error: why });
    stop().then(
      () => fail(why),
      () => fail(why),
    );
  });
  let ending: Promise<number> | null = null;
  const end = async () => {
    const abandoned = await worker.stop(graceMs);
    context.transport.close();
    await options.closeResources?.(resources);
    log.info(abandoned === 0 ? "worker stopped" : `worker stopped; ${abandoned} activities go on elsewhere`, {
      deployment,
    });
    return abandoned;
  };
  const stop = () => {
    ending ??= end();
    return ending;
  };
  let registered: Awaited<ReturnType<Worker["start"]>>;
  try {
    registered = await worker.start();
  } catch (error) {
    context.transport.close();
    await options.closeResources?.(resources);
    if (error instanceof ServerRefusal && error.status === 401) {
      throw new WorkerConfigError(`the server at ${url} does not know this SIROCCO_API_KEY: ${error.message}`);
    }
    throw error;
  }
  log.info(`worker '${name}' of deployment '${deployment}' serves ${[...workflows.keys()].join(", ")}`, { url });
  return { session: worker.session, deployment, name, warnings: registered.warnings, stop, failed };
}

/**
 * Runs a worker until SIGTERM or SIGINT, then drains it. With `HEALTH_SERVER_PORT` set, `GET /health` on that port
 * answers 200 while it works and 503 before and after. Throws `WorkerConfigError` when the settings are wrong.
 */
export async function runWorker<R extends Record<string, unknown>>(options: WorkerOptions<R>): Promise<void> {
  const port = healthPort(process.env.HEALTH_SERVER_PORT);
  let healthy = false;
  const health = port === null ? null : await healthServer(port, () => healthy);
  try {
    const worker = await startWorker(options);
    healthy = true;
    const failure = await Promise.race([told(), worker.failed]);
    healthy = false;
    await worker.stop();
    if (failure) throw failure;
  } finally {
    health?.close();
  }
}

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** The first signal is taken as a wish to drain; a second one ends the process as always. */
function told(): Promise<null> {
  return new Promise((resolve) => {
    const stop = () => {
      for (const signal of SIGNALS) process.off(signal, stop);
      resolve(null);
    };
    for (const signal of SIGNALS) process.on(signal, stop);
  });
}

function byName<T extends { readonly name: string }>(what: string, list: readonly T[]): Map<string, T> {
  const map = new Map<string, T>();
  for (const one of list) {
    if (map.has(one.name)) throw new WorkerConfigError(`two ${what} definitions are called '${one.name}'`);
    map.set(one.name, one);
  }
  return map;
}

function wholeNumber(name: string, value: number, least: number): number {
  if (Number.isInteger(value) && value >= least) return value;
  throw new WorkerConfigError(`${name} is ${value}: it must be a whole number from ${least}`);
}

function healthPort(port: string | undefined): number | null {
  if (!port) return null;
  if (/^\d{1,5}$/.test(port) && Number(port) <= 65_535) return Number(port);
  throw new WorkerConfigError(`HEALTH_SERVER_PORT is '${port}': it must be a port number from 0 to 65535`);
}

async function healthServer(port: number, healthy: () => boolean): Promise<Server> {
  const server = createServer((req, res) => {
    const ok = req.url === "/health" && healthy();
    res.writeHead(ok ? 200 : req.url === "/health" ? 503 : 404, { "content-type": "application/json" });
    res.end(JSON.stringify({ status: ok ? "ok" : "not serving" }));
  });
  await new Promise<void>((ok, no) => server.once("error", no).listen(port, ok)).catch((error: Error) => {
    throw new WorkerConfigError(`HEALTH_SERVER_PORT is ${port}, where no server could be started: ${error.message}`);
  });
  return server;
}
