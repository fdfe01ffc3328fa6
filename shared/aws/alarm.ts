/**
 * Waking schedules. What lies within SQS's 15 minutes is a delayed message; what lies further is an `at()` schedule of
 * EventBridge Scheduler, whose precision is a minute, set early: its message arrives, finds that it is not time yet, and
 * is sent once more as a delayed one. A delay has whole seconds, rounded down: the consumer waits for the rest.
 *
 * W1. A message says for which time it is. A delayed one that comes for another time than the schedule's is dropped:
 *     whoever changed the time has armed it. So messages never multiply: one in, one out at most.
 * W2. EventBridge Scheduler holds one time per schedule, and of two who set it at once the earlier may come last. So its
 *     message counts for whatever time the schedule has now.
 * W3. A wake-up too many is harmless, one that is lost is made up for by the sweeper.
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
import * as z from "zod";
import type { Clock, Ports, ScheduleKey } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { wakeSchedule } from "../schedules/index.ts";

export interface AlarmOptions {
  readonly group: string;
  /** Role that lets EventBridge Scheduler send to the queue. */
  readonly roleArn: string;
  readonly queueArn: string;
  readonly queueUrl: string;
  readonly deadLettersArn: string;
}

/** The body of a message. */
export const WakeUp = z.object({
  workspace: z.string().min(1),
  schedule: z.string().min(1),
  at: z.int(),
  via: z.enum(["scheduler", "queue"]),
});
export type WakeUp = z.infer<typeof WakeUp>;

const NEAR_MS: Millis = 14 * 60_000;
/** EventBridge Scheduler fires within the minute that it is told. */
const EARLY_MS: Millis = 3 * 60_000;
/** What a delay of whole seconds leaves to be waited for, and a little more. */
const PATIENCE_MS: Millis = 1_200;

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
    if (wait > NEAR_MS) return this.#put(key, at);
    // One that EventBridge Scheduler still holds for later stays: it only looks once more.
    const DelaySeconds = Math.max(0, Math.floor(wait / 1000));
    const MessageBody = JSON.stringify({ ...key, at, via: "queue" } satisfies WakeUp);
    await this.#sqs.send(new SendMessageCommand({ QueueUrl: this.#o.queueUrl, MessageBody, DelaySeconds }));
  }

  async #put(key: ScheduleKey, at: Millis): Promise<void> {
    const input = {
      Name: nameOf(key),
      GroupName: this.#o.group,
      // UTC is the default zone; the expression takes no fraction of a second and no `Z`.
      ScheduleExpression: `at(${new Date(at - EARLY_MS).toISOString().slice(0, 19)})`,
      FlexibleTimeWindow: { Mode: "OFF" as const },
      // It stays after it has fired and is moved to the next time: deleting it meanwhile could take the next time away.
      ActionAfterCompletion: "NONE" as const,
      Description: `${key.workspace}/${key.schedule}`,
      Target: {
        Arn: this.#o.queueArn,
        RoleArn: this.#o.roleArn,
        DeadLetterConfig: { Arn: this.#o.deadLettersArn },
        Input: JSON.stringify({ ...key, at, via: "scheduler" } satisfies WakeUp),
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

/** What a message asks for. Answers what became of it. */
export async function takeWakeUp(ports: Ports, { at, via, ...key }: WakeUp): Promise<"woken" | "sent on" | "outdated"> {
  const wakeAt = (await ports.schedules.get(key))?.wakeAt ?? null;
  if (wakeAt === null) return "outdated";
  const wait = wakeAt - ports.clock.now();
  if (wait <= PATIENCE_MS) {
    if (wait > 0) await new Promise<void>((resolve) => void ports.clock.at(wakeAt, resolve));
    await wakeSchedule(ports, key);
    return "woken";
  }
  if (via === "queue" && at !== wakeAt) return "outdated"; // W1
  await ports.schedules.arm(key, wakeAt); // W2
  return "sent on";
}

/** Its name with EventBridge Scheduler: 64 characters at most, and an id may have 232. */
export const nameOf = ({ workspace, schedule }: ScheduleKey): string =>
  createHash("sha256").update(`${workspace}/${schedule}`).digest("hex").slice(0, 48);
