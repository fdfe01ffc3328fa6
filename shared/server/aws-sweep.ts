/** One round of the sweeper: rings what is due, wakes schedules whose alarm was lost, gives what has closed its expiry. */

import type { Context } from "../aws/context.ts";
import { expireClosed } from "../aws/retention.ts";
import { sweep } from "../engine/sweep.ts";
import { forEachConcurrent } from "../lib/for-each-concurrent.ts";
import type { DueSchedule, Ports } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";

/** Entries that are read of an index at a time. */
const PAGE = 1_000;
const CONCURRENCY = 25;

export interface Round {
  readonly everyMs: Millis;
  /** Begins nothing after this. */
  readonly until: Millis;
  /** Whether somebody else wakes schedules that have an alarm. */
  readonly armed: boolean;
}

export async function round(c: Context, ports: Ports, { everyMs, until, armed }: Round) {
  // Side by side: neither may use up the time of the other. What has closed can wait.
  const [due, woken] = await Promise.all([sweep(ports, everyMs, PAGE, until), wakeOverdue(ports, armed, until)]);
  return { due, woken, expired: await expireClosed(c, until) };
}

/**
 * Schedules whose alarm was lost: armed again, so that however many they are the fleet of the scheduler's function takes
 * them. Without an alarm they are woken here. What one of them meets must not hold up the others.
 */
async function wakeOverdue(ports: Ports, armed: boolean, until: Millis): Promise<number> {
  const overdue = await ports.schedules.due(ports.clock.now() - ports.settings.graceMs, PAGE);
  const wake = async (key: DueSchedule) => {
    if (armed) return ports.schedules.arm(key, key.wakeAt);
    const { wakeSchedule } = await import("../schedule/service/index.ts");
    return wakeSchedule(ports, key);
  };
  let woken = 0;
  await forEachConcurrent(CONCURRENCY, overdue, async (key) => {
    if (ports.clock.now() >= until) return;
    woken += 1;
    try {
      await wake(key);
    } catch (error) {
      ports.log.error("a schedule could not be woken", { ...key, error });
    }
  });
  return woken;
}
