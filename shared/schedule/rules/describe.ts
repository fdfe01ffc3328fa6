/** The view of a schedule that the API shows. */
import { formatInstant } from "./civil.ts";
import { cursorAfter } from "./collect.ts";
import type { ScheduleDefinition } from "./definition.ts";
import { idOf, specOf } from "./draft.ts";
import { FUTURE_SHOWN } from "./limits.ts";
import type { ActiveRun, Counters, LogEntry, Outcome, ScheduleState } from "./state.ts";
import { Steps, Uncomputable } from "./steps.ts";
import { type DueTime, isSkipped, timesAfter } from "./times.ts";
import { wake } from "./wake.ts";

/** The contract's ScheduleDefinitionOutput, and after the blank line the fields that the contract does not have. */
export interface ScheduleDescription extends Omit<ScheduleDefinition, "max_executions"> {
  readonly schedule_id: string;
  readonly workflow_name: string;
  readonly deployment_name: string;
  readonly paused: boolean;
  readonly note: string | null;
  /** null = no limit, 0 = exhausted. */
  readonly remaining_executions: number | null;
  /** At most the next 10, earliest first: with jitter, without skipped times, also while paused. */
  readonly future_executions: readonly { readonly scheduled_at: string }[];
  /** At most the last 10, newest last. */
  readonly recent_executions: readonly {
    readonly scheduled_at: string;
    readonly started_at: string;
    readonly execution_id: string;
  }[];

  /** At most 10 nominal times that `skip` excludes, before the last of `future_executions`. */
  readonly skipped_executions: readonly { readonly scheduled_at: string }[];
  readonly running_executions: readonly {
    readonly execution_id: string;
    readonly scheduled_at: string;
    readonly started_at: string | null;
    readonly status: "starting" | "running" | "cancelling" | "terminating";
  }[];
  /** Runs that wait for an active one to close. */
  readonly waiting_executions: readonly { readonly scheduled_at: string; readonly manual: boolean }[];
  readonly counters: Counters;
  /** The newest due time that came while it was active and started nothing. */
  readonly not_started: {
    readonly scheduled_at: string;
    readonly decided_at: string;
    readonly outcome: Outcome;
    readonly reason: string | null;
  } | null;
  readonly user_id: string | null;
  readonly created_at: string;
  readonly updated_at: string;
}

/** Candidates that are examined for `skipped_executions`. */
const SKIP_CANDIDATES = 1000;

export function describe(state: ScheduleState, now: number): ScheduleDescription {
  const { max_executions: _, ...definition } = state.definition;
  const steps = new Steps();
  const future = futureTimes(state, now, steps);
  return {
    ...definition,
    schedule_id: state.schedule_id,
    workflow_name: state.workflow_name,
    deployment_name: state.deployment_name,
    paused: state.paused,
    note: state.note,
    remaining_executions: state.remaining,
    future_executions: future.map(({ actual }) => ({ scheduled_at: formatInstant(actual) })),
    recent_executions: state.recent.map(({ scheduled_at, started_at, execution_id }) => ({
      scheduled_at: formatInstant(scheduled_at),
      started_at: formatInstant(started_at),
      execution_id,
    })),
    skipped_executions: skippedTimes(state, now, future.at(-1)?.nominal, steps),
    running_executions: state.active.map((run) => ({
      execution_id: idOf(state, run),
      scheduled_at: formatInstant(run.actual),
      started_at: run.started_at === null ? null : formatInstant(run.started_at),
      status: statusOf(run),
    })),
    waiting_executions: state.buffer.map(({ actual, manual }) => ({
      scheduled_at: formatInstant(actual),
      manual: manual !== null,
    })),
    counters: state.counters,
    not_started: state.not_started ? notStarted(state.not_started) : null,
    user_id: state.created_by,
    created_at: formatInstant(state.created_at),
    updated_at: formatInstant(state.updated_at),
  };
}

const notStarted = ({ actual, at, outcome, reason }: LogEntry) => ({
  scheduled_at: formatInstant(actual),
  decided_at: formatInstant(at),
  outcome,
  reason: reason ?? null,
});

function statusOf({ starting, stop }: ActiveRun) {
  if (stop) return stop.kind === "cancel" ? "cancelling" : "terminating";
  return starting ? "starting" : "running";
}

/** The next due times after now, at most as many as `remaining` allows to start; none if they cannot be computed. */
function futureTimes(state: ScheduleState, now: number, steps: Steps): DueTime[] {
  const search = { seed: state.seed, steps };
  return computed(() => {
    const spec = specOf(state.definition);
    const cursor = cursorAfter(spec, state.cursor, now, search);
    return timesAfter(spec, cursor, search).take(Math.min(FUTURE_SHOWN, state.remaining ?? FUTURE_SHOWN));
  });
}

function skippedTimes(state: ScheduleState, now: number, until: number | undefined, steps: Steps) {
  const times = computed(() => {
    const spec = specOf(state.definition);
    if (spec.skip.length === 0) return [];
    return timesAfter({ ...spec, skip: [], jitterMs: 0 }, now, { steps })
      .take(SKIP_CANDIDATES)
      .filter(({ nominal }) => nominal < (until ?? Number.POSITIVE_INFINITY) && isSkipped(spec, nominal, steps))
      .take(FUTURE_SHOWN);
  });
  return times.map(({ nominal }) => ({ scheduled_at: formatInstant(nominal) }));
}

/** The times that the view's budget reaches. */
function computed(search: () => Iterable<DueTime>): DueTime[] {
  const times: DueTime[] = [];
  try {
    for (const time of search()) times.push(time);
  } catch (error) {
    if (!(error instanceof Uncomputable)) throw error;
  }
  return times;
}

/**
 * The log up to now. A paused or exhausted schedule is not woken for due times that cannot start anything, so this function
 * adds the entries of the due times since its last change. The next change stores them.
 */
export function logAt(state: ScheduleState, now: number): readonly LogEntry[] {
  return state.paused || state.remaining === 0 ? wake(state, now).state.log : state.log;
}
