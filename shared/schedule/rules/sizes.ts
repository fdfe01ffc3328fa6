/**
 * The sizes of a definition's lists and texts. They are checked before anything else reads the definition, because reading
 * takes time for each member.
 */
import {
  MAX_CALENDAR_RANGES,
  MAX_CRON_CHARACTERS,
  MAX_SCHEDULE_PARTS,
  MAX_SCHEDULE_TEXT,
} from "../../protocol/limits.ts";
import { FIELDS } from "./fields.ts";
import { lengthIssue, type SpecIssue } from "./issues.ts";

type Loc = (string | number)[];

/** The issues of lists and texts that are too long, in any JSON; what is no list or text has other issues. */
export function sizeIssues(definition: unknown): SpecIssue[] {
  const issues: SpecIssue[] = [];
  const list = (parent: unknown, name: string, loc: Loc, limit: number): readonly unknown[] => {
    const value = memberOf(parent, name);
    if (!Array.isArray(value)) return [];
    if (value.length <= limit) return value;
    issues.push(lengthIssue([...loc, name], value.length, "items", limit));
    return [];
  };
  const text = (value: unknown, loc: Loc, limit: number) => {
    if (typeof value === "string" && value.length > limit) {
      issues.push(lengthIssue(loc, value.length, "characters", limit));
    }
  };
  let ranges = 0;
  for (const name of ["calendars", "skip"]) {
    for (const [index, calendar] of list(definition, name, [], MAX_SCHEDULE_PARTS).entries()) {
      for (const field of FIELDS) ranges += list(calendar, field, [name, index], MAX_CALENDAR_RANGES).length;
    }
  }
  if (ranges > MAX_CALENDAR_RANGES)
    issues.push(lengthIssue([], ranges, "ranges in its calendars and skip", MAX_CALENDAR_RANGES));
  for (const [index, interval] of list(definition, "intervals", [], MAX_SCHEDULE_PARTS).entries()) {
    for (const name of ["every", "offset"])
      text(memberOf(interval, name), ["intervals", index, name], MAX_SCHEDULE_TEXT);
  }
  for (const [index, line] of list(definition, "cron_expressions", [], MAX_SCHEDULE_PARTS).entries()) {
    text(line, ["cron_expressions", index], MAX_CRON_CHARACTERS);
  }
  for (const name of ["start_at", "end_at", "jitter", "time_zone_name"]) {
    text(memberOf(definition, name), [name], MAX_SCHEDULE_TEXT);
  }
  return issues;
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}
