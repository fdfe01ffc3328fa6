/** `runWorker`: starts a worker by options and environment, and ends it in good order. */
import { randomUUID } from "node:crypto";
import type { Server } from "node:http";
import { realClock } from "../../shared/lib/clock.ts";
import { milliseconds } from "../../shared/lib/duration.ts";
import { versionDeployment } from "../../shared/protocol/ids.ts";
import { toFailure } from "../failure.ts";
import type { Log } from "../runtime/log.ts";
import { hosted } from "../workflow/hosted.ts";
import { WorkerEncoding } from "./encoding.ts";
import { healthServer } from "./health.ts";
import { httpTransport } from "./http-transport.ts";
import { inProcessTransport, serverInProcess } from "./in-process-transport.ts";
import { consoleLog, steadyLog } from "./log.ts";
import { WorkerMetrics } from "./metrics.ts";
import { metricsServer } from "./metrics-server.ts";
import { workerSpans } from "./open-telemetry.ts";
import { portOf, settingsOf, WorkerConfigError, type WorkerOptions, type WorkerSettings } from "./options.ts";
import { replayIfAsked } from "./replay-mode.ts";
import { openResources } from "./resources.ts";
import { Room } from "./room.ts";
import { ServerRefusal, type Transport } from "./transport.ts";
import type { Resources } from "./types.ts";
import { type WatchdogOptions, watch } from "./watchdog/watchdog.ts";
import { Worker } from "./worker.ts";

export interface RunningWorker {
  readonly session: string;
  readonly deployment: string;
  /** The version of its pinned workflows' code; null: it has none. */
  readonly version: string | null;
  readonly name: string;
  /** Warnings of the registration. */
  readonly warnings: readonly string[];
  /** Drains and leaves; answers how many activities were abandoned. Calling it again waits for the same end. */
  stop(): Promise<number>;
  /**
   * Resolves, with the reason, when the worker has ended by itself: the server does not accept its key, or its version, any
   * more. Never rejects; open for ever while the worker works.
   */
  readonly failed: Promise<Error>;
  /** What `GET /metrics` answers, for programs with a server of their own. */
  metrics(): string;
  /** Whether its resources are well, by their checks. `detail`: what is wrong with `resource`. */
  health(): Promise<{ status: "ok" } | { status: "unhealthy"; resource: string; detail: string }>;
}

/**
 * Starts a worker and answers at once. For programs that decide themselves when it ends. Workflow code that blocks the event
 * loop for 4 s, and other code that blocks it for 20 s, ends the process with exit code 70 (`runWorker` starts again).
 */
export async function startWorker<R extends Record<string, unknown>>(
  options: WorkerOptions<R>,
): Promise<RunningWorker> {
  await replayIfAsked(options);
  return start(options, { onBlocked: "exit", signals: { release() {}, take() {} } });
}

async function start<R extends Record<string, unknown>>(
  options: WorkerOptions<R>,
  watching: Pick<WatchdogOptions, "onBlocked" | "signals">,
): Promise<RunningWorker> {
  const log = steadyLog(options.log ?? consoleLog());
  const settings = settingsOf(options, process.env);
  warnOfDeterminism(options, log);
  const resources = await openResources((options.resources ?? {}) as Resources<Record<string, unknown>>, log);
  const { deployment, version, name, url, graceMs } = settings;
  const metrics = new WorkerMetrics(realClock);
  const transport = transportOf(settings, log, metrics);
  let endWatch = () => {};
  let shown: Server | null = null;
  const close = async () => {
    endWatch();
    shown?.close();
    shown?.closeAllConnections();
    transport.close();
    await resources.close();
  };

  const { promise: failed, resolve: fail } = Promise.withResolvers<Error>();
  const spans = await workerSpans();
  const context = contextOf(settings, { log, transport, resources: resources.values });
  const own = { ...context, metrics, ...(spans && { spans }) };
  let ended = false;
  const end = (error: ServerRefusal) => {
    if (ended) return;
    ended = true;
    const what =
      error.status === 401 ? "does not accept this SIROCCO_API_KEY any more" : "does not serve this worker any more";
    const why = new WorkerConfigError(`the server at ${url} ${what}: ${error.message}`);
    log.error("the worker ends", { error: why });
    const failed = () => fail(why);
    stop().then(failed, failed);
  };
  const workers = contextsOf(own, version).map((each) => new Worker(each, name, end));
  const [worker] = workers as [Worker, ...Worker[]];
  let stopping: Promise<number> | null = null;
  const stop = () => {
    stopping ??= Promise.all(workers.map((each) => each.stop(graceMs))).then(async (counts) => {
      const abandoned = counts.reduce((sum, n) => sum + n, 0);
      await close();
      const rest = abandoned === 0 ? "" : `; ${abandoned} activities go on elsewhere`;
      log.info(`worker stopped${rest}`, { deployment });
      return abandoned;
    });
    return stopping;
  };

  const deployments = [deployment, ...(version ? [versionDeployment(version.of, version.name)] : [])];
  const text = () => metrics.text({ deployments, name, load: worker.slots });
  if (settings.metricsPort !== null) {
    shown = await metricsServer(settings.metricsPort, text).catch(async (error) => {
      await close();
      throw error;
    });
  }
  const warnings: string[] = [];
  const startAll = async () => {
    // The deployment itself first: where it is refused, no version has become current without a worker.
    for (const each of workers) warnings.push(...(await each.start()).warnings);
  };
  await startAll().catch(async (error) => {
    await Promise.all(workers.map((each) => each.stop(0)));
    await close();
    if (!(error instanceof ServerRefusal)) throw error;
    const { status, code, message } = error;
    if (status === 401)
      throw new WorkerConfigError(`the server at ${url} does not know this SIROCCO_API_KEY: ${message}`);
    if (code === "UNSUPPORTED_VERSION")
      throw new WorkerConfigError(`the server at ${url} does not serve this worker: ${message}`);
    if (code === "NO_ROUTE")
      throw new WorkerConfigError(
        `the server at ${url} does not serve workers (on AWS, workers use the stack's output WorkerUrl): ${message}`,
      );
    throw error;
  });
  endWatch = watch({
    ...watching,
    log,
    worker: {
      url,
      apiKey: settings.apiKey,
      worker: name,
      sessions: workers.map(({ session }, i) => ({ deployment: deployments[i]!, session })),
    },
    codeOf: (workflow) => settings.workflows.get(workflow)?.hash,
    receipts: () => workers.flatMap(({ receipts }) => receipts),
  });
  const health = async () => {
    const problem = await resources.problem();
    return problem === null ? { status: "ok" as const } : { status: "unhealthy" as const, ...problem };
  };
  const served = [...settings.workflows.keys()].join(", ");
  const of = version ? `deployment '${deployment}', version '${version.name}',` : `deployment '${deployment}'`;
  log.info(`worker '${name}' of ${of} serves ${served}`, { url });
  return {
    session: worker.session,
    deployment,
    version: version?.name ?? null,
    name,
    warnings,
    stop,
    failed,
    metrics: text,
    health,
  };
}

export function warnOfDeterminism(
  { deterministic, workflows }: Pick<WorkerOptions, "deterministic" | "workflows">,
  log: Log,
) {
  if (deterministic === false) log.warn("determinism is off for all workflows of this worker: replay may diverge");
  for (const { name, options } of workflows) {
    if (options.deterministic === false) log.warn(`determinism is off for workflow '${name}': replay may diverge`);
  }
}

function transportOf({ url, apiKey }: WorkerSettings, log: Log, metrics: WorkerMetrics): Transport {
  const onRetry = (operation: string, why: Error, attempt: number) => {
    metrics.error("repeated_call");
    if (attempt !== 3 && attempt % 20 !== 0) return;
    log.warn(`${operation} is being repeated`, { attempt, why: why.message });
  };
  const server = serverInProcess(url);
  return server ? inProcessTransport(server, { apiKey, onRetry }) : httpTransport({ url, apiKey, onRetry });
}

type Context = ConstructorParameters<typeof Worker>[0];

/**
 * PINNED-2. One worker for the deployment, with all workflows: executions of a pinned one that began before it was pinned go on
 * there. And one for the version, with the pinned ones. Both have all activities, and share the room of the process.
 */
export function contextsOf(own: Context, version: WorkerSettings["version"]): Context[] {
  if (!version) return [own];
  const pinned = new Map([...own.workflows].filter(([, { definition }]) => definition.versioning === "pinned"));
  const room = new Room(own.limits);
  const deployment = versionDeployment(version.of, version.name);
  return [
    { ...own, room },
    { ...own, room, deployment, version, workflows: pinned, session: own.uuid() },
  ];
}

function contextOf(
  settings: WorkerSettings,
  opened: { log: Log; transport: Transport; resources: Record<string, unknown> },
): Context {
  const { deployment, workflows, activities, limits, deterministic, failOnAnyError, shipLogs, codec } = settings;
  const { abortAtShutdown } = settings;
  return {
    ...opened,
    clock: realClock,
    session: randomUUID(),
    deployment,
    uuid: randomUUID,
    workflows: new Map([...workflows].map(([name, workflow]) => [name, hosted(workflow)])),
    activities,
    limits,
    deterministic,
    failOnAnyError,
    abortAtShutdown,
    ...(shipLogs && { shipLogs }),
    encoding: new WorkerEncoding(codec, opened.log),
  };
}

/**
 * Runs a worker until SIGTERM or SIGINT, then drains it and ends the process, even if attempts that it had to abandon hold
 * timers or sockets; code after the call has 5 s. With `HEALTH_SERVER_PORT` set, `GET /health` on that port answers 200
 * while it works and 503 before and after, and while a check of its resources fails. Throws `WorkerConfigError` when the settings are wrong.
 */
export async function runWorker<R extends Record<string, unknown>>(options: WorkerOptions<R>): Promise<void> {
  await replayIfAsked(options);
  const port = portOf("HEALTH_SERVER_PORT", process.env.HEALTH_SERVER_PORT);
  let working: RunningWorker | null = null;
  const health = port === null ? null : await healthServer(port, () => working?.health() ?? null);
  let letGo = () => {};
  try {
    const signals = stopSignals();
    const worker = await start(options, { onBlocked: "replace", signals });
    signals.take();
    letGo = logStrayErrors(steadyLog(options.log ?? consoleLog()));
    working = worker;
    const ending = await Promise.race([signals.received, worker.failed]);
    working = null;
    if (ending === "signal") endProcess(milliseconds(options.shutdownGrace ?? "30s", "shutdownGrace") + STOP_LATE_MS);
    await worker.stop();
    if (ending === "signal") endProcess(CODE_AFTER_MS);
    if (ending instanceof Error) throw ending;
  } finally {
    letGo();
    health?.close();
  }
}

const SIGNALS = ["SIGTERM", "SIGINT"] as const;
/** The code after `runWorker` may take so long; then the process ends. */
const CODE_AFTER_MS = 5_000;
/** A stop that takes so much longer than the grace hangs, for example in the `close` of a resource. */
const STOP_LATE_MS = 15_000;

/**
 * `received` resolves at the first signal after `take`, by which the worker drains; a second one ends the process as always.
 * `release`: from then on a signal ends the process by itself, so the other listeners of the program, which a blocked
 * event loop would not call either, are taken away with the worker's until `take` (WATCHDOG-2).
 * `emitted`: the program itself emitted the event, without the name that Node passes with a signal.
 */
function stopSignals() {
  const { promise: received, resolve } = Promise.withResolvers<"signal" | "emitted">();
  const stop = (signal?: string) => {
    for (const name of SIGNALS) process.off(name, stop);
    resolve(signal === undefined ? "emitted" : "signal");
  };
  let away = SIGNALS.map((name) => ({ name, listeners: [stop] as NodeJS.SignalsListener[] }));
  const release = () => {
    // Before the first `take` it holds the worker's own.
    for (const name of SIGNALS) away.push({ name, listeners: process.rawListeners(name) as NodeJS.SignalsListener[] });
    for (const name of SIGNALS) process.removeAllListeners(name);
  };
  const take = () => {
    for (const { name, listeners } of away) for (const listener of listeners) process.on(name, listener);
    away = [];
  };
  return { received, take, release };
}

/** Ends the process after `ms`. It ends earlier, as always, when nothing holds its event loop. */
function endProcess(ms: number): void {
  setTimeout(() => process.exit(), ms).unref();
}

/**
 * Errors that belong to no execution, such as those of an idle connection of a pool: the worker logs them and goes on, for
 * the sake of its executions. A program with listeners of its own keeps them. Answers a function that ends this.
 */
function logStrayErrors(log: Log): () => void {
  const note = (what: string) => (error: unknown) => {
    const { message, stack } = toFailure(error);
    log.error(`${what} in code that belongs to no execution, the worker goes on: ${message}`, { stack });
  };
  const listeners = {
    uncaughtException: note("an error was not caught"),
    unhandledRejection: note("a promise was rejected and not awaited"),
  };
  const ours = Object.entries(listeners).filter(([event]) => process.listenerCount(event) === 0);
  for (const [event, listener] of ours) process.on(event, listener);
  return () => {
    for (const [event, listener] of ours) process.off(event, listener);
  };
}
