/** Checks and compiles the calendars of a definition. A calendar that can never match is refused with the reason. */
import { MAX_CALENDAR_COMMENT_BYTES } from "../../protocol/limits.ts";
import { isPlainText, NOT_ALLOWED } from "../../protocol/text.ts";
import { byteLength } from "./bytes.ts";
import { type CompiledCalendar, compileCalendar, firstDay } from "./calendar.ts";
import type { Calendar } from "./definition.ts";
import { FIELD_RULES, FIELDS, type Field, type FieldValues, rangeProblem, valuesOf } from "./fields.ts";
import { issue, type SpecIssue } from "./issues.ts";

type Loc = (string | number)[];

/** Compiles a list of calendars, without those that have issues. */
export function compileCalendars(name: "calendars" | "skip", list: readonly Calendar[], issues: SpecIssue[]) {
  const compiled: CompiledCalendar[] = [];
  for (const [index, calendar] of list.entries()) {
    const loc: Loc = [name, index];
    const before = issues.length;
    checkRanges(loc, calendar, issues);
    if (!isPlainText(calendar.comment ?? "")) issues.push(issue([...loc, "comment"], calendar.comment, NOT_ALLOWED));
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

/** A skip calendar without a time of day means the whole day, because "skip 25 December" does. */
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
export function isImpossible(values: FieldValues, calendar: CompiledCalendar): boolean {
  return FIELDS.every((field) => values[field]?.size !== 0) && firstDay(calendar) === undefined;
}

/** Finds the reason by leaving out one field after another until a date exists. */
export function whyImpossible(values: FieldValues): string {
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
