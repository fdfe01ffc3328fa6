/**
 * Cron expressions: five fields, six (the last is the year) or seven (the first is the second), names, macros, `@every`,
 * a leading `CRON_TZ=` or `TZ=`, and comments. Both day fields must match (AND); there are no `?`, `L`, `W`, `#`.
 */
import { MAX_CALENDAR_COMMENT_BYTES } from "../../protocol/limits.ts";
import { byteLength } from "./bytes.ts";
import { parseGoDuration } from "./duration.ts";
import { FIELD_RULES, type Field, type FieldValues } from "./fields.ts";
import { type CompiledInterval, intervalOf } from "./interval.ts";

export type CronSource = { readonly zone: string | undefined } & (
  | { readonly values: FieldValues }
  | { readonly interval: CompiledInterval }
);

const MACROS: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

const MONTHS = "january february march april may june july august september october november december".split(" ");
const WEEKDAYS = "sunday monday tuesday wednesday thursday friday saturday".split(" ");

const ORDER: Readonly<Record<number, readonly Field[]>> = {
  5: ["minute", "hour", "day_of_month", "month", "day_of_week"],
  6: ["minute", "hour", "day_of_month", "month", "day_of_week", "year"],
  7: ["second", "minute", "hour", "day_of_month", "month", "day_of_week", "year"],
};

/** How errors name the field. */
const label = (field: Field) => field.replaceAll("_", "-");

class CronProblem extends Error {}

/** Reads one expression; the problem is a clause that follows "cron_expressions[0] is ...;". */
export function parseCron(text: string): CronSource | { readonly problem: string } {
  try {
    return read(text);
  } catch (error) {
    if (error instanceof CronProblem) return { problem: error.message };
    throw error;
  }
}

function read(text: string): CronSource {
  let rest = text.trim();
  let zone: string | undefined;
  const prefix = /^(?:CRON_TZ|TZ)=(\S*)\s*/.exec(rest);
  if (prefix) {
    zone = prefix[1]!;
    rest = rest.slice(prefix[0].length);
  }
  rest = withoutComment(rest);
  if (rest.startsWith("@every")) {
    if (zone !== undefined) {
      throw new CronProblem("@every counts from 1970-01-01T00:00:00Z in every zone; leave the zone prefix out");
    }
    return { zone, interval: readEvery(rest) };
  }
  if (rest.startsWith("@")) {
    const macro = Object.hasOwn(MACROS, rest) ? MACROS[rest] : undefined;
    if (macro === undefined) {
      const known = [...Object.keys(MACROS), "@every"].join(", ");
      throw new CronProblem(`${JSON.stringify(rest)} is not a macro; allowed are ${known}, in lower case`);
    }
    rest = macro;
  }
  return { zone, values: readFields(rest) };
}

/**
 * `#` begins a comment at the start of the text or after a blank. Directly after a field it is refused: as a comment it would
 * silently turn `1#2`, in other systems "the second Monday", into "every Monday".
 */
function withoutComment(text: string): string {
  const at = text.indexOf("#");
  if (at === -1) return text;
  if (at > 0 && !/\s/.test(text[at - 1]!)) {
    const item = text.split(/\s+/).find((part) => part.includes("#"));
    throw new CronProblem(
      `"#" in ${JSON.stringify(item)} is not supported: no field can say "the n-th weekday of the month"; ` +
        "combine a weekday with a range of days instead (the second Monday is `0 9 8-14 * 1`), " +
        "or put a blank before # to begin a comment",
    );
  }
  if (byteLength(text.slice(at + 1).trim()) > MAX_CALENDAR_COMMENT_BYTES) {
    throw new CronProblem(`its comment is longer than the allowed ${MAX_CALENDAR_COMMENT_BYTES} bytes`);
  }
  return text.slice(0, at).trim();
}

function readEvery(text: string): CompiledInterval {
  const match = /^@every\s+(\S+)$/.exec(text);
  if (!match) throw new CronProblem("allowed is @every <duration> or @every <duration>/<offset>, such as @every 1h30m");
  const [every, offset, ...more] = match[1]!.split("/");
  if (more.length > 0) throw new CronProblem("@every takes one duration and one offset, such as @every 1h/10m");
  const everyMs = parseGoDuration(every!);
  if ("problem" in everyMs) throw new CronProblem(`the duration ${JSON.stringify(every)}: ${everyMs.problem}`);
  const offsetMs = offset === undefined ? { value: 0 } : parseGoDuration(offset);
  if ("problem" in offsetMs) throw new CronProblem(`the offset ${JSON.stringify(offset)}: ${offsetMs.problem}`);
  const read = intervalOf(everyMs.value, offsetMs.value);
  if ("interval" in read) return read.interval;
  const name =
    read.member === "every" ? `the duration ${JSON.stringify(every)}` : `the offset ${JSON.stringify(offset)}`;
  throw new CronProblem(`${name}: ${read.problem}`);
}

function readFields(text: string): FieldValues {
  const parts = text.split(/\s+/).filter((part) => part !== "");
  const order = ORDER[parts.length];
  if (!order) {
    throw new CronProblem(
      `it has ${parts.length} fields; allowed are 5 (minute hour day-of-month month day-of-week), ` +
        "6 (the last is the year) or 7 (the first is the second, the last the year)",
    );
  }
  const values: Record<Field, ReadonlySet<number> | undefined> = {
    second: new Set([0]),
    minute: undefined,
    hour: undefined,
    day_of_month: undefined,
    month: undefined,
    year: undefined,
    day_of_week: undefined,
  };
  for (const [index, field] of order.entries()) values[field] = readField(field, parts[index]!);
  return values;
}

/** The values of a field; undefined = all. */
function readField(field: Field, text: string): ReadonlySet<number> | undefined {
  if (text === "*") return undefined;
  const values = new Set<number>();
  for (const item of text.split(",")) for (const value of readItem(field, item)) values.add(value);
  return values;
}

function* readItem(field: Field, item: string): Generator<number> {
  const refuse = (why: string): CronProblem =>
    new CronProblem(`${label(field)} ${JSON.stringify(item)}: ${why}; ${allowed(field)}`);
  if (item === "") throw refuse("an item of the list is empty");
  const [span, stepText, ...steps] = item.split("/");
  if (steps.length > 0) throw refuse("only one / is allowed");
  if (/^([?LW]|\d+[LW]|LW)$/i.test(span!)) throw refuse("?, L and W are not supported");
  const step = stepText === undefined ? 1 : /^\d+$/.test(stepText) ? Number(stepText) : 0;
  if (step < 1) throw refuse("the step after / must be a whole number of 1 or more");
  const [first, last, ...bounds] = span!.split("-");
  if (bounds.length > 0) throw refuse("only one - is allowed");
  const { min } = FIELD_RULES[field];
  const max = maximum(field);
  let start = min;
  let end = max;
  if (span !== "*") {
    start = readValue(field, first!, refuse);
    if (last !== undefined) end = readValue(field, last, refuse);
    else if (stepText === undefined) end = start;
    if (end < start) throw refuse("the range descends; ranges do not wrap, write two instead");
  }
  for (let value = start; value <= end; value += step) yield field === "day_of_week" ? value % 7 : value;
}

/** In cron expressions Sunday is 0 and 7. */
const maximum = (field: Field) => (field === "day_of_week" ? 7 : FIELD_RULES[field].max);

function allowed(field: Field): string {
  const names =
    field === "month" ? " or names (jan)" : field === "day_of_week" ? " (0 and 7 are Sunday) or names (mon)" : "";
  return `allowed are * and ${FIELD_RULES[field].min} to ${maximum(field)}${names}, ranges a-b, steps /n, lists with commas`;
}

function readValue(field: Field, text: string, refuse: (why: string) => CronProblem): number {
  if (/^\d+$/.test(text)) {
    const value = Number(text);
    if (value < FIELD_RULES[field].min || value > maximum(field)) throw refuse(`${text} is out of range`);
    return value;
  }
  const wanted = text.toLowerCase();
  if (field === "month" && wanted.length >= 3) {
    const month = MONTHS.findIndex((name) => name.startsWith(wanted));
    if (month !== -1) return month + 1;
  }
  if (field === "day_of_week" && wanted.length >= 2) {
    const weekday = WEEKDAYS.findIndex((name) => name.startsWith(wanted));
    if (weekday !== -1) return weekday;
  }
  throw refuse(text === "" ? "a value is missing" : `${JSON.stringify(text)} is not a value`);
}
