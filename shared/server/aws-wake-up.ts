/**
 * Handles the wake-up of a schedule. `aws/event-bridge-timer.ts` sends it.
 *
 * WAKE-1. A message names the time it was sent for. A delayed message for another time than the schedule's present one is
 *     dropped, because the change of the time armed the schedule again. So messages never multiply: one message leads to
 *     at most one further message.
 * WAKE-2. EventBridge Scheduler keeps one time per schedule. If two writers set it at once, the earlier time may win. So
 *     its message counts for the time that the schedule has now.
 * WAKE-3. A duplicate wake-up is harmless. The sweeper repeats a lost one.
 */
import type { WakeUp } from "../aws/wake-up.ts";
import { type Ports, type ScheduleKey, UnreadableSchedule } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { wakeSchedule } from "../schedule/service/index.ts";

/** SQS delays by whole seconds. The handler waits for the remaining fraction, and a little more. */
const WAIT_HERE_MS: Millis = 1_200;

/** `sent on`: the time is still far, and a further message was armed for it. `outdated`: nothing was done. */
export async function takeWakeUp(ports: Ports, { at, via, ...key }: WakeUp): Promise<"woken" | "sent on" | "outdated"> {
  const wakeAt = await wakeTimeOf(ports, key);
  if (wakeAt === null) return "outdated";
  const wait = wakeAt - ports.clock.now();
  if (wait <= WAIT_HERE_MS) {
    if (wait > 0) await new Promise<void>((resolve) => void ports.clock.at(wakeAt, resolve));
    await wakeSchedule(ports, key);
    return "woken";
  }
  if (via === "queue" && at !== wakeAt) return "outdated"; // WAKE-1
  await ports.schedules.arm(key, wakeAt); // WAKE-2
  return "sent on";
}

/** Null: it is not to be woken. A schedule that cannot be read is set aside, so that its message does not come again. */
async function wakeTimeOf(ports: Ports, key: ScheduleKey): Promise<Millis | null> {
  try {
    return (await ports.schedules.get(key))?.wakeAt ?? null;
  } catch (error) {
    if (error instanceof UnreadableSchedule) return wakeSchedule(ports, key);
    throw error;
  }
}
