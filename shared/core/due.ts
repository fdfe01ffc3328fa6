/**
 * When somebody must look at a run although nobody tells it anything: the `next` of a park. Null: nothing can happen
 * without a message.
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
  /** Workflow code threw a bug at the present state: it is to be tried again, perhaps by repaired code. */
  readonly broken: boolean;
  /** Known time of death of other sessions should they fall silent now. */
  diesAt(session: string): Millis | null;
}

export function dueAt(state: RunState, o: Outlook): Millis | null {
  const times: Millis[] = [];
  if (state.closed) return null;
  if (state.started.deadline !== null) times.push(state.started.deadline);
  // Try again with a back-off that doubles with the age of the first failure: 1 s … 1 min.
  if (o.broken) {
    const first = Math.min(o.now, ...state.taskFailures.values());
    times.push(o.now + clamp(o.now - first, 1_000, LOOK_AGAIN_MIN));
  }
  for (const at of state.timers.values()) times.push(at);
  for (const open of state.activities.values()) {
    const { schedule_to_close_ms: close, schedule_to_start_ms: start } = open.options;
    if (close !== undefined) times.push(open.scheduledAt + close);
    const session = sessionOf(open.where);
    if (session === null) {
      // Past the limit and begun by somebody: nothing more to wait for here.
      const waits = open.attempt === 1 && start !== undefined && open.scheduledAt + start > o.now;
      if (waits) times.push(open.scheduledAt + start);
    } else if (open.retryAt !== null) {
      times.push(open.retryAt);
    } else if (open.startedAt !== null) {
      // Whoever runs it: look again, ever more rarely; at once when its session would be dead.
      times.push(o.now + clamp(o.now - open.startedAt, LOOK_AGAIN_MIN, LOOK_AGAIN_MAX));
      const dies = session === o.session ? null : o.diesAt(session);
      if (dies !== null) times.push(dies + 1);
    }
  }
  return times.length === 0 ? null : Math.min(...times);
}
