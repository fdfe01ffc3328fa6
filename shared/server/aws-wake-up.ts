/**
 * What becomes of a schedule's wake-up (`alarm.ts` sends them).
 *
 * WAKE-1. A message says for which time it is. A delayed one that comes for another time than the schedule's is dropped:
 *     whoever changed the time has armed it. So messages never multiply: one in, one out at most.
 * WAKE-2. EventBridge Scheduler holds one time per schedule, and of two who set it at once the earlier may come last. So its
 *     message counts for whatever time the schedule has now.
 * WAKE-3. A wake-up too many is harmless, one that is lost is made up for by the sweeper.
 */
import type { WakeUp } from "../aws/wake-up.ts";
import type { Ports } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { wakeSchedule } from "../schedule/service/index.ts";

/** What a delay of whole seconds leaves to be waited for, and a little more. */
const PATIENCE_MS: Millis = 1_200;

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
  if (via === "queue" && at !== wakeAt) return "outdated"; // WAKE-1
  await ports.schedules.arm(key, wakeAt); // WAKE-2
  return "sent on";
}
