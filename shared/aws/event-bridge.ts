/** EventBridge Scheduler: one message at one time. Loaded at its first use, for wake-ups more than 14 minutes away. */
import {
  ConflictException,
  CreateScheduleCommand,
  DeleteScheduleCommand,
  ResourceNotFoundException,
  SchedulerClient,
  type SchedulerClientConfig,
  UpdateScheduleCommand,
} from "@aws-sdk/client-scheduler";
import type { Millis } from "../protocol/history.ts";

export interface TimerKey {
  readonly Name: string;
  readonly GroupName: string;
}
export interface TimerMessage {
  readonly description: string;
  readonly queueArn: string;
  /** Role that lets EventBridge Scheduler send to the queue. */
  readonly roleArn: string;
  readonly deadLettersArn: string;
  readonly body: string;
}

export class EventBridge {
  readonly client: SchedulerClient;

  constructor(config: SchedulerClientConfig) {
    this.client = new SchedulerClient(config);
  }

  /** Sets the timer to send the message at `at`, in whole seconds. Replaces an earlier time. */
  async set(key: TimerKey, at: Millis, message: TimerMessage): Promise<void> {
    const input = {
      ...key,
      // UTC is the default zone; the expression takes no fraction of a second and no `Z`.
      ScheduleExpression: `at(${new Date(at).toISOString().slice(0, 19)})`,
      FlexibleTimeWindow: { Mode: "OFF" as const },
      // Kept after it has fired, and moved to the next time. A deletion by AWS could remove a next time set meanwhile.
      ActionAfterCompletion: "NONE" as const,
      Description: message.description,
      Target: {
        Arn: message.queueArn,
        RoleArn: message.roleArn,
        DeadLetterConfig: { Arn: message.deadLettersArn },
        Input: message.body,
      },
    };
    try {
      await this.client.send(new UpdateScheduleCommand(input));
    } catch (error) {
      if (!(error instanceof ResourceNotFoundException)) throw error;
      try {
        await this.client.send(new CreateScheduleCommand(input));
      } catch (again) {
        if (!(again instanceof ConflictException)) throw again; // a concurrent call created it, and its wake-up serves as well (WAKE-2)
      }
    }
  }

  async remove(key: TimerKey): Promise<void> {
    try {
      await this.client.send(new DeleteScheduleCommand({ ...key }));
    } catch (error) {
      if (!(error instanceof ResourceNotFoundException)) throw error;
    }
  }
}
