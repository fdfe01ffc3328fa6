/** Consumes the wake-ups of schedules: messages of EventBridge Scheduler, and delayed messages for the last minutes. */
import middy from "@middy/core";
import "../shared/aws/schedules.ts"; // every call needs it, so it loads with the function
import { WakeUp } from "../shared/aws/wake-up.ts";
import "../shared/schedule/service/perform.ts"; // most wake-ups start an execution, so it loads with the function
import { takeWakeUp } from "../shared/server/aws-wake-up.ts";
import { envelope } from "./lib/envelope.ts";
import { initialize } from "./lib/initialize.ts";
import { installation } from "./lib/installation.ts";
import { log } from "./lib/log.ts";

interface SqsRecord {
  readonly messageId: string;
  readonly body: string;
}

/** True = handled, false = to be delivered again. */
async function handleRecord({ messageId, body }: SqsRecord): Promise<boolean> {
  try {
    const wakeUp = WakeUp.parse(JSON.parse(body));
    log.info("wake-up", { ...wakeUp, outcome: await takeWakeUp(installation(), wakeUp) });
    return true;
  } catch (error) {
    log.error("schedule not woken, its message is delivered again", { message_id: messageId, body, error });
    return false;
  }
}

export const handler = middy<{ Records: readonly SqsRecord[] }, unknown>()
  .use(envelope)
  .handler(async ({ Records }) => {
    // Concurrently: a wake-up that waits for its second does not hold up the others.
    const handled = await Promise.all(Records.map(handleRecord));
    const failed = Records.filter((_, i) => !handled[i]);
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  });

await initialize(
  () => import("../shared/aws/schedules.ts"),
  () => import("../shared/schedule/service/perform.ts"),
);
