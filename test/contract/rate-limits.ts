/** Pools of rate limits: whoever asks, and however many at once, no window has more permits than it may have. */
import { expect, test } from "vitest";
import type { Permit } from "../../shared/core/rate-limit.ts";
import type { RateLimit } from "../../shared/protocol/history.ts";
import { Chance } from "../simulation/random.ts";
import { uuid } from "./subject.ts";
import type { Contract } from "./suite.ts";

type Given = Extract<Permit, { at: number }>;
const given = (permits: readonly Permit[]): Given[] => permits.filter((permit) => "at" in permit);
const limitOf = (max: number, per_ms: number): RateLimit => ({ key: "provider", max, per_ms });
/** The most attempts that can begin within `per`, each at the worst moment within its permit. */
const mostIn = (per: number, all: readonly Given[]): number =>
  Math.max(0, ...all.map(({ until: t }) => all.filter((g) => g.until >= t && g.at < t + per).length));

/** An attempt that asks until it begins. A crash loses its permit, and so does a caller that comes too late. */
class Attempt {
  #permit: Given | null = null;
  #again = 0;
  at = Number.NaN;
  readonly heard: { readonly permit: Given; readonly asked: number; readonly answered: number }[] = [];

  asksAt(now: number): boolean {
    return now >= this.#again && (this.#permit === null || now > this.#permit.until);
  }
  hears(permit: Permit, asked: number, answered: number): void {
    if ("again" in permit) {
      expect(permit.again).toBeGreaterThan(asked);
      this.#again = permit.again;
      return;
    }
    this.#permit = permit;
    this.heard.push({ permit, asked, answered });
  }
  mayBegin(now: number): boolean {
    return this.#permit !== null && now >= this.#permit.at && now <= this.#permit.until;
  }
  crashes(): void {
    this.#permit = null;
  }
  begins(now: number): void {
    this.at = now;
  }
}
const pairsOf = <T>(all: readonly T[]): [T, T][] => all.flatMap((one) => all.map((other): [T, T] => [one, other]));

export const rateLimitsContract: Contract = (of) => {
  test("of many that ask at once, no window has more than `max`", async () => {
    const { rateLimits } = of().ports;
    const [workspace, limit] = [uuid(), limitOf(10, 2_000)];
    const asked = await Promise.all(Array.from({ length: 8 }, (_, i) => rateLimits.take(workspace, limit, 1 + i)));
    expect(asked.map((permits) => permits.length)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const all = given(asked.flat());
    expect(all).toHaveLength(36); // all within the minute for which permits are given ahead
    expect(mostIn(limit.per_ms, all)).toBe(10);
  });

  test("callers that come one after another use at least nine tenths of the limit, and never more than it", async () => {
    const b = of();
    const [workspace, limit] = [uuid(), limitOf(20, 1_000)];
    const began = b.now();
    const all: Given[] = [];
    // Three callers, each of which asks for as much as it can use until the next question.
    for (let round = 0; round < 15; round++) {
      const caller = async (n: number) => all.push(...given(await b.ports.rateLimits.take(workspace, limit, n)));
      if (all.filter(({ at }) => at > b.now() + 1_000).length === 0)
        await Promise.all([caller(5), caller(9), caller(11)]);
      await b.pass(200);
    }
    const ended = b.now();
    expect(mostIn(limit.per_ms, all)).toBeLessThanOrEqual(limit.max);
    const begun = all.filter(({ at }) => at < ended).length;
    expect(begun).toBeGreaterThanOrEqual(Math.floor((0.9 * limit.max * (ended - began)) / limit.per_ms));
  });

  test.each([
    1, 2, 3, 4, 5,
  ])("callers that crash and come late lose no attempt, break no window, and are served in the order of asking (seed %i)", async (seed) => {
    const b = of();
    const chance = new Chance(seed);
    const [workspace, limit] = [uuid(), limitOf(chance.between(3, 12), 500)];
    const attempts = Array.from({ length: 30 }, () => new Attempt());
    const begun = new Set<Attempt>();
    let arrived = 0;
    const ends = b.now() + 60_000;
    while (begun.size < attempts.length) {
      expect(b.now(), "every attempt begins").toBeLessThan(ends);
      arrived = Math.min(attempts.length, arrived + chance.between(0, 6));
      const asking = attempts.slice(0, arrived).filter((each) => !begun.has(each) && each.asksAt(b.now()));
      // Some callers, each of which asks for several attempts in one call, at the same moment.
      const callers = Map.groupBy(asking, () => chance.between(0, 3));
      await Promise.all(
        [...callers.values()].map(async (group) => {
          const asked = b.now();
          const permits = await b.ports.rateLimits.take(workspace, limit, group.length);
          expect(permits).toHaveLength(group.length);
          for (const [i, each] of group.entries()) each.hears(permits[i]!, asked, b.now());
        }),
      );
      for (const each of attempts) {
        if (begun.has(each) || !each.mayBegin(b.now())) continue;
        if (chance.happens(0.1)) each.crashes();
        else {
          each.begins(b.now());
          begun.add(each);
        }
      }
      await b.pass(chance.between(5, 60));
    }
    const times = attempts.map(({ at }) => at);
    for (const from of times)
      expect(times.filter((at) => at >= from && at < from + limit.per_ms).length).toBeLessThanOrEqual(limit.max);
    const heard = attempts.flatMap((each) => each.heard);
    for (const [one, other] of pairsOf(heard))
      if (one.answered < other.asked) expect(one.permit.at).toBeLessThanOrEqual(other.permit.at);
  });

  test("callers that say how late they begin get permits that are good for so long, and break no window", async () => {
    const b = of();
    const [workspace, limit, slack] = [uuid(), limitOf(10, 1_000), 700];
    const all: Given[] = [];
    for (let round = 0; round < 6; round++) {
      const [prompt, late] = await Promise.all([
        b.ports.rateLimits.take(workspace, limit, 3),
        b.ports.rateLimits.take(workspace, limit, 4, slack),
      ]);
      for (const { at, until } of given(late)) expect(until - at).toBeGreaterThanOrEqual(slack);
      all.push(...given(prompt), ...given(late));
      await b.pass(150);
    }
    expect(all).toHaveLength(42);
    expect(mostIn(limit.per_ms, all)).toBeLessThanOrEqual(limit.max);
  });

  test("each workspace and each key has its own pool, which can be read", async () => {
    const { rateLimits } = of().ports;
    const [workspace, limit] = [uuid(), limitOf(1, 3_600_000)];
    expect(await rateLimits.pool(workspace, limit.key)).toBeNull();
    expect(given(await rateLimits.take(workspace, limit, 2))).toHaveLength(1);
    expect(given(await rateLimits.take(uuid(), limit, 1))).toHaveLength(1);
    expect(given(await rateLimits.take(workspace, { ...limit, key: "a key with #, / and ü" }, 1))).toHaveLength(1);
    expect(given(await rateLimits.take(workspace, limit, 1))).toHaveLength(0);
    expect(await rateLimits.pool(workspace, limit.key)).toMatchObject({ per: limit.per_ms });
  });
};
