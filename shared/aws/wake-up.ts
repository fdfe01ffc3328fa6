/** The message that wakes a schedule: `event-bridge-timer.ts` sends it, `server/aws-wake-up.ts` handles it. */
import * as z from "zod";

/** The body of a message. */
export const WakeUp = z.object({
  workspace: z.string().min(1),
  schedule: z.string().min(1),
  at: z.int(),
  via: z.enum(["scheduler", "queue"]),
});
export type WakeUp = z.infer<typeof WakeUp>;
