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
 * DECIDE-5. Outcomes of local work, messages, timers and limits are told in the order of their times, whenever somebody
 *     looks: what fell due at or before the arrival of a message comes before that message. Messages keep the order of their
 *     numbers (MESSAGE-1). What falls due after the arrival of a message that waits for a later step waits with it.
 * DECIDE-6. The history records the first attempts of an activity whole (`RECORDED_ATTEMPTS`). Later ones go to the queue,
 *     whose deliveries count them without an event, so that retries without a limit cannot fill the history. Attempts
 *     with a long back-off stay with the run, recorded in short: at an hour or more apart they take years to fill it.
 * DECIDE-7. An activity of a session runs there or fails: the loss of its worker is the end of it, without further attempts,
 *     for the state that its session has in that worker is lost. An attempt that a living session does not run is begun again.
 * DECIDE-8. A run records one request to cancel it: code is told once (SCOPE-1), so further ones would only fill the history. They are
 *     in `taken` without an event, and in `repeats`: where the run continues as new in the same step, they are the next run's.
 * DECIDE-9. A run records the first updates that its code refuses (`RECORDED_REFUSALS`). A caller may repeat a refused update for
 *     ever, so later ones are in `refused` instead: the worker has the server answer the caller and delete the message, before
 *     the step goes on. The server does both in one write under the fence, so no other worker can accept the update.
 */
import type { ActivityOptions, AttemptEnd, Failure, Millis, NewEvent } from "../protocol/history.ts";
import { MAX_QUEUED_BACKOFF_MS, RECORDED_ATTEMPTS, RECORDED_REFUSALS } from "../protocol/limits.ts";
import { type ActivityOutcome, arrivals, type InboxMessage } from "../protocol/messages.ts";
import { shortRefusal } from "./refusal.ts";
import { afterFailure, backoffMs, shortened } from "./retry.ts";
import type { OpenActivity, RunState } from "./state.ts";
import { sessionOf } from "./state.ts";

export interface LocalOutcome {
  readonly activity: number;
  readonly attempt: number;
  readonly outcome: ActivityOutcome;
  /** When the attempt ended. */
  readonly at: Millis;
}

export interface Situation {
  readonly now: Millis;
  readonly session: string;
  /** In the order of their numbers. */
  readonly messages: readonly InboxMessage[];
  /** When the first message arrived that is not among `messages` and waits for a later step; null = none waits. */
  readonly nextArrival: Millis | null;
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
  /** Those of `taken` that DECIDE-8 leaves out. */
  readonly repeats: string[];
  /** DECIDE-9. Their ids are in `taken` too. */
  readonly refused: RefusedUpdate[];
}

/** An update whose refusal the history does not record. */
export interface RefusedUpdate {
  readonly id: string;
  readonly status: number;
  readonly failure: Failure;
}

/** What one call of `decide` reads and builds. */
interface Draft {
  readonly state: RunState;
  readonly situation: Situation;
  readonly step: Step;
  /** Activities and children that `step` ends: nothing further of them counts. */
  readonly endedActivities: Set<number>;
  readonly endedChildren: Set<number>;
  cancelRequested: boolean;
  refusedUpdates: number;
}

export function decide(state: RunState, situation: Situation): Step {
  const step: Step = { events: [], taken: [], repeats: [], refused: [] };
  if (state.closed) return step;
  const draft: Draft = {
    state,
    situation,
    step,
    endedActivities: new Set(),
    endedChildren: new Set(),
    cancelRequested: state.cancelRequested,
    refusedUpdates: state.refusedUpdates,
  };
  for (const { record } of happenings(draft)) record();
  for (const [number, open] of state.activities) if (!draft.endedActivities.has(number)) checkOpen(draft, number, open);
  return step;
}

/** The latest time that is known: a server that has taken a message may be ahead of the clock of this worker. */
export const latestTime = ({ now, messages }: Pick<Situation, "now" | "messages">): Millis =>
  messages.length === 0 ? now : Math.max(now, ...arrivals(messages).slice(-1));

interface Happening {
  readonly at: Millis;
  record(): void;
}

/** DECIDE-5. The sort is stable: at the same time outcomes come first, then what is due, then messages. */
function happenings(draft: Draft): Happening[] {
  const { outcomes, messages } = draft.situation;
  const all: Happening[] = outcomes.map((o) => ({ at: o.at, record: () => takeLocal(draft, o) }));
  addDue(draft, all);
  if (messages.length > 0) addMessages(draft, all);
  return all.length > 1 ? all.sort((a, b) => a.at - b.at) : all;
}

function addMessages(draft: Draft, all: Happening[]): void {
  const { messages } = draft.situation;
  const times = arrivals(messages);
  const ids = new Set<string>();
  for (const [i, message] of messages.entries()) {
    if (ids.has(message.id)) continue; // DECIDE-1, also within one step
    ids.add(message.id);
    all.push({ at: times[i]!, record: () => takeMessage(draft, message) });
  }
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
  const kept = attempt > RECORDED_ATTEMPTS ? shortened(failure) : failure; // DECIDE-6
  const retry_at = next.at;
  step.events.push({ kind: "activity_attempt_failed", activity, name, attempt, reason, failure: kept, retry_at });
  return next.at;
}

/** DECIDE-4. */
export function isYounger(state: RunState, m: InboxMessage): boolean {
  if (m.kind === "child") return m.run === state.started.run && m.child > state.lastChild;
  if (m.kind !== "activity" || m.run !== state.started.run) return false;
  const open = state.activities.get(m.activity);
  // An attempt goes from a worker to the queue, never back.
  return m.activity > state.lastActivity || (open !== undefined && open.where !== "queue");
}

function takeMessage(draft: Draft, m: InboxMessage): void {
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
      if (refused && draft.refusedUpdates >= RECORDED_REFUSALS) {
        const { status, failure } = refused;
        step.refused.push({ id: m.id, status, failure: shortRefusal(failure) });
      } else if (refused) {
        draft.refusedUpdates += 1;
        step.events.push({ kind: "update_rejected", message: m.id, name: m.name, ...refused });
      } else step.events.push({ kind: "update_accepted", message: m.id, name: m.name, input: m.input });
      return;
    }
    case "cancel":
      if (draft.cancelRequested) step.repeats.push(m.id);
      else step.events.push({ kind: "cancel_requested", message: m.id, reason: m.reason });
      draft.cancelRequested = true;
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
      if (state.children.get(m.child)?.run !== m.run || draft.endedChildren.has(m.child)) return; // DECIDE-1
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

/** Timers, and the limits of activities. */
function addDue(draft: Draft, all: Happening[]): void {
  const { state, situation: s, step } = draft;
  const until = Math.min(latestTime(s), s.nextArrival ?? Number.POSITIVE_INFINITY);
  if (state.timers.size > 0) {
    const timers = [...state.timers].sort((a, b) => a[1] - b[1] || a[0] - b[0]);
    for (const [timer, at] of timers) {
      if (at <= until) all.push({ at, record: () => void step.events.push({ kind: "timer_fired", timer }) });
    }
  }
  let ended: Set<number> | null = null;
  for (const [activity, open] of state.activities) {
    if (!isLimited(open.options)) continue;
    ended ??= new Set(s.outcomes.map((o) => o.activity));
    if (ended.has(activity)) continue; // the attempt itself keeps the limits
    for (const limit of limitsOf(open)) {
      // `hasBegun` is known of the activities that were late at `now`.
      const last = limit.reason === "schedule_to_start" ? Math.min(until, s.now) : until;
      if (limit.at <= last) all.push({ at: limit.at, record: () => exceed(draft, activity, open, limit) });
    }
  }
}

export const isLimited = ({ schedule_to_close_ms, schedule_to_start_ms }: ActivityOptions): boolean =>
  schedule_to_close_ms !== undefined || schedule_to_start_ms !== undefined;

interface Limit {
  readonly at: Millis;
  readonly reason: "schedule_to_close" | "schedule_to_start";
  readonly message: string;
}

function limitsOf({ options, scheduledAt, name, attempt, where }: OpenActivity): Limit[] {
  const { schedule_to_close_ms: close, schedule_to_start_ms: start } = options;
  const limits: Limit[] = [];
  if (close !== undefined) {
    const message = `${name} did not end within ${close} ms of being scheduled`;
    limits.push({ at: scheduledAt + close, reason: "schedule_to_close", message });
  }
  // A later attempt in the queue belongs to an activity that has begun before: the limit is for the first.
  if (start !== undefined && attempt === 1 && where === "queue") {
    const message = `no worker began ${name} within ${start} ms`;
    limits.push({ at: scheduledAt + start, reason: "schedule_to_start", message });
  }
  return limits;
}

function exceed(draft: Draft, activity: number, open: OpenActivity, { reason, message }: Limit): void {
  const { situation, step, endedActivities } = draft;
  if (endedActivities.has(activity)) return;
  if (reason === "schedule_to_start" && situation.hasBegun(activity)) return;
  const { name, attempt } = open;
  const failure = { type: "Timeout", message };
  step.events.push({ kind: "activity_failed", activity, name, attempt, reason, failure });
  endedActivities.add(activity);
}

const LOST: Failure = { type: "WorkerLost", message: "the worker that ran this attempt died or lost its connection" };

/** DECIDE-7. */
export const sessionLost = (activity: string, session: string): Failure => ({
  type: "WorkerLost",
  message: `${activity} belongs to worker session ${session}, whose worker has stopped or died: begin a new session`,
  non_retryable: true,
});

/** Attempts whose time to begin has come, orphans. */
function checkOpen(draft: Draft, activity: number, open: OpenActivity): void {
  const { situation: s, step, endedActivities: ended } = draft;
  const { name, attempt } = open;
  const session = sessionOf(open.where);
  if (session === null) return;
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
  if (open.options.session !== undefined && session !== s.session) {
    const failure = sessionLost(name, session);
    step.events.push({ kind: "activity_failed", activity, name, attempt, reason: "lost", failure });
    return;
  }
  if (recordFailure(draft, activity, open, { reason: "lost", failure: LOST }) !== null)
    nextAttempt(draft, activity, open);
}

function nextAttempt({ situation: s, step }: Draft, activity: number, open: OpenActivity): void {
  const attempt = open.attempt + 1;
  const recordable = attempt <= RECORDED_ATTEMPTS || backoffMs(open.options.retry, attempt) > MAX_QUEUED_BACKOFF_MS;
  const { session = s.session } = open.options;
  if (recordable && session === s.session && s.canRun(open.name)) {
    step.events.push({ kind: "activity_attempt_started", activity, attempt, where: `local:${s.session}` });
  } else {
    const { name, input, args, options, scheduledAt: scheduled_at } = open;
    const task = { name, input: input as never, ...(args && { args }), options, scheduled_at };
    step.events.push({ kind: "activity_attempt_started", activity, attempt, where: "queue", task });
  }
}
