/** Bounds that keep a schedule one small item whatever its spec, its outages and its users do. */

/** Runs that wait. A further one is dropped and counted. */
export const BUFFER_LIMIT = 1000;
/** Runs that are active at once. A further one is refused and logged. */
export const ACTIVE_LIMIT = 1000;
/** Entries of the log that the state keeps. */
export const LOG_KEPT = 200;
export const RECENT_KEPT = 10;
export const FUTURE_SHOWN = 10;

/**
 * Due times that one command handles one by one when they cannot start anything (missed, paused, exhausted, buffer full);
 * the rest up to now is passed over at once with a single log entry. A year of lost seconds must not be a year of work.
 */
export const LOST_ONE_BY_ONE = 200;

/** Emissions of a start before "unavailable" is final. */
export const START_ATTEMPTS = 10;
const RETRY_FIRST_MS = 1000;
const RETRY_MOST_MS = 60_000;
/** After which an effect without a result is performed again. Longer than performing it takes. */
const GUARD_MS = 10_000;

/** Wait after the `tries`-th attempt was answered "unavailable". */
export const retryDelay = (tries: number) => Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** (tries - 1));

/** Wait for the result of the `tries`-th emission. */
export const guardDelay = (tries: number) => Math.min(RETRY_MOST_MS, GUARD_MS * 2 ** (tries - 1));
