/**
 * `sirocco dev --one-process`: the server in a thread of its own, and the worker file in the main thread, as `node FILE` would
 * run it. Their calls take no network (INPROCESS-1).
 *
 * ONEPROCESS-1. The worker has the main thread: there it handles signals, and its watchdog finds code that blocks
 *     (WATCHDOG-1), which does not hold up the server.
 * ONEPROCESS-2. At SIGTERM or SIGINT the worker drains. The server ends after the worker has closed its port and the file has come to
 *     its end. It ends at once if the file has no listener for the signal, and after the grace in any case.
 * ONEPROCESS-3. Neither goes on without the other: if the file throws, or the server cannot write to its disk, the process ends with
 *     an exit code of 1 or more, so that whoever watches over it starts both again. Nothing that was acknowledged is lost. The command
 *     calls `process.exit`: a worker that goes on would keep the event loop alive, and it logs errors that nothing else catches.
 * ONEPROCESS-4. `process.exit`, which any code of the worker may call, ends the thread of the server at whatever it does, and Node then
 *     closes its database: SQLite would remove a log that the disk still needs (COMMIT-8). So the main thread lets the server close
 *     its database before, and kills the process if the server cannot.
 * ONEPROCESS-5. Node has one pool of threads for the whole process, and code of the worker may fill it for long, for example with look-ups
 *     of names that get no answer. So the server syncs its files in a thread of its own.
 */
import { basename } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { IN_PROCESS_SERVER, type InProcessServer } from "../../shared/lib/in-process-calls.ts";
import { CliError, EXIT, type Exit } from "../errors.ts";
import type { Io } from "../io.ts";
import { parentEnded } from "./parent.ts";
import { type ServeOptions, talkOf, WORKER_GRACE_MS, workerEnv } from "./serve.ts";
import { SMALL_YOUNG_GENERATION } from "./small-heap.ts";

/** What the thread of the server is started with. */
export interface ThreadStart {
  readonly options: Omit<ServeOptions, "io" | "worker" | "onOpen" | "onListening">;
  readonly io: Pick<Io, "env" | "cwd" | "color" | "terminal" | "columns">;
  /** One cell: 1 once the database is closed (ONEPROCESS-4). */
  readonly closed: SharedArrayBuffer;
}

export type FromServer =
  | { readonly kind: "out" | "err"; readonly line: string }
  | { readonly kind: "listening"; readonly url: string; readonly key: string }
  | { readonly kind: "ended"; readonly exit: Exit; readonly message?: string; readonly advice?: readonly string[] };

export type ToServer =
  | { readonly kind: "serve"; readonly port: MessagePort }
  | { readonly kind: "stop" }
  /** ONEPROCESS-4. */
  | { readonly kind: "close" };

/** Code after `runWorker` may take so long. */
const CODE_AFTER_MS = 5_000;
/** A file that has come to its end has begun to connect its worker by then. */
const CONNECTED_MS = 5_000;
/** A database closes within this time, unless its disk hangs. */
const CLOSE_MS = 5_000;

export async function oneProcess(options: ServeOptions & { readonly worker: string }): Promise<Exit> {
  const server = new ServerThread(options);
  try {
    return await both(options, server);
  } catch (error) {
    setImmediate(() => process.exit(error instanceof CliError ? error.exit : EXIT.failed)); // once the caller has told why (ONEPROCESS-3)
    throw error;
  }
}

async function both(options: ServeOptions & { readonly worker: string }, server: ServerThread): Promise<Exit> {
  const { io, worker: file } = options;
  const { log, json, dim } = talkOf(options);
  const at = await server.listening;
  (globalThis as { [IN_PROCESS_SERVER]?: InProcessServer })[IN_PROCESS_SERVER] = {
    url: at.url,
    connect: () => server.connect(),
  };
  Object.assign(process.env, workerEnv(options, at.url, at.key, dim));
  const signal = signalled(io); // before the file, whose listeners may be for one signal only
  const over = import(pathToFileURL(file).href).then(
    () => null,
    (error: unknown) => ({ error }),
  );
  const failed = over.then((how) => how ?? new Promise<never>(() => {}));
  const tell = ({ error }: { error: unknown }) => {
    if (json) log.error("the worker has failed", { error });
    else io.err(`the worker has failed: ${inspect(error, { colors: io.color })}`);
  };
  void over
    .then(() => delay(CONNECTED_MS, undefined, { ref: false }))
    .then(() => {
      if (!server.wasUsed) dim(`worker ${basename(file)} has come to its end and has started no worker of this server`);
    });
  const why = await Promise.race([signal, server.ended, failed]);
  if (why === "drains") {
    const drained = async () => {
      await server.unused();
      await (server.wasUsed ? Promise.race([over, delay(CODE_AFTER_MS, undefined, { ref: false })]) : over);
    };
    await Promise.race([drained(), server.ended, delay(WORKER_GRACE_MS, undefined, { ref: false })]); // ONEPROCESS-2
  } else if (typeof why === "object") tell(why);
  const exit = await server.stop();
  const code = typeof why === "object" ? EXIT.failed : exit;
  // ONEPROCESS-3. What the file has left open must not keep the process.
  if (why !== "drains") process.exit(code);
  void failed.then((how) => {
    tell(how);
    process.exit(EXIT.failed);
  });
  setTimeout(() => process.exit(code), CODE_AFTER_MS).unref();
  return code;
}

/** `drains`: the file listens to the signal too. */
function signalled(io: Io): Promise<"drains" | "ends"> {
  void parentEnded(io).then(() => {
    if (!io.signal.aborted) process.kill(process.pid, "SIGTERM"); // a second signal would end the process at once
  });
  if (io.signal.aborted) return Promise.resolve("ends");
  return new Promise((resolve) => {
    for (const name of ["SIGTERM", "SIGINT"] as const) {
      const others = process.listenerCount(name);
      process.once(name, () => resolve(process.listenerCount(name) > others ? "drains" : "ends"));
    }
  });
}

class ServerThread {
  readonly listening: Promise<{ readonly url: string; readonly key: string }>;
  /** Rejects with why it ended, if it was not asked to. */
  readonly ended: Promise<Exit>;
  readonly #thread: Worker;
  readonly #closed = new Int32Array(new SharedArrayBuffer(4));
  readonly #ports = new Set<MessagePort>();
  readonly #onUnused = new Set<() => void>();
  /** A worker has had a port. */
  wasUsed = false;

  constructor({ io, worker: _, onOpen: __, onListening: ___, ...options }: ServeOptions) {
    const { env, cwd, color, terminal, columns } = io;
    const { buffer: closed } = this.#closed;
    const workerData: ThreadStart = { options, io: { env: { ...env }, cwd, color, terminal, columns }, closed };
    this.#thread = new Worker(new URL(import.meta.resolve("#server-thread")), {
      workerData,
      resourceLimits: SMALL_YOUNG_GENERATION,
    });
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
      else {
        this.#thread.unref();
        if (message.message === undefined) ended.resolve(message.exit);
        else fail(new CliError(message.exit, message.message, message.advice));
      }
    });
    let isOver = false;
    const over = (why: string) => {
      isOver = true;
      fail(new CliError(EXIT.failed, why));
    };
    this.#thread.on("error", (error) => over(`The server has failed: ${inspect(error)}`));
    this.#thread.on("exit", () => over("The thread of the server has ended."));
    process.once("exit", () => {
      if (!isOver) this.#close();
    });
  }

  connect(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.wasUsed = true;
    this.#ports.add(port1);
    port1.on("close", () => {
      this.#ports.delete(port1);
      if (this.#ports.size === 0) for (const done of this.#onUnused) done();
    });
    this.#post({ kind: "serve", port: port2 }, [port2]);
    return port1;
  }

  /** Resolves when no worker has a port open. */
  unused(): Promise<void> {
    if (this.#ports.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onUnused.add(resolve);
    });
  }

  stop(): Promise<Exit> {
    this.#post({ kind: "stop" }, []);
    return this.ended;
  }

  /** ONEPROCESS-4. */
  #close(): void {
    this.#post({ kind: "close" }, []);
    if (Atomics.wait(this.#closed, 0, 0, CLOSE_MS) === "timed-out") process.kill(process.pid, "SIGKILL");
  }

  #post(message: ToServer, transfer: readonly MessagePort[]): void {
    this.#thread.postMessage(message, transfer);
  }
}
