/**
 * **sweep** — the debt of last resort (R5). Reads the `due` index, whose answers may be stale, and never writes a running
 * head. Running and overdue by more than the grace: ring, in the rounds where the age crosses grace x 1, 2, 4 … (at
 * most an hour apart). Due soon: a delayed task. Past its deadline: time it out. Final and due: perform its close effects.
 */

import type { DueEntry, Ports } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { performOwed } from "./owed.ts";
import { ring, SOON_MS } from "./tasks.ts";
import { terminate } from "./terminate.ts";

const HOUR = 3_600_000;

/** `everyMs`: the time since the last round. Answers how many entries were seen. */
export async function sweep(ports: Ports, everyMs: Millis, limit = 1000): Promise<number> {
  const now = ports.clock.now();
  const due = await ports.executions.due(now + SOON_MS, limit);
  for (const entry of due) await look(ports, entry, now, everyMs);
  return due.length;
}

async function look(ports: Ports, entry: DueEntry, now: Millis, everyMs: Millis): Promise<void> {
  if (entry.status !== "RUNNING") {
    const head = await ports.executions.head(entry);
    if (head && head.status !== "RUNNING" && head.due_at !== null) await performOwed(ports, head);
    return;
  }
  if (entry.deadline !== null && entry.deadline <= now) {
    await terminate(ports, entry, { kind: "timed_out" });
  } else if (entry.dueAt > now) {
    await ring(ports, entry, entry.dueAt);
  } else if (crosses(now - entry.dueAt, ports.settings.graceMs, everyMs)) {
    await ring(ports, entry);
  }
}

/** Does the age cross grace x 2^k (or a further hour) within the last `every`? */
export function crosses(age: Millis, grace: Millis, every: Millis): boolean {
  if (age < grace) return false;
  let mark = Math.max(grace, 1);
  while (mark * 2 <= age && mark < HOUR) mark *= 2;
  if (mark >= HOUR) mark += Math.floor((age - mark) / HOUR) * HOUR;
  return age - mark < every;
}
