/**
 * Replay flags: a change of what the runtime decides, such that runs that were recorded before it replay as before.
 *
 * FLAGS-1. Code asks `ops.usesFlag(FLAG)` where the behaviour differs. In a step that is new the answer is yes, and the
 *     flag is recorded with that step. During a replay and in queries the answer is whether the run uses the flag so far.
 * FLAGS-2. The last event of the batch carries, beside `decided`, the flags that the run uses and that no earlier event
 *     carries. A replay reads them before it gives the stimuli of that step, because the step was decided under them.
 * FLAGS-3. A history with an unknown flag was recorded by a newer SDK. The worker refuses to replay it: with the old
 *     behaviour it would diverge, or decide something that the newer SDK cannot replay.
 * FLAGS-4. A flag is never removed and its number is never used again: histories live as long as their executions.
 *
 * A run that began without a flag uses it from its next new step on. So each flag must allow old and new behaviour in the
 * same run: a step, once recorded, keeps its own.
 *
 * To add one: the next number in `FLAGS`, a paragraph in each field, and a history recorded without it in `test/histories`.
 */
import { VERSION } from "../../shared/protocol/version.ts";

export interface ReplayFlag {
  /** From 1; recorded in histories. */
  readonly id: number;
  readonly name: string;
  /** What the runtime does in runs without the flag. */
  readonly before: string;
  /** What it does in runs with the flag. */
  readonly after: string;
  /** Version of the SDK that records it first. */
  readonly since: string;
}

export const EARLY_MESSAGES_IN_ORDER: ReplayFlag = {
  id: 1,
  name: "early-messages-in-order",
  before:
    "Each `on` delivers the messages of its own handler that arrived before it. Where code attaches several handlers one " +
    "after the other, all early messages of the first come before those of the second, whatever their order of arrival.",
  after:
    "The early messages of all handlers that code attaches in one go are delivered in the order in which they arrived.",
  since: "0.2.0",
};
/** A wait whose end has passed: `sleep(deadline - now())`. */
export const PASSED_WAITS: ReplayFlag = {
  id: 2,
  name: "passed-waits",
  before: "A negative length of a wait or a limit throws a RangeError in workflow code.",
  after:
    "A negative number of milliseconds counts as a time that has passed: a wait ends at once, a limit is reached at once.",
  since: "0.2.0",
};
/** A promise is no condition. */
export const ASYNC_CONDITIONS: ReplayFlag = {
  id: 3,
  name: "async-conditions",
  before: "waitUntil() takes the promise of an async condition for true.",
  after: "waitUntil() throws a UsageError when its condition answers a promise.",
  since: "0.2.0",
};
/** When a history is long. */
export const SIZE_IN_BYTES: ReplayFlag = {
  id: 4,
  name: "size-in-bytes",
  before: "historyIsLong() adds up the characters of inputs and results.",
  after: "historyIsLong() adds up the bytes of the JSON of all stimuli and decisions.",
  since: "0.2.0",
};
/** Which search keys may be set. */
export const SEARCH_KEY_NAMES: ReplayFlag = {
  id: 5,
  name: "search-key-names",
  before: "setSearchKeys() and deleteSearchKeys() take names with control characters and halves of surrogate pairs.",
  after: "They throw a UsageError for such a name, as the server refuses it.",
  since: "0.2.0",
};

/** Every flag there ever was, by number. Version 0.1.0 has none. */
export const FLAGS: readonly ReplayFlag[] = [
  EARLY_MESSAGES_IN_ORDER,
  PASSED_WAITS,
  ASYNC_CONDITIONS,
  SIZE_IN_BYTES,
  SEARCH_KEY_NAMES,
];

/** The history holds replay flags that this SDK does not know. */
export class UnknownFlagError extends Error {
  constructor(workflow: string, run: string, unknown: readonly number[], known: readonly ReplayFlag[]) {
    const knows = known.length > 0 ? `flags ${known.map((flag) => flag.id).join(", ")}` : "no flags";
    super(
      `run ${run} of workflow "${workflow}" was recorded with replay flag ${unknown.join(", ")} by a newer SDK; this worker runs ` +
        `version ${VERSION}, which knows ${knows}, and would replay it differently. Update @sirocco/sdk in all workers of the ` +
        "deployment. The execution is not failed: it goes on as soon as a worker with the newer SDK takes it.",
    );
    this.name = "UnknownFlagError";
  }
}

/** The flags of one run. */
export class RunFlags {
  readonly #known: readonly ReplayFlag[];
  readonly #used = new Set<number>();

  constructor(known: readonly ReplayFlag[]) {
    this.#known = known;
  }

  /** Takes flags from the history; answers those that are unknown (FLAGS-3). */
  load(ids: readonly number[]): number[] {
    for (const id of ids) this.#used.add(id);
    return ids.filter((id) => !this.#known.some((flag) => flag.id === id));
  }

  /** FLAGS-1. `newStep`: code decides a step that is not recorded yet, as opposed to a replay or a query. */
  uses(flag: ReplayFlag, newStep: boolean): boolean {
    if (newStep && this.#known.some(({ id }) => id === flag.id)) this.#used.add(flag.id);
    return this.#used.has(flag.id);
  }

  /** Ascending. */
  get used(): number[] {
    return [...this.#used].sort((a, b) => a - b);
  }
}
