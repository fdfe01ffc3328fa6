/**
 * A calendar compiled to tables, and the search in them. The search works in wall time: seconds since 1970-01-01T00:00:00 as a
 * local clock shows them, without any zone. It steps from month to month with one bit per day, so it finds a date that comes
 * once in 28 years in a few hundred steps.
 */
import { civilFromDays, DAY_SECONDS, daysFromCivil, daysInMonth, weekdayOf } from "./civil.ts";
import type { FieldValues } from "./fields.ts";
import { Steps } from "./steps.ts";

/** The wall clock of any zone may show this year while it is still 2100 in UTC. */
const LAST_WALL_YEAR = 2101;
const FIRST_WALL_YEAR = 1969;

/** `table[v]` = the smallest matching value at or after `v`, -1 if there is none. */
type NextTable = Int8Array;

export interface CompiledCalendar {
  readonly second: NextTable;
  readonly minute: NextTable;
  readonly hour: NextTable;
  readonly month: NextTable;
  /** By the weekday of the month's first day: bit d-1 is set if day d matches both day fields. */
  readonly days: Int32Array;
  /** By year - 1969. */
  readonly years: Uint8Array;
  readonly everySecond: boolean;
  readonly everyMinute: boolean;
  readonly everyHour: boolean;
}

const MONTH_MASK = 0x7fffffff;
/** By the weekday of the month's first day, then by weekday: bit d-1 is set if day d is that weekday. */
const WEEKDAYS = Array.from({ length: 7 }, (_, first) =>
  Array.from({ length: 7 }, (_, weekday) => {
    let bits = 0;
    for (let day = 1; day <= 31; day++) if ((first + day - 1) % 7 === weekday) bits |= 1 << (day - 1);
    return bits;
  }),
);

export function compileCalendar(values: FieldValues): CompiledCalendar {
  const second = nextTable(values.second, 59);
  const minute = nextTable(values.minute, 59);
  const hour = nextTable(values.hour, 23);
  return {
    second,
    minute,
    hour,
    month: nextTable(values.month, 12),
    days: daysOf(values),
    years: yearsOf(values.year),
    everySecond: isFull(second),
    everyMinute: isFull(minute),
    everyHour: isFull(hour),
  };
}

function nextTable(set: ReadonlySet<number> | undefined, max: number): NextTable {
  const next = new Int8Array(max + 2).fill(-1);
  for (let value = max; value >= 0; value--) {
    next[value] = set === undefined || set.has(value) ? value : next[value + 1]!;
  }
  return next;
}

const isFull = (next: NextTable) => next.subarray(0, -1).every((value, index) => value === index);

function daysOf({ day_of_month, day_of_week }: FieldValues): Int32Array {
  let dates = MONTH_MASK;
  if (day_of_month) {
    dates = 0;
    for (const day of day_of_month) dates |= 1 << (day - 1);
  }
  if (!day_of_week) return new Int32Array(7).fill(dates);
  return Int32Array.from(WEEKDAYS, (bits) => {
    let days = 0;
    for (const weekday of day_of_week) days |= bits[weekday]!;
    return days & dates;
  });
}

function yearsOf(set: ReadonlySet<number> | undefined): Uint8Array {
  const years = new Uint8Array(LAST_WALL_YEAR - FIRST_WALL_YEAR + 1);
  if (!set) return years.fill(1);
  for (const year of set) years[year - FIRST_WALL_YEAR] = 1;
  return years;
}

function dayBits(calendar: CompiledCalendar, year: number, month: number): number {
  if (calendar.years[year - FIRST_WALL_YEAR] !== 1 || calendar.month[month] !== month) return 0;
  const first = weekdayOf(daysFromCivil(year, month, 1));
  return calendar.days[first]! & (0x7fffffff >>> (31 - daysInMonth(year, month)));
}

/** The first day (since 1970-01-01) at or after `day` that does, or does not, match; undefined if there is none. */
function findDay(calendar: CompiledCalendar, day: number, matching: boolean, steps: Steps): number | undefined {
  let { year, month, day: from } = civilFromDays(day);
  while (year <= LAST_WALL_YEAR) {
    steps.take(1);
    const bits = dayBits(calendar, year, month);
    const inMonth = 0x7fffffff >>> (31 - daysInMonth(year, month));
    const wanted = (matching ? bits : ~bits & inMonth) & ~((1 << (from - 1)) - 1);
    if (wanted !== 0) return daysFromCivil(year, month, 32 - Math.clz32(wanted & -wanted));
    from = 1;
    if (month < 12) month++;
    else {
      month = 1;
      year++;
      if (matching) while (calendar.years[year - FIRST_WALL_YEAR] === 0) year++;
    }
  }
  return undefined;
}

/** The first day that matches the day fields, from 1970 on; undefined: the calendar can never match. */
export function firstDay(calendar: CompiledCalendar): number | undefined {
  return findDay(calendar, 0, true, new Steps());
}

/** Seconds since midnight of the first time of day at or after `from`, -1 if none is left in the day. */
function timeOfDay(calendar: CompiledCalendar, from: number): number {
  const fromHour = Math.floor(from / 3600);
  const fromMinute = Math.floor(from / 60) % 60;
  let hour = calendar.hour[fromHour]!;
  if (hour === fromHour) {
    const minute = calendar.minute[fromMinute]!;
    if (minute === fromMinute) {
      const second = calendar.second[from % 60]!;
      if (second !== -1) return hour * 3600 + minute * 60 + second;
    }
    const later = minute === fromMinute ? calendar.minute[fromMinute + 1]! : minute;
    if (later !== -1) return hour * 3600 + later * 60 + calendar.second[0]!;
    hour = calendar.hour[fromHour + 1]!;
  }
  return hour === -1 ? -1 : hour * 3600 + calendar.minute[0]! * 60 + calendar.second[0]!;
}

/** The first matching wall time at or after `wall`; undefined if there is none until the end of 2101. */
export function nextWall(calendar: CompiledCalendar, wall: number, steps: Steps): number | undefined {
  if (calendar.second[0] === -1 || calendar.minute[0] === -1 || calendar.hour[0] === -1) return undefined;
  const today = Math.floor(wall / DAY_SECONDS);
  const day = findDay(calendar, today, true, steps);
  if (day === undefined) return undefined;
  if (day > today) return day * DAY_SECONDS + timeOfDay(calendar, 0);
  const time = timeOfDay(calendar, wall - today * DAY_SECONDS);
  if (time !== -1) return today * DAY_SECONDS + time;
  const later = findDay(calendar, today + 1, true, steps);
  return later === undefined ? undefined : later * DAY_SECONDS + timeOfDay(calendar, 0);
}

export function matchesWall(calendar: CompiledCalendar, wall: number): boolean {
  const today = Math.floor(wall / DAY_SECONDS);
  const time = wall - today * DAY_SECONDS;
  const minute = Math.floor(time / 60) % 60;
  const hour = Math.floor(time / 3600);
  if (calendar.second[time % 60] !== time % 60) return false;
  if (calendar.minute[minute] !== minute || calendar.hour[hour] !== hour) return false;
  const { year, month, day } = civilFromDays(today);
  return year <= LAST_WALL_YEAR && (dayBits(calendar, year, month) & (1 << (day - 1))) !== 0;
}

/** Whether `wide` matches at least every time that `narrow` matches. */
export function covers(wide: CompiledCalendar, narrow: CompiledCalendar): boolean {
  const holds = (of: NextTable, value: number) => of[value] === value;
  const includes = (field: "second" | "minute" | "hour" | "month") =>
    narrow[field].subarray(0, -1).every((_, value) => !holds(narrow[field], value) || holds(wide[field], value));
  return (
    narrow.days.every((bits, first) => (bits & ~wide.days[first]!) === 0) &&
    includes("hour") &&
    includes("minute") &&
    includes("second") &&
    includes("month") &&
    narrow.years.every((matches, year) => matches <= wide.years[year]!)
  );
}

/**
 * The first wall time at or after `wall` that does not match; undefined if all match until the end of 2101. The search steps
 * by whole minutes, hours or days where all of them match, so that passing over a skipped year takes a few steps.
 */
export function nextWallOutside(calendar: CompiledCalendar, wall: number, steps: Steps): number | undefined {
  let at: number = wall;
  while (matchesWall(calendar, at)) {
    steps.take(1);
    if (!calendar.everySecond) at += 1;
    else if (!calendar.everyMinute) at = Math.floor(at / 60) * 60 + 60;
    else if (!calendar.everyHour) at = Math.floor(at / 3600) * 3600 + 3600;
    else {
      const day = findDay(calendar, Math.floor(at / DAY_SECONDS) + 1, false, steps);
      if (day === undefined) return undefined;
      at = day * DAY_SECONDS;
    }
  }
  return at;
}
