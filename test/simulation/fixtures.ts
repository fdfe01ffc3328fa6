/** Simple ports in memory: the registry, the facts about activities, and a feed without readers. */
import { type Pool, takePermits } from "../../shared/core/rate-limit.ts";
import type {
  Activities,
  Clock,
  Feed,
  Holds,
  RateLimits,
  RegistrationRecord,
  Registry,
  WorkerRecord,
} from "../../shared/ports.ts";

/** `expired`: whether the store has deleted a session with this last heartbeat by now. `beaten`: is told each heartbeat. */
export function memoryRegistry(
  uuid: () => string,
  expired: (heartbeatAt: number) => boolean,
  beaten: (session: string, at: number) => void,
  workspace: string,
  onHolds: (scopes: number) => void,
): Registry {
  const workers = new Map<string, WorkerRecord>();
  const find = (session: string) => {
    const worker = workers.get(session);
    if (!worker || !expired(worker.heartbeatAt)) return worker;
    workers.delete(session);
    return undefined;
  };
  const registrations = new Map<string, RegistrationRecord>();
  const none = async () => null;
  let holds: Holds = { version: 0, holds: [] };
  return {
    async register(p) {
      const { deployment, worker: name, session, now } = p;
      beaten(session, now);
      workers.set(session, {
        deployment,
        name,
        session,
        pid: null,
        abilities: null,
        createdAt: now,
        registeredAt: now,
        heartbeatAt: now,
        load: null,
      });
      return p.definitions.map((definition) => {
        const old = registrations.get(definition.name);
        const id = old?.id ?? uuid();
        const workflow = definition.name;
        const workflowId = old?.workflowId ?? uuid();
        registrations.set(workflow, {
          id,
          workflowId,
          workflow,
          deployment,
          definition,
          createdAt: now,
          updatedAt: now,
        });
        return { workflowId, registrationId: id };
      });
    },
    active: async (_workspace, since) =>
      new Set([...workers.values()].filter((w) => w.heartbeatAt >= since).map((w) => w.deployment)),
    deployment: none,
    introduced: async () => {},
    authorize: async () => {},
    changeWorkflow: none,
    abilities: async () => new Map(),
    deploymentOfSession: async (_workspace, session) => find(session)?.deployment ?? null,
    async beat({ session, now }) {
      const known = find(session);
      if (known) {
        beaten(session, now);
        workers.set(session, { ...known, heartbeatAt: now });
      }
      return known !== undefined;
    },
    async leave({ session }) {
      workers.delete(session);
    },
    deployments: async () => [],
    workers: async () => [...workers.values()],
    async heartbeats(_workspace, sessions) {
      return new Map(
        sessions.flatMap((session) => {
          const worker = find(session);
          return worker ? [[session, worker.heartbeatAt]] : [];
        }),
      );
    },
    async registrations(_workspace, filter) {
      return [...registrations.values()].filter((r) => !filter?.workflow || r.workflow === filter.workflow);
    },
    serving: async (_workspace, workflow) => ({
      registrations: [...registrations.values()].filter((r) => r.workflow === workflow),
      current: null,
    }),
    current: none,
    currents: async () => [],
    setCurrent: async () => false,
    clearCurrent: async () => false,
    holds: async () => holds,
    knownHolds: async () => holds.holds,
    async setHolds(_workspace, next) {
      if (holds.version !== next.version - 1) return false;
      holds = next;
      onHolds(next.holds.length);
      return true;
    },
    releases: async () => (holds.holds.some(({ release }) => release !== null) ? [workspace] : []),
    registration: none,
    workflows: async () => [],
    workflow: none,
    putKey: async () => {},
    key: none,
    keys: async () => [],
    removeKey: async () => "unknown",
  };
}

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
