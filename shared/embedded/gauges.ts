/** What the store knows for `/metrics`: work that waits, workers, holds, and how long commits take. */
import { steadyOf } from "../lib/clock.ts";
import { pause } from "../lib/turns.ts";
import type { Clock, DueEntry, Executions, Gauge, Gauges, Registry, Settings } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { Database } from "./database.ts";

export interface GaugesOptions {
  readonly database: Database;
  readonly executions: Pick<Executions, "due">;
  readonly registry: Pick<Registry, "knownHolds">;
  readonly clock: Clock;
  readonly settings: Settings;
  /** When the last round of maintenance ended; null: none has. */
  readonly sweptAt: () => Millis | null;
}

/** Entries of an index that are counted before other requests are served: a scrape must not make them wait. */
const PART = 1_000;

export function gaugesOf(o: GaugesOptions): (workspace: string) => Promise<Gauges> {
  const { database: db, registry, clock, settings, sweptAt } = o;
  const startedAt = steadyOf(clock);
  return async (workspace) => {
    const gauges: Gauge[] = [];
    const add = (name: Gauge["name"], value: number, labels: Record<string, string> = {}) =>
      gauges.push({ name, value, labels });
    const now = clock.now();
    for (const [queue, { n, oldest }] of await waitingTasks(db, workspace, now)) {
      const [, deployment = "", kind = ""] = queue.split("/");
      add("sirocco_queue_tasks", n, { deployment, queue: kind });
      add("sirocco_queue_oldest_seconds", Math.max(0, now - oldest) / 1_000, { deployment, queue: kind });
    }
    const live = steadyOf(clock) - settings.livenessMs;
    const workers = db.all(
      `SELECT deployment, COUNT(*) AS n FROM workers WHERE ws = ? AND heartbeat_at >= ? GROUP BY deployment`,
      workspace,
      live,
    );
    for (const { deployment, n } of workers) add("sirocco_workers_live", Number(n), { deployment: String(deployment) });
    const since = now - settings.graceMs;
    for (const [deployment, n] of await overdueExecutions(o, workspace, since))
      add("sirocco_executions_overdue", n, { deployment });
    const late = db.one(
      "SELECT COUNT(*) AS n FROM schedules INDEXED BY schedules_wake WHERE wake_at < ? AND ws = ?",
      since,
      workspace,
    );
    add("sirocco_schedules_late", Number(late?.n ?? 0));
    for (const { deployment, workflow, release } of await registry.knownHolds(workspace)) {
      const state = release === null ? "held" : "releasing";
      add("sirocco_holds", 1, { deployment: deployment ?? "", workflow: workflow ?? "", state });
    }
    add("sirocco_sweep_age_seconds", (steadyOf(clock) - (sweptAt() ?? startedAt)) / 1_000);
    add("sirocco_commits_total", db.commits);
    const timings = { sirocco_commit_seconds: db.commitSeconds, sirocco_sync_seconds: db.syncSeconds };
    return { gauges, timings };
  };
}

/** By queue, the visible tasks and since when the oldest is. */
async function waitingTasks(db: Database, workspace: string, now: Millis) {
  const queues = new Map<string, { n: number; oldest: Millis }>();
  let after: [queue: string, visibleAt: Millis, id: number] = [`${workspace}/`, 0, 0];
  for (;;) {
    const rows = db.all(
      `SELECT queue, visible_at, id FROM tasks WHERE (queue, visible_at, id) > (?, ?, ?) AND queue < ? AND visible_at <= ?
       ORDER BY queue, visible_at, id LIMIT ${PART}`,
      ...after,
      `${workspace}0`, // the character after "/"
      now,
    );
    for (const row of rows) {
      after = [String(row.queue), Number(row.visible_at), Number(row.id)];
      const of = queues.get(after[0]) ?? { n: 0, oldest: after[1] };
      queues.set(after[0], of);
      of.n += 1;
    }
    if (rows.length < PART) return queues;
    await pause();
  }
}

/** By deployment, the running executions that have been due since before `since`. */
async function overdueExecutions({ executions }: Pick<GaugesOptions, "executions">, workspace: string, since: Millis) {
  const overdue = new Map<string, number>();
  let after: DueEntry | undefined;
  for (;;) {
    const page = await executions.due(since - 1, PART, after);
    for (const entry of page) {
      if (entry.workspace !== workspace || entry.status !== "RUNNING") continue;
      overdue.set(entry.deployment, (overdue.get(entry.deployment) ?? 0) + 1);
    }
    after = page.at(-1);
    if (page.length < PART) return overdue;
    await pause();
  }
}
