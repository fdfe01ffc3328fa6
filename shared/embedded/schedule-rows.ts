/**
 * Schedules as the rows of `schedules` have them.
 *
 * SCHEDULEROW-1. The JSON of a row leaves out what its columns have, and each field that has its usual value; the lists that grow have
 *     arrays in place of objects, and spans in place of second times. Readers add the rest. So most rows fit into the page of their
 *     table, as those of heads do (HEADROW-1), and each due time reads and writes a half of the text. Rows of formats before 9 have
 *     all fields and are read as they are, and so does the row of a state that this program cannot read.
 */
import { UnreadableSchedule } from "../ports.ts";
import {
  type ActiveRun,
  checkState,
  type LogEntry,
  type RecentRun,
  readState,
  type ScheduleDefinition,
  type ScheduleState,
} from "../schedule/rules/index.ts";
import { json, type Row } from "./database.ts";

/** What `stateOf` reads of a row. */
export const SCHEDULE_COLUMNS = "ws, id, version, created_at, body";

const usualSeed = (workspace: string, schedule: string): string => `${workspace}/${schedule}`;

const NONE: readonly never[] = Object.freeze([]);
const USUAL = {
  workflow_registration_id: null,
  created_by: null,
  paused: false,
  note: null,
  remaining: null,
  buffer: NONE,
  active: NONE,
  recent: NONE,
  manual_runs: 0,
  log_entries: 0,
  log: NONE,
} satisfies Partial<ScheduleState>;
/** In the order of the API, which shows definitions. Those that are undefined each row has. */
const USUAL_DEFINITION = {
  input: undefined,
  calendars: NONE,
  intervals: NONE,
  cron_expressions: NONE,
  skip: NONE,
  start_at: null,
  end_at: null,
  jitter: null,
  time_zone_name: null,
  policy: undefined,
  max_executions: null,
} satisfies Record<keyof ScheduleDefinition, unknown>;
const USUAL_COUNTERS: ScheduleState["counters"] = {
  started: 0,
  overlap_skipped: 0,
  missed_catchup_window: 0,
  buffer_dropped: 0,
  refused: 0,
};

/** The JSON of the state, and whether it can be read again. */
export function textOf(
  workspace: string,
  state: ScheduleState,
): { readonly body: string; readonly isReadable: boolean } {
  const isReadable = !("problem" in checkState(state));
  return { body: json(isReadable ? withoutUsual(workspace, state) : state), isReadable };
}

const orAbsent = <T>(value: T | null): T | undefined => value ?? undefined;
const unlessZero = (value: number): number | undefined => (value === 0 ? undefined : value);
const unlessEmpty = <T>(list: readonly T[]): readonly T[] | undefined => (list.length === 0 ? undefined : list);
const arrays = <T, A>(list: readonly T[], arrayOf: (each: T) => A): A[] | undefined =>
  list.length === 0 ? undefined : list.map(arrayOf);

type OfColumns = "schedule_id" | "version" | "created_at";

/** Written out, as in `head-rows.ts`. */
function withoutUsual(
  workspace: string,
  state: ScheduleState,
): Record<Exclude<keyof ScheduleState, OfColumns>, unknown> {
  const { definition, counters } = state;
  return {
    format: state.format,
    seed: state.seed === usualSeed(workspace, state.schedule_id) ? undefined : state.seed,
    workflow_name: state.workflow_name,
    workflow_registration_id: orAbsent(state.workflow_registration_id),
    deployment_name: state.deployment_name,
    follows_current: state.follows_current,
    created_by: orAbsent(state.created_by),
    definition: {
      input: definition.input,
      calendars: unlessEmpty(definition.calendars),
      intervals: unlessEmpty(definition.intervals),
      cron_expressions: unlessEmpty(definition.cron_expressions),
      skip: unlessEmpty(definition.skip),
      start_at: orAbsent(definition.start_at),
      end_at: orAbsent(definition.end_at),
      jitter: orAbsent(definition.jitter),
      time_zone_name: orAbsent(definition.time_zone_name),
      policy: definition.policy,
      max_executions: orAbsent(definition.max_executions),
    } satisfies Record<keyof ScheduleDefinition, unknown>,
    paused: state.paused || undefined,
    note: orAbsent(state.note),
    remaining: orAbsent(state.remaining),
    cursor: state.cursor,
    buffer: unlessEmpty(state.buffer),
    active: arrays(state.active, arrayOfRun),
    recent: arrays(state.recent, arrayOfRecent),
    counters: {
      started: unlessZero(counters.started),
      overlap_skipped: unlessZero(counters.overlap_skipped),
      missed_catchup_window: unlessZero(counters.missed_catchup_window),
      buffer_dropped: unlessZero(counters.buffer_dropped),
      refused: unlessZero(counters.refused),
    } satisfies Record<keyof ScheduleState["counters"], unknown>,
    manual_runs: unlessZero(state.manual_runs),
    log_entries: unlessZero(state.log_entries),
    log: arrays(state.log, arrayOfEntry),
    not_started: state.not_started,
    updated_at: state.updated_at,
  };
}

/** `row`: has `SCHEDULE_COLUMNS`. */
export function stateOf(row: Row): ScheduleState | UnreadableSchedule {
  const state = readState(String(row.body), (stored) => complete(row, stored));
  return "problem" in state ? new UnreadableSchedule(String(row.id), Number(row.created_at), state.problem) : state;
}

function complete({ ws, id, version, created_at }: Row, stored: unknown): unknown {
  if (!isRecord(stored) || stored.format !== 1) return stored;
  const { active, recent, log, counters, definition } = stored;
  return {
    ...USUAL,
    schedule_id: id,
    version,
    created_at,
    seed: usualSeed(String(ws), String(id)),
    ...stored,
    active: listOf(active, runOf),
    recent: listOf(recent, recentOf),
    log: listOf(log, entryOf),
    counters: isRecord(counters) ? { ...USUAL_COUNTERS, ...counters } : counters,
    definition: isRecord(definition) ? { ...USUAL_DEFINITION, ...definition } : definition,
  };
}

/** Elements that are no arrays are those of an earlier format. */
function listOf(stored: unknown, elementOf: (values: never) => unknown): unknown {
  if (stored === undefined) return NONE;
  if (!Array.isArray(stored)) return stored;
  return stored.map((each) => (Array.isArray(each) ? elementOf(each as never) : each));
}

const arrayOfRun = ({ nominal, actual, manual, run, started_at, slot, starting, stop }: ActiveRun) =>
  [nominal, actual - nominal, manual, run, started_at, slot, starting, stop] as const;
const runOf = (values: ReturnType<typeof arrayOfRun>): ActiveRun => {
  const [nominal, jitter, manual, run, started_at, slot, starting, stop] = values;
  return { nominal, actual: nominal + jitter, manual, run, started_at, slot, starting, stop };
};

const arrayOfRecent = ({ scheduled_at, started_at, execution_id }: RecentRun) =>
  [scheduled_at, started_at - scheduled_at, execution_id] as const;
const recentOf = ([scheduled_at, delay, execution_id]: ReturnType<typeof arrayOfRecent>): RecentRun => ({
  scheduled_at,
  started_at: scheduled_at + delay,
  execution_id,
});

const arrayOfEntry = ({ seq, at, nominal, actual, manual, outcome, reason, until }: LogEntry) => {
  const values = [seq, nominal, actual - nominal, at - nominal, outcome, manual] as const;
  return reason === undefined && until === undefined ? values : ([...values, reason ?? null, until ?? null] as const);
};
const entryOf = (values: ReturnType<typeof arrayOfEntry>): LogEntry => {
  const [seq, nominal, jitter, delay, outcome, manual, reason = null, until = null] = values;
  const entry = { seq, at: nominal + delay, nominal, actual: nominal + jitter, manual, outcome };
  if (reason === null && until === null) return entry;
  return { ...entry, ...(reason !== null && { reason }), ...(until !== null && { until }) };
};

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
