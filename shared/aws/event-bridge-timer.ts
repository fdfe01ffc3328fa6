/**
 * Sends the wake-ups of schedules. A time within SQS's limit of 15 minutes is a delayed message. A later time is an `at()`
 * schedule of EventBridge Scheduler, which is precise to a minute. It is set three minutes early: the consumer of its
 * message (`server/aws-wake-up.ts`) sends a delayed message for the rest. A delay has whole seconds and is rounded down,
 * so the consumer waits for the remaining fraction.
 */
import { createHash } from "node:crypto";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import type { Clock, ScheduleKey } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { Clients } from "./clients.ts";
import type { WakeUp } from "./wake-up.ts";

export interface EventBridgeTimerOptions {
  readonly group: string;
  /** Role that lets EventBridge Scheduler send to the queue. */
  readonly roleArn: string;
  readonly queueArn: string;
  readonly queueUrl: string;
  readonly deadLettersArn: string;
}

const NEAR_MS: Millis = 14 * 60_000;
/** EventBridge Scheduler fires within the minute of the time that was set. */
const EARLY_MS: Millis = 3 * 60_000;

export class EventBridgeTimer {
  readonly #clients: Pick<Clients, "sqs" | "scheduler">;
  readonly #clock: Clock;
  readonly #o: EventBridgeTimerOptions;

  constructor(clients: Pick<Clients, "sqs" | "scheduler">, clock: Clock, options: EventBridgeTimerOptions) {
    this.#clients = clients;
    this.#clock = clock;
    this.#o = options;
  }

  /** `at` null: removes the wake-up. */
  async set(key: ScheduleKey, at: Millis | null): Promise<void> {
    if (at === null) return (await this.#clients.scheduler()).remove(this.#timer(key));
    const wait = at - this.#clock.now();
    if (wait > NEAR_MS) return this.#put(key, at);
    // A later time in EventBridge Scheduler may stay: its message is a duplicate wake-up, which is harmless (WAKE-3).
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

/** Name in EventBridge Scheduler: a digest, because names have 64 characters at most and ids up to 232. */
export const nameOf = ({ workspace, schedule }: ScheduleKey): string =>
  createHash("sha256").update(`${workspace}/${schedule}`).digest("hex").slice(0, 48);
