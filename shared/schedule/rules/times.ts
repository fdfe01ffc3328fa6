/**
 * The times of a spec, in order and lazily: (union of calendars, intervals and cron) - skip, within `[start_at, end_at]`.
 *
 * TIMES-1. Every time is strictly later than the one before it and than the given instant. If several sources name the same
 *     instant, it is one time.
 * TIMES-2. A wall time that does not exist is left out; a wall time that occurs twice is two times.
 * TIMES-3. `nominal <= actual < next raw time`, where raw times are those before `skip` and `end_at` are applied. So actual times
 *     have the order of nominal times, and only for the latest raw time can now lie between nominal and actual.
 * TIMES-4. The work for one time does not depend on how far away it is, only on the number of skipped stretches before it. A
 *     budget of steps bounds it (STEPS-2).
 */
import { type CompiledCalendar, covers, matchesWall, nextWall, nextWallOutside } from "./calendar.ts";
import { DAY_SECONDS } from "./civil.ts";
import { type CompiledInterval, nextInInterval } from "./interval.ts";
import { delayOf } from "./jitter.ts";
import { Steps } from "./steps.ts";
import type { Piece, Zone } from "./zone.ts";

export interface CompiledSpec {
  readonly zone: Zone;
  /** From `calendars` and `cron_expressions`. */
  readonly calendars: readonly CompiledCalendar[];
  readonly intervals: readonly CompiledInterval[];
  readonly skip: readonly CompiledCalendar[];
  readonly startAtMs: number | undefined;
  readonly endAtMs: number | undefined;
  readonly jitterMs: number;
}

export interface DueTime {
  /** Milliseconds, on a whole second: the time that the spec names. */
  readonly nominal: number;
  /** Milliseconds: nominal + jitter, when a run is due. */
  readonly actual: number;
  /** With jitter: the end, exclusive, of the span in which `actual` lies. */
  readonly windowEnd?: number;
}

/** 2100-12-31T23:59:59Z. */
const LAST_SECOND = 4_133_980_799;
/** More than the difference of any two offsets of a zone: two days later the wall clock shows a later time in every case. */
const TWO_DAYS = 2 * DAY_SECONDS;

function pieceAt(zone: Zone, second: number, steps: Steps): Piece {
  const piece = zone.pieceAt(second);
  steps.takePiece(piece);
  return piece;
}

/** The first second strictly later than `after` at which the zone's wall clock matches the calendar. */
function nextInCalendar(calendar: CompiledCalendar, zone: Zone, after: number, steps: Steps): number | undefined {
  let from = after;
  for (;;) {
    const { end, offset } = pieceAt(zone, from + 1, steps);
    const wall = nextWall(calendar, from + 1 + offset, steps);
    if (wall !== undefined && wall - offset < end) return wall - offset;
    if (end <= from + TWO_DAYS) {
      from = end - 1; // in the next piece the wall clock may repeat times from before `from`: search that piece by itself
    } else if (wall === undefined) {
      return undefined;
    } else {
      // Up to two days before `wall` by this offset, the wall clock shows times between those searched and `wall`: no match.
      from = Math.max(end - 1, wall - offset - TWO_DAYS);
    }
  }
}

/** The merged sources, before skip and end_at. Keeps the next time of each source, so that a step searches few of them again. */
class Sources {
  readonly #next: ((after: number) => number | undefined)[];
  readonly #heads: (number | undefined)[];
  readonly #steps: Steps;

  constructor(spec: CompiledSpec, steps: Steps) {
    this.#steps = steps;
    this.#next = [
      ...spec.calendars.map((each) => (after: number) => nextInCalendar(each, spec.zone, after, steps)),
      ...spec.intervals.map((each) => (after: number) => nextInInterval(each, after)),
    ];
    this.#heads = this.#next.map(() => Number.NEGATIVE_INFINITY);
  }

  /** The first raw second later than `after`. `after` must not decrease from call to call. */
  after(after: number): number | undefined {
    if (after >= LAST_SECOND) return undefined;
    let first = Number.POSITIVE_INFINITY;
    this.#steps.take(1 + (this.#heads.length >>> 4));
    for (let index = 0; index < this.#heads.length; index++) {
      let head = this.#heads[index];
      if (head !== undefined && head <= after) {
        this.#steps.take(1);
        head = this.#next[index]!(after);
        this.#heads[index] = head;
      }
      if (head !== undefined && head < first) first = head;
    }
    return first <= LAST_SECOND ? first : undefined;
  }
}

export interface SearchOptions {
  /** The jitter follows from it. */
  readonly seed?: string;
  /** The budget of the computation that the search is a part of. */
  readonly steps?: Steps;
}

/** All times strictly later than `fromMs`, until there are no more. */
export function* timesAfter(
  spec: CompiledSpec,
  fromMs: number,
  { seed = "", steps = new Steps() }: SearchOptions = {},
): Generator<DueTime, void> {
  if (skipsAll(spec, steps)) return;
  const sources = new Sources(spec, steps);
  const floor = spec.startAtMs === undefined ? -1 : Math.floor(spec.startAtMs / 1000) - 1;
  let after = Math.max(Math.floor(fromMs / 1000), floor, -1);
  for (;;) {
    const second = sources.after(after);
    if (second === undefined || second * 1000 > (spec.endAtMs ?? Number.POSITIVE_INFINITY)) return;
    const skippedUntil = skipEnd(spec, second, steps);
    if (skippedUntil !== undefined) {
      after = skippedUntil - 1;
      continue;
    }
    after = second;
    const nominal = second * 1000;
    if (spec.jitterMs === 0) {
      yield { nominal, actual: nominal };
      continue;
    }
    const next = sources.after(second);
    const room = next === undefined ? spec.jitterMs : Math.min(spec.jitterMs, next * 1000 - nominal);
    yield { nominal, actual: nominal + delayOf(seed, nominal, room), windowEnd: nominal + room };
  }
}

/** The first time strictly later than `fromMs`; undefined if there is none. */
export function nextTime(spec: CompiledSpec, fromMs: number, options: SearchOptions = {}): DueTime | undefined {
  const { value } = timesAfter(spec, fromMs, options).next();
  return value ?? undefined;
}

/** Whether a skip calendar covers each source, so that the search would meet skipped times alone. */
function skipsAll({ calendars, intervals, skip }: CompiledSpec, steps: Steps): boolean {
  if (skip.length === 0 || intervals.length > 0) return false;
  return calendars.every((calendar) =>
    skip.some((each) => {
      steps.take(1);
      return covers(each, calendar);
    }),
  );
}

/** If `second` is skipped: a later second before which all are skipped; undefined if `second` is not skipped. */
function skipEnd(spec: CompiledSpec, second: number, steps: Steps): number | undefined {
  if (spec.skip.length === 0) return undefined;
  const { end, offset } = pieceAt(spec.zone, second, steps);
  steps.take(1 + (spec.skip.length >>> 2));
  for (const calendar of spec.skip) {
    if (!matchesWall(calendar, second + offset)) continue;
    const outside = nextWallOutside(calendar, second + offset, steps);
    const until = outside === undefined ? Number.POSITIVE_INFINITY : outside - offset;
    if (until <= end) return until;
    // Two days on, by any offset, the wall clock shows a later time than at `second`, and up to two days before `until` it
    // shows a time before `outside`. Nearer than two days to the piece's end it may go back to before the skipped stretch.
    return end < second + TWO_DAYS ? end : Math.max(end, until - TWO_DAYS);
  }
  return undefined;
}

/** Whether a skip calendar excludes an instant (milliseconds). */
export function isSkipped(spec: CompiledSpec, instant: number, steps: Steps = new Steps()): boolean {
  return skipEnd(spec, Math.floor(instant / 1000), steps) !== undefined;
}

/**
 * The last raw time (before skip, milliseconds) in `(afterMs, untilMs]`; undefined if there is none. It bisects with the forward
 * search, which takes about 30 searches for a span of decades.
 */
export function lastRawTime(
  spec: CompiledSpec,
  afterMs: number,
  untilMs: number,
  steps: Steps = new Steps(),
): number | undefined {
  const search = (after: number) => new Sources(spec, steps).after(after);
  const until = Math.floor(untilMs / 1000);
  let low = Math.max(Math.floor(afterMs / 1000), -1);
  let found = search(low);
  if (found === undefined || found > until) return undefined;
  low = found;
  let high = until;
  // The last time lies in [low, high]; `low` is one.
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    found = search(middle);
    if (found !== undefined && found <= until) low = found;
    else high = middle;
  }
  return low * 1000;
}
