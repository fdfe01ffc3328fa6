/** RATE-1 to RATE-5, by properties: whatever is asked for and whenever, no window has too many permits. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RateLimit } from "../protocol/history.ts";
import { nextPermit, type Permit, type Pool, poolEnds, takePermits } from "./rate-limit.ts";

type Given = Extract<Permit, { at: number }>;
const isGiven = (permit: Permit): permit is Given => "at" in permit;

/** The most attempts that can begin within `per`: each begins at the worst moment within its permit. */
function mostIn(per: number, given: readonly Given[]): number {
  const starts = given.map(({ until }) => until);
  return Math.max(0, ...starts.map((begin) => given.filter((g) => g.until >= begin && g.at < begin + per).length));
}

const START = 1_700_000_000_000;
const limits = fc.record({ max: fc.integer({ min: 1, max: 60 }), per: fc.integer({ min: 1_000, max: 3_600_000 }) });
const limitOf = ({ max, per }: { max: number; per: number }): RateLimit => ({ key: "k", max, per_ms: per });

describe("a pool", () => {
  test("never lets more than `max` attempts begin in any `per`, however late within their permits", () => {
    const asks = fc.array(
      fc.record({
        n: fc.integer({ min: 1, max: 40 }),
        wait: fc.double({ min: 0, max: 1, noNaN: true }),
        slack: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 10_000 })),
      }),
      {
        maxLength: 40,
      },
    );
    fc.assert(
      fc.property(limits, asks, (each, calls) => {
        const limit = limitOf(each);
        let [pool, now]: [Pool | null, number] = [null, START];
        const given: Given[] = [];
        for (const { n, wait, slack } of calls) {
          const taken = takePermits(pool, limit, n, now, slack);
          ({ pool } = taken);
          expect(taken.permits).toHaveLength(n);
          given.push(...taken.permits.filter(isGiven));
          for (const permit of taken.permits) {
            if (isGiven(permit)) expect([permit.at >= now, permit.until >= permit.at + slack]).toEqual([true, true]);
            else expect(permit.again).toBeGreaterThan(now);
          }
          now += Math.floor(wait * each.per);
        }
        expect(mostIn(limit.per_ms, given)).toBeLessThanOrEqual(limit.max);
        const times = given.map(({ at }) => at);
        expect(times).toEqual([...times].sort((a, b) => a - b)); // RATE-2
      }),
    );
  });

  test("holds the limit of each caller when callers state different ones", () => {
    const asks = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.boolean(), fc.integer({ min: 0, max: 9_000 })), {
      maxLength: 80,
    });
    fc.assert(
      fc.property(limits, limits, asks, (a, b, calls) => {
        let [pool, now]: [Pool | null, number] = [null, START];
        const given: (Given & { strict: boolean })[] = [];
        const [one, other] = [limitOf(a), limitOf(b)];
        // The pool keeps permits for as long as the longest window that it has been asked for.
        for (const limit of [one, other]) ({ pool } = takePermits(pool, limit, 1, START - 10_000_000));
        for (const [n, first, wait] of calls) {
          const taken = takePermits(pool, first ? one : other, n, now);
          ({ pool } = taken);
          given.push(...taken.permits.filter(isGiven).map((permit) => ({ ...permit, strict: first })));
          now += wait;
        }
        // A caller's own attempts are within its own limit, counting those of all.
        for (const [limit, mine] of [
          [one, true],
          [other, false],
        ] as const) {
          for (const own of given.filter(({ strict }) => strict === mine)) {
            const before = given.slice(0, given.indexOf(own) + 1).filter((g) => g.until > own.at - limit.per_ms);
            expect(before.length).toBeLessThanOrEqual(limit.max);
          }
        }
      }),
    );
  });

  test("is used to at least nine tenths when enough is asked for", () => {
    for (const [max, per] of [
      [1, 1_000],
      [10, 1_000],
      [7, 60_000],
      [2_000, 1_000],
      [50, 3_600_000],
    ] as const) {
      const limit = limitOf({ max, per });
      let pool: Pool | null = null;
      const given: Given[] = [];
      for (let now = START; now < START + 20 * per; now += Math.min(per / 10, 20_000)) {
        const taken = takePermits(pool, limit, max, now);
        ({ pool } = taken);
        given.push(...taken.permits.filter(isGiven));
      }
      const begun = given.filter(({ at }) => at < START + 20 * per).length;
      expect(begun).toBeGreaterThanOrEqual(0.9 * 20 * max);
    }
  });

  test("gives the first permits at once, promises a minute ahead, and tells the others when to ask again", () => {
    const limit = limitOf({ max: 2, per: 10_000 });
    const { pool, permits } = takePermits(null, limit, 20, START);
    expect(permits.slice(0, 2).map((p) => isGiven(p) && p.at)).toEqual([START, START]);
    const given = permits.filter(isGiven);
    expect(given.at(-1)!.at).toBeLessThanOrEqual(START + 60_000);
    expect(given.length).toBeGreaterThanOrEqual(12);
    const again = permits.flatMap((p) => (isGiven(p) ? [] : [p.again - START]));
    expect(again[0]).toBeGreaterThanOrEqual(30_000);
    expect(again.slice(1).map((at, i) => at - again[i]!)).toEqual(again.slice(1).map(() => 5_000));
    expect(nextPermit(pool, limit, START)).toBeGreaterThan(START + 60_000);
    expect(nextPermit(pool, limit, poolEnds(pool))).toBe(poolEnds(pool));
    expect(nextPermit(null, limit, START)).toBe(START);
  });

  test("of one an hour tells one caller to ask again shortly before the next permit", () => {
    const limit = limitOf({ max: 1, per: 3_600_000 });
    let { pool } = takePermits(null, limit, 1, START);
    let now = START;
    for (;;) {
      const taken: ReturnType<typeof takePermits> = takePermits(pool, limit, 1, now);
      ({ pool } = taken);
      const [permit] = taken.permits;
      if (isGiven(permit!)) break;
      expect(permit!.again - now).toBeLessThanOrEqual(600_000);
      now = permit!.again;
    }
    expect(now - START).toBeLessThanOrEqual(3_600_000 * 1.1);
  });

  test("goes on when the clock was set back by any time: no attempt waits longer than after a full pool", () => {
    const backs = fc.integer({ min: 60_001, max: 86_400_000 });
    fc.assert(
      fc.property(limits, backs, fc.integer({ min: 1, max: 200 }), (each, back, n) => {
        const limit = limitOf(each);
        const { pool } = takePermits(null, limit, n, START);
        const now = START - back;
        const taken = takePermits(pool, limit, 1, now);
        const [permit] = taken.permits;
        const longest = now + each.per + 60_000 + Math.ceil(each.per / 10) + 10_000;
        if (isGiven(permit!)) expect(permit.at).toBeLessThanOrEqual(now + 60_000);
        else expect(permit!.again).toBeLessThanOrEqual(now + 600_000);
        expect(nextPermit(pool, limit, now)).toBeLessThanOrEqual(longest + ((n / each.max) | 0) * each.per);
        expect(taken.pool.spans.at(-1)![0]).toBeLessThanOrEqual(now + 60_000);
      }),
    );
    // One that ran ahead by an hour, and was corrected.
    const limit = limitOf({ max: 10, per: 1_000 });
    const { pool } = takePermits(null, limit, 1, START + 3_600_000);
    expect(takePermits(pool, limit, 1, START).permits).toEqual([{ at: START, until: expect.any(Number) }]);
  });

  test("keeps few spans, whatever the limits", () => {
    let pool: Pool | null = null;
    for (let i = 0; i < 2_000; i++) {
      const limit = limitOf({ max: 1 + (i % 50), per: 1_000 + (i % 13) * 7_919 });
      ({ pool } = takePermits(pool, limit, 3, START + i * 17));
    }
    expect(pool!.spans.length).toBeLessThanOrEqual(100);
  });
});
