/** The times of an interval: `n * every + offset` seconds since 1970-01-01T00:00:00Z, in every zone. */
import { type Parsed, parseIsoDuration } from "./duration.ts";

export interface CompiledInterval {
  /** Seconds, 1 or more. */
  readonly every: number;
  /** Seconds, at least 0 and less than `every`. */
  readonly offset: number;
}

/** The first time strictly later than `after` (both in seconds). The floor makes it right before the offset too, at negative n. */
export function nextInInterval({ every, offset }: CompiledInterval, after: number): number {
  return (Math.floor((after - offset) / every) + 1) * every + offset;
}

/** Checks the rules that `@every` and `intervals` share. The arguments are milliseconds and are cut to whole seconds. */
export function intervalOf(
  everyMs: number,
  offsetMs: number,
): { readonly interval: CompiledInterval } | { readonly member: "every" | "offset"; readonly problem: string } {
  const every = Math.trunc(everyMs / 1000);
  const offset = Math.trunc(offsetMs / 1000);
  if (every < 1) return { member: "every", problem: "allowed is 1 second and more" };
  if (offsetMs < 0) return { member: "offset", problem: "allowed is 0 and more" };
  if (offset >= every) return { member: "offset", problem: `allowed is less than the interval of ${every} seconds` };
  return { interval: { every, offset } };
}

/** A member of `intervals` from its ISO 8601 durations. */
export function parseInterval(
  every: string,
  offset: string | null | undefined,
): { readonly interval: CompiledInterval } | { readonly member: "every" | "offset"; readonly problem: string } {
  const everyMs = parseIsoDuration(every);
  if ("problem" in everyMs) return { member: "every", problem: everyMs.problem };
  const offsetMs: Parsed<number> = offset == null ? { value: 0 } : parseIsoDuration(offset);
  if ("problem" in offsetMs) return { member: "offset", problem: offsetMs.problem };
  return intervalOf(everyMs.value, offsetMs.value);
}
