/**
 * `decide`: what the driver of a run records next, before workflow code is asked: outcomes of its own local work,
 * messages, timers that are due, attempts that were lost, limits that have passed. Pure: time and facts come in as
 * arguments, events go out as values. The decisions of workflow code follow in the same batch.
 *
 * DECIDE-1. A message id is taken in at most once a chain (fold knows those seen); one that means nothing any more (an
 *     outcome for something not open, for another run, or of an attempt ended) is named in `taken` without an event, so
 *     that it is deleted.
 * DECIDE-2. A local attempt is an orphan iff its session is dead, or is mine and I am not running it. Never by counting
 *     deliveries. The loss and the next attempt are recorded in one batch.
 * DECIDE-3. An outcome of local work counts only while the run's state names that attempt as mine.
 * DECIDE-4. An outcome may be younger than the log: an inbox read after an append may tell of something that another driver
 *     asked for since, at a position not read yet. It means nothing *yet*: neither taken nor deleted (interleaving 15).
 */
import type { AttemptEnd, Failure, Millis, NewEvent } from "../protocol/history.ts";
import type { ActivityOutcome, Message } from "../protocol/messages.ts";
import { afterFailure } from "./retry.ts";
import type { OpenActivity, RunState } from "./state.ts";
import { sessionOf } from "./state.ts";

export interface LocalOutcome {
  readonly activity: number;
  readonly attempt: number;
  readonly outcome: ActivityOutcome;
}

export interface Situation {
  readonly now: Millis;
  readonly session: string;
  /** In the order in which they are to be taken in. */
  readonly messages: readonly Message[];
  readonly outcomes: readonly LocalOutcome[];
  /** Am I running this attempt now? */
  isRunning(activity: number, attempt: number): boolean;
  isDead(session: string): boolean;
  /** Can this worker run activities of this name now? */
  canRun(name: string): boolean;
  /** Has some worker begun this queued activity? */
  hasBegun(activity: number): boolean;
  /** Why workflow code must not see this signal; null = it may. */
  checkSignal(name: string, input: unknown): string | null;
  checkUpdate(name: string, input: unknown): { status: number; failure: Failure } | null;
}

export interface Step {
  readonly events: NewEvent[];
  /** Message ids that may be deleted once `events` are durable. */
  readonly taken: string[];
}

export function decide(state: RunState, s: Situation): Step {
  const step: Step = { events: [], taken: [] };
  if (state.closed) return step;
  const ended = new Set<number>();
  for (const outcome of s.outcomes) takeLocal(state, s, outcome, ended, step);
  const messages = new Set<string>();
  const children = new Set<number>();
  for (const message of s.messages) {
    if (messages.has(message.id)) continue; // DECIDE-1, also within one step
    messages.add(message.id);
    takeMessage(state, s, message, ended, children, step);
  }
  fireTimers(state, s, step);
  for (const [number, open] of state.activities) if (!ended.has(number)) look(number, open, s, ended, step);
  return step;
}

function takeLocal(state: RunState, s: Situation, o: LocalOutcome, ended: Set<number>, step: Step): void {
  const open = state.activities.get(o.activity);
  if (!open || ended.has(o.activity) || open.attempt !== o.attempt || open.startedAt === null) return;
  if (sessionOf(open.where) !== s.session) return; // DECIDE-3
  settle(o.activity, open, o.outcome, s.now, step);
  ended.add(o.activity);
}

function settle(activity: number, open: OpenActivity, outcome: ActivityOutcome, now: Millis, step: Step): void {
  if (outcome.kind === "completed") {
    step.events.push({ kind: "activity_completed", activity, name: open.name, result: outcome.result });
  } else {
    fail(activity, open, outcome.reason, outcome.failure, now, step);
  }
}

/** Records a failed attempt; answers when the next begins, null = none does. */
function fail(
  activity: number,
  open: OpenActivity,
  reason: AttemptEnd,
  failure: Failure,
  now: Millis,
  step: Step,
): Millis | null {
  const { name, attempt } = open;
  const next = afterFailure({ ...open, reason, failure, now });
  if (next.kind === "final") {
    step.events.push({ kind: "activity_failed", activity, name, attempt, reason: next.reason, failure });
    return null;
  }
  step.events.push({ kind: "activity_attempt_failed", activity, name, attempt, reason, failure, retry_at: next.at });
  return next.at;
}

/** DECIDE-4. */
export function isYounger(state: RunState, m: Message): boolean {
  if (m.kind === "child") return m.run === state.started.run && m.child > state.lastChild;
  if (m.kind !== "activity" || m.run !== state.started.run) return false;
  const open = state.activities.get(m.activity);
  // An attempt goes from a worker to the queue, never back.
  return m.activity > state.lastActivity || (open !== undefined && open.where !== "queue");
}

function takeMessage(
  state: RunState,
  s: Situation,
  m: Message,
  ended: Set<number>,
  children: Set<number>,
  step: Step,
): void {
  if (isYounger(state, m)) return;
  step.taken.push(m.id);
  if (state.taken.has(m.id)) return; // DECIDE-1
  switch (m.kind) {
    case "signal": {
      const why = s.checkSignal(m.name, m.input);
      step.events.push({
        kind: "signal_received",
        message: m.id,
        name: m.name,
        input: m.input,
        ...(why === null ? {} : { ignored: why }),
      });
      return;
    }
    case "update": {
      const refused = s.checkUpdate(m.name, m.input);
      if (refused) step.events.push({ kind: "update_rejected", message: m.id, name: m.name, ...refused });
      else step.events.push({ kind: "update_accepted", message: m.id, name: m.name, input: m.input });
      return;
    }
    case "cancel":
      step.events.push({ kind: "cancel_requested", message: m.id, reason: m.reason });
      return;
    case "activity": {
      const open = state.activities.get(m.activity);
      if (m.run !== state.started.run || !open || ended.has(m.activity) || open.where !== "queue") return; // DECIDE-1
      ended.add(m.activity);
      if (m.outcome.kind === "completed") {
        step.events.push({
          kind: "activity_completed",
          activity: m.activity,
          name: open.name,
          result: m.outcome.result,
        });
      } else {
        const { reason, failure } = m.outcome; // the worker that ran it has applied the retry policy
        const { attempt } = m;
        step.events.push({ kind: "activity_failed", activity: m.activity, name: open.name, attempt, reason, failure });
      }
      return;
    }
    case "child": {
      if (m.run !== state.started.run || !state.children.has(m.child) || children.has(m.child)) return; // DECIDE-1
      children.add(m.child);
      if (m.outcome.kind === "completed") {
        step.events.push({ kind: "child_completed", child: m.child, result: m.outcome.result });
      } else {
        const { status, failure } = m.outcome;
        step.events.push({ kind: "child_failed", child: m.child, status, failure });
      }
      return;
    }
  }
}

function fireTimers(state: RunState, s: Situation, step: Step): void {
  const due = [...state.timers].filter(([, at]) => at <= s.now);
  due.sort((a, b) => a[1] - b[1] || a[0] - b[0]);
  for (const [timer] of due) step.events.push({ kind: "timer_fired", timer });
}

const LOST: Failure = { type: "WorkerLost", message: "the worker that ran this attempt died or lost its connection" };

function look(activity: number, open: OpenActivity, s: Situation, ended: Set<number>, step: Step): void {
  const { options, scheduledAt, name, attempt } = open;
  const session = sessionOf(open.where);
  const passed = (limit: number | undefined) => limit !== undefined && s.now >= scheduledAt + limit;
  if (passed(options.schedule_to_close_ms)) {
    const failure = {
      type: "Timeout",
      message: `${name} did not end within ${options.schedule_to_close_ms} ms of being scheduled`,
    };
    const reason = "schedule_to_close" as const;
    step.events.push({ kind: "activity_failed", activity, name, attempt, reason, failure });
    ended.add(activity);
    return;
  }
  if (session === null) {
    // A later attempt that waits in the queue is of an activity that has begun long ago.
    if (attempt === 1 && passed(options.schedule_to_start_ms) && !s.hasBegun(activity)) {
      const failure = { type: "Timeout", message: `no worker began ${name} within ${options.schedule_to_start_ms} ms` };
      const reason = "schedule_to_start" as const;
      step.events.push({ kind: "activity_failed", activity, name, attempt, reason, failure });
      ended.add(activity);
    }
    return;
  }
  if (open.retryAt !== null) {
    if (open.cancelRequested) {
      const failure = { type: "Cancelled", message: `${name} was cancelled while it waited for its next attempt` };
      step.events.push({ kind: "activity_failed", activity, name, attempt, reason: "cancelled", failure });
      ended.add(activity);
    } else if (open.retryAt <= s.now) {
      again(activity, open, s, step);
    }
    return;
  }
  const orphan = session === s.session ? !s.isRunning(activity, attempt) : s.isDead(session); // DECIDE-2
  if (!orphan) return;
  ended.add(activity);
  if (fail(activity, open, "lost", LOST, s.now, step) !== null) again(activity, open, s, step);
}

function again(activity: number, open: OpenActivity, s: Situation, step: Step): void {
  const attempt = open.attempt + 1;
  if (s.canRun(open.name)) {
    step.events.push({ kind: "activity_attempt_started", activity, attempt, where: `local:${s.session}` });
  } else {
    const task = { name: open.name, input: open.input as never, options: open.options, scheduled_at: open.scheduledAt };
    step.events.push({ kind: "activity_attempt_started", activity, attempt, where: "queue", task });
  }
}
