/** Liveness of workers: heartbeats, clean stops, and which sessions are dead. */
import type { WorkerAnswer, WorkerBody } from "../../protocol/worker.ts";
import { commonProtocol } from "../../protocol/worker-protocol.ts";
import type { RequestContext } from "../request-context.ts";

/** `all_active: false`: the session is unknown, or its worker is not served any more (VERSION-4), and must register again. */
export async function heartbeat(
  context: RequestContext,
  { protocols, ...body }: WorkerBody<"heartbeat">,
): Promise<WorkerAnswer<"heartbeat">> {
  const { ports, workspace } = context;
  const now = ports.clock.now();
  if (commonProtocol(protocols) === null) return { all_active: false, now };
  const all_active = await ports.registry.beat({ workspace, ...body, now });
  const holds = (await ports.registry.knownHolds(workspace)).filter(
    ({ deployment, release }) => [null, body.deployment].includes(deployment) && release?.perSecond !== null,
  );
  if (holds.length === 0) return { all_active, now };
  const held = holds.map(({ workflow }) => workflow).filter((name) => name !== null);
  return { all_active, now, held: held.length < holds.length ? "all" : held };
}

/** A clean stop: the worker counts as stopped at once, not after the liveness window. */
export async function stop(context: RequestContext, body: WorkerBody<"stop">): Promise<WorkerAnswer<"stop">> {
  await context.ports.registry.leave({ workspace: context.workspace, ...body });
  context.log.info("worker stopped", { deployment: body.deployment, worker: body.worker, session: body.session });
  return {};
}

/** A session is dead when it has left or has been silent for the session timeout: its local activities are orphans. */
export async function sessions(
  context: RequestContext,
  body: WorkerBody<"sessions">,
): Promise<WorkerAnswer<"sessions">> {
  const { ports, workspace } = context;
  const beats = await ports.registry.heartbeats(workspace, body.ids);
  const now = ports.clock.now();
  const dies_at: Record<string, number> = {};
  const dead: string[] = [];
  for (const id of new Set(body.ids)) {
    const dies = (beats.get(id) ?? Number.NEGATIVE_INFINITY) + ports.settings.sessionTimeoutMs;
    if (dies < now) dead.push(id);
    else dies_at[id] = dies;
  }
  return { dead, dies_at };
}
