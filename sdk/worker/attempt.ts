/**
 * One attempt of an activity in this process: its time limits, its heartbeats, its cancellation. The outcome is a
 * value; others decide what follows from it (a retry, an event).
 *
 * ATTEMPT-1. The outcome is decided once: the attempt ignores what its function does after a limit has passed.
 * ATTEMPT-2. Heartbeat details reach the server at most once a second, one call at a time, the last of them always before
 *     the outcome.
 * ATTEMPT-3. An attempt that does not beat asks the server now and then whether it is still wanted, ever more rarely.
 * ATTEMPT-4. An attempt that is cancelled or abandoned before its function was entered never enters it.
 * ATTEMPT-5. A function that was asked to stop with its worker may still return a result, which counts. What it throws is no outcome:
 *     the attempt is given up, and another worker repeats it.
 */

import { steadyOf } from "../../shared/lib/clock.ts";
import type { ActivityOptions, AttemptEnd, Millis } from "../../shared/protocol/history.ts";
import { MAX_PAYLOAD_BYTES } from "../../shared/protocol/limits.ts";
import type { ActivityOutcome } from "../../shared/protocol/messages.ts";
import type { ActivityRef, Progress, WorkerAnswer } from "../../shared/protocol/worker.ts";
import { type AnyActivity, runActivity } from "../activity.ts";
import { CancelledError, TimeoutError } from "../errors.ts";
import { toFailure } from "../failure.ts";
import { bytesOver } from "../json.ts";
import { type Log, logWith } from "../runtime/log.ts";
import { ownNames } from "../runtime/message.ts";
import { Heartbeats } from "./heartbeats.ts";
import type { WorkerHost } from "./host.ts";
import type { LogSink } from "./log-shipper.ts";
import { ProgressPublisher } from "./progress.ts";
import type { ServerClock } from "./server-clock.ts";
import { NO_SPAN, type TraceOf, type WorkerSpan } from "./spans.ts";
import { Timers } from "./timers.ts";
import type { WorkerContext } from "./types.ts";

const STOPPING = "the worker is stopping";

export interface AttemptRequest {
  readonly ref: ActivityRef;
  readonly workflow: string;
  readonly name: string;
  readonly input: unknown;
  /** The input is a list of arguments. */
  readonly args: true | undefined;
  readonly options: ActivityOptions;
  /** By the server's clock. */
  readonly scheduledAt: Millis;
  /** Undefined: the server has not said it. */
  readonly trace: TraceOf | undefined;
}

export class Attempt {
  readonly outcome: Promise<ActivityOutcome>;
  readonly #worker: WorkerContext;
  readonly #serverClock: ServerClock;
  readonly #logs: LogSink | null;
  readonly #request: AttemptRequest;
  readonly #abort = new AbortController();
  readonly #timers: Timers;
  readonly #heartbeats: Heartbeats;
  readonly #progress: ProgressPublisher;
  #resolve!: (outcome: ActivityOutcome) => void;
  #span: WorkerSpan = NO_SPAN;
  #ended = false;
  #began: Millis = 0;
  #superseded = false;
  #askedToStop = false;
  #givenUp = false;

  constructor({ worker, serverClock, logs }: WorkerHost, request: AttemptRequest) {
    this.#worker = worker;
    this.#logs = logs;
    this.#serverClock = serverClock;
    this.#request = request;
    this.outcome = new Promise((ok) => {
      this.#resolve = ok;
    });
    const { ref, name } = request;
    const { execution, run, activity } = ref;
    const timers = new Timers(worker.clock);
    this.#timers = timers;
    this.#heartbeats = new Heartbeats({ worker, ref, name, timers, onAnswer: (answer) => this.#onBeatAnswer(answer) });
    this.#progress = new ProgressPublisher({ worker, of: { execution, run, activity, activity_name: name }, timers });
  }

  /** A later attempt has begun: a failure of this one says nothing about the activity. */
  get superseded(): boolean {
    return this.#superseded;
  }

  /** Enters the function, once. `lastHeartbeat`: details that an earlier attempt left; null = none. */
  run(lastHeartbeat: unknown): Promise<ActivityOutcome> {
    if (this.#ended) return this.outcome;
    const { name } = this.#request;
    const definition = this.#worker.activities.get(name);
    if (!definition) {
      const known = ownNames(this.#worker.activities).join(", ") || "none";
      const message = `this worker has no activity '${name}' (it has: ${known}); add it to runWorker({ activities })`;
      this.#fail("failed", new Error(message));
      return this.outcome;
    }
    this.#began = steadyOf(this.#worker.clock);
    this.#startLimits();
    this.#heartbeats.askRegularly();
    void this.#enter(definition, lastHeartbeat);
    return this.outcome;
  }

  async #enter(definition: AnyActivity, lastHeartbeat: unknown): Promise<void> {
    await null; // ATTEMPT-4: the caller may cancel it at once
    try {
      this.#abort.signal.throwIfAborted();
      this.#span = this.#beginSpan();
      const host = this.#activityHost(lastHeartbeat);
      const result = await this.#span.run(() => runActivity(definition, this.#request.input, host));
      const encoded = this.#worker.encoding.encoded(result, this.#request.ref.execution);
      this.#complete(result, encoded instanceof Promise ? await encoded : encoded);
    } catch (error) {
      if (this.#askedToStop) this.#giveUp();
      else this.#fail(this.#wasCancelled ? "cancelled" : "failed", error);
    }
  }

  /** Tells the function that its result is not wanted any more. */
  cancel(reason: string): void {
    if (!this.#abort.signal.aborted) this.#abort.abort(new CancelledError(reason));
  }

  /** Tells the function that its worker is stopping (ATTEMPT-5). */
  askToStop(): void {
    if (this.#ended || this.#abort.signal.aborted) return;
    this.#askedToStop = true;
    this.#abort.abort(new CancelledError(STOPPING));
  }

  /** The function was asked to stop, and has ended without a result. */
  get givenUp(): boolean {
    return this.#givenUp;
  }

  #giveUp(): void {
    if (this.#ended) return;
    this.#givenUp = true;
    this.#end();
    this.#span.end(STOPPING);
  }

  /** Ends the attempt at once; its outcome stays open for ever. */
  abandon(): void {
    this.#end();
    this.#span.end(STOPPING);
    this.#abort.abort(new CancelledError(STOPPING));
  }

  get #wasCancelled(): boolean {
    return this.#abort.signal.aborted && this.#abort.signal.reason instanceof CancelledError;
  }

  #activityHost(lastHeartbeat: unknown): Parameters<typeof runActivity>[2] {
    const { ref, workflow, args, options, scheduledAt } = this.#request;
    const { deployment, resources, log } = this.#worker;
    const ids = { execution: ref.execution, run: ref.run, workflow, activity: ref.activity, attempt: ref.attempt };
    return {
      execution: ref.execution,
      run: ref.run,
      workflow,
      activity: ref.activity,
      attempt: ref.attempt,
      scheduledAt: this.#serverClock.toLocal(scheduledAt),
      deployment,
      options,
      args,
      signal: this.#abort.signal,
      heartbeat: (details) => {
        if (!this.#ended) this.#heartbeats.beat(details);
      },
      lastHeartbeat,
      publish: (event) => this.#publish(event),
      fail: (error) => this.#failFromOutside(error),
      resources,
      log: logWith(log, { ...ids, name: this.#request.name }, (...line) => this.#ship(...line)),
      ship: (...line) => this.#ship(...line),
    };
  }

  #beginSpan(): WorkerSpan {
    const { ref, name, workflow, trace } = this.#request;
    const { spans } = this.#worker;
    if (!spans?.active || !trace) return NO_SPAN;
    const { execution, run, activity, attempt } = ref;
    return spans.begin({
      trace,
      run,
      what: `activity ${activity} ${attempt}`,
      name,
      attributes: {
        "sirocco.kind": "activity",
        "sirocco.execution": execution,
        "sirocco.run": run,
        "sirocco.workflow": workflow,
        "sirocco.activity": activity,
        "sirocco.attempt": attempt,
      },
    });
  }

  #ship(level: keyof Log, message: string, fields?: Record<string, unknown>): void {
    const { ref, name } = this.#request;
    const said = { at: this.#serverClock.now(), level, message, fields };
    this.#logs?.add(ref, said, { id: ref.activity, name, attempt: ref.attempt });
  }

  /** Its function goes on and cannot be stopped: the signal tells it that its result is not wanted any more. */
  #failFromOutside(error: unknown): void {
    if (this.#ended) return;
    if (!this.#abort.signal.aborted) this.#abort.abort(error);
    this.#fail("failed", error);
  }

  #publish(event: Omit<Progress, "at">): void {
    if (!this.#ended) this.#progress.publish({ ...event, at: this.#serverClock.now() });
  }

  // --- limits and cancellation ---------------------------------------------------------------------------------

  #startLimits(): void {
    const { name, options, scheduledAt } = this.#request;
    const { start_to_close_ms: one, schedule_to_close_ms: all, heartbeat_ms: silence } = options;
    if (one !== undefined) {
      const message = `activity ${name} did not end within ${one} ms`;
      this.#timers.after(one, () => this.#timeOut("start_to_close", message));
    }
    if (all !== undefined) {
      const message = `activity ${name} did not end within ${all} ms of being scheduled`;
      const left = Math.max(0, this.#serverClock.toLocal(scheduledAt) + all - this.#worker.clock.now());
      this.#timers.after(left, () => this.#timeOut("schedule_to_close", message));
    }
    if (silence !== undefined) {
      const message = `activity ${name} gave no heartbeat for ${silence} ms`;
      this.#heartbeats.watch(silence, () => this.#timeOut("heartbeat", message));
    }
  }

  #timeOut(reason: "start_to_close" | "schedule_to_close" | "heartbeat", message: string): void {
    const error = new TimeoutError(message, reason);
    this.#abort.abort(error);
    this.#fail(reason, error);
  }

  #onBeatAnswer(answer: WorkerAnswer<"beat">): void {
    if (answer.superseded) {
      this.#superseded = true;
      this.cancel("a later attempt has begun: this one was taken for lost");
    } else if (answer.cancel_requested) this.cancel("cancellation was requested");
    else if (!answer.wanted) this.cancel("the execution does not wait for it any more");
  }

  // --- the outcome ---------------------------------------------------------------------------------------------

  #complete(result: unknown, sent: unknown): void {
    const bytes = bytesOver(MAX_PAYLOAD_BYTES, sent); // ENCODING-7
    if (bytes !== null) {
      const message = `the result of activity ${this.#request.name} has ${bytes} bytes, the limit is ${MAX_PAYLOAD_BYTES}: store it elsewhere and return a reference`;
      const failure = { ...toFailure(new Error(message)), non_retryable: true };
      this.#finish({ kind: "failed", reason: "failed", failure });
      return;
    }
    this.#finish({ kind: "completed", result: (result ?? null) as never });
  }

  #fail(reason: AttemptEnd, error: unknown): void {
    this.#finish({ kind: "failed", reason, failure: toFailure(error) });
  }

  #finish(outcome: ActivityOutcome): void {
    if (this.#ended) return; // ATTEMPT-1
    this.#end();
    this.#span.end(outcome.kind === "failed" ? outcome.failure.message : undefined);
    if (this.#began !== 0) this.#worker.metrics?.attempt(this.#request.name, outcome, this.#began);
    if (this.#heartbeats.used || this.#progress.used) {
      const sent = [this.#heartbeats.flush(), this.#progress.flush()]; // ATTEMPT-2, and so for progress
      void Promise.allSettled(sent).then(() => this.#resolve(outcome));
    } else this.#resolve(outcome);
  }

  #end(): void {
    this.#ended = true;
    this.#timers.cancelAll();
  }
}
