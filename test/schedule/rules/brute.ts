/**
 * The due times of a definition by brute force, without search and tables, as a reference. A clock runs minute by minute through
 * `Intl`, and each second is compared with the definition. This is fast enough for spans of days only.
 */

export interface NaiveRange {
  start: number;
  end?: number;
  step?: number;
}

export type NaiveCalendar = Partial<Record<NaiveField, NaiveRange[]>>;
export type NaiveField = "second" | "minute" | "hour" | "day_of_month" | "month" | "year" | "day_of_week";

export interface NaiveDefinition {
  calendars?: NaiveCalendar[];
  /** Seconds. */
  naiveIntervals?: { every: number; offset: number }[];
  /** Five to seven fields of numbers, lists, ranges and steps. */
  cron_expressions?: string[];
  skip?: NaiveCalendar[];
  start_at?: string;
  end_at?: string;
  time_zone_name?: string;
}

type Wall = Record<Exclude<NaiveField, "second">, number>;

const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/** The wall time of a zone at each minute of a span. */
export class Clock {
  readonly zone: string;
  readonly start: number;
  readonly minutes: Wall[] = [];

  /** `start` and `end`: milliseconds, on whole minutes. */
  constructor(zone: string, start: number, end: number) {
    this.zone = zone;
    this.start = start;
    const format = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      hourCycle: "h23",
      weekday: "short",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
    });
    for (let at = start; at < end; at += 60_000) {
      const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
      this.minutes.push({
        minute: Number(part.minute),
        hour: Number(part.hour),
        day_of_month: Number(part.day),
        month: Number(part.month),
        year: Number(part.year),
        day_of_week: WEEKDAYS.indexOf(part.weekday!),
      });
    }
  }
}

function inRange(range: NaiveRange, value: number): boolean {
  if (!range.end || range.end < range.start) return value === range.start;
  return value >= range.start && value <= range.end && (value - range.start) % (range.step || 1) === 0;
}

const TIME_OF_DAY: NaiveField[] = ["hour", "minute", "second"];

function fieldMatches(calendar: NaiveCalendar, field: NaiveField, value: number, isSkip: boolean): boolean {
  const ranges = calendar[field];
  if (ranges !== undefined)
    return (field === "year" && ranges.length === 0) || ranges.some((each) => inRange(each, value));
  const wholeDay = isSkip && TIME_OF_DAY.every((each) => calendar[each] === undefined);
  return !TIME_OF_DAY.includes(field) || wholeDay || value === 0;
}

/** The calendars that match a minute. The caller compares their seconds one by one. */
const inMinute = (calendars: NaiveCalendar[], wall: Wall, isSkip: boolean) =>
  calendars.filter((each) =>
    (Object.keys(wall) as (keyof Wall)[]).every((field) => fieldMatches(each, field, wall[field], isSkip)),
  );

function cronItemMatches(item: string, value: number, max: number): boolean {
  const [span, step] = item.split("/");
  let [low, high] = span === "*" ? [undefined, max] : (span!.split("-").map(Number) as [number, number?]);
  if (low === undefined) {
    low = max === 31 || max === 12 ? 1 : 0;
    high = max;
  }
  high ??= step === undefined ? low : max;
  return value >= low && value <= high && (value - low) % Number(step ?? 1) === 0;
}

/** The field of seconds, if the minute matches. */
function cronSeconds(text: string, wall: Wall): string | undefined {
  const fields = text.split(" ");
  const seconds = fields.length === 7 ? fields.shift()! : "0";
  const [minute, hour, dayOfMonth, month, dayOfWeek, year = "*"] = fields;
  const matches =
    cronMatches(minute!, wall.minute, 59) &&
    cronMatches(hour!, wall.hour, 23) &&
    cronMatches(dayOfMonth!, wall.day_of_month, 31) &&
    cronMatches(month!, wall.month, 12) &&
    cronMatches(year, wall.year, 2100) &&
    (cronMatches(dayOfWeek!, wall.day_of_week, 7) || (wall.day_of_week === 0 && cronMatches(dayOfWeek!, 7, 7)));
  return matches ? seconds : undefined;
}

const cronMatches = (field: string, value: number, max: number) =>
  field === "*" || field.split(",").some((item) => cronItemMatches(item, value, max));

/** All nominal times (ms) of the definition in the span of the clock. */
export function bruteTimes(definition: NaiveDefinition, clock: Clock): number[] {
  const { calendars = [], naiveIntervals = [], cron_expressions = [], skip = [] } = definition;
  const from = definition.start_at ? Math.floor(Date.parse(definition.start_at) / 1000) * 1000 : -Infinity;
  const to = definition.end_at ? Date.parse(definition.end_at) : Infinity;
  const times: number[] = [];
  for (const [index, wall] of clock.minutes.entries()) {
    const minute = clock.start + index * 60_000;
    const named = inMinute(calendars, wall, false);
    const skipped = inMinute(skip, wall, true);
    const crons = cron_expressions.map((each) => cronSeconds(each, wall)).filter((each) => each !== undefined);
    for (let second = 0; second < 60; second++) {
      const at = minute + second * 1000;
      const isNamed =
        named.some((each) => fieldMatches(each, "second", second, false)) ||
        naiveIntervals.some(({ every, offset }) => (at / 1000 - offset) % every === 0) ||
        crons.some((each) => cronMatches(each, second, 59));
      if (!isNamed || at < from || at > to) continue;
      if (!skipped.some((each) => fieldMatches(each, "second", second, true))) times.push(at);
    }
  }
  return times;
}
