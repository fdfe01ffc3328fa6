/**
 * The pool of a rate limit: when the attempts that share it may begin. Pure. A permit says from when until when its attempt may
 * begin; the store keeps the pool and changes it by one conditional write for a group of permits.
 *
 * RATE-1. In no time of length `per` do more than `max` attempts begin. A permit counts with the whole time in which it is
 *     good, so an attempt that begins late within it breaks nothing. The price is a part of the rate: `SLOTS` and `LATE`.
 *     The worker looks whether it is still good right before it calls the function, after everything that takes time.
 * RATE-2. Permits are given in the order of asking: no later one begins before an earlier one. So the pool only needs the
 *     permits of the last `per`, and one time stands for all those that it has promised.
 * RATE-3. A permit is given `MAX_AHEAD_MS` ahead at most. Whoever would wait longer is told when to ask again. So calls
 *     that are cancelled, or whose worker dies, waste a minute of permits at most.
 * RATE-4. A permit that nobody uses is lost, never given twice: after a crash fewer attempts begin, not more.
 * RATE-5. A permit that begins further ahead than any may be given shows that the clock was set back. The pool moves back with it,
 *     so that its last permit counts as given now: otherwise every attempt would wait as long as the clock was set back.
 */
import type { Millis, RateLimit } from "../protocol/history.ts";

/** A `per` has so many slots; permits that begin in one slot are counted together. */
const SLOTS = 25;
/** A permit is good until so large a part of `per` after its slot. */
const LATE = 1 / 20;
/** RATE-3. */
const MAX_AHEAD_MS: Millis = 60_000;
/** The longest time until the next question: a queue on AWS holds a new message back for 15 minutes at most. */
const MAX_PAUSE_MS: Millis = 600_000;

/** So many permits, each good from `from` until `until`. */
type Span = readonly [from: Millis, until: Millis, permits: number];

export interface Pool {
  /** In the order of their times. */
  readonly spans: readonly Span[];
  /** The longest `per` of those that have asked: callers of one key may state different limits. */
  readonly per: Millis;
  /** The last time at which somebody was told to ask again. */
  readonly asked: Millis;
}

/** @throws TypeError if the stored value is no pool. */
export function storedPool(value: unknown): Pool {
  const { spans, per, asked } = (value ?? {}) as Partial<Pool>;
  const isSpan = (span: unknown) => Array.isArray(span) && span.length === 3 && span.every(Number.isFinite);
  const isPool = Array.isArray(spans) && spans.every(isSpan) && Number.isFinite(per) && Number.isFinite(asked);
  if (!isPool) throw new TypeError("something else is stored in place of the pool of a rate limit");
  return value as Pool;
}

export type Permit = { readonly at: Millis; readonly until: Millis } | { readonly again: Millis };

/**
 * Takes `n` permits. `slack`: the callers need so long from the beginning of a permit to that of the attempt, so the permits
 * are good for at least as long. They count for longer then: slow callers get a part of the rate, and break no limit.
 */
export function takePermits(
  stored: Pool | null,
  limit: RateLimit,
  n: number,
  now: Millis,
  slack: Millis = 0,
): { pool: Pool; permits: Permit[] } {
  const { max, per_ms: per } = limit;
  const width = Math.ceil(per / SLOTS);
  const good = width + Math.max(Math.floor(per * LATE), slack);
  const before = onClock(stored, now);
  const spans = recent(before, per, now);
  let asked = before?.asked ?? 0;
  const permits: Permit[] = [];
  let slot = firstSlot(spans, width, now);
  while (permits.length < n) {
    const room = max - countSince(spans, slot - per);
    if (room > 0) {
      const given = Math.min(room, n - permits.length);
      const until = slot + good;
      const permit = { at: Math.max(now, slot), until };
      for (let i = 0; i < given; i++) permits.push(permit);
      add(spans, [slot, until, given]);
      continue;
    }
    slot = nextSlot(spans, slot, width, per);
    if (slot <= now + MAX_AHEAD_MS) continue;
    while (permits.length < n) {
      const soonest = slot - MAX_AHEAD_MS / 2;
      const again = Math.max(asked, soonest);
      if (soonest <= now + MAX_PAUSE_MS) asked = again + per / max;
      permits.push({ again: Math.round(Math.min(again, now + MAX_PAUSE_MS)) });
    }
  }
  const widest = spans.length === 0 ? per : Math.max(per, before?.per ?? 0);
  return { pool: { spans, per: widest, asked: Math.round(asked) }, permits };
}

/** When a permit that is asked for now would begin; `now`: at once. */
export function nextPermit(pool: Pool | null, { max, per_ms: per }: RateLimit, now: Millis): Millis {
  const width = Math.ceil(per / SLOTS);
  const spans = recent(onClock(pool, now), per, now);
  let slot = firstSlot(spans, width, now);
  while (countSince(spans, slot - per) >= max) slot = nextSlot(spans, slot, width, per);
  return Math.max(now, slot);
}

/** The pool holds nothing that counts after this. */
export const poolEnds = ({ spans, per, asked }: Pool): Millis =>
  Math.max(asked, Math.max(0, ...spans.map(([, until]) => until)) + per);

/** RATE-5. */
function onClock(pool: Pool | null, now: Millis): Pool | null {
  const last = pool?.spans.at(-1)?.[0] ?? 0;
  if (!pool || last <= now + MAX_AHEAD_MS) return pool;
  const back = last - now;
  return {
    ...pool,
    spans: pool.spans.map(([from, until, permits]) => [from - back, until - back, permits]),
    asked: Math.max(0, pool.asked - back),
  };
}

function recent(pool: Pool | null, per: Millis, now: Millis): Span[] {
  if (pool === null) return [];
  const since = now - 2 * Math.max(per, pool.per);
  return pool.spans.filter(([, until]) => until > since);
}

/** RATE-2. */
const firstSlot = (spans: readonly Span[], width: Millis, now: Millis): Millis =>
  Math.max(Math.floor(now / width) * width, spans.at(-1)?.[0] ?? 0);

/** RATE-1. */
function countSince(spans: readonly Span[], since: Millis): number {
  let count = 0;
  for (const [, until, permits] of spans) if (until > since) count += permits;
  return count;
}

/** The first slot after this one at which a permit that counts now counts no more. */
function nextSlot(spans: readonly Span[], slot: Millis, width: Millis, per: Millis): Millis {
  const counting = spans.filter(([, until]) => until > slot - per).map(([, until]) => until + per);
  return Math.max(slot + 1, Math.min(slot + per + width, ...counting));
}

function add(spans: Span[], [from, until, permits]: Span): void {
  const last = spans.at(-1);
  if (last?.[0] === from && last[1] === until) spans[spans.length - 1] = [from, until, last[2] + permits];
  else spans.push([from, until, permits]);
  // Limits that differ from caller to caller make many spans. Two that are counted as one count for longer: fewer permits.
  if (spans.length > 4 * SLOTS)
    spans.splice(0, 2, [spans[0]![0], Math.max(spans[0]![1], spans[1]![1]), spans[0]![2] + spans[1]![2]]);
}
