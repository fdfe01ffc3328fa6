/** Wake-ups of schedules, from EventBridge Scheduler and from the delayed messages of the last stretch. */
import middy from "@middy/core";
import { WakeUp } from "../shared/aws/wake-up.ts";
import { takeWakeUp } from "../shared/server/aws-wake-up.ts";
import { envelope } from "./lib/envelope.ts";
import { installation } from "./lib/installation.ts";
import { log } from "./lib/log.ts";

interface SqsRecord {
  readonly messageId: string;
  readonly body: string;
}

/** True: it is dealt with. */
async function take({ messageId, body }: SqsRecord): Promise<boolean> {
  try {
    const wakeUp = WakeUp.parse(JSON.parse(body));
    log.info("wake-up", { ...wakeUp, became: await takeWakeUp(installation(), wakeUp) });
    return true;
  } catch (error) {
    log.error("a schedule could not be woken; its message comes again", { messageId, body, error });
    return false;
  }
}

export const handler = middy<{ Records: readonly SqsRecord[] }, unknown>()
  .use(envelope)
  .handler(async ({ Records }) => {
    // At once: one that waits for its second holds up no other.
    const taken = await Promise.all(Records.map(take));
    const failed = Records.filter((_, i) => !taken[i]);
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  });
