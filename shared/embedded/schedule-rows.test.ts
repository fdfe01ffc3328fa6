import { expect, test } from "vitest";
import { UnreadableSchedule } from "../ports.ts";
import type { LogEntry, ScheduleState } from "../schedule/rules/index.ts";
import type { Row } from "./database.ts";
import { stateOf, textOf } from "./schedule-rows.ts";

const WS = "0190a000-0000-7000-8000-000000000001";
const AT = Date.UTC(2026, 0, 1);

function usual(): ScheduleState {
  return {
    format: 1,
    schedule_id: "report",
    seed: `${WS}/report`,
    version: 3,
    workflow_name: "report",
    workflow_registration_id: null,
    deployment_name: "shop",
    created_by: null,
    definition: {
      input: { n: 1 },
      calendars: [],
      intervals: [],
      cron_expressions: ["0 9 * * *"],
      skip: [],
      start_at: null,
      end_at: null,
      jitter: null,
      time_zone_name: null,
      policy: { overlap: 1, catchup_window_seconds: 31_536_000, pause_on_failure: false },
      max_executions: null,
    },
    paused: false,
    note: null,
    remaining: null,
    cursor: AT,
    buffer: [],
    active: [],
    recent: [],
    counters: { started: 0, overlap_skipped: 0, missed_catchup_window: 0, buffer_dropped: 0, refused: 0 },
    manual_runs: 0,
    log_entries: 0,
    log: [],
    created_at: AT,
    updated_at: AT,
  };
}

const entry = { seq: 7, at: AT + 42, nominal: AT, actual: AT + 9, manual: null, outcome: "started" } satisfies LogEntry;

/** Each field is there, and has another value than the usual one. */
function unusual(): Required<ScheduleState> {
  const whole: Required<LogEntry> = { ...entry, manual: 4, outcome: "refused", reason: "no worker", until: AT + 5 };
  return {
    ...usual(),
    seed: "of a restored schedule",
    workflow_registration_id: "r",
    follows_current: true,
    created_by: "ada",
    definition: {
      input: [],
      calendars: [{ comment: null, hour: [{ start: 1, end: 2, step: 3 }] }],
      intervals: [{ every: "PT1H", offset: null }],
      cron_expressions: ["0 9 * * *"],
      skip: [{ comment: "c" }],
      start_at: "2026-01-01T00:00:00Z",
      end_at: "2027-01-01T00:00:00Z",
      jitter: "PT1M",
      time_zone_name: "Europe/Paris",
      policy: { overlap: 6, catchup_window_seconds: 10, pause_on_failure: true },
      max_executions: 5,
    },
    paused: true,
    note: "",
    remaining: 0,
    buffer: [{ nominal: AT, actual: AT, manual: 1, overlap: 2, waited: true, asked: true }],
    active: [
      {
        nominal: AT,
        actual: AT + 1,
        manual: 2,
        run: "run",
        started_at: AT + 2,
        slot: true,
        starting: { tries: 1, again_at: AT },
        stop: { kind: "cancel", confirmed: false, tries: 2, again_at: AT },
      },
      { nominal: AT, actual: AT, manual: null, run: null, started_at: null, slot: false, starting: null, stop: null },
    ],
    recent: [{ scheduled_at: AT, started_at: AT + 3, execution_id: "e" }],
    counters: { started: 1, overlap_skipped: 2, missed_catchup_window: 3, buffer_dropped: 4, refused: 5 },
    manual_runs: 4,
    log_entries: 8,
    log: [entry, whole, { ...entry, reason: "r" }, { ...entry, until: AT }],
    not_started: whole,
  };
}

const rowOf = (state: ScheduleState, body = textOf(WS, state).body): Row => ({
  ws: WS,
  id: state.schedule_id,
  version: state.version,
  created_at: state.created_at,
  body,
});

test.each([
  ["whose fields all have their usual values", usual],
  ["whose fields all have other values", unusual],
  ["without an input", () => ({ ...usual(), definition: { ...usual().definition, input: null } })],
])("SCHEDULEROW-1: a schedule %s is read as it was written", (_, make) => {
  const read = stateOf(rowOf(make())) as ScheduleState;
  expect(read).toEqual(make());
  expect(JSON.stringify(read.definition)).toBe(JSON.stringify(make().definition));
});

test.each([
  ["usual", usual],
  ["other", unusual],
])("SCHEDULEROW-1: a row with all fields, of %s values, as formats before 9 wrote it, is read as it is", (_, make) => {
  expect(stateOf(rowOf(make(), JSON.stringify(make())))).toEqual(make());
});

test("SCHEDULEROW-1: a state that cannot be read is stored as it is, and its row says why", () => {
  const of = (state: object) => stateOf(rowOf({ ...usual(), ...state } as ScheduleState));
  expect(of({ format: 2 })).toMatchObject({ message: expect.stringContaining("its format is 2") });
  expect(of({ log: "x" })).toMatchObject({ message: "its log cannot be read" });
  expect(of({ definition: [] })).toMatchObject({ message: expect.stringContaining("definition") });
  for (const body of ["", "[]", "{}", '{"format":1,"active":{},"counters":1,"definition":null}']) {
    expect(stateOf(rowOf(usual(), body))).toBeInstanceOf(UnreadableSchedule);
  }
});

test("SCHEDULEROW-1: the row of a schedule with a small input fits into the page of its table after its first starts", () => {
  const run = { ...unusual().active[1]!, run: WS, started_at: AT };
  const recent = Array.from({ length: 3 }, () => ({
    scheduled_at: AT,
    started_at: AT,
    execution_id: "report-20260101T",
  }));
  const row = rowOf({ ...usual(), active: [run], recent, log: recent.map(() => entry) });
  expect(Object.values(row).reduce<number>((sum, value) => sum + 2 + String(value ?? "").length, 0)).toBeLessThan(
    1_002,
  );
});
