/**
 * A reset: the current run of an execution ends, and a new run begins with a copy of its first events. Pure: histories and
 * times come in as arguments, events go out as values. `shared/engine/reset.ts` writes them.
 *
 * RESET-1. A history is cut before the decisions of a step, or right before a stimulus: never between two decisions of one
 *     step. So the copied events replay, and workflow code decides again on the stimuli that the copy leaves undecided.
 * RESET-2. What followed from the id of the run that recorded a step (randomness, ids of children, the run that the outcome
 *     of a child names) follows from that id in the copy as well: `origins` names the runs. Steps that the new run decides
 *     follow from its own id, so they start children under new ids. Where code gives an id itself, the child that the replaced
 *     run had started after the point gives way.
 * RESET-3. After the copy come an `execution_reset`, then what the server records for the new run: each activity without an
 *     outcome begins anew, at its first attempt; signals, updates and outcomes of copied children that the old run had taken
 *     in after the point follow in their order, each after the copied timers that were due before it (DECIDE-5). They are
 *     events and not messages: a message would get a number after those that wait in the inbox, and would be taken in
 *     after them (MESSAGE-1).
 * RESET-4. Requests for cancellation after the point, and signals and updates that the caller excludes, are not given to the
 *     new run. It begins with their ids among `carried`, in case one of them still lies in the inbox (DECIDE-1).
 * RESET-5. A reset with an idempotency key is for the run that its first request found, and happens once: a repeated one finds
 *     the run that has followed it, whose head carries the key. Without a key each request is a reset of its own: the
 *     point may exist in the new run as well.
 * RESET-6. A reset may name the deployment of the new run, such as another version of the code (PINNED-5). It is checked before the
 *     reset that its workers are live and have the workflow; a repeated reset (RESET-5) that has happened needs none. The old run's tasks do not claim the new one, as after a
 *     continue-as-new into another deployment (CURRENT-1).
 */
import type { HistoryEvent, Millis, NewEvent, ResetRef, Started } from "../protocol/history.ts";
import { isDecision, isStimulus, originOf } from "../protocol/history.ts";
import type { ResetTo } from "../protocol/reset.ts";
import { fold, type RunState } from "./state.ts";

/** A step that a run can be reset to: its decisions are taken again. */
export interface ResetPoint {
  /** The last event of the step. */
  readonly event: number;
  readonly at: Millis;
  /** The last stimulus on which the code decided. */
  readonly after: HistoryEvent;
  readonly decisions: readonly HistoryEvent[];
}

/** The points of a history. `events`: from event 1 on. */
export function resetPoints(events: readonly HistoryEvent[]): ResetPoint[] {
  const points: ResetPoint[] = [];
  for (const [i, event] of events.entries()) {
    if (event.decided === undefined) continue;
    let first = isDecision(event) ? i : i + 1;
    while (first <= i && isOfSameStep(events[first - 1])) first -= 1;
    const after = events[event.decided - 1];
    if (after) points.push({ event: event.id, at: event.at, after, decisions: events.slice(first, i + 1) });
  }
  return points;
}

const isOfSameStep = (event: HistoryEvent | undefined): boolean =>
  event !== undefined && isDecision(event) && event.decided === undefined;

/** The copy of a history: events 1 to `through`; `redo`: the event whose `decided` it leaves out, because its step is decided again. */
export interface Cut {
  readonly through: number;
  readonly redo: number | null;
}

export type ResetTarget = { readonly event: number } | { readonly to: ResetTo };

/** Null: the history has no such point. */
export function cutOf(events: readonly HistoryEvent[], target: ResetTarget): Cut | null {
  const points = resetPoints(events);
  if ("event" in target) return before(points.find(({ event }) => event === target.event));
  switch (target.to) {
    case "start":
      return { through: 1, redo: null };
    case "last_decision":
      return before(points.at(-1));
    case "first_failure":
      return firstFailure(events, points);
  }
}

const before = (point: ResetPoint | undefined): Cut | null =>
  point ? { through: point.event - point.decisions.length, redo: point.event } : null;

/**
 * Before the first activity that failed for good: its outcome is not copied, so it runs again, and what ran beside it keeps
 * its outcome. A child has ended for ever, so the step that started it is decided again. Then a failure of the code itself.
 */
function firstFailure(events: readonly HistoryEvent[], points: readonly ResetPoint[]): Cut | null {
  const stepOf = (id: number) => before(points.find(({ event }) => event >= id));
  for (const event of events) {
    if (event.kind === "activity_failed" && event.reason !== "cancelled") return { through: event.id - 1, redo: null };
    if (event.kind === "child_failed" && event.status !== "CANCELED") {
      const start = events.find((e) => e.kind === "child_scheduled" && e.child === event.child);
      return stepOf(start?.id ?? event.id);
    }
    if (event.kind === "execution_failed") return stepOf(event.id);
  }
  const last = points.at(-1);
  const broken = events.some((e) => e.kind === "workflow_task_failed" && e.id > (last?.event ?? 0));
  return broken ? (before(last) ?? { through: 1, redo: null }) : null;
}

/** Events 2 to `through`, as the new run begins with them. */
export function copiedEvents(events: readonly HistoryEvent[], { through, redo }: Cut): HistoryEvent[] {
  return events.slice(1, through).map((event) => {
    if (event.id !== redo) return event;
    const { decided: _decided, code: _code, flags: _flags, ...undecided } = event;
    return undecided as HistoryEvent;
  });
}

/** Events that are looked at before other requests may run: some milliseconds. */
const EVENTS_AT_ONCE = 1_000;

export function* pieces(events: readonly HistoryEvent[]): Generator<readonly HistoryEvent[]> {
  for (let i = 0; i < events.length; i += EVENTS_AT_ONCE) yield events.slice(i, i + EVENTS_AT_ONCE);
}

/** `pause`: lets other requests run. */
export async function foldInPieces(
  state: RunState,
  events: readonly HistoryEvent[],
  pause: () => Promise<void>,
): Promise<RunState> {
  for (const some of pieces(events)) {
    fold(state, some);
    await pause();
  }
  return state;
}

/** RESET-2. `copied`: the copied events, of the run that `started` began. */
export function originsOf(started: Started, copied: readonly HistoryEvent[]): ResetRef["origins"] {
  const through = copied.findLast((event) => event.decided !== undefined)?.id;
  if (through === undefined) return [];
  const earlier = (started.reset?.origins ?? []).filter((origin) => origin.through < through);
  return [...earlier, { run: originOf(started, through), through }];
}

export interface ResetTerms {
  readonly from: string;
  readonly reason: string | null;
  readonly now: Millis;
  readonly excluded: readonly ("signals" | "updates")[];
}

/** The first events after the copy (RESET-3). Folds them into `state`, that of the copied events. */
export function resetEvents(state: RunState, { from, reason, now, excluded }: ResetTerms): HistoryEvent[] {
  const events: NewEvent[] = [{ kind: "execution_reset", from, reason, excluded: [...excluded] }];
  for (const [activity, open] of state.activities) {
    const { name, input, args, options, attempt } = open;
    if (open.cancelRequested) {
      const failure = { type: "Cancelled", message: `${name} was cancelled before the reset` };
      events.push({ kind: "activity_failed", activity, name, attempt, reason: "cancelled", failure });
    } else {
      const task = { name, input: input as never, ...(args && { args }), options, scheduled_at: now };
      events.push({ kind: "activity_restarted", activity, task });
    }
  }
  return place(state, events, now);
}

export interface Reapplied {
  readonly events: HistoryEvent[];
  /** Those of the old run that `events` give the new one again, and those whose messages are in `left`. */
  readonly given: HistoryEvent[];
  readonly notGiven: HistoryEvent[];
  /** Ids of messages that the new run is not given (RESET-4), with the times at which the old run took them in. */
  readonly left: [message: string, at: Millis][];
}

/** RESET-3, RESET-4. `later`: further events of the old run, after those that the caller passed before. */
export function reapply(
  state: RunState,
  later: readonly HistoryEvent[],
  { now, excluded }: Pick<ResetTerms, "now" | "excluded">,
): Reapplied {
  const done: Reapplied = { events: [], given: [], notGiven: [], left: [] };
  const dueTimers = timersInOrder(state);
  for (const event of later) {
    const again = sameStimulus(state, event, excluded);
    if (again) {
      done.events.push(...place(state, [...dueTimers(event.at), again], now));
      done.given.push(event);
    } else if ("message" in event && !ANSWERS.has(event.kind) && !state.taken.has(event.message)) {
      done.left.push([event.message, event.at]);
      done.notGiven.push(event);
    }
  }
  return done;
}

/** They name an update without taking a message in. */
const ANSWERS = new Set<HistoryEvent["kind"]>(["update_completed", "update_failed"]);

/** The event with which the new run is given the stimulus as well; null: it is not. */
function sameStimulus(state: RunState, event: HistoryEvent, excluded: ResetTerms["excluded"]): NewEvent | null {
  if (!isStimulus(event)) return null;
  const { id: _id, at: _at, decided: _decided, code: _code, flags: _flags, ...again } = event;
  switch (event.kind) {
    case "signal_received":
      return excluded.includes("signals") || state.taken.has(event.message) ? null : (again as NewEvent);
    case "update_accepted":
      return excluded.includes("updates") || state.taken.has(event.message) ? null : (again as NewEvent);
    case "child_completed":
    case "child_failed":
      return state.children.has(event.child) ? (again as NewEvent) : null;
    case "execution_started":
    case "activity_completed":
    case "activity_failed":
    case "timer_fired":
    case "cancel_requested":
      return null;
  }
}

/**
 * Answers the open timers that are due at a time, each once. They are sorted once: a history may have as many timers as
 * messages. What `reapply` places opens none.
 */
function timersInOrder(state: RunState): (at: Millis) => NewEvent[] {
  const open = [...state.timers].sort((a, b) => a[1] - b[1] || a[0] - b[0]);
  let next = 0;
  return (at) => {
    const due: NewEvent[] = [];
    for (; next < open.length && open[next]![1] <= at; next++) due.push({ kind: "timer_fired", timer: open[next]![0] });
    return due;
  };
}

function place(state: RunState, events: readonly NewEvent[], now: Millis): HistoryEvent[] {
  const at = Math.max(now, state.at);
  const placed = events.map((event, i) => ({ ...event, id: state.tail + 1 + i, at }) as HistoryEvent);
  fold(state, placed);
  return placed;
}
