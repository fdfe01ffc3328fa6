/** Days of a calendar in a time zone. No due time is computed here: only which day a moment belongs to, and how long a day is. */
import { wallClock } from "../../ui/wall-clock.ts";

export interface Day {
  /** `2026-03-29`. */
  readonly date: string;
  readonly start: number;
  readonly end: number;
  /** Not 24: the clocks change on this day. */
  readonly hours: number;
}

function partsIn(at: number, zone: string): number[] {
  const parts = wallClock(zone).formatToParts(at);
  return ["year", "month", "day", "hour", "minute", "second"].map((type) =>
    Number(parts.find((part) => part.type === type)?.value),
  );
}

/** The difference between wall clock and UTC at a moment, in ms. */
function offsetAt(at: number, zone: string): number {
  const [y = 0, mo = 1, d = 1, h = 0, mi = 0, s = 0] = partsIn(at, zone);
  return Date.UTC(y, mo - 1, d, h, mi, s) - Math.floor(at / 1_000) * 1_000;
}

/** The first moment of a day. Where midnight does not exist, the clocks jump over it: then the moment after the jump. */
function startOf(year: number, month: number, day: number, zone: string): number {
  const wall = Date.UTC(year, month, day);
  const first = wall - offsetAt(wall, zone);
  const second = wall - offsetAt(first, zone);
  const candidates = [first, second].filter((at) => at + offsetAt(at, zone) === wall);
  if (candidates.length > 0) return Math.min(...candidates);
  return Math.max(first, second);
}

export const dateIn = (at: number, zone: string): string => {
  const [y, m, d] = partsIn(at, zone);
  return `${y}-${String(m).padStart(2, "0")}-${String(d).padStart(2, "0")}`;
};

/** Days from `date` on. */
export function daysFrom(date: string, count: number, zone: string): Day[] {
  const [year = 1970, month = 1, day = 1] = date.split("-").map(Number);
  return Array.from({ length: count }, (_, i) => {
    const start = startOf(year, month - 1, day + i, zone);
    const end = startOf(year, month - 1, day + i + 1, zone);
    return { date: dateIn(start + 3_600_000, zone), start, end, hours: Math.round((end - start) / 3_600_000) };
  });
}

/** The Monday on or before a date. */
export function mondayOf(date: string): string {
  const at = new Date(`${date}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() - ((at.getUTCDay() + 6) % 7));
  return at.toISOString().slice(0, 10);
}

export function shift(date: string, by: { months?: number; days?: number }): string {
  const at = new Date(`${date}T00:00:00Z`);
  if (by.months) at.setUTCMonth(at.getUTCMonth() + by.months, 1);
  if (by.days) at.setUTCDate(at.getUTCDate() + by.days);
  return at.toISOString().slice(0, 10);
}
