/**
 * `decide`: the events that the owner of a run records next, before workflow code answers them: outcomes of its own local
 * work, messages, timers that are due, lost attempts, expired limits. Pure: time and facts come in as arguments, events
 * go out as values. The decisions of workflow code follow in the same batch.
 *
 * DECIDE-1. A message id is taken in at most once a chain: fold knows the ids. A message that means nothing any more (an
 *     outcome for something not open, for another run, or of an ended attempt) is in `taken` without an event, so that
 *     the server deletes it.
 * DECIDE-2. A local attempt is an orphan iff its session is dead, or is mine and I do not run the attempt. Never by
 *     counting deliveries (interleaving "orphans by receive count"). One batch records the loss and the next attempt.
 * DECIDE-3. An outcome of local work counts only while the run's state names that attempt as mine.
 * DECIDE-4. An outcome may be younger than the caller's log: an inbox read after an append may hold the outcome of something
 *     that another worker has requested since, at a position that the caller has not read. Such a message stays in the
 *     inbox: it is neither taken in nor deleted (interleaving "an outcome younger than the log").
 * DECIDE-5. The history records the first attempts of an activity whole (`RECORDED_ATTEMPTS`). Later ones go to the queue,
 *     whose deliveries count them without an event, so that retries without a limit cannot fill the history. Attempts
 *     with a long back-off stay with the run, recorded in short: at an hour or more apart they take years to fill it.
 */
import type { AttemptEnd, Failure, Millis, NewEvent } from "../protocol/history.ts";
import { MAX_QUEUED_BACKOFF_MS, RECORDED_ATTEMPTS } from "../protocol/limits.ts";
import type { ActivityOutcome, Message } from "../protocol/messages.ts";
import { afterFailure, backoffMs, shortened } from "./retry.ts";
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
  /** In the order in which decide takes them in. */
  readonly messages: readonly Message[];
  readonly outcomes: readonly LocalOutcome[];
  /** Whether this session runs the attempt now. */
  isRunning(activity: number, attempt: number): boolean;
  isDead(session: string): boolean;
  /** Whether this worker can run activities of this name now. */
  canRun(name: string): boolean;
  /** Whether a worker has begun this queued activity. */
  hasBegun(activity: number): boolean;
  /** The reason to hide this signal from workflow code; null = none. */
  checkSignal(name: string, input: unknown): string | null;
  checkUpdate(name: string, input: unknown): { status: number; failure: Failure } | null;
}

export interface Step {
  readonly events: NewEvent[];
  /** Message ids that may be deleted once `events` are durable. */
  readonly taken: string[];
}

/** What one call of `decide` reads and builds. */
interface Draft {
  readonly state: RunState;
  readonly situation: Situation;
  readonly step: Step;
  /** Activities and children that `step` ends: nothing further of them counts. */
  readonly endedActivities: Set<number>;
  readonly endedChildren: Set<number>;
}

export function decide(state: RunState, situation: Situation): Step {
  const step: Step = { events: [], taken: [] };
  if (state.closed) return step;
  const draft: Draft = { state, situation, step, endedActivities: new Set(), endedChildren: new Set() };
  for (const outcome of situation.outcomes) takeLocal(draft, outcome);
  const messages = new Set<string>();
  for (const message of situation.messages) {
    if (messages.has(message.id)) continue; // DECIDE-1, also within one step
    messages.add(message.id);
    takeMessage(draft, message);
  }
  fireTimers(draft);
  for (const [number, open] of state.activities) if (!draft.endedActivities.has(number)) checkOpen(draft, number, open);
  return step;
}

function takeLocal(draft: Draft, o: LocalOutcome): void {
  const { state, situation, endedActivities } = draft;
  const open = state.activities.get(o.activity);
  if (!open || endedActivities.has(o.activity) || open.attempt !== o.attempt || open.startedAt === null) return;
  if (sessionOf(open.where) !== situation.session) return; // DECIDE-3
  if (o.outcome.kind === "completed") {
    const { result } = o.outcome;
    draft.step.events.push({ kind: "activity_completed", activity: o.activity, name: open.name, result });
  } else {
    recordFailure(draft, o.activity, open, o.outcome);
  }
  endedActivities.add(o.activity);
}

/** Records a failed attempt; answers when the next begins, null = none does. */
function recordFailure(
  { situation, step }: Draft,
  activity: number,
  open: OpenActivity,
  { reason, failure }: { reason: AttemptEnd; failure: Failure },
): Millis | null {
  const { name, attempt } = open;
  const next = afterFailure({ ...open, reason, failure, now: situation.now });
  if (next.kind === "final") {
    step.events.push({ kind: "activity_failed", activity, name, attempt, reason: next.reason, failure });
    return null;
  }
  const kept = attempt > RECORDED_ATTEMPTS ? shortened(failure) : failure; // DECIDE-5
  const retry_at = next.at;
  step.events.push({ kind: "activity_attempt_failed", activity, name, attempt, reason, failure: kept, retry_at });
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

function takeMessage(draft: Draft, m: Message): void {
  const { state, situation: s, step } = draft;
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
      if (m.run !== state.started.run || !open || draft.endedActivities.has(m.activity) || open.where !== "queue")
        return; // DECIDE-1
      draft.endedActivities.add(m.activity);
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
      if (m.run !== state.started.run || !state.children.has(m.child) || draft.endedChildren.has(m.child)) return; // DECIDE-1
      draft.endedChildren.add(m.child);
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

function fireTimers({ state, situation, step }: Draft): void {
  const due = [...state.timers].filter(([, at]) => at <= situation.now);
  due.sort((a, b) => a[1] - b[1] || a[0] - b[0]);
  for (const [timer] of due) step.events.push({ kind: "timer_fired", timer });
}

const LOST: Failure = { type: "WorkerLost", message: "the worker that ran this attempt died or lost its connection" };

/** Expired limits, attempts whose time to begin has come, orphans. */
function checkOpen(draft: Draft, activity: number, open: OpenActivity): void {
  const { situation: s, step, endedActivities: ended } = draft;
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
    // A later attempt in the queue belongs to an activity that has begun before: the limit is for the first.
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
      nextAttempt(draft, activity, open);
    }
    return;
  }
  const orphan = session === s.session ? !s.isRunning(activity, attempt) : s.isDead(session); // DECIDE-2
  if (!orphan) return;
  ended.add(activity);
  if (recordFailure(draft, activity, open, { reason: "lost", failure: LOST }) !== null)
    nextAttempt(draft, activity, open);
}

function nextAttempt({ situation: s, step }: Draft, activity: number, open: OpenActivity): void {
  const attempt = open.attempt + 1;
  const recordable = attempt <= RECORDED_ATTEMPTS || backoffMs(open.options.retry, attempt) > MAX_QUEUED_BACKOFF_MS;
  if (recordable && s.canRun(open.name)) {
    step.events.push({ kind: "activity_attempt_started", activity, attempt, where: `local:${s.session}` });
  } else {
    const task = { name: open.name, input: open.input as never, options: open.options, scheduled_at: open.scheduledAt };
    step.events.push({ kind: "activity_attempt_started", activity, attempt, where: "queue", task });
  }
}
