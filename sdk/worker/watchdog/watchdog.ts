/**
 * The watchdog: finds code that blocks the event loop of a worker, so that the worker answers no request, extends no lease
 * and handles no signal.
 *
 * WATCHDOG-1. The event loop counts beats in shared memory. A thread of its own sees that they stop, and asks the blocked
 *     thread through its inspector which code it is in: the answer comes from an interrupt, and names execution and line. A
 *     loop of microtasks has no frame between two of them: the thread pauses it, which stops at a line.
 * WATCHDOG-2. From 2 s on the thread logs it. Meanwhile SIGTERM and SIGINT end the process at once, because nobody can drain.
 * WATCHDOG-3. The watchdog takes workflow code that has not returned after 4 s for broken: the thread records a failed workflow
 *     task that quarantines it (QUARANTINE-1), gives the tasks of the worker back, ends its session, and ends the process.
 *     Activities and other code have 20 s, for the worker loses its leases after 25 s and others repeat its work.
 * WATCHDOG-4. JavaScript cannot be stopped from outside without damage to the promises of others. So the process of
 *     `runWorker` is replaced by a fresh one under the same id and with the same arguments; where that is impossible
 *     (Windows, Node before 22.15, a parent that listens to an IPC channel, `startWorker`) it ends with exit code 70.
 */
import inspector from "node:inspector";
import { isMainThread, Worker } from "node:worker_threads";
import { WORKER_ROUTES } from "../../../shared/protocol/worker.ts";
import { runOutside } from "../../runtime/frame.ts";
import type { Log } from "../../runtime/log.ts";
import { whatBlocks } from "./held.ts";
import { BEATS, DEBUGGED, type Held, type ThreadData, type Unblocked, watchdogThread } from "./thread.ts";

const LIMITS = { notedMs: 2_000, workflowMs: 4_000, otherMs: 20_000 };
const BEAT_MS = 100;
const EXIT_CODE = 70; // EX_SOFTWARE of sysexits.h

export interface WatchdogOptions {
  readonly log: Log;
  readonly worker: Pick<ThreadData, "url" | "apiKey" | "worker" | "sessions">;
  /** Hash of the definition of this workflow. */
  readonly codeOf: (workflow: string) => string | undefined;
  readonly receipts: () => string[];
  /** `replace`: the process belongs to the worker and starts again; `exit`: it ends. */
  readonly onBlocked: "replace" | "exit";
  /** SIGTERM and SIGINT end the process by themselves while the loop is blocked. */
  readonly signals: { release(): void; take(): void };
}

/** Answers a function that ends the watch. */
export function watch(options: WatchdogOptions): () => void {
  if (!isMainThread) return () => {}; // the inspector of another thread cannot be reached
  const shared = new SharedArrayBuffer(8);
  const cells = new Int32Array(shared);
  let released = false;
  // The thread calls these from an interrupt, in the frame of whatever code is blocked.
  const calls = {
    held(): string {
      const held: Held = { ...whatBlocks(options.codeOf), receipts: options.receipts() };
      if (!released) runOutside(options.signals.release); // WATCHDOG-2
      released = true;
      return JSON.stringify(held);
    },
    replace: () => runOutside(() => endProcess(options.onBlocked)),
  };
  const hook = `sirocco.watchdog.${options.worker.sessions[0]!.session}`;
  Object.defineProperty(globalThis, Symbol.for(hook), { value: calls, configurable: true, enumerable: false });
  const { claim, append, extend, stop } = WORKER_ROUTES;
  const workerData: ThreadData = {
    ...options.worker,
    shared,
    hook,
    paths: { claim: claim.path, append: append.path, extend: extend.path, stop: stop.path },
    limits: LIMITS,
    json: !process.stderr.isTTY,
  };
  const thread = new Worker(`const __name = (f) => f; (${watchdogThread})(require)`, {
    eval: true,
    workerData,
    execArgv: [],
    stdin: false,
  });
  thread.unref();
  thread.on("message", (message: Unblocked) => {
    if (message?.kind === "unblocked") logUnblocked(options.log, message);
  });
  thread.on("error", (error) => options.log.warn("the watchdog has ended: blocked code will not be found", { error }));
  const beat = setInterval(() => {
    Atomics.add(cells, BEATS, 1);
    Atomics.store(cells, DEBUGGED, inspector.url() === undefined ? 0 : 1);
    if (released) options.signals.take();
    released = false;
  }, BEAT_MS);
  beat.unref();
  return () => {
    clearInterval(beat);
    void thread.terminate();
    Reflect.deleteProperty(globalThis, Symbol.for(hook));
  };
}

function logUnblocked(log: Log, { ms, held }: Unblocked): void {
  const { by, stack } = held ?? { by: { kind: "other" } as const, stack: undefined };
  const blocked = `blocked the event loop of this worker for ${(ms / 1000).toFixed(1)} s`;
  if (by.kind === "activity") {
    const { execution, run, activity, attempt } = by;
    log.warn(`activity '${by.name}' ${blocked}: compute in a worker thread`, {
      execution,
      run,
      activity,
      attempt,
      stack,
    });
  } else if (by.kind === "workflow") {
    const { execution, run } = by;
    log.warn(`workflow '${by.workflow}' ${blocked}: compute in an activity`, { execution, run, stack });
  } else log.warn(`code that belongs to no execution ${blocked}`, { stack });
}

/** WATCHDOG-4. */
function endProcess(how: WatchdogOptions["onBlocked"]): void {
  const { argv, env, execArgv, execPath } = process;
  const replaceable = how === "replace" && argv[1] !== undefined && !process.connected && process.execve !== undefined;
  if (replaceable) process.execve!(execPath, [execPath, ...execArgv, ...argv.slice(1)], env);
  process.exit(EXIT_CODE);
}
