/** Does the code still decide what was recorded? Compared by identity (kind, number, name), not by content. */
import type { Decision, DecisionKind, HistoryEvent } from "../../shared/protocol/history.ts";

/** What must be the same for a decision to be the recorded one. */
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
  search_keys_set: [],
  execution_completed: [],
  execution_failed: [],
  execution_cancelled: [],
  execution_continued: ["workflow"],
};

export type RecordedDecision = Extract<HistoryEvent, { kind: DecisionKind }>;
type Fields = Record<string, unknown>;

function isSame(recorded: RecordedDecision, actual: Decision): boolean {
  if (recorded.kind !== actual.kind) return false;
  for (const field of IDENTITY[actual.kind] as readonly string[]) {
    if ((recorded as Fields)[field] !== (actual as Fields)[field]) return false;
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

/** Replayed code decided other than its history records: the code changed under a running execution, or it is not deterministic. */
export class DivergenceError extends Error {
  /** Hash of the definition that recorded the history, where it is known. */
  readonly recordedCode: string | null;
  /** Hash of the definition that replayed it. */
  readonly code: string;
  /** The recorded decision, in words. */
  readonly expected: string;
  /** What the code decided, in words. */
  readonly actual: string;
  /** Which decision of the run, from 1. */
  readonly step: number;
  /** Event id of the recorded decision, or of the mark before which the code decided too much. */
  readonly event: number;

  constructor(at: {
    workflow: string;
    run: string;
    expected: string;
    actual: string;
    step: number;
    event: number;
    waiting: string[];
    /** Hashes of the workflow definitions: the one that decided then, and this one. */
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
  if (recorded === null) return `Definition ${code} replays it; which one recorded it is not known.`;
  if (recorded === code) return `It was recorded by this very definition (${code}).`;
  return `It was recorded by definition ${recorded}, this is ${code}.`;
}

export interface Difference {
  readonly expected: string;
  readonly actual: string;
  readonly step: number;
  readonly event: number;
}

/** The recorded decisions that code has not been compared with yet, and how many it has. */
export class DecisionRecord {
  #expected: RecordedDecision[] = [];
  #steps = 0;

  expect(decision: RecordedDecision): void {
    this.#expected.push(decision);
  }

  /** Decisions that are new: there is nothing to compare them with. */
  add(count: number): void {
    this.#steps += count;
  }

  /** The first place where code parts from what is expected before this mark; null = it does not. */
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
