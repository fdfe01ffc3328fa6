/** Lengths of time as people write them. */
import { MAX_DURATION_MS } from "../protocol/limits.ts";

type Short = "ms" | "s" | "m" | "h" | "d" | "w";
type Long = "millisecond" | "sec" | "second" | "min" | "minute" | "hour" | "day" | "week";
type Part = `${number}${Short}` | `${number}${"" | " "}${Long | `${Long}s`}` | `${number} ${Short}`;
type Between = "" | " ";

/**
 * Milliseconds, or text: `"90s"`, `"1h30m"`, `"2 days"`, `"1.5h"`, ISO 8601 `"PT2H30M"`. The units are ms, s, m (minutes), h,
 * d (days of 24 h) and w (weeks). For text from elsewhere, such as a setting, write `text as Duration`: it is checked
 * where it is used.
 */
export type Duration =
  | number
  | Part
  | `${number}${Short}${Between}${number}${Short}`
  | `${number}${Short}${Between}${number}${Short}${Between}${number}${Short}`
  | `P${string}`;

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const PART =
  /(\d+(?:\.\d+)?)\s*(?:(ms|milliseconds?)|(s|secs?|seconds?)|(m|mins?|minutes?)|(h|hours?)|(d|days?)|(w|weeks?))(?![a-z])\s*/iy;
const UNITS = ["ms", "s", "m", "h", "d", "w"] as const;
const ISO =
  /^P(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;

const HOW_TO_WRITE =
  "Write milliseconds as a number, or text with the units ms, s, m (minutes), h, d (days of 24 h) and w (weeks), " +
  'the larger ones first: "90s", "1h30m", "2 days", "26 weeks", or ISO 8601 "PT2H". Months and years have no fixed length.';

const inWords = (value: unknown): string =>
  typeof value === "object" && value !== null ? `${Array.isArray(value) ? "an array" : "an object"}` : String(value);

/**
 * Whole milliseconds of a duration. `what` names the option in the error.
 * Throws `RangeError` for anything that is not a length between 0 and 100 years.
 */
export function milliseconds(value: Duration, what: string): number {
  const ms = typeof value === "number" ? value : typeof value === "string" ? fromText(value.trim()) : Number.NaN;
  if (ms >= 0 && ms <= MAX_DURATION_MS) return Math.round(ms);
  const given = typeof value === "string" ? JSON.stringify(value) : inWords(value);
  const problem = Number.isNaN(ms) ? "is not a duration" : "is not a duration between 0 and 100 years";
  throw new RangeError(`${what}: ${given} ${problem}. ${HOW_TO_WRITE}`);
}

/** Like `milliseconds`, and refuses 0. */
export function positiveMilliseconds(value: Duration, what: string): number {
  const ms = milliseconds(value, what);
  if (ms > 0) return ms;
  throw new RangeError(`${what}: the duration must be longer than 0; leave the option out for no limit.`);
}

function fromText(text: string): number {
  return text.startsWith("P") ? fromIso(text) : fromParts(text);
}

function fromParts(text: string): number {
  let total = 0;
  let last: number = Number.POSITIVE_INFINITY;
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const part = PART.exec(text);
    if (!part) return Number.NaN;
    const unit = UNIT_MS[UNITS[part.slice(2).findIndex((name) => name !== undefined)]!];
    if (unit >= last) return Number.NaN; // "30m1h", "1h1h": most likely a slip
    last = unit;
    total += Number(part[1]) * unit;
  }
  return text === "" ? Number.NaN : total;
}

function fromIso(text: string): number {
  const found = ISO.exec(text);
  if (!found || text.endsWith("T") || text === "P") return Number.NaN;
  const [weeks, days, hours, minutes, seconds] = found.slice(1).map((part) => Number(part ?? 0)) as number[];
  return weeks! * UNIT_MS.w + days! * UNIT_MS.d + hours! * UNIT_MS.h + minutes! * UNIT_MS.m + seconds! * UNIT_MS.s;
}
