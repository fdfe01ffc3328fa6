/** Options whose values are durations or whole numbers. */
import { type Duration, positiveMilliseconds } from "../shared/lib/duration.ts";
import { usage } from "./errors.ts";

/** A duration in milliseconds; undefined if the flag was not given. A number without a unit is in seconds. */
export function lengthOf(flag: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  try {
    return positiveMilliseconds(/^\d+(\.\d+)?$/.test(value) ? `${Number(value)}s` : (value as Duration), `--${flag}`);
  } catch (error) {
    throw usage((error as Error).message);
  }
}

/** A whole number of at least `least`; undefined if the flag was not given. */
export function countOf(flag: string, value: string | undefined, least = 1): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value) && Number(value) >= least) return Number(value);
  throw usage(`--${flag} is '${value}': it must be a whole number of at least ${least}.`);
}
