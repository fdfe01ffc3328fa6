/**
 * Waking schedules. What lies within SQS's 15 minutes is a delayed message, exact to the second; what lies further is an
 * `at()` schedule of EventBridge Scheduler, whose precision is a minute, set early: its message arrives, finds that it
 * is not time yet, and is sent once more as a delayed one. A wake-up too many is harmless, one that is lost is made up
 * for by the sweeper.
 *
 * Its message says which schedule and nothing more: `{"workspace": …, "schedule": …}`.
 */
import { createHash } from "node:crypto";
import {
  ConflictException,
  CreateScheduleCommand,
  DeleteScheduleCommand,
  ResourceNotFoundException,
  type SchedulerClient,
  UpdateScheduleCommand,
} from "@aws-sdk/client-scheduler";
import { SendMessageCommand, type SQSClient } from "@aws-sdk/client-sqs";
import type { Clock, ScheduleKey } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";

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

export class Alarm {
  readonly #scheduler: SchedulerClient;
  readonly #sqs: SQSClient;
  readonly #clock: Clock;
  readonly #o: AlarmOptions;

  constructor(scheduler: SchedulerClient, sqs: SQSClient, clock: Clock, options: AlarmOptions) {
    this.#scheduler = scheduler;
    this.#sqs = sqs;
    this.#clock = clock;
    this.#o = options;
  }

  /** Null: it is not to be woken. */
  async set(key: ScheduleKey, at: Millis | null): Promise<void> {
    if (at === null) return this.#remove(key);
    const wait = at - this.#clock.now();
    if (wait > NEAR_MS) return this.#put(key, at - EARLY_MS);
    // One that EventBridge Scheduler still holds for later stays: it only looks once more.
    const DelaySeconds = Math.max(0, Math.ceil(wait / 1000));
    const MessageBody = JSON.stringify(key);
    await this.#sqs.send(new SendMessageCommand({ QueueUrl: this.#o.queueUrl, MessageBody, DelaySeconds }));
  }

  async #put(key: ScheduleKey, at: Millis): Promise<void> {
    const input = {
      Name: nameOf(key),
      GroupName: this.#o.group,
      // UTC is the default zone; the expression takes no fraction of a second and no `Z`.
      ScheduleExpression: `at(${new Date(at).toISOString().slice(0, 19)})`,
      FlexibleTimeWindow: { Mode: "OFF" as const },
      ActionAfterCompletion: "DELETE" as const,
      Target: {
        Arn: this.#o.queueArn,
        RoleArn: this.#o.roleArn,
        DeadLetterConfig: { Arn: this.#o.deadLettersArn },
        Input: JSON.stringify(key),
      },
    };
    try {
      await this.#scheduler.send(new UpdateScheduleCommand(input));
    } catch (error) {
      if (!(error instanceof ResourceNotFoundException)) throw error;
      try {
        await this.#scheduler.send(new CreateScheduleCommand(input));
      } catch (again) {
        if (!(again instanceof ConflictException)) throw again; // made by somebody else meanwhile: a wake-up all the same
      }
    }
  }

  async #remove(key: ScheduleKey): Promise<void> {
    try {
      await this.#scheduler.send(new DeleteScheduleCommand({ Name: nameOf(key), GroupName: this.#o.group }));
    } catch (error) {
      if (!(error instanceof ResourceNotFoundException)) throw error;
    }
  }
}

/** Its name with EventBridge Scheduler: 64 characters at most, and an id may have 232. */
export const nameOf = ({ workspace, schedule }: ScheduleKey): string =>
  createHash("sha256").update(`${workspace}/${schedule}`).digest("hex").slice(0, 48);
