/**
 * One round of the sweeper: tasks for due executions, wake-ups of overdue schedules, expiry of closed runs.
 *
 * SWEEP-4. When a round has stopped at its time budget, the next one has each shard of the index swept by an invocation of its own, and
 *     leaves due executions to them. Each shard keeps its place in its backlog (SWEEP-3), and when it was swept last (SWEEP-5),
 *     in the table, because the next round of the shard runs in any process. The round itself sweeps the shards that Lambda did not take.
 */

import type { Context } from "../aws/context.ts";
import { readDue, shardsTo } from "../aws/due.ts";
import type { Queues } from "../aws/queues.ts";
import { expireClosed } from "../aws/retention.ts";
import { readSweepPlace, sweptShards, writeSweepPlace } from "../aws/sweep-places.ts";
import type { TaskBatcher } from "../aws/task-batcher.ts";
import { type Rotation, sinceRound, sweep } from "../engine/sweep.ts";
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
  /** Of the index, once they are known (DUESHARDS-1). Kept likewise. */
  readonly known: { shards?: readonly number[] | undefined };
  /** Sends tasks together. Only the sweeper's function carries its code. Default: each task alone. */
  readonly batcher?: typeof TaskBatcher | undefined;
  /** Has a shard swept elsewhere at the same time (SWEEP-4). Default: this round sweeps all. */
  readonly sweepElsewhere?: ((shard: number) => Promise<void>) | undefined;
}

export async function sweepRound(c: Context, queues: Queues, ports: Ports, round: Round) {
  const { everyMs, until, armed, rotation, known } = round;
  known.shards ??= await sweptShards(c).then(shardsTo, (error) => {
    ports.log.error(
      "sweep: this round reads the shards of the setting alone, those of earlier settings are not known",
      { error },
    );
    return undefined;
  });
  const shards = known.shards ?? shardsTo(c.dueShards);
  const sweeping = of(c, batching(c, queues, ports, round), shards);
  const { sweepElsewhere } = round;
  const dueExecutions = async () => {
    const now = ports.clock.now();
    if (!sweepElsewhere || !rotation.behind) {
      const seen = await sweep(sweeping, sinceRound(everyMs, now, rotation), PAGE, until, rotation);
      if (!rotation.behind) rotation.lookedAt = now;
      return seen;
    }
    const left: number[] = [];
    await forEachConcurrent(CONCURRENCY, shards, async (shard) => {
      try {
        await sweepElsewhere(shard);
      } catch (error) {
        left.push(shard);
        ports.log.error("sweep: a shard was not given to an invocation of its own, this one sweeps it", {
          shard,
          error,
        });
      }
    });
    ports.log.warn("sweep: the last round stopped at its time budget, an invocation sweeps each shard", {
      own: left.length,
    });
    const isOver = async () => (await sweeping.executions.due(ports.clock.now(), PAGE)).length < PAGE;
    const sinceMs = sinceRound(everyMs, now, rotation);
    const seen = left.length > 0 ? await sweep(of(c, sweeping, left), sinceMs, PAGE, until, {}) : 0;
    rotation.behind = !(await isOver());
    rotation.lookedAt = now;
    return seen;
  };
  // Executions and schedules concurrently, so that neither uses up the time of the other. Expiry can wait.
  const [due, woken, released, jobs] = await Promise.all([
    stage(ports, "due executions", dueExecutions),
    stage(ports, "overdue schedules", () => wakeOverdue(ports, armed, until)),
    stage(ports, "releases", async () =>
      (await import("../engine/release.ts")).releaseRounds(sweeping, everyMs, until),
    ),
    stage(ports, "jobs", async () => (await import("../engine/jobs.ts")).runJobs(ports, until)),
  ]);
  return { due, woken, released, jobs, expired: await stage(ports, "expiry", () => expireClosed(c, until)) };
}

/** SWEEP-4. Answers how many entries it looked at. */
export async function sweepShard(
  c: Context,
  queues: Queues,
  ports: Ports,
  p: Pick<Round, "everyMs" | "until" | "batcher"> & { readonly shard: number },
): Promise<number> {
  const rotation: Rotation = await readSweepPlace(c, p.shard);
  const now = ports.clock.now();
  const sinceMs = sinceRound(p.everyMs, now, rotation);
  const seen = await sweep(of(c, batching(c, queues, ports, p), [p.shard]), sinceMs, PAGE, p.until, rotation);
  rotation.lookedAt = now;
  await writeSweepPlace(c, p.shard, rotation);
  return seen;
}

function batching(c: Context, queues: Queues, ports: Ports, round: Pick<Round, "batcher">): Ports {
  if (!round.batcher) return ports;
  const batcher = new round.batcher(c, queues, ports.tasks);
  return { ...ports, tasks: overriding(ports.tasks, { send: (...of) => batcher.send(...of) }) };
}

/** The ports with a view of some shards of the index. */
function of(c: Context, ports: Ports, shards: readonly number[]): Ports {
  const due: Ports["executions"]["due"] = (until, limit, after) =>
    readDue(c.tables.executions, until, limit, after, shards);
  return { ...ports, executions: overriding(ports.executions, { due }) };
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
