/**
 * `sirocco dev --one-process`: the server in a thread of its own, and the worker file in the main thread, as `node FILE` would
 * run it. Their calls take no network (NEAR-1).
 *
 * ONEPROCESS-1. The worker has the main thread: there it handles signals, and its watchdog finds code that blocks
 *     (WATCHDOG-1), which does not hold up the server.
 * ONEPROCESS-2. At SIGTERM or SIGINT the worker drains. The server ends after the worker has closed its port. It ends at once if
 *     the file has no listener for these signals, and after the grace in any case.
 * ONEPROCESS-3. Neither goes on without the other: if the file throws, or the server cannot write to its disk, the process ends with
 *     an exit code of 1 or more, so that whoever watches over it starts both again. Nothing that was acknowledged is lost.
 */
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { NEAR_SERVER, type NearServer } from "../../shared/lib/near-calls.ts";
import { onAbort } from "../../shared/lib/on-abort.ts";
import { CliError, EXIT, type Exit } from "../errors.ts";
import type { Io } from "../io.ts";
import { parentEnded } from "./parent.ts";
import { type ServeOptions, WORKER_GRACE_MS, workerEnv } from "./serve.ts";

/** What the thread of the server is started with. */
export interface ThreadStart {
  readonly options: Omit<ServeOptions, "io" | "worker" | "onListening">;
  readonly io: Pick<Io, "env" | "cwd" | "color" | "terminal" | "columns">;
}

export type FromServer =
  | { readonly kind: "out" | "err"; readonly line: string }
  | { readonly kind: "listening"; readonly url: string; readonly key: string }
  | { readonly kind: "ended"; readonly exit: Exit; readonly message?: string; readonly advice?: readonly string[] };

export type ToServer = { readonly kind: "serve"; readonly port: MessagePort } | { readonly kind: "stop" };

/** Code after `runWorker` may take so long. */
const CODE_AFTER_MS = 5_000;

export async function oneProcess(options: ServeOptions & { readonly worker: string }): Promise<Exit> {
  const { io, worker: file } = options;
  const server = new ServerThread(options);
  const at = await server.listening;
  (globalThis as { [NEAR_SERVER]?: NearServer })[NEAR_SERVER] = { url: at.url, connect: () => server.connect() };
  Object.assign(
    process.env,
    workerEnv(options, at.url, at.key, (line) => io.err(line)),
  );
  const failed = import(pathToFileURL(file).href).then(
    () => new Promise<never>(() => {}),
    (error: unknown) => error,
  );
  const why = await Promise.race([signalled(io), server.ended, failed.then((error) => ({ error }))]);
  if (typeof why === "object") io.err(`the worker has failed: ${inspect(why.error, { colors: io.color })}`);
  if (why === "drains") await server.unused(WORKER_GRACE_MS); // ONEPROCESS-2
  const exit = await server.stop();
  // ONEPROCESS-3. What the file has left open must not keep the process.
  const code = typeof why === "object" ? EXIT.failed : exit;
  if (why === "drains") setTimeout(() => process.exit(code), CODE_AFTER_MS).unref();
  else process.exit(code);
  return code;
}

/** `drains`: the file listens to signals too. */
function signalled(io: Io): Promise<"drains" | "ends"> {
  void parentEnded(io).then(() => process.kill(process.pid, "SIGTERM"));
  return new Promise((resolve) => {
    onAbort(io.signal, () => resolve(process.listenerCount("SIGTERM") > 1 ? "drains" : "ends"));
  });
}

class ServerThread {
  readonly listening: Promise<{ readonly url: string; readonly key: string }>;
  /** Rejects with why it ended, if it was not asked to. */
  readonly ended: Promise<Exit>;
  readonly #thread: Worker;
  readonly #ports = new Set<MessagePort>();
  readonly #onUnused = new Set<() => void>();

  constructor({ io, worker: _, onListening: __, ...options }: ServeOptions) {
    const { env, cwd, color, terminal, columns } = io;
    const workerData: ThreadStart = { options, io: { env: { ...env }, cwd, color, terminal, columns } };
    this.#thread = new Worker(new URL(import.meta.resolve("#server-thread")), { workerData });
    const listening = Promise.withResolvers<{ url: string; key: string }>();
    const ended = Promise.withResolvers<Exit>();
    this.listening = listening.promise;
    this.ended = ended.promise;
    const fail = (error: unknown) => {
      listening.reject(error);
      ended.reject(error);
    };
    this.ended.catch(() => {}); // told by `listening`, where it ends before
    this.#thread.on("message", (message: FromServer) => {
      if (message.kind === "listening") listening.resolve(message);
      else if (message.kind !== "ended") io[message.kind](message.line);
      else if (message.message === undefined) ended.resolve(message.exit);
      else fail(new CliError(message.exit, message.message, message.advice));
    });
    this.#thread.on("error", fail);
    this.#thread.on("exit", () => fail(new Error("the thread of the server has ended")));
  }

  connect(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.#ports.add(port1);
    port1.on("close", () => {
      this.#ports.delete(port1);
      if (this.#ports.size === 0) for (const done of this.#onUnused) done();
    });
    this.#post({ kind: "serve", port: port2 }, [port2]);
    return port1;
  }

  /** Resolves when no worker has a port open, or after `ms`. */
  unused(ms: number): Promise<void> {
    if (this.#ports.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onUnused.add(resolve);
      setTimeout(resolve, ms).unref();
    });
  }

  stop(): Promise<Exit> {
    this.#post({ kind: "stop" }, []);
    return this.ended;
  }

  #post(message: ToServer, transfer: readonly MessagePort[]): void {
    this.#thread.postMessage(message, transfer);
  }
}
