/**
 * A schedule's log: the newest entries travel in the schedule's own item, so that they are written with what they tell
 * of; older ones are moved out by some twenty at a time.
 *
 * SCHEDULELOG-1. Only entries that are stored in the item are moved, before the write that leaves them out. Which ones depends on
 *     the stored item alone, so two that move them move the same.
 */
import type { Ports, ScheduleLife } from "../../ports.ts";
import { type LogEntry, type ScheduleState, wake } from "../rules/index.ts";

/** Entries that stay in the item whatever their age. */
const KEPT = 20;
/** So many are moved at least, to write a row or item of them at a time. */
const MOVED = 20;

export const lifeOf = (workspace: string, state: ScheduleState): ScheduleLife => ({
  workspace,
  schedule: state.schedule_id,
  createdAt: state.created_at,
});

/** Moves old entries out of the stored state; answers those that its next value still carries. SCHEDULELOG-1. */
export async function carried(ports: Ports, workspace: string, stored: ScheduleState): Promise<readonly LogEntry[]> {
  const { log } = stored;
  if (log.length < KEPT + MOVED) return log;
  const old = log.slice(0, -KEPT);
  await ports.schedules.putLog(lifeOf(workspace, stored), old);
  return log.slice(-KEPT);
}

export interface LogPage {
  /** Newest first. */
  readonly entries: LogEntry[];
  /** There are older ones. */
  readonly more: boolean;
}

/**
 * The log up to now, newest first, entries before number `before`. A paused or exhausted schedule is not woken for times
 * that cannot start anything: those since its last change are worked out here.
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
