/** Days of a calendar in a time zone. No due time is computed here: only which day a moment belongs to, and how long a day is. */
import { dateIn, momentAt } from "../../ui/wall-clock.ts";

export interface Day {
  /** `2026-03-29`. */
  readonly date: string;
  readonly start: number;
  readonly end: number;
  /** Not 24: the clocks change on this day. */
  readonly hours: number;
}

/** Days from `date` on. */
export function daysFrom(date: string, count: number, zone: string): Day[] {
  const [year = 1970, month = 1, day = 1] = date.split("-").map(Number);
  return Array.from({ length: count }, (_, i) => {
    const start = momentAt(Date.UTC(year, month - 1, day + i), zone);
    const end = momentAt(Date.UTC(year, month - 1, day + i + 1), zone);
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
