/**
 * The thread of the watchdog. It has its own event loop, so it works while that of the worker is blocked. The rules
 * WATCHDOG-1 to WATCHDOG-4 are defined in `watchdog.ts`.
 *
 * `watchdogThread` is passed to the thread as text, so that bundlers need not know of a second file: it uses nothing of
 * this module.
 */
import type { Debugger, Session } from "node:inspector";
import type { MessagePort } from "node:worker_threads";

export interface ThreadData {
  readonly shared: SharedArrayBuffer;
  readonly url: string;
  readonly apiKey: string;
  readonly worker: string;
  /** Those of all deployments that the process serves. The first one reports what blocks. */
  readonly sessions: readonly { readonly deployment: string; readonly session: string }[];
  /** Name of the global function that answers a `Held`, and of the one that ends the process. */
  readonly hook: string;
  readonly paths: { readonly claim: string; readonly append: string; readonly extend: string; readonly stop: string };
  readonly limits: { readonly notedMs: number; readonly workflowMs: number; readonly otherMs: number };
  readonly json: boolean;
}

/** The code that holds the event loop, as that thread itself says. */
export interface Held {
  readonly by:
    | {
        readonly kind: "workflow";
        readonly workflow: string;
        readonly execution: string;
        readonly run: string;
        /** Hash of the definition. */
        readonly code: string;
        /** For so long this code has been running. */
        readonly busyMs: number | null;
      }
    | {
        readonly kind: "activity";
        readonly name: string;
        readonly execution: string;
        readonly run: string;
        readonly activity: number;
        readonly attempt: number;
      }
    | { readonly kind: "other" };
  readonly stack: string;
  /** Receipts of the tasks that the worker holds, where the server can give them to others. */
  readonly receipts: readonly string[];
}

/** What the thread reports when the loop turns again. */
export interface Unblocked {
  /** Node itself sends other messages. */
  readonly kind: "unblocked";
  readonly ms: number;
  readonly held: Held | null;
}

/** Places in the shared memory. */
export const BEATS = 0;
export const DEBUGGED = 1;

export function watchdogThread(need: NodeJS.Require): void {
  const { parentPort, workerData } = need("node:worker_threads") as { parentPort: MessagePort; workerData: ThreadData };
  const inspector = need("node:inspector") as typeof import("node:inspector");
  const { writeSync } = need("node:fs") as typeof import("node:fs");
  const { limits, paths } = workerData;
  const shared = new Int32Array(workerData.shared);
  const TICK_MS = 100;
  const CALL_MS = 3_000;

  let beats = -1;
  /** Ticks without a beat: counted, because a suspended process must not look like a blocked one. */
  let silent = 0;
  let asked = 0;
  let held: Held | null = null;
  let logged = false;
  let ending = false;
  let session: Session | null = null;

  setInterval(() => {
    const now = Atomics.load(shared, 0);
    if (now !== beats || Atomics.load(shared, 1) === 1) {
      if (logged) parentPort.postMessage({ kind: "unblocked", ms: silent * TICK_MS, held } satisfies Unblocked);
      session?.disconnect();
      session = null;
      beats = now;
      silent = 0;
      held = null;
      logged = false;
      return;
    }
    silent += 1;
    const ms = silent * TICK_MS;
    if (ms < limits.notedMs / 2 || ending) return;
    if (silent - asked >= 5 || asked > silent) {
      asked = silent;
      ask();
    }
    if (ms >= limits.notedMs && !logged) note(ms);
    if (held && overLimit(held, ms)) {
      ending = true;
      void end(held, ms);
    }
  }, TICK_MS);

  /** The answer comes from an interrupt of the blocked code: it is exact, and names the line. */
  function ask(): void {
    if (!session) {
      session = new inspector.Session();
      session.connectToMainThread();
    }
    evaluate("held", (text) => {
      const answer = JSON.parse(text) as Held;
      // Questions that waited are answered one after the other when the code returns, the last of them behind it.
      if (held === null || answer.by.kind !== "other") held = answer;
      if (answer.stack === "") pauseAndAsk();
    });
  }

  /**
   * Between two microtasks there is no frame. A pause stops in the code of Node that runs them, and a step leads into one.
   */
  function pauseAndAsk(): void {
    const own = session;
    if (!own) return;
    let steps = 0;
    const paused = ({ params }: { params: Debugger.PausedEventDataType }) => {
      const callFrameId = params.callFrames[0]?.callFrameId ?? "";
      own.post("Debugger.evaluateOnCallFrame", { callFrameId, expression: hooked("held") }, (error, reply) => {
        const value = reply?.result?.value;
        const found = !error && typeof value === "string" ? (JSON.parse(value) as Held) : null;
        if ((found === null || found.stack === "") && steps++ < 10) return own.post("Debugger.stepInto");
        if (found !== null) held = found;
        own.off("Debugger.paused", paused);
        own.post("Debugger.resume");
        own.post("Debugger.disable");
      });
    };
    own.on("Debugger.paused", paused);
    own.post("Debugger.enable", () => own.post("Debugger.pause"));
  }

  const hooked = (name: string) => `globalThis[Symbol.for(${JSON.stringify(workerData.hook)})].${name}()`;

  function evaluate(name: string, answer: (text: string) => void): void {
    session?.post("Runtime.evaluate", { expression: hooked(name) }, (error, reply) => {
      const value = reply?.result?.value;
      if (!error && typeof value === "string") answer(value);
    });
  }

  function overLimit({ by }: Held, ms: number): boolean {
    if (by.kind !== "workflow") return ms >= limits.otherMs;
    return ms >= limits.workflowMs && (by.busyMs ?? ms) >= limits.workflowMs - limits.notedMs / 2;
  }

  function note(ms: number): void {
    logged = true;
    if (held)
      line("warn", `${nameOf(held)} has blocked the event loop of this worker for ${seconds(ms)}`, fieldsOf(held));
    else
      line(
        "warn",
        `native code has blocked the event loop of this worker for ${seconds(ms)}; it is named when it returns`,
        {},
      );
  }

  function nameOf({ by }: Held): string {
    if (by.kind === "workflow") return `workflow '${by.workflow}'`;
    return by.kind === "activity" ? `activity '${by.name}'` : "code that belongs to no execution";
  }

  function fieldsOf({ by, stack }: Held): Record<string, unknown> {
    return by.kind === "other" ? { stack } : { execution: by.execution, run: by.run, stack };
  }

  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

  /** The log of the worker lives in the blocked thread. */
  function line(level: string, message: string, fields: Record<string, unknown>): void {
    const time = new Date().toISOString();
    const text = workerData.json
      ? JSON.stringify({ time, level, message, ...fields })
      : `${time.slice(11, 23)} ${level.padEnd(5)} ${message} ${JSON.stringify(fields)}`;
    writeSync(2, `${text}\n`);
  }

  const unblocked = () => Atomics.load(shared, 0) !== beats;

  async function end(found: Held, ms: number): Promise<void> {
    line("error", `${nameOf(found)} does not return: the worker ends its process and starts it again`, fieldsOf(found));
    try {
      if (found.by.kind === "workflow") await quarantine(found.by, found.stack, ms);
    } catch (error) {
      line("error", "the server could not be told of the blocked execution", {
        why: String(error),
        ...fieldsOf(found),
      });
    }
    if (unblocked()) {
      ending = false;
      return;
    }
    const { worker, sessions } = workerData;
    const receipts = found.receipts.slice(0, 1000);
    if (receipts.length > 0) await call(paths.extend, { receipts, lease_ms: 0 }).catch(() => {});
    for (const each of sessions) await call(paths.stop, { worker, ...each }).catch(() => {});
    evaluate("replace", () => {});
    setTimeout(() => {
      line("error", "the process could not be started again: it ends", {});
      process.kill(process.pid, "SIGKILL");
    }, 5_000);
  }

  type Workflow = Extract<Held["by"], { kind: "workflow" }>;

  /** Records the failure of the workflow task, by which no worker runs this code for this run for a while. */
  async function quarantine(by: Workflow, stack: string, ms: number): Promise<void> {
    const message =
      `workflow "${by.workflow}" ran for ${seconds(ms)} without coming to rest, and its worker had to end its process. ` +
      "Code must await an activity, a timer, a child or a condition that does not hold yet; computation belongs into an activity.";
    const failure = {
      type: "BlockedLoopError",
      message,
      stack: `BlockedLoopError: ${message}\n${stack}`.slice(0, 4_000).toWellFormed(),
    };
    for (let attempt = 1; attempt <= 3; attempt++) {
      const claimed = await call(paths.claim, { execution: by.execution, session: workerData.sessions[0]!.session });
      if (claimed.kind !== "claimed" || claimed.head.run !== by.run) return;
      const { run, chain, fence } = claimed.head;
      const last = claimed.batches.at(-1)?.events.at(-1) as { id: number; at: number } | undefined;
      const id = (last?.id ?? 1) + 1;
      const event = {
        kind: "workflow_task_failed",
        id,
        at: Math.max(claimed.now ?? 0, last?.at ?? claimed.head.started_at),
        failure,
        fingerprint: `BlockedLoopError: ${message}`.slice(0, 500),
        quarantined: by.code,
      };
      const batch = { first: id, events: [event], append_id: crypto.randomUUID() };
      const items = [{ execution: by.execution, run, chain, fence, batch, taken: [], look: false }];
      const { results } = await call(paths.append, { items });
      if (results[0].kind !== "conflict") return;
    }
  }

  // biome-ignore lint/suspicious/noExplicitAny: this function can use no schemas, for it is passed as text
  async function call(path: string, body: unknown): Promise<any> {
    const answer = await fetch(workerData.url.replace(/\/$/, "") + path, {
      method: "POST",
      headers: { authorization: `Bearer ${workerData.apiKey}`, "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(CALL_MS),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${(await answer.text()).slice(0, 300)}`);
    return answer.json();
  }
}
