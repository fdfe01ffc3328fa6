/** Prints a schedule. */

import type { ResponseOf } from "../../../shared/protocol/routes.ts";
import { type Zone, zoneNamed } from "../../../shared/schedule/rules/index.ts";
import type { Io } from "../../io.ts";
import { type Cell, compact, fields, moment, paint, type Tone, table } from "../../print.ts";
import { OVERLAPS } from "./spec.ts";
import { showTimes } from "./times.ts";

export type Schedule = ResponseOf<"getSchedule">;

export const scheduleId = { name: "schedule", help: "id of the schedule" } as const;

export function stateOf({ paused, remaining_executions, future_executions }: Schedule): Cell {
  if (paused) return { text: "paused", tone: "warn" };
  if (remaining_executions === 0) return { text: "exhausted", tone: "dim" };
  return future_executions.length === 0 ? { text: "no more times", tone: "dim" } : { text: "active", tone: "good" };
}

/** The rule in one line. */
export function ruleOf({ calendars, intervals, cron_expressions, time_zone_name }: Schedule): string {
  const parts = [
    ...cron_expressions.map((line) => `cron ${line}`),
    ...intervals.map(({ every, offset }) => `every ${every}${offset ? ` + ${offset}` : ""}`),
    ...calendars.map((calendar) => calendar.comment || "calendar"),
  ];
  return `${parts.join("; ") || "by hand"}${time_zone_name ? ` (${time_zone_name})` : ""}`;
}

/** The zone may also be named by a cron line. */
function zoneOf({ time_zone_name, cron_expressions }: Schedule): Zone {
  const named = /^(?:CRON_)?TZ=(\S+)/.exec(cron_expressions[0]?.trim() ?? "")?.[1];
  return zoneNamed(time_zone_name ?? named ?? "UTC") ?? zoneNamed("UTC")!;
}

export function showSchedule(s: Schedule, io: Io): void {
  const state = stateOf(s);
  const { policy, counters } = s;
  fields(io, [
    ["schedule", s.schedule_id, "bold"],
    ["workflow", s.workflow_name],
    ["deployment", s.deployment_name],
    ["state", `${state.text}${s.note ? `: ${s.note}` : ""}`, state.tone as Tone],
    ["rule", ruleOf(s)],
    ["from", s.start_at],
    ["until", s.end_at],
    ["jitter", s.jitter],
    ["left", s.remaining_executions === null ? null : String(s.remaining_executions)],
    ["overlap", OVERLAPS[policy.overlap - 1]],
    ["on failure", policy.pause_on_failure ? "pauses" : null],
    ["input", compact(s.input)],
    ["created", `${moment(s.created_at)}${s.user_id ? ` by ${s.user_id}` : ""}`],
    ["so far", tally(counters)],
    ["not started", s.not_started ? lastNotStarted(s.not_started) : null],
  ]);
  const title = (text: string) => io.out(`\n${paint(io, "dim", text)}`);
  if (s.running_executions.length > 0) {
    title("Running");
    for (const run of s.running_executions) io.out(`  ${run.execution_id}  ${run.status}`);
  }
  if (s.waiting_executions.length > 0) {
    title("Waiting");
    for (const run of s.waiting_executions) io.out(`  due ${moment(run.scheduled_at)}${run.manual ? ", by hand" : ""}`);
  }
  if (s.recent_executions.length > 0) {
    title("Last runs");
    const rows = s.recent_executions.map((run) => [moment(run.started_at, undefined, true), run.execution_id]);
    table(io, ["started", "execution"], rows);
  }
  if (s.future_executions.length > 0) {
    title(s.paused ? "Next times, once it is resumed" : "Next runs");
    const times = s.future_executions.map(({ scheduled_at }) => Date.parse(scheduled_at));
    showTimes(io, times, zoneOf(s), Date.now());
  }
}

/** Of the newest due time without a start. */
const lastNotStarted = ({ scheduled_at, outcome, reason }: NonNullable<Schedule["not_started"]>): string =>
  `due ${moment(scheduled_at)}: ${outcome.replaceAll("_", " ")}${reason ? ` (${reason})` : ""}`;

function tally(counters: Schedule["counters"]): string {
  const words: [number, string][] = [
    [counters.started, "started"],
    [counters.overlap_skipped, "skipped by overlap"],
    [counters.missed_catchup_window, "missed"],
    [counters.buffer_dropped, "dropped, too many waiting"],
    [counters.refused, "refused"],
  ];
  const told = words.filter(([n], i) => n > 0 || i === 0).map(([n, word]) => `${n} ${word}`);
  return told.join(", ");
}
