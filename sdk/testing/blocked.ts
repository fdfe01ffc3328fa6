/**
 * Workflow code that blocks the event loop would hang the test for ever, and its time limit too.
 *
 * TESTENV-4. A thread of the process sees that the event loop has stood still for `LIMIT_MS`, and asks the blocked thread
 *     through its inspector which code it is in. If that is workflow code, it is stopped as a whole, as by a debugger, and
 *     every call of the test's environments fails from then on with an error that names the code. Nothing can go on with a
 *     worker whose code was stopped so. A test in a worker thread has no such watch: the inspector of another thread than
 *     the main one cannot be reached.
 */
import inspector, { type Session } from "node:inspector";
import { isMainThread, Worker } from "node:worker_threads";
import { runOutside } from "../runtime/frame.ts";
import { type Blocking, whatBlocks } from "../worker/watchdog/held.ts";
import { BlockedLoopError } from "../workflow/bugs.ts";
import { TestWorkflowBug } from "./execution.ts";

/** Less than the 5 s that most test runners give a test. */
const LIMIT_MS = 3_000;
const BEAT_MS = 100;
const HOOK = "sirocco.testing.blocked";

/** Told of workflow code that was stopped: those of open environments. */
const told = new Set<(bug: Error) => void>();
let watching = false;

/** Answers a function that ends it. */
export function onBlocked(tell: (bug: Error) => void): () => void {
  told.add(tell);
  if (isMainThread && !watching) watch();
  return () => told.delete(tell);
}

function watch(): void {
  watching = true;
  const cells = new Int32Array(new SharedArrayBuffer(8));
  const calls = {
    /** Answers what holds the loop, for the thread to decide. */
    held: (): string => JSON.stringify(whatBlocks(() => undefined)),
    /** The thread stops the code next. Outside of its frame, in which timers are those of the workflow. */
    stopped: (held: Blocking): void => runOutside(() => void setImmediate(() => tellAll(held))),
  };
  Object.defineProperty(globalThis, Symbol.for(HOOK), { value: calls, configurable: true, enumerable: false });
  const workerData: Data = { shared: cells.buffer as SharedArrayBuffer, hook: HOOK, limitMs: LIMIT_MS };
  const thread = new Worker(`const __name = (f) => f; (${watchThread})(require)`, {
    eval: true,
    workerData,
    execArgv: [],
    stdin: false,
  });
  thread.unref();
  const beat = setInterval(() => {
    Atomics.add(cells, 0, 1);
    Atomics.store(cells, 1, inspector.url() === undefined ? 0 : 1);
  }, BEAT_MS);
  beat.unref();
}

function tellAll({ by, stack }: Blocking): void {
  if (by.kind !== "workflow") return;
  const { name, message } = new BlockedLoopError(by.workflow, LIMIT_MS, 2_000);
  const bug = new TestWorkflowBug(by.execution, { type: name, message, stack: `${name}: ${message}\n${stack}` });
  for (const tell of told) tell(bug);
}

interface Data {
  readonly shared: SharedArrayBuffer;
  readonly hook: string;
  readonly limitMs: number;
}

/** Passed to the thread as text, so it uses nothing of this module. */
function watchThread(need: NodeJS.Require): void {
  const { workerData } = need("node:worker_threads") as { workerData: Data };
  const { Session } = need("node:inspector") as typeof import("node:inspector");
  const shared = new Int32Array(workerData.shared);
  const TICK_MS = 100;
  const STEPS = 10;
  let beats = -1;
  /** Ticks without a beat: counted, because a suspended process must not look like a blocked one. */
  let silent = 0;
  let session: Session | null = null;

  setInterval(() => {
    const now = Atomics.load(shared, 0);
    if (now !== beats || Atomics.load(shared, 1) === 1) {
      session?.disconnect();
      session = null;
      beats = now;
      silent = 0;
      return;
    }
    silent += 1;
    if (silent * TICK_MS >= workerData.limitMs && session === null) stop();
  }, TICK_MS);

  /**
   * A pause stops at a line also in a loop of microtasks, which leaves no frame between two of them: it stops in the code
   * of Node that runs them, and a step leads into one.
   */
  function stop(): void {
    const own = new Session();
    session = own;
    own.connectToMainThread();
    const hook = `globalThis[Symbol.for(${JSON.stringify(workerData.hook)})]`;
    let steps = 0;
    own.on("Debugger.paused", ({ params }) => {
      const callFrameId = params.callFrames[0]?.callFrameId ?? "";
      const ask = (expression: string, answer: (value: unknown) => void) =>
        own.post("Debugger.evaluateOnCallFrame", { callFrameId, expression }, (error, reply) =>
          answer(error ? undefined : reply?.result?.value),
        );
      ask(`${hook}.held()`, (held) => {
        const ofWorkflow = typeof held === "string" && JSON.parse(held).by.kind === "workflow";
        if (!ofWorkflow) return own.post(steps++ < STEPS ? "Debugger.stepInto" : "Debugger.resume");
        ask(`${hook}.stopped(${held})`, () => {
          own.post("Runtime.terminateExecution");
          own.post("Debugger.resume");
        });
      });
    });
    own.post("Debugger.enable", () => own.post("Debugger.pause"));
  }
}
