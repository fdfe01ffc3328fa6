/** Runs the embedded server until it is stopped or the disk fails. */
import { hash } from "node:crypto";
import { basename } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isMainThread } from "node:worker_threads";
import { DEFAULT_WORKSPACE } from "../../shared/api/auth.ts";
import { createKey } from "../../shared/api/create-key.ts";
import { backgroundClock } from "../../shared/lib/clock.ts";
import { lineLog } from "../../shared/lib/log-lines.ts";
import { onAbort } from "../../shared/lib/on-abort.ts";
import { StoreFailed } from "../../shared/ports.ts";
import type { Embedded } from "../../shared/server/embedded.ts";
import { type OtlpOptions, TraceExporter } from "../../shared/server/trace-exporter.ts";
import { CliError, EXIT, type Exit, usage } from "../errors.ts";
import type { Io } from "../io.ts";
import { paint } from "../print.ts";
import { type RunningServer, startServer } from "../server/index.ts";
import { VERSION } from "../version.ts";
import { CONSOLE_FOLDER } from "./console-folder.ts";
import { DataDir } from "./data-dir.ts";
import { optimizeEarly } from "./early-optimization.ts";
import { parentEnded } from "./parent.ts";
import { type logSettingsOf, settingsOf } from "./settings.ts";
import { keepHeapSmall } from "./small-heap.ts";
import { startWorkerProcess, type WorkerProcess } from "./worker.ts";

/** Time for a worker to finish its activities before it is killed. */
export const WORKER_GRACE_MS = 35_000;

/** Requests in progress are answered at once; this is the time for slow clients to read the answers. */
const SERVER_GRACE_MS = 1_000;
/** The last spans may take so long to reach the collector. */
const LAST_TRACES_MS = 2_000;

export interface ServeOptions {
  readonly port: number;
  readonly host: string;
  /** Absolute. */
  readonly data: string;
  readonly worker: string | undefined;
  /** See `EmbeddedOptions`. */
  readonly syncsApart?: boolean;
  /** Called when the database is open; `serve` closes it. */
  readonly onOpen?: (ports: Embedded) => void;
  /** Called when the server can be used. */
  readonly onListening?: (server: RunningServer, key: string) => void;
  readonly origins: readonly string[];
  readonly otlp: OtlpOptions | undefined;
  readonly log: ReturnType<typeof logSettingsOf>;
  readonly flags: Parameters<typeof settingsOf>[0] & Parameters<typeof logSettingsOf>[0];
  readonly io: Io;
}

export async function serve(options: ServeOptions): Promise<Exit> {
  const { io } = options;
  const settings = settingsOf(options.flags);
  const { log, json, say, dim } = talkOf(options);
  const dir = new DataDir(options.data);
  const disk = Promise.withResolvers<unknown>();
  const { syncsApart = false } = options;
  const ports = dir.open({ settings, clock: backgroundClock, log, onFailure: disk.resolve, syncsApart });
  options.onOpen?.(ports);
  const exporter = options.otlp && new TraceExporter(ports, options.otlp);
  if (exporter) ports.onRunClosed((ref, run) => exporter.add({ ref, run }));
  let server: RunningServer | undefined;
  let worker: WorkerProcess | undefined;
  let graceMs = 1_000;
  try {
    const key = await keyOf(dir, ports, io);
    server = await listen(options, ports);
    optimizeEarly();
    if (isMainThread) keepHeapSmall();
    dir.announce(server.url);
    const stopMaintenance = ports.maintain();
    dim(`sirocco ${VERSION}, data in ${options.data}; Ctrl-C stops it`);
    io.out(`SIROCCO_URL=${server.url}`);
    // Standard output that is no terminal often is a log that others read.
    if (io.terminal) io.out(`SIROCCO_API_KEY=${key}`);
    else say(`the API key is in ${dir.keyFile}, which only you can read`);
    // The key is in the fragment, which a browser does not send.
    say(`console: ${server.url}/console/${io.terminal && !json ? `#key=${encodeURIComponent(key)}` : ""}`);
    options.onListening?.(server, key);
    if (options.worker) {
      worker = startWorkerProcess({ file: options.worker, env: workerEnv(options, server.url, key, dim), say: dim });
    }
    const why = await Promise.race([stopped(io), disk.promise]);
    stopMaintenance();
    if (why !== STOPPED) throw diskFailed(options.data, why);
    graceMs = WORKER_GRACE_MS;
    dim("stopping; all data is kept");
    return EXIT.ok;
  } catch (error) {
    throw error instanceof StoreFailed ? diskFailed(options.data, error.cause) : error;
  } finally {
    await worker?.stop(graceMs); // before the server, to which the worker reports its stop
    await server?.close(SERVER_GRACE_MS);
    if (server) dir.retract();
    await Promise.race([exporter?.flush(), delay(LAST_TRACES_MS, undefined, { ref: false })]);
    exporter?.stop();
    ports.close();
  }
}

/** How the command speaks on standard error. */
export function talkOf({ io, log: settings }: Pick<ServeOptions, "io" | "log">) {
  const log = lineLog({ ...settings, write: (line) => io.err(line) });
  const json = settings.format === "json"; // then nothing else may be among the lines
  // Key and console are told at any level: without them nobody can use the server.
  const always = lineLog({ format: "json", level: "info", write: (line) => io.err(line) });
  const say = (line: string) => (json ? always.info(line) : io.err(line));
  const dim = (line: string) => (json ? log.info(line) : io.err(paint(io, "dim", line)));
  return { log, json, say, dim };
}

const STOPPED = Symbol("stopped");
const stopped = (io: Io) =>
  new Promise<typeof STOPPED>((resolve) => {
    onAbort(io.signal, () => resolve(STOPPED));
    void parentEnded(io).then(() => resolve(STOPPED));
  });

/**
 * The key from the environment, or that of the last start unless it has been revoked, or a new one. It is stored for the
 * next start, and every earlier key of this kind is removed.
 */
async function keyOf(dir: DataDir, ports: Embedded, io: Io): Promise<string> {
  const given = io.env.SIROCCO_API_KEY || undefined;
  const last = dir.key();
  const wanted = given ?? (last && (await ports.registry.key(hash("sha256", last))) ? last : undefined);
  try {
    const { key, record } = await createKey(ports, {
      workspace: DEFAULT_WORKSPACE,
      name: "dev",
      development: true,
      ...(wanted && { key: wanted }),
    });
    for (const old of await ports.registry.keys(DEFAULT_WORKSPACE)) {
      if (old.development && old.hash !== record.hash) await ports.registry.removeKey(DEFAULT_WORKSPACE, old.hash);
    }
    await ports.durable();
    if (key !== last) dir.keepKey(key);
    return key;
  } catch (error) {
    if (error instanceof TypeError && given) throw usage(`SIROCCO_API_KEY cannot be used as a key: ${error.message}.`);
    throw error;
  }
}

async function listen(options: ServeOptions, ports: Embedded): Promise<RunningServer> {
  const { port, host, origins } = options;
  try {
    return await startServer({ ports, version: VERSION, port, host, origins, consoleFolder: CONSOLE_FOLDER });
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as { code?: string };
    if (code === "EADDRINUSE") {
      const message = `Port ${port} on ${host} is in use: another program listens there.`;
      throw new CliError(
        EXIT.failed,
        message,
        ["Choose another port with --port PORT, or any free port with --port 0."],
        error,
      );
    }
    const advice = code === "EACCES" ? ["Ports below 1024 need special rights: choose a higher one."] : [];
    throw new CliError(EXIT.failed, (error as Error).message, advice, error);
  }
}

/** The environment of the worker file. Says which deployment it serves. */
export function workerEnv(
  options: ServeOptions,
  url: string,
  key: string,
  say: (line: string) => void,
): Record<string, string> {
  const { io, flags, log } = options;
  const deployment = io.env.DEPLOYMENT_NAME || "dev";
  say(`worker ${basename(options.worker ?? "")}, deployment '${deployment}'`);
  return {
    SIROCCO_URL: url,
    SIROCCO_API_KEY: key,
    DEPLOYMENT_NAME: deployment,
    ...(flags["log-format"] !== undefined && { SIROCCO_LOG_FORMAT: log.format }),
    ...(flags["log-level"] !== undefined && { SIROCCO_LOG_LEVEL: log.level }),
  };
}

function diskFailed(data: string, why: unknown): CliError {
  const message = `The disk refused a write to ${data}: ${why instanceof Error ? why.message : String(why)}.`;
  return new CliError(EXIT.failed, message, ["No acknowledged write is lost. Make room, then start again."], why);
}
