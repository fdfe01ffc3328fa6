/**
 * Wake-ups of schedules, from EventBridge Scheduler and from the delayed messages of the last stretch. Waking too early,
 * twice or for nothing is harmless: the schedule itself decides whether it is time, and is armed again.
 */
import middy from "@middy/core";
import * as z from "zod";
import { wakeSchedule } from "../shared/schedules/index.ts";
import { envelope } from "./lib/envelope.ts";
import { installation } from "./lib/installation.ts";
import { log } from "./lib/log.ts";

const WakeUp = z.object({ workspace: z.string().min(1), schedule: z.string().min(1) });

interface SqsRecord {
  readonly messageId: string;
  readonly body: string;
}

export const handler = middy<{ Records: readonly SqsRecord[] }, unknown>()
  .use(envelope)
  .handler(async ({ Records }) => {
    const failed: string[] = [];
    for (const { messageId, body } of Records) {
      try {
        await wakeSchedule(installation(), WakeUp.parse(JSON.parse(body)));
      } catch (error) {
        log.error("a schedule could not be woken; its message comes again", { messageId, body, error });
        failed.push(messageId);
      }
    }
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  });
