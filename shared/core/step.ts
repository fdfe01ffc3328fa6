/**
 * `draft` and `step` compute the next batch that a worker records of a run, and what the worker does after it. Pure: time
 * and facts come in as arguments, the batch goes out as a value. Workflow code is asynchronous, so the worker asks it
 * between the two calls: `draft` computes the events that need no code and the stimuli for the code, `step` adds the
 * decisions of the code. The rules EXEC-6 and EXEC-7 are defined in `sdk/worker/execution.ts`.
 */
import { cutText } from "../protocol/cut-text.ts";
import type { Batch, Decision, Failure, HistoryEvent, Millis, NewEvent, Stimulus } from "../protocol/history.ts";
import { isClosing, isStimulus } from "../protocol/history.ts";
import { arrivals } from "../protocol/messages.ts";
import { type Step as Decided, decide, isLimited, latestTime, type RefusedUpdate, type Situation } from "./decide.ts";
import { isQuarantined } from "./quarantine.ts";
import { type RunState, sessionOf } from "./state.ts";

export interface Facts extends Situation {
  /** Time of the new events. The worker reads it after the other facts, so it is not before `now`. */
  readonly recordedAt: Millis;
  /** Messages in the inbox. `messages` are those of them that fit into one call (EXEC-7). */
  readonly inboxSize: number;
  /** The messages wait until workflow code was given what is recorded: its validators may be attached only then. */
  readonly waitsForCode?: boolean;
  /** The run ends at the messages that its code was given last, and others wait to be recorded first (EXEC-7). */
  readonly ending: boolean;
  /** Workflow code has been given exactly the events of the state, and can be given more. */
  readonly replayed: boolean;
  /** The bug on which workflow code stopped; null = none (EXEC-6). */
  readonly bug: Failure | null;
  /** Hash of the definition that the bug puts into quarantine. */
  readonly quarantines?: string | null;
}

export interface Draft {
  /** Recorded without workflow code: messages, outcomes, timers, lost attempts. */
  readonly events: readonly HistoryEvent[];
  readonly taken: readonly string[];
  /** DECIDE-8. */
  readonly repeats: readonly string[];
  /** DECIDE-9. */
  readonly refused: readonly RefusedUpdate[];
  /** Workflow code is to be given these; null = it is not asked in this step. */
  readonly stimuli: readonly Stimulus[] | null;
  /** The inbox holds messages beyond those of this step. */
  readonly more: boolean;
  /** Messages are recorded without workflow code, because the run ends at them (EXEC-7). */
  readonly gathers: boolean;
}

/** What workflow code made of the stimuli: decisions, with the hash of the definition that took them, or a bug. */
export type Answer =
  | {
      readonly decided: number;
      readonly decisions: readonly Decision[];
      readonly code: string;
      /** Replay flags that the run uses by now; the history records each once. */
      readonly flags: readonly number[];
    }
  | { readonly bug: Failure; readonly quarantines?: string | null };

/** What `step` asks of the worker when it places decisions: it changes while workflow code runs. */
export interface Placement {
  /** Attempts for which the worker can reserve a slot now. */
  readonly slots: number;
  /** The worker runs activities of this name itself, also without a slot. Absent: none. */
  readonly alwaysHere?: (name: string) => boolean;
  /** Does an attempt of this activity run here? */
  runsHere(activity: number): boolean;
}

export interface Step {
  /** Null: nothing is recorded. */
  readonly batch: Pick<Batch, "first" | "events"> | null;
  /** Ids of messages that may be deleted: once the batch is durable, or at once if there is none. */
  readonly taken: string[];
  /** `replay`: the instance is dropped and the log replayed, because the code saw more, or less, than is recorded. */
  readonly next: "again" | "rest" | "replay";
  /** The value of `Facts.ending` for the next step. */
  readonly ending: boolean;
}

export function draft(state: RunState, facts: Facts): Draft {
  const { events, taken, repeats, refused } = recorded(state, facts);
  const more = facts.waitsForCode || (facts.messages.length > 0 && facts.messages.length < facts.inboxSize);
  const gathers = facts.ending && more;
  const asks = facts.replayed && !gathers && (state.lastStimulus > state.decided || events.some(isStimulus));
  return { events, taken, repeats, refused, stimuli: asks ? events.filter(isStimulus) : null, more, gathers };
}

/**
 * Whether a run without messages, bugs and outcomes of local work is at rest: `draft` would find no event, and nothing to ask the code.
 * It costs a fraction of `draft`, and so it answers false also where only `draft` can tell.
 */
export function isAtRest(state: RunState, { session, isRunning }: Pick<Facts, "session" | "isRunning">): boolean {
  if (state.closed || state.timers.size > 0 || state.lastStimulus > state.decided) return false;
  for (const [activity, open] of state.activities) {
    if (open.retryAt !== null || isLimited(open.options)) return false;
    const where = sessionOf(open.where);
    if (where !== null && !(where === session && isRunning(activity, open.attempt))) return false;
  }
  return true;
}

function recorded(state: RunState, facts: Facts): Omit<Decided, "events"> & { events: HistoryEvent[] } {
  const decided = decide(state, facts);
  const at = timeOf(state, facts);
  return { ...decided, events: decided.events.map((e, i) => numbered(e, state.tail + 1 + i, at)) };
}

/** `answer`: null if the draft has no stimuli for workflow code. */
export function step(state: RunState, facts: Facts, drafted: Draft, answer: Answer | null, place: Placement): Step {
  const { more, gathers } = drafted;
  const at = timeOf(state, facts);
  let events = [...drafted.events];
  let taken = [...drafted.taken];
  let { bug, quarantines = null, ending } = facts;
  if (answer !== null && "bug" in answer) {
    ({ bug, quarantines = null } = answer);
    ending = false;
    const nextArrival = arrivals(facts.messages)[0] ?? facts.nextArrival;
    ({ events, taken } = recorded(state, { ...facts, messages: [], nextArrival })); // EXEC-6
  } else if (answer !== null) {
    ending = more && answer.decisions.some((d) => isClosing(d) && d.kind !== "execution_continued");
    if (ending) return { batch: null, taken: [], next: "replay", ending }; // EXEC-7
    if (answer.decisions.at(-1)?.kind === "execution_continued") {
      leaveToNextRun(events, taken, answer.decided);
      taken = taken.filter((id) => !drafted.repeats.includes(id)); // DECIDE-8
    }
    let { slots } = place;
    for (const decision of answer.decisions) {
      const placed = placedHere(decision, facts, place, slots);
      if (placed.kind === "activity_scheduled" && placed.where !== "queue" && !place.alwaysHere?.(placed.name))
        slots -= 1;
      events.push(numbered(placed, state.tail + 1 + events.length, at));
    }
  }
  if (bug !== null) noteBug(bug, quarantines, events, state, at);
  if (events.length === 0) return { batch: null, taken, next: more ? "again" : "rest", ending };
  if (answer !== null && "decided" in answer) {
    const { decided, code } = answer;
    const flags = answer.flags.filter((flag) => !state.flags.has(flag));
    events[events.length - 1] = {
      ...events.at(-1)!,
      decided,
      ...(code === state.code ? {} : { code }),
      ...(flags.length > 0 ? { flags } : {}), // FLAGS-2
    };
  }
  return { batch: { first: state.tail + 1, events }, taken, next: gathers ? "replay" : "again", ending };
}

const timeOf = (state: RunState, facts: Facts): Millis => Math.max(facts.recordedAt, state.at, latestTime(facts));

const numbered = (event: NewEvent | Decision, id: number, at: Millis): HistoryEvent =>
  ({ ...event, id, at }) as HistoryEvent;

/** An activity runs in this worker if the worker has it and a slot is left, else it goes through the queue. */
function placedHere(decision: Decision, facts: Facts, place: Placement, slots: number): Decision {
  if (decision.kind === "activity_scheduled") {
    const { rate_limit, session = facts.session } = decision.options;
    // The queue holds what waits for a rate limit, so that it takes no slot.
    const room = slots > 0 || place.alwaysHere?.(decision.name);
    const here = room && rate_limit === undefined && session === facts.session && facts.canRun(decision.name);
    return { ...decision, where: here ? `local:${facts.session}` : "queue" };
  }
  if (decision.kind === "activity_cancel_requested" && place.runsHere(decision.activity)) {
    return { ...decision, where: `local:${facts.session}` };
  }
  return decision;
}

/**
 * The code of a run that continues as new has not seen the stimuli after the one on which it did so. Their messages stay
 * in the inbox unrecorded, so that the code of the next run is given them.
 */
function leaveToNextRun(events: HistoryEvent[], taken: string[], decided: number): void {
  for (let last = events.at(-1); last && last.id > decided; last = events.at(-1)) {
    events.pop();
    const at = "message" in last ? taken.indexOf(last.message) : -1;
    if (at >= 0) taken.splice(at, 1);
  }
}

/** EXEC-6. */
const RECORDED_BUGS = 10;
const MOST_OFTEN: Millis = 60_000;
const SELDOM: Millis = 86_400_000;

/** EXEC-6: one `workflow_task_failed` per distinct error, and one per quarantine. */
function noteBug(
  failure: Failure,
  quarantines: string | null,
  events: HistoryEvent[],
  state: RunState,
  at: Millis,
): void {
  const fingerprint = cutText(`${failure.type ?? "Error"}: ${failure.message}`, 500);
  const begins = quarantines !== null && !isQuarantined(state.quarantine, quarantines, at);
  if (!begins && (state.taskFailures.has(fingerprint) || isTooSoon(state, at))) return;
  const quarantined = begins ? { quarantined: quarantines } : {};
  const id = state.tail + 1 + events.length;
  events.push({ kind: "workflow_task_failed", id, at, failure, fingerprint, ...quarantined });
}

function isTooSoon({ taskFailures }: RunState, at: Millis): boolean {
  if (taskFailures.size < RECORDED_BUGS) return false;
  const times = [...taskFailures.values()];
  const last = Math.max(...times);
  return at - last < Math.min(SELDOM, Math.max(MOST_OFTEN, last - Math.min(...times)));
}
