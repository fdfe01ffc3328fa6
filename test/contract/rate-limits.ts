/** Pools of rate limits: whoever asks, and however many at once, no window has more permits than it may have. */
import { expect, test } from "vitest";
import type { Permit } from "../../shared/core/rate-limit.ts";
import type { RateLimit } from "../../shared/protocol/history.ts";
import { uuid } from "./subject.ts";
import type { Contract } from "./suite.ts";

type Given = Extract<Permit, { at: number }>;
const given = (permits: readonly Permit[]): Given[] => permits.filter((permit) => "at" in permit);
const limitOf = (max: number, per_ms: number): RateLimit => ({ key: "provider", max, per_ms });
/** The most attempts that can begin within `per`, each at the worst moment within its permit. */
const mostIn = (per: number, all: readonly Given[]): number =>
  Math.max(0, ...all.map(({ until: t }) => all.filter((g) => g.until >= t && g.at < t + per).length));

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
