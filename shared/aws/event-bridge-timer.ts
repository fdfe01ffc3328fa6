/**
 * Waking schedules. What lies within SQS's 15 minutes is a delayed message; what lies further is an `at()` schedule of
 * EventBridge Scheduler, whose precision is a minute, set early: its message arrives, finds that it is not time yet, and
 * is sent once more as a delayed one. A delay has whole seconds, rounded down: the consumer waits for the rest.
 */
import { createHash } from "node:crypto";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import type { Clock, ScheduleKey } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { Clients } from "./clients.ts";
import type { WakeUp } from "./wake-up.ts";

export interface AlarmOptions {
  readonly group: string;
  /** Role that lets EventBridge Scheduler send to the queue. */
  readonly roleArn: string;
  readonly queueArn: string;
  readonly queueUrl: string;
  readonly deadLettersArn: string;
}

const NEAR_MS: Millis = 14 * 60_000;
/** EventBridge Scheduler fires within the minute that it is told. */
const EARLY_MS: Millis = 3 * 60_000;

export class EventBridgeTimer {
  readonly #clients: Pick<Clients, "sqs" | "scheduler">;
  readonly #clock: Clock;
  readonly #o: AlarmOptions;

  constructor(clients: Pick<Clients, "sqs" | "scheduler">, clock: Clock, options: AlarmOptions) {
    this.#clients = clients;
    this.#clock = clock;
    this.#o = options;
  }

  /** Null: it is not to be woken. */
  async set(key: ScheduleKey, at: Millis | null): Promise<void> {
    if (at === null) return (await this.#clients.scheduler()).remove(this.#timer(key));
    const wait = at - this.#clock.now();
    if (wait > NEAR_MS) return this.#put(key, at);
    // One that EventBridge Scheduler still holds for later stays: it only looks once more.
    const DelaySeconds = Math.max(0, Math.floor(wait / 1000));
    const MessageBody = JSON.stringify({ ...key, at, via: "queue" } satisfies WakeUp);
    await this.#clients.sqs.send(new SendMessageCommand({ QueueUrl: this.#o.queueUrl, MessageBody, DelaySeconds }));
  }

  async #put(key: ScheduleKey, at: Millis): Promise<void> {
    const scheduler = await this.#clients.scheduler();
    await scheduler.set(this.#timer(key), at - EARLY_MS, {
      ...this.#o,
      description: `${key.workspace}/${key.schedule}`,
      body: JSON.stringify({ ...key, at, via: "scheduler" } satisfies WakeUp),
    });
  }

  #timer(key: ScheduleKey) {
    return { Name: nameOf(key), GroupName: this.#o.group };
  }
}

/** Its name with EventBridge Scheduler: 64 characters at most, and an id may have 232. */
export const nameOf = ({ workspace, schedule }: ScheduleKey): string =>
  createHash("sha256").update(`${workspace}/${schedule}`).digest("hex").slice(0, 48);
