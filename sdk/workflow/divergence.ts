/** Compares what replayed code decides with the recorded decisions: by identity (kind, number, name), not by content. */
import type { Decision, DecisionKind, HistoryEvent } from "../../shared/protocol/history.ts";

/** The fields that identify a decision: they must equal the recorded ones. */
const IDENTITY: { [K in DecisionKind]: readonly (keyof Extract<Decision, { kind: K }>)[] } = {
  activity_scheduled: ["activity", "name"],
  activity_cancel_requested: ["activity"],
  timer_started: ["timer"],
  timer_cancelled: ["timer"],
  child_scheduled: ["child", "workflow", "execution"],
  child_cancel_requested: ["child", "execution"],
  update_completed: ["name", "message"],
  update_failed: ["name", "message"],
  custom_task: ["event", "task_type", "task"],
  patched: ["patch"],
  search_keys_set: [],
  execution_completed: [],
  execution_failed: [],
  execution_cancelled: [],
  execution_continued: ["workflow"],
};

export type RecordedDecision = Extract<HistoryEvent, { kind: DecisionKind }>;
type Fields = Record<string, unknown>;

/** A text of user code, such as the type of a task, without halves of surrogate pairs (VALUES-1). */
const asRecorded = (value: unknown): unknown => (typeof value === "string" ? value.toWellFormed() : value);

function isSame(recorded: RecordedDecision, actual: Decision): boolean {
  if (recorded.kind !== actual.kind) return false;
  for (const field of IDENTITY[actual.kind] as readonly string[]) {
    if (asRecorded((recorded as Fields)[field]) !== asRecorded((actual as Fields)[field])) return false;
  }
  return true;
}

/** A decision in words: `activity_scheduled (activity 3, name charge)`. */
export function describe(decision: Decision | RecordedDecision | undefined): string {
  if (!decision) return "nothing";
  const fields = (IDENTITY[decision.kind] as readonly string[]).map(
    (field) => `${field} ${String((decision as Fields)[field])}`,
  );
  return fields.length === 0 ? decision.kind : `${decision.kind} (${fields.join(", ")})`;
}

/** Replayed code decided other than recorded: the code was changed under a running execution, or it is not deterministic. */
export class DivergenceError extends Error {
  /** Hash of the workflow definition that recorded the history; null = not known. */
  readonly recordedCode: string | null;
  /** Hash of the workflow definition that replayed it. */
  readonly code: string;
  /** The recorded decision, in words. */
  readonly expected: string;
  /** The decision of the code, in words. */
  readonly actual: string;
  /** Number of the decision in the run, from 1. */
  readonly step: number;
  /** Id of the recorded decision's event; if none is recorded, of the event up to which the code decided too much. */
  readonly event: number;

  constructor(at: {
    workflow: string;
    run: string;
    expected: string;
    actual: string;
    step: number;
    event: number;
    /** What the run waits for, in words. */
    waiting: string[];
    recordedCode: string | null;
    code: string;
  }) {
    const waits = at.actual === "nothing" && at.waiting.length > 0 ? ` (it waits for ${at.waiting.join(", ")})` : "";
    super(
      `workflow "${at.workflow}" no longer does what run ${at.run} recorded. ` +
        `Step ${at.step}, event ${at.event}: recorded ${at.expected}, the code decided ${at.actual}${waits}. ` +
        `${definitions(at.recordedCode, at.code)} ` +
        "Either the code was changed in a way that running executions cannot follow (put the old behaviour back, deploy the " +
        "change under a new workflow name, or end these executions), or it uses something that differs between runs " +
        "(module state, environment, unordered results of other libraries: move it into an activity). " +
        "The execution is not failed: it goes on as soon as a worker with fitting code takes it.",
    );
    this.name = "DivergenceError";
    this.expected = at.expected;
    this.actual = at.actual;
    this.step = at.step;
    this.event = at.event;
    this.recordedCode = at.recordedCode;
    this.code = at.code;
  }
}

function definitions(recorded: string | null, code: string): string {
  if (recorded === null) return `Definition ${code} replays it; the definition that recorded it is not known.`;
  if (recorded === code) return `The same definition (${code}) recorded it.`;
  return `Definition ${recorded} recorded it, and definition ${code} replays it.`;
}

export interface Difference {
  readonly expected: string;
  readonly actual: string;
  readonly step: number;
  readonly event: number;
}

/** The recorded decisions that are not compared yet, and the number of those that are. */
export class DecisionRecord {
  #expected: RecordedDecision[] = [];
  /** Decisions compared or new so far: the number of the last one in the run. */
  #steps = 0;

  expect(decision: RecordedDecision): void {
    this.#expected.push(decision);
  }

  /** Counts new decisions, for which nothing is recorded. */
  add(count: number): void {
    this.#steps += count;
  }

  /**
   * The first difference between the decisions of the code and those recorded; null = none. `checkpoint` is the event that
   * carries `decided`: up to it the code must have taken exactly the recorded decisions.
   */
  compare(actual: readonly Decision[], checkpoint: number): Difference | null {
    const expected = this.#expected;
    this.#expected = [];
    const longest = Math.max(expected.length, actual.length);
    for (let i = 0; i < longest; i++) {
      this.#steps += 1;
      const recorded = expected[i];
      if (recorded && actual[i] && isSame(recorded, actual[i]!)) continue;
      const event = recorded?.id ?? checkpoint;
      return { expected: describe(recorded), actual: describe(actual[i]), step: this.#steps, event };
    }
    return null;
  }
}
