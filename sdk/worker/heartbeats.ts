/**
 * The heartbeats of one attempt, on their way to the server (ATTEMPT-2), and its questions whether it is still wanted
 * (ATTEMPT-3). The rules are defined in `attempt.ts`.
 */
import { steadyOf } from "../../shared/lib/clock.ts";
import type { Millis } from "../../shared/protocol/history.ts";
import type { ActivityRef, WorkerAnswer } from "../../shared/protocol/worker.ts";
import type { Timers } from "./timers.ts";
import type { WorkerContext } from "./types.ts";

/** ATTEMPT-2: between two calls with details. */
const THROTTLE_MS: Millis = 1_000;
/** ATTEMPT-3: before the first question, and at most between two. */
const FIRST_QUESTION_MS: Millis = 10_000;
const LONGEST_QUESTION_MS: Millis = 60_000;

export interface HeartbeatOptions {
  readonly worker: Pick<WorkerContext, "clock" | "transport" | "log">;
  readonly ref: ActivityRef;
  /** The activity's name, for the log. */
  readonly name: string;
  readonly timers: Timers;
  readonly onAnswer: (answer: WorkerAnswer<"beat">) => void;
}

export class Heartbeats {
  readonly #o: HeartbeatOptions;
  /** Not sent yet. */
  #details: { value: unknown } | null = null;
  #lastBeatAt: Millis = 0;
  #sentAt = Number.NEGATIVE_INFINITY;
  #sending: Promise<unknown> = Promise.resolve();
  #cancelSend: (() => void) | null = null;
  #used = false;

  constructor(options: HeartbeatOptions) {
    this.#o = options;
  }

  /** The function has beaten: `flush` may have something to send. */
  get used(): boolean {
    return this.#used;
  }

  /** Calls `onSilence` when the function has not beaten for `limit`, counted from now at first. */
  watch(limit: Millis, onSilence: () => void): void {
    const { clock } = this.#o.worker;
    this.#lastBeatAt = steadyOf(clock);
    const wait = () =>
      this.#o.timers.after(this.#lastBeatAt + limit - steadyOf(clock), () => {
        if (steadyOf(clock) < this.#lastBeatAt + limit) wait();
        else onSilence();
      });
    wait();
  }

  /** The function beats, with these details. */
  beat(value: unknown): void {
    this.#used = true;
    const now = steadyOf(this.#o.worker.clock);
    this.#lastBeatAt = now;
    const scheduled = this.#details !== null; // the call that will take the earlier details takes these instead
    this.#details = { value };
    if (scheduled) return;
    const wait = this.#sentAt + THROTTLE_MS - now;
    if (wait <= 0) void this.flush();
    else this.#cancelSend = this.#o.timers.after(wait, () => void this.flush());
  }

  /** Sends the newest details, after the call under way. Resolves when none are left to send. */
  flush(): Promise<unknown> {
    this.#cancelSend?.();
    this.#cancelSend = null;
    this.#sending = this.#sending.then(() => {
      if (!this.#details) return;
      const { value } = this.#details;
      this.#details = null;
      this.#sentAt = steadyOf(this.#o.worker.clock);
      return this.#call({ details: (value ?? null) as never }, true);
    });
    return this.#sending;
  }

  /** ATTEMPT-3. */
  askRegularly(): void {
    const { clock } = this.#o.worker;
    let pause = FIRST_QUESTION_MS;
    const wait = () =>
      this.#o.timers.after(pause, () => {
        pause = Math.min(LONGEST_QUESTION_MS, pause * 2);
        if (steadyOf(clock) - this.#sentAt > FIRST_QUESTION_MS) void this.#call({}, false);
        wait();
      });
    wait();
  }

  #call(body: { details?: never }, retry: boolean): Promise<void> {
    const { worker, ref, name, onAnswer } = this.#o;
    return worker.transport
      .call("beat", { ...ref, ...body }, { retry })
      .then(onAnswer, (error) => worker.log.warn("a heartbeat did not reach the server", { activity: name, error }));
  }
}
