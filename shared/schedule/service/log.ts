/**
 * A schedule's log. The newest entries are part of the schedule's own item, so that an entry and the change that it records
 * are one write. Older entries are moved to the log store, at least twenty at a time.
 *
 * SCHEDULELOG-1. Only entries that are stored in the item are moved, and they are moved before the write that leaves them out.
 *     The stored item alone determines which ones, so two processes that move entries at the same time move the same ones.
 */
import type { Ports, ScheduleLife } from "../../ports.ts";
import { type LogEntry, type ScheduleState, wake } from "../rules/index.ts";

/** Entries that stay in the item whatever their age. */
const KEPT = 20;
/** Fewest entries that are moved at once: each move writes one row or item of them. */
const MOVED = 20;

export const lifeOf = (workspace: string, state: ScheduleState): ScheduleLife => ({
  workspace,
  schedule: state.schedule_id,
  createdAt: state.created_at,
});

/** Moves old entries out of the stored state. Answers the entries that stay in it. SCHEDULELOG-1. */
export async function moveOldEntries(
  ports: Ports,
  workspace: string,
  stored: ScheduleState,
): Promise<readonly LogEntry[]> {
  const { log } = stored;
  if (log.length < KEPT + MOVED) return log;
  const old = log.slice(0, -KEPT);
  await ports.schedules.putLog(lifeOf(workspace, stored), old);
  return log.slice(-KEPT);
}

export interface LogPage {
  /** Newest first. */
  readonly entries: LogEntry[];
  /** There are older entries. */
  readonly more: boolean;
}

/**
 * The log up to now, newest first, entries before number `before`. A paused or exhausted schedule is not woken for due times
 * that cannot start anything, so this function computes the entries of the due times since its last change.
 */
export async function readLog(
  ports: Ports,
  workspace: string,
  state: ScheduleState,
  p: { before?: number; limit: number },
): Promise<LogPage> {
  const before = p.before ?? Number.MAX_SAFE_INTEGER;
  const lost = state.paused || state.remaining === 0 ? wake(state, ports.clock.now()).log : [];
  const entries = [...state.log, ...lost].filter((entry) => entry.seq < before).reverse();
  if (entries.length <= p.limit) {
    const older = Math.min(before, entries.at(-1)?.seq ?? before);
    const wanted = { before: older, limit: p.limit + 1 - entries.length };
    if (older > 1) entries.push(...(await ports.schedules.log(lifeOf(workspace, state), wanted)));
  }
  return { entries: entries.slice(0, p.limit), more: entries.length > p.limit };
}
