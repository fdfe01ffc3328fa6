/** Simple ports in memory: the facts about activities, rate limits, and a feed without readers. */
import { type Pool, takePermits } from "../../shared/core/rate-limit.ts";
import type { Activities, Clock, Feed, RateLimits } from "../../shared/ports.ts";

export function memoryRateLimits(clock: Clock): RateLimits {
  const pools = new Map<string, Pool>();
  return {
    async take(_workspace, limit, n, slack = 0) {
      const { pool, permits } = takePermits(pools.get(limit.key) ?? null, limit, n, clock.now(), slack);
      pools.set(limit.key, pool);
      return permits;
    },
    pool: async (_workspace, key) => pools.get(key) ?? null,
  };
}

export function memoryActivities(): Activities {
  const begun = new Set<string>();
  const beats = new Map<string, unknown>();
  const cancels = new Set<string>();
  const latest = new Map<string, number>();
  const isLatest = (id: string, attempt: number) => {
    if (attempt < (latest.get(id) ?? 0)) return false;
    latest.set(id, attempt);
    return true;
  };
  const key = ({ run, activity }: { run: string; activity: number }) => `${run}/${activity}`;
  return {
    async begin({ attempt, queued, now, ...of }) {
      const id = key(of);
      if (!isLatest(id, attempt)) return null;
      if (queued) begun.add(id);
      return now;
    },
    begun: async ({ run, activities }) => activities.filter((activity) => begun.has(key({ run, activity }))),
    async beat({ attempt, details, ...of }) {
      const id = key(of);
      if (!isLatest(id, attempt)) return false;
      beats.set(id, details);
      return true;
    },
    lastBeat: async (of) => beats.get(key(of)) ?? null,
    failed: async ({ now }) => now,
    report: async () => null,
    async requestCancel(of) {
      cancels.add(key(of));
    },
    async status(of) {
      const id = key(of);
      return { attempt: latest.get(id) ?? 0, cancelRequested: cancels.has(id) };
    },
  };
}

export const silentFeed: Feed = {
  publish: async () => {},
  read: async () => ({ items: [], upTo: 0 }),
  follow: async () => ({ next: async () => ({ items: [], state: "current" }) }),
  last: async () => 0,
};
