/** From a valid shape to tables to search in; every rule about values is checked here, each with its own issue. */

import { MAX_CALENDAR_COMMENT_BYTES } from "../protocol/limits.ts";
import { type CompiledCalendar, compileCalendar, firstDay } from "./calendar.ts";
import { parseInstant } from "./civil.ts";
import { byteLength, parseCron } from "./cron.ts";
import type { Calendar } from "./definition.ts";
import { parseIsoDuration } from "./duration.ts";
import { FIELD_RULES, FIELDS, type Field, type FieldValues, rangeProblem, valuesOf } from "./fields.ts";
import { type CompiledInterval, parseInterval } from "./interval.ts";
import { issue, type SpecIssue } from "./issues.ts";
import type { CompiledSpec } from "./times.ts";
import { similarZone, type Zone, zoneNamed } from "./zone.ts";

type Loc = (string | number)[];

/** What of a definition says when runs are due. */
export interface SpecSource {
  readonly calendars?: readonly Calendar[] | null | undefined;
  readonly intervals?:
    | readonly { readonly every: string; readonly offset?: string | null | undefined }[]
    | null
    | undefined;
  readonly cron_expressions?: readonly string[] | null | undefined;
  readonly skip?: readonly Calendar[] | null | undefined;
  readonly start_at?: string | null | undefined;
  readonly end_at?: string | null | undefined;
  readonly jitter?: string | null | undefined;
  readonly time_zone_name?: string | null | undefined;
}

/** Compiles what it can; the spec is to be used only if there are no issues. */
export function compile(definition: SpecSource): { readonly spec: CompiledSpec; readonly issues: SpecIssue[] } {
  const issues: SpecIssue[] = [];
  const calendars = compileCalendars("calendars", definition.calendars ?? [], issues);
  const skip = compileCalendars("skip", definition.skip ?? [], issues);
  const intervals: CompiledInterval[] = [];
  for (const [index, { every, offset }] of (definition.intervals ?? []).entries()) {
    const read = parseInterval(every, offset);
    if ("interval" in read) intervals.push(read.interval);
    else {
      const value = read.member === "every" ? every : offset;
      issues.push(issue(["intervals", index, read.member], value, read.problem));
    }
  }
  const cron = compileCron(definition.cron_expressions ?? [], issues);
  return {
    spec: {
      zone: compileZone(definition.time_zone_name ?? undefined, cron.zones, issues),
      calendars: [...calendars, ...cron.calendars],
      intervals: [...intervals, ...cron.intervals],
      skip,
      startAtMs: compileInstant("start_at", definition.start_at, issues),
      endAtMs: compileInstant("end_at", definition.end_at, issues),
      jitterMs: compileJitter(definition.jitter, issues),
    },
    issues,
  };
}

function compileCalendars(name: "calendars" | "skip", list: readonly Calendar[], issues: SpecIssue[]) {
  const compiled: CompiledCalendar[] = [];
  for (const [index, calendar] of list.entries()) {
    const loc: Loc = [name, index];
    const before = issues.length;
    checkRanges(loc, calendar, issues);
    if (byteLength(calendar.comment ?? "") > MAX_CALENDAR_COMMENT_BYTES) {
      issues.push(issue([...loc, "comment"], calendar.comment, `allowed are ${MAX_CALENDAR_COMMENT_BYTES} bytes`));
    }
    if (issues.length > before) continue;
    const values = fieldValues(calendar, name === "skip" && isDateOnly(calendar));
    const each = compileCalendar(values);
    if (isImpossible(values, each)) issues.push(issue(loc, calendar, whyImpossible(values)));
    else compiled.push(each);
  }
  return compiled;
}

function checkRanges(loc: Loc, calendar: Calendar, issues: SpecIssue[]): void {
  for (const field of FIELDS) {
    for (const [index, range] of (calendar[field] ?? []).entries()) {
      const problem = rangeProblem(field, range);
      if (!problem) continue;
      const at = [...loc, field, index, problem.member];
      const range_ = problem.member === "start" ? "" : ` (start ${range.start})`;
      issues.push(issue(at, range[problem.member], `allowed are ${problem.allowed}${range_}`));
    }
  }
}

/** A skip calendar without any time of day means the whole day: "skip 25 December" is what people write. */
const isDateOnly = ({ second, minute, hour }: Calendar) =>
  second === undefined && minute === undefined && hour === undefined;

function fieldValues(calendar: Calendar, wholeDay: boolean): FieldValues {
  const value = (field: Field): ReadonlySet<number> | undefined => {
    const ranges = calendar[field];
    if (ranges === undefined) return FIELD_RULES[field].omitted === "zero" && !wholeDay ? new Set([0]) : undefined;
    return field === "year" && ranges.length === 0 ? undefined : valuesOf(ranges);
  };
  return Object.fromEntries(FIELDS.map((field) => [field, value(field)])) as FieldValues;
}

/** No date in any year matches although every field has values. (An empty list is a deliberate "never".) */
function isImpossible(values: FieldValues, calendar: CompiledCalendar): boolean {
  return FIELDS.every((field) => values[field]?.size !== 0) && firstDay(calendar) === undefined;
}

/** Loosens one field after the other until a date exists. */
function whyImpossible(values: FieldValues): string {
  const list = (field: Field) => `${field} ${[...values[field]!].join(", ")}`;
  const exists = (loosened: Partial<FieldValues>) =>
    firstDay(compileCalendar({ ...values, ...loosened })) !== undefined;
  const monthAndDay = `${list("month")} has no ${list("day_of_month")}`;
  if (!exists({ day_of_week: undefined, year: undefined })) {
    return `it can never match, because ${monthAndDay}; allowed are days that the months have`;
  }
  const which = [
    ...(exists({ day_of_week: undefined }) ? ["day_of_week" as const] : []),
    ...(exists({ year: undefined }) ? ["year" as const] : []),
  ];
  const dates = [values.day_of_month && list("day_of_month"), values.month && list("month")]
    .filter(Boolean)
    .join(" of ");
  const others = FIELDS.filter((field) => (field === "day_of_week" || field === "year") && values[field]);
  const never = others.map(list).join(" and ");
  const advice = which.length > 0 ? `change ${which.join(" or ")}` : "change one of them";
  return `it can never match, because ${dates} never falls on ${never}; ${advice}`;
}

function compileCron(expressions: readonly string[], issues: SpecIssue[]) {
  const calendars: CompiledCalendar[] = [];
  const intervals: CompiledInterval[] = [];
  const zones: (string | undefined)[] = [];
  for (const [index, text] of expressions.entries()) {
    const source = parseCron(text);
    const loc: Loc = ["cron_expressions", index];
    if ("problem" in source) {
      issues.push(issue(loc, text, source.problem));
      continue;
    }
    zones.push(source.zone);
    if ("interval" in source) {
      intervals.push(source.interval);
      continue;
    }
    const calendar = compileCalendar(source.values);
    if (isImpossible(source.values, calendar)) issues.push(issue(loc, text, whyImpossible(source.values)));
    else calendars.push(calendar);
  }
  return { calendars, intervals, zones };
}

/** The zone is the whole spec's, so the expressions must agree with each other and with `time_zone_name`. */
function compileZone(named: string | undefined, cron: readonly (string | undefined)[], issues: SpecIssue[]): Zone {
  const utc = zoneNamed("UTC")!;
  const disagrees = cron.findIndex((zone) => zone !== cron[0]);
  if (disagrees !== -1) {
    const [one, other] = [cron[0] ?? "none", cron[disagrees] ?? "none"];
    issues.push({
      loc: ["cron_expressions", disagrees],
      msg: `cron_expressions[${disagrees}] has the zone ${other}, cron_expressions[0] ${one}; a schedule has one zone: give all expressions the same CRON_TZ, or none and time_zone_name (@every has none)`,
      type: "value_error",
    });
    return utc;
  }
  const fromCron = cron[0];
  const fromField = named === undefined ? undefined : zoneOrIssue(named, ["time_zone_name"], issues);
  if (fromCron === undefined) return fromField ?? utc;
  if (named !== undefined && named !== fromCron) {
    const rule = `cron_expressions name the zone ${fromCron}; allowed is the same zone, or to leave one of the two out`;
    issues.push(issue(["time_zone_name"], named, rule));
    return utc;
  }
  return zoneOrIssue(fromCron, ["cron_expressions", 0], issues) ?? utc;
}

function zoneOrIssue(name: string, loc: Loc, issues: SpecIssue[]): Zone | undefined {
  const zone = zoneNamed(name);
  if (!zone) {
    const similar = similarZone(name);
    const hint = similar ? `; did you mean ${similar}?` : "";
    const rule = `allowed are names of the IANA time zone database, such as Europe/Paris or UTC${hint}`;
    issues.push(issue(loc, name, rule));
  }
  return zone;
}

function compileInstant(field: "start_at" | "end_at", text: string | null | undefined, issues: SpecIssue[]) {
  if (text == null) return undefined;
  const instant = parseInstant(text);
  if (instant === undefined) {
    issues.push(issue([field], text, "allowed is an RFC 3339 date-time such as 2026-03-27T09:30:00Z, or null"));
  }
  return instant;
}

function compileJitter(text: string | null | undefined, issues: SpecIssue[]): number {
  if (text == null) return 0;
  const duration = parseIsoDuration(text);
  if ("value" in duration) return Math.max(0, duration.value);
  issues.push(issue(["jitter"], text, duration.problem));
  return 0;
}
