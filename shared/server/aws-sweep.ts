/** One round of the sweeper: tasks for due executions, wake-ups of overdue schedules, expiry of closed runs. */

import type { Context } from "../aws/context.ts";
import type { Queues } from "../aws/queues.ts";
import { expireClosed } from "../aws/retention.ts";
import type { TaskBatcher } from "../aws/task-batcher.ts";
import { type Rotation, sweep } from "../engine/sweep.ts";
import { forEachConcurrent } from "../lib/for-each-concurrent.ts";
import { overriding } from "../lib/overriding.ts";
import type { DueSchedule, Ports } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";

/** How many entries of an index are read at a time. */
const PAGE = 1_000;
const CONCURRENCY = 25;

export interface Round {
  readonly everyMs: Millis;
  /** The round begins nothing after this. */
  readonly until: Millis;
  /** Whether `Schedules.arm` sends a wake-up. False: this round wakes schedules itself. */
  readonly armed: boolean;
  /** Kept from round to round by the process (SWEEP-3). */
  readonly rotation: Rotation;
  /** Sends tasks together. Only the sweeper's function carries its code. Default: each task alone. */
  readonly batcher?: typeof TaskBatcher | undefined;
}

export async function sweepRound(c: Context, queues: Queues, ports: Ports, round: Round) {
  const { everyMs, until, armed, rotation } = round;
  const batcher = round.batcher && new round.batcher(c, queues, ports.tasks);
  const sweeping = batcher
    ? { ...ports, tasks: overriding(ports.tasks, { send: (...of) => batcher.send(...of) }) }
    : ports;
  // Executions and schedules concurrently, so that neither uses up the time of the other. Expiry can wait.
  const [due, woken, jobs] = await Promise.all([
    stage(ports, "due executions", () => sweep(sweeping, everyMs, PAGE, until, rotation)),
    stage(ports, "overdue schedules", () => wakeOverdue(ports, armed, until)),
    stage(ports, "jobs", async () => (await import("../engine/jobs.ts")).runJobs(ports, until)),
  ]);
  return { due, woken, jobs, expired: await stage(ports, "expiry", () => expireClosed(c, until)) };
}

/** Each stage stands alone: an error of one is logged, and the next round tries it again. */
async function stage(ports: Ports, name: string, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    ports.log.error("sweep: a stage of the round failed, the others go on", { stage: name, error });
    return 0;
  }
}

/**
 * Arms the schedules whose wake-up was lost: the messages spread them over the instances of the scheduler's function,
 * however many there are. Without a timer this round wakes them. An error of one schedule does not stop the others.
 */
async function wakeOverdue(ports: Ports, armed: boolean, until: Millis): Promise<number> {
  const overdue = await ports.schedules.due(ports.clock.now() - ports.settings.graceMs, PAGE);
  const wake = async (key: DueSchedule) => {
    if (armed) return ports.schedules.arm(key, key.wakeAt);
    const { wakeSchedule } = await import("../schedule/service/wake.ts");
    return wakeSchedule(ports, key);
  };
  let woken = 0;
  await forEachConcurrent(CONCURRENCY, overdue, async (key) => {
    if (ports.clock.now() >= until) return;
    woken += 1;
    try {
      await wake(key);
    } catch (error) {
      ports.log.error("sweep: schedule not woken, the next round tries again", { ...key, error });
    }
  });
  return woken;
}
