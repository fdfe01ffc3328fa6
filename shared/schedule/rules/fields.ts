/** The seven fields of a calendar: their limits, and the sets of values that lists of ranges stand for. */

export const FIELDS = ["second", "minute", "hour", "day_of_month", "month", "year", "day_of_week"] as const;
export type Field = (typeof FIELDS)[number];

interface FieldRule {
  readonly min: number;
  readonly max: number;
  /** Values when the field is left out. */
  readonly omitted: "zero" | "all";
}

export const FIELD_RULES: Readonly<Record<Field, FieldRule>> = {
  second: { min: 0, max: 59, omitted: "zero" },
  minute: { min: 0, max: 59, omitted: "zero" },
  hour: { min: 0, max: 23, omitted: "zero" },
  day_of_month: { min: 1, max: 31, omitted: "all" },
  month: { min: 1, max: 12, omitted: "all" },
  year: { min: 2000, max: 2100, omitted: "all" },
  day_of_week: { min: 0, max: 6, omitted: "all" },
};

export interface Range {
  readonly start: number;
  /** Inclusive. 0 or left out = the same as `start`. */
  readonly end?: number | undefined;
  /** Counted from `start`. 0 or left out = 1. */
  readonly step?: number | undefined;
}

/** The values of each field; undefined = every value. An empty set matches nothing. */
export type FieldValues = Readonly<Record<Field, ReadonlySet<number> | undefined>>;

/** The member of a range that is not valid for this field, and what is allowed; undefined if the range is valid. */
export function rangeProblem(
  field: Field,
  range: Range,
): { member: "start" | "end" | "step"; allowed: string } | undefined {
  const { min, max } = FIELD_RULES[field];
  const { start, end = 0, step = 0 } = range;
  if (start < min || start > max) {
    const hint = field === "day_of_week" && start === 7 ? "; Sunday is 0 (7 only in cron expressions)" : "";
    return { member: "start", allowed: `${min} to ${max}${hint}` };
  }
  if (end !== 0 && (end < start || end > max)) {
    return { member: "end", allowed: `${start} (the start) to ${max}, or 0 for the start alone; ranges do not wrap` };
  }
  if (step < 0) return { member: "step", allowed: "1 and more, or 0 for 1" };
  return undefined;
}

/** The values of a list of valid ranges. */
export function valuesOf(ranges: readonly Range[]): Set<number> {
  const values = new Set<number>();
  for (const { start, end = 0, step = 0 } of ranges) {
    const last = end < start ? start : end;
    for (let value = start; value <= last; value += step || 1) values.add(value);
  }
  return values;
}
