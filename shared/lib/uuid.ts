/** UUID version 7: ordered by time, so that stores keep rows written together close together. */
import { randomBytes } from "node:crypto";
import type { Millis } from "../protocol/history.ts";

/** Hexadecimal digits of a UUID that are random, and those of the pool from which they come. */
const DIGITS = 19;
const POOL = 190 * DIGITS;
/** In the place of the fourth group's first digit, whose upper bits are the variant. */
const VARIANT = "89ab";

let pool = "";
let used = POOL;

/** The last time, and its digits: many UUIDs are made in a millisecond, and the digits take as long as the rest of one. */
let lastTime = -1;
let lastDigits = "";

function digitsOf(time: Millis): string {
  if (time !== lastTime) {
    lastTime = time;
    lastDigits = time.toString(16).padStart(12, "0");
  }
  return lastDigits;
}

/** A server makes several for each request: texts are put together here, without a buffer for each. */
export function uuid7(now: Millis): string {
  if (used >= POOL) {
    pool = randomBytes(POOL / 2).toString("hex");
    used = 0;
  }
  const at = used;
  used += DIGITS;
  const time = digitsOf(Math.floor(now));
  const variant = VARIANT[Number.parseInt(pool[at]!, 16) & 3];
  return `${time.slice(0, 8)}-${time.slice(8)}-7${pool.slice(at + 1, at + 4)}-${variant}${pool.slice(at + 4, at + 7)}-${pool.slice(at + 7, at + 19)}`;
}
