/** What the store knows for `/metrics`: work that waits, workers, holds, and how long commits take. */
import { steadyOf } from "../lib/clock.ts";
import type { Clock, Gauge, Gauges, Holds, Settings } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { type Database, parse } from "./database.ts";

export interface GaugesOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly settings: Settings;
  /** When the last round of maintenance ended; null: none has. */
  readonly sweptAt: () => Millis | null;
}

/** Indexes answer all of them: a scrape must not make requests wait. */
export function gaugesOf({ database: db, clock, settings, sweptAt }: GaugesOptions): (workspace: string) => Gauges {
  const startedAt = steadyOf(clock);
  return (workspace) => {
    const gauges: Gauge[] = [];
    const add = (name: Gauge["name"], value: number, labels: Record<string, string> = {}) =>
      gauges.push({ name, value, labels });
    const now = clock.now();
    const tasks = db.all(
      `SELECT queue, COUNT(*) AS n, MIN(visible_at) AS oldest FROM tasks
       WHERE queue > ? AND queue < ? AND visible_at <= ? GROUP BY queue`,
      `${workspace}/`,
      `${workspace}0`, // the character after "/"
      now,
    );
    for (const { queue, n, oldest } of tasks) {
      const [, deployment = "", kind = ""] = String(queue).split("/");
      add("sirocco_queue_tasks", Number(n), { deployment, queue: kind });
      add("sirocco_queue_oldest_seconds", Math.max(0, now - Number(oldest)) / 1_000, { deployment, queue: kind });
    }
    const live = steadyOf(clock) - settings.livenessMs;
    const workers = db.all(
      `SELECT deployment, COUNT(*) AS n FROM workers WHERE ws = ? AND heartbeat_at >= ? GROUP BY deployment`,
      workspace,
      live,
    );
    for (const { deployment, n } of workers) add("sirocco_workers_live", Number(n), { deployment: String(deployment) });
    const overdue = db.all(
      `SELECT deployment, COUNT(*) AS n FROM heads INDEXED BY heads_due
       WHERE due_at IS NOT NULL AND due_at < ? AND ws = ? AND status = 'RUNNING' GROUP BY deployment`,
      now - settings.graceMs,
      workspace,
    );
    for (const { deployment, n } of overdue)
      add("sirocco_executions_overdue", Number(n), { deployment: String(deployment) });
    const late = db.one(
      "SELECT COUNT(*) AS n FROM schedules WHERE ws = ? AND wake_at < ?",
      workspace,
      now - settings.graceMs,
    );
    add("sirocco_schedules_late", Number(late?.n ?? 0));
    const holds = db.all("SELECT value FROM meta WHERE name = ?", `holds#${workspace}`);
    for (const { value } of holds) {
      for (const { deployment, workflow, release } of parse<Holds>(value).holds) {
        const state = release === null ? "held" : "releasing";
        add("sirocco_holds", 1, { deployment: deployment ?? "", workflow: workflow ?? "", state });
      }
    }
    add("sirocco_sweep_age_seconds", (steadyOf(clock) - (sweptAt() ?? startedAt)) / 1_000);
    add("sirocco_commits_total", db.commits);
    const timings = { sirocco_commit_seconds: db.commitSeconds, sirocco_sync_seconds: db.syncSeconds };
    return { gauges, timings };
  };
}
