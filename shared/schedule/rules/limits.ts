/** Limits that keep a schedule one small item, for every spec, after every outage and under any number of requests. */

/** Runs that wait at once. A further one is dropped and counted. */
export const BUFFER_LIMIT = 1000;
/** Runs that are active at once. A further one is refused and logged. */
export const ACTIVE_LIMIT = 1000;
/** Log entries that the state keeps. */
export const LOG_KEPT = 200;
export const RECENT_KEPT = 10;
export const FUTURE_SHOWN = 10;

/**
 * Due times that one command handles one by one when they cannot start anything (missed, paused, exhausted, buffer full).
 * It passes over the rest up to now at once, with a single log entry, so that the work does not grow with the length of an
 * outage: a year of one-second times is 31 million.
 */
export const LOST_ONE_BY_ONE = 200;

/** Attempts of a start before the result "unavailable" is final. */
export const START_ATTEMPTS = 10;
const RETRY_FIRST_MS = 1000;
/** Every effect in the outbox is attempted again after this time at the latest. */
export const LONGEST_RETRY_MS = 60_000;
/** A first attempt without a result is repeated after this time. Longer than an attempt takes. */
const RESULT_TIMEOUT_MS = 10_000;

/** Pause after the `tries`-th attempt had the result "unavailable". */
export const retryDelay = (tries: number) => Math.min(LONGEST_RETRY_MS, RETRY_FIRST_MS * 2 ** (tries - 1));

/** How long the `tries`-th attempt may be without a result before the next attempt. */
export const resultTimeout = (tries: number) => Math.min(LONGEST_RETRY_MS, RESULT_TIMEOUT_MS * 2 ** (tries - 1));
