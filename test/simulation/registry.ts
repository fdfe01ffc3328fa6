/** The registry in memory: deployments and their versions, sessions, registrations, the current deployments and holds. */
import type {
  CurrentDeployment,
  DeploymentRecord,
  Holds,
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
  const deployments = new Map<string, DeploymentRecord>();
  const workers = new Map<string, WorkerRecord>();
  const find = (session: string) => {
    const worker = workers.get(session);
    if (!worker || !expired(worker.heartbeatAt)) return worker;
    workers.delete(session);
    return undefined;
  };
  const registrations = new Map<string, RegistrationRecord>();
  const workflowIds = new Map<string, string>();
  const currents = new Map<string, CurrentDeployment>();
  const none = async () => null;
  let holds: Holds = { version: 0, holds: [] };
  const listed = (filter: { workflow?: string; deployment?: string } = {}) =>
    [...registrations.values()].filter(
      ({ workflow, deployment }) =>
        workflow === (filter.workflow ?? workflow) && deployment === (filter.deployment ?? deployment),
    );
  return {
    async register(p) {
      const { deployment, worker: name, session, version = null, now } = p;
      beaten(session, now);
      const known = deployments.get(deployment);
      deployments.set(deployment, {
        id: deployment,
        name: deployment,
        createdAt: known?.createdAt ?? now,
        updatedAt: now,
        authorizedKeys: null,
        version: known?.version ?? (version && { ...version, introduced: false }),
      });
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
        const workflow = definition.name;
        const key = `${workflow}/${deployment}`;
        const old = registrations.get(key);
        const id = old?.id ?? uuid();
        const workflowId = workflowIds.get(workflow) ?? uuid();
        workflowIds.set(workflow, workflowId);
        const createdAt = old?.createdAt ?? now;
        registrations.set(key, { id, workflowId, workflow, deployment, definition, createdAt, updatedAt: now });
        return { workflowId, registrationId: id };
      });
    },
    async active(_workspace, since, among) {
      const live = [...workers.values()].filter((w) => w.heartbeatAt >= since).map((w) => w.deployment);
      return new Set(among ? live.filter((name) => among.includes(name)) : live);
    },
    deployment: async (_workspace, name) => deployments.get(name) ?? null,
    async introduced(_workspace, name) {
      const known = deployments.get(name)!;
      deployments.set(name, { ...known, version: { ...known.version!, introduced: true } });
    },
    async retire(_workspace, deployment) {
      const workflows = listed({ deployment }).map(({ workflow }) => workflow);
      for (const workflow of workflows) registrations.delete(`${workflow}/${deployment}`);
      for (const worker of [...workers.values()]) if (worker.deployment === deployment) workers.delete(worker.session);
      return workflows.sort();
    },
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
    deployments: async () => [...deployments.values()],
    workers: async () => [...workers.values()],
    async heartbeats(_workspace, sessions) {
      return new Map(
        sessions.flatMap((session) => {
          const worker = find(session);
          return worker ? [[session, worker.heartbeatAt]] : [];
        }),
      );
    },
    registrations: async (_workspace, filter) => listed(filter),
    serving: async (_workspace, workflow) => ({
      registrations: listed({ workflow }),
      current: currents.get(workflow) ?? null,
    }),
    current: async (_workspace, workflow) => currents.get(workflow) ?? null,
    currents: async () => [...currents.values()],
    async setCurrent(_workspace, next) {
      if ((currents.get(next.workflow)?.version ?? 0) !== next.version - 1) return false;
      currents.set(next.workflow, next);
      return true;
    },
    async clearCurrent(_workspace, { workflow, version }) {
      return currents.get(workflow)?.version === version && currents.delete(workflow);
    },
    holds: async () => holds,
    knownHolds: async () => holds.holds,
    async setHolds(_workspace, next) {
      if (holds.version !== next.version - 1) return false;
      holds = next;
      onHolds(next.holds.length);
      return true;
    },
    releases: async () => (holds.holds.some(({ release }) => release !== null) ? [workspace] : []),
    registration: async (_workspace, id) => [...registrations.values()].find((each) => each.id === id) ?? null,
    workflows: async () => [],
    workflow: none,
    putKey: async () => {},
    key: none,
    keys: async () => [],
    removeKey: async () => "unknown",
  };
}
