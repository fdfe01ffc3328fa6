/**
 * Times and lengths of time in what callers of the worker data path send.
 *
 * TIME-1. A time lies in the years 1970 to 9999, and a length is at most 100 years long. So every time, and every sum of a time
 *     and a length, is exact and has a form in ISO 8601 that clients read: one that has none would make each answer fail that
 *     shows it.
 */
import * as z from "zod";
import { MAX_DURATION_MS } from "./limits.ts";

/** The end of the year 9999 is 100 years later. */
const LATEST = Date.UTC(9900, 0) - 1;

/** Milliseconds since the epoch, UTC. */
export const Time = z.int().min(0).max(LATEST);
/** Milliseconds. */
export const Length = z.int().min(0).max(MAX_DURATION_MS);

export const isTime = (value: unknown): boolean => isIn(value, LATEST);
export const isLength = (value: unknown): boolean => isIn(value, MAX_DURATION_MS);
const isIn = (value: unknown, most: number): boolean =>
  Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= most;
