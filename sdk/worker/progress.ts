/** The progress that one attempt publishes: sent in groups, one call at a time, in order. What follows a quiet time is sent at once. */
import type { Millis } from "../../shared/protocol/history.ts";
import type { Progress, WorkerBody } from "../../shared/protocol/worker.ts";
import type { Timers } from "./timers.ts";
import type { WorkerContext } from "./types.ts";

/** Between two groups: an attempt that reports all the time makes so few calls. */
const GATHER_MS: Millis = 20;
const MAX_GROUP = 500;

export interface ProgressOptions {
  readonly worker: Pick<WorkerContext, "transport" | "log" | "uuid">;
  readonly of: Omit<WorkerBody<"publish">, "publish_id" | "events">;
  readonly timers: Timers;
}

export class ProgressPublisher {
  readonly #o: ProgressOptions;
  #waiting: Progress[] = [];
  #sending: Promise<unknown> = Promise.resolve();
  /** Of the timer at which the next group is sent. */
  #cancelSend: (() => void) | null = null;
  #used = false;

  constructor(options: ProgressOptions) {
    this.#o = options;
  }

  /** Something was published: `flush` may have something to send. */
  get used(): boolean {
    return this.#used;
  }

  publish(event: Progress): void {
    this.#used = true;
    this.#waiting.push(event);
    if (this.#waiting.length >= MAX_GROUP) void this.flush();
    else this.#cancelSend ??= this.#o.timers.after(0, () => void this.flush()); // with all events of this turn
  }

  /** Sends the events that wait. Resolves when all have been sent; a group that cannot be sent is logged and lost. */
  flush(): Promise<unknown> {
    this.#cancelSend?.();
    this.#cancelSend = null;
    if (this.#waiting.length === 0) return this.#sending;
    const { worker, of, timers } = this.#o;
    this.#cancelSend = timers.after(GATHER_MS, () => void this.flush());
    const body = { ...of, publish_id: worker.uuid(), events: this.#waiting };
    this.#waiting = [];
    this.#sending = this.#sending
      .then(() => worker.transport.call("publish", body))
      .catch((error) =>
        worker.log.warn("progress of an activity was not published", { activity: of.activity_name, error }),
      );
    return this.#sending;
  }
}
