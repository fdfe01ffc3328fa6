/**
 * The wake-up time that a worker parks a run with: the next time at which it must look although no message arrives.
 * Null: only a message can make something happen.
 */
import type { Millis } from "../protocol/history.ts";
import type { RunState } from "./state.ts";
import { sessionOf } from "./state.ts";

const LOOK_AGAIN_MIN = 60_000;
const LOOK_AGAIN_MAX = 600_000;
const clamp = (x: number, low: number, high: number) => Math.min(high, Math.max(low, x));

export interface Outlook {
  readonly now: Millis;
  readonly session: string;
  /** Workflow code threw a bug at the present state: a worker tries it again, perhaps with repaired code. */
  readonly broken: boolean;
  /** When the first message arrived that waits for repaired code; null = none. What is due after it waits too (DECIDE-5). */
  readonly nextArrival: Millis | null;
  /** When another session would be dead without a further heartbeat; null = not known. */
  diesAt(session: string): Millis | null;
}

export function dueAt(state: RunState, o: Outlook): Millis | null {
  const times: Millis[] = [];
  if (state.closed) return null;
  if (state.started.deadline !== null) times.push(state.started.deadline);
  // The wait equals the age of the first failure, so it doubles each time: 1 s … 1 min.
  if (o.broken && state.quarantine !== null && o.now < state.quarantine.until) {
    times.push(state.quarantine.until);
  } else if (o.broken) {
    const first = Math.min(o.now, ...state.taskFailures.values());
    times.push(o.now + clamp(o.now - first, 1_000, LOOK_AGAIN_MIN));
  }
  const waits = (at: Millis) => o.broken && o.nextArrival !== null && at > o.nextArrival;
  for (const at of state.timers.values()) if (!waits(at)) times.push(at);
  for (const open of state.activities.values()) {
    const { schedule_to_close_ms: close, schedule_to_start_ms: start } = open.options;
    if (close !== undefined && !waits(open.scheduledAt + close)) times.push(open.scheduledAt + close);
    const session = sessionOf(open.where);
    if (session === null) {
      // Past the limit, or a worker has begun it: this limit needs no wake-up any more.
      const counts = open.attempt === 1 && start !== undefined && open.scheduledAt + start > o.now;
      if (counts) times.push(open.scheduledAt + start);
    } else if (open.retryAt !== null) {
      times.push(open.retryAt);
    } else if (open.startedAt !== null) {
      // Look again at growing distances, and once the session that runs the attempt would be dead.
      times.push(o.now + clamp(o.now - open.startedAt, LOOK_AGAIN_MIN, LOOK_AGAIN_MAX));
      const dies = session === o.session ? null : o.diesAt(session);
      if (dies !== null) times.push(dies + 1);
    }
  }
  return times.length === 0 ? null : Math.min(...times);
}
