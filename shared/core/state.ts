/**
 * `fold`: the only way from recorded events to the state of a run.
 *
 * FOLD-1. Pure and total: every legal history folds. An event that does not fit (an outcome for something not open, a
 *     message taken in before) changes nothing.
 * FOLD-2. `fold` mutates the state in its argument: a state has one owner at a time.
 */

import type {
  ActivityOptions,
  Failure,
  HistoryEvent,
  Millis,
  OnParentClose,
  Started,
  Where,
} from "../protocol/history.ts";
import { CLOSING, isClosing, originOf } from "../protocol/history.ts";
import type { ClosedStatus } from "../protocol/status.ts";
import { Unreadable } from "../protocol/unreadable.ts";
import { nextQuarantine, type Quarantine } from "./quarantine.ts";

export interface OpenActivity {
  readonly name: string;
  readonly input: unknown;
  readonly options: ActivityOptions;
  readonly args: true | undefined;
  scheduledAt: Millis;
  where: Where;
  attempt: number;
  /** When the present attempt began; null while it waits for `retryAt`, and in the queue. */
  startedAt: Millis | null;
  retryAt: Millis | null;
  lastFailure: Failure | null;
  cancelRequested: boolean;
}

export interface OpenChild {
  readonly execution: string;
  readonly workflow: string;
  readonly onParentClose: OnParentClose;
  /** The event that scheduled it, and the run that recorded that event first: the run that its outcome names. */
  readonly event: number;
  readonly run: string;
}

export interface RunState {
  readonly started: Started;
  /** Id and time of the last event. */
  tail: number;
  at: Millis;
  /** Id of the last stimulus whose decisions are recorded (0 = none yet). */
  decided: number;
  closed: ClosedStatus | null;
  readonly activities: Map<number, OpenActivity>;
  /** Highest number of an activity or a child so far: an outcome of a higher number is younger than these events. */
  lastActivity: number;
  lastChild: number;
  readonly timers: Map<number, Millis>;
  readonly children: Map<number, OpenChild>;
  /** Updates that are accepted and not answered: message id to name. */
  readonly updates: Map<string, string>;
  /** Ids of the messages taken in, also by earlier runs of the chain, with the time. */
  readonly taken: Map<string, Millis>;
  /** The bugs recorded since the last decision: fingerprint to time. */
  readonly taskFailures: Map<string, Millis>;
  cancelRequested: boolean;
  /** Updates of which the history records the refusal (DECIDE-9). */
  refusedUpdates: number;
  /** Hash of the workflow definition that decided last; null = none was recorded. */
  code: string | null;
  /** Replay flags that the history holds. */
  readonly flags: Set<number>;
  /** Id of the last stimulus. Greater than `decided`: workflow code has not answered it yet. */
  lastStimulus: number;
  /** QUARANTINE-1; null = none. One that has ended stays, for the next one (QUARANTINE-3). */
  quarantine: Quarantine | null;
}

export function stateOf(started: Started): RunState {
  return {
    started,
    tail: 1,
    at: started.at,
    decided: 0,
    closed: null,
    activities: new Map(),
    lastActivity: 0,
    lastChild: 0,
    timers: new Map(),
    children: new Map(),
    updates: new Map(),
    taken: new Map(started.carried.map((id) => [id, started.at])),
    taskFailures: new Map(),
    cancelRequested: false,
    refusedUpdates: 0,
    code: null,
    flags: new Set(),
    lastStimulus: 1,
    quarantine: null,
  };
}

/** Folds further events into `state`, which it returns. */
export function fold(state: RunState, events: readonly HistoryEvent[]): RunState {
  for (const event of events) apply(state, event);
  return state;
}

type Appliers = { [K in HistoryEvent["kind"]]: (state: RunState, event: Extract<HistoryEvent, { kind: K }>) => void };

const nothing = () => {};
const stimulus = (state: RunState, event: HistoryEvent) => {
  state.lastStimulus = event.id;
};
const close = (state: RunState, event: HistoryEvent) => {
  if (isClosing(event)) state.closed = CLOSING[event.kind];
};

const appliers: Appliers = {
  execution_started: stimulus,
  activity_scheduled: (s, e) => {
    s.lastActivity = Math.max(s.lastActivity, e.activity);
    s.activities.set(e.activity, {
      name: e.name,
      input: e.input,
      args: e.args,
      options: e.options,
      scheduledAt: e.at,
      where: e.where,
      attempt: 1,
      startedAt: e.where === "queue" ? null : e.at,
      retryAt: null,
      lastFailure: null,
      cancelRequested: false,
    });
  },
  activity_attempt_failed: (s, e) => {
    const open = s.activities.get(e.activity);
    if (!open || open.attempt !== e.attempt) return;
    open.retryAt = e.retry_at;
    open.startedAt = null;
    open.lastFailure = e.failure;
  },
  activity_attempt_started: (s, e) => {
    const open = s.activities.get(e.activity);
    if (!open) return;
    open.attempt = e.attempt;
    open.where = e.where;
    open.startedAt = e.where === "queue" ? null : e.at;
    open.retryAt = null;
  },
  activity_completed: (s, e) => {
    s.activities.delete(e.activity);
    stimulus(s, e);
  },
  activity_failed: (s, e) => {
    s.activities.delete(e.activity);
    stimulus(s, e);
  },
  activity_cancel_requested: (s, e) => {
    const open = s.activities.get(e.activity);
    if (open) open.cancelRequested = true;
  },
  timer_started: (s, e) => void s.timers.set(e.timer, e.fire_at),
  timer_cancelled: (s, e) => void s.timers.delete(e.timer),
  timer_fired: (s, e) => {
    s.timers.delete(e.timer);
    stimulus(s, e);
  },
  child_scheduled: (s, e) => {
    s.lastChild = Math.max(s.lastChild, e.child);
    s.children.set(e.child, {
      execution: e.execution,
      workflow: e.workflow,
      onParentClose: e.on_parent_close,
      event: e.id,
      run: originOf(s.started, e.id),
    });
  },
  child_cancel_requested: nothing,
  child_completed: (s, e) => {
    s.children.delete(e.child);
    stimulus(s, e);
  },
  child_failed: (s, e) => {
    s.children.delete(e.child);
    stimulus(s, e);
  },
  signal_received: (s, e) => {
    s.taken.set(e.message, e.at);
    stimulus(s, e);
  },
  cancel_requested: (s, e) => {
    s.taken.set(e.message, e.at);
    s.cancelRequested = true;
    stimulus(s, e);
  },
  update_accepted: (s, e) => {
    s.taken.set(e.message, e.at);
    s.updates.set(e.message, e.name);
    stimulus(s, e);
  },
  update_rejected: (s, e) => {
    s.taken.set(e.message, e.at);
    s.refusedUpdates += 1;
  },
  update_completed: (s, e) => void s.updates.delete(e.message),
  update_failed: (s, e) => void s.updates.delete(e.message),
  custom_task: nothing,
  patched: nothing,
  search_keys_set: nothing,
  workflow_task_failed: (s, e) => {
    s.taskFailures.set(e.fingerprint, e.at);
    if (e.quarantined !== undefined) s.quarantine = nextQuarantine(s.quarantine, e);
  },
  quarantine_ended: (s) => {
    s.quarantine = null;
  },
  execution_reset: (s) => {
    s.taskFailures.clear();
    s.quarantine = null;
  },
  activity_restarted: (s, e) => {
    const open = s.activities.get(e.activity);
    if (!open) return;
    open.where = "queue";
    open.attempt = 1;
    open.scheduledAt = e.task.scheduled_at;
    open.startedAt = null;
    open.retryAt = null;
    open.lastFailure = null;
  },
  execution_completed: close,
  execution_failed: close,
  execution_cancelled: close,
  execution_continued: close,
  execution_terminated: close,
  execution_timed_out: close,
};

function apply(state: RunState, event: HistoryEvent): void {
  const applier = appliers[event.kind] as ((s: RunState, e: HistoryEvent) => void) | undefined;
  if (!applier) throw new Unreadable(`event ${event.id} is of kind '${event.kind}', which this version does not know`);
  applier(state, event);
  state.tail = event.id;
  state.at = event.at;
  if (event.decided !== undefined) {
    state.decided = event.decided;
    state.taskFailures.clear();
    state.quarantine = null; // QUARANTINE-3
  }
  if (event.code !== undefined) state.code = event.code;
  for (const flag of event.flags ?? []) state.flags.add(flag);
}

/** The session in a local place; null for the queue. */
export const sessionOf = (where: Where): string | null => (where === "queue" ? null : where.slice("local:".length));
