/**
 * A deployment that nothing uses any more is retired: it registers no workflows, so starts read nothing of it.
 *
 * RETIRE-1. Only a deployment without a live worker and without a running execution is retired, to which no start goes that names none.
 *     A start that was on its way may still begin there, and waits as on every deployment without workers.
 * RETIRE-2. Its registrations are removed and its sessions end, so a worker that was silent for longer than the liveness window registers
 *     again and has everything. Its record stays: a version remains one of its deployment that was introduced (PINNED-2, PINNED-3), and a
 *     hardened deployment keeps its keys.
 * RETIRE-3. No rollback leads to it: before its registrations are removed, the current deployments forget that it was the one before.
 * RETIRE-4. The first registration of a version retires the older versions of its deployment for which RETIRE-1 holds, to which no rollback
 *     leads, and that have not registered for one retention. So their number is bounded without an operator.
 */
import { notFound, type Refusal, refusal } from "../protocol/errors.ts";
import type { ResponseOf } from "../protocol/routes.ts";
import { activeDeployments } from "../routing/liveness.ts";
import { versionsOf } from "../routing/versions.ts";
import type { RequestContext } from "./request-context.ts";

export async function retireDeployment(
  context: RequestContext,
  deployment: string,
): Promise<ResponseOf<"retireDeployment"> | Refusal> {
  const { ports, workspace } = context;
  if (!(await ports.registry.deployment(workspace, deployment))) return notFound("deployment", deployment);
  const why = await whyInUse(context, deployment);
  if (why !== null) return refusal(409, "DEPLOYMENT_IN_USE", `Deployment '${deployment}' is not retired: ${why}`);
  await forgetBefore(context, deployment);
  return { deployment_name: deployment, workflow_names: await remove(context, deployment) };
}

/** RETIRE-4. */
export async function retireOldVersions(context: RequestContext, of: string): Promise<void> {
  const { ports, workspace } = context;
  const { registry, settings, clock } = ports;
  const before = clock.now() - settings.retentionMs;
  const old = versionsOf(await registry.deployments(workspace), of).filter(({ updatedAt }) => updatedAt < before);
  if (old.length === 0) return;
  const kept = new Set((await registry.currents(workspace)).map(({ previous }) => previous));
  const registered = new Set((await registry.registrations(workspace)).map(({ deployment }) => deployment));
  for (const { name } of old) {
    if (!registered.has(name) || kept.has(name)) continue;
    if ((await whyInUse(context, name)) === null) await remove(context, name);
  }
}

/** RETIRE-1. Null: nothing uses it. */
async function whyInUse({ ports, workspace, signal }: RequestContext, deployment: string): Promise<string | null> {
  const current = (await ports.registry.currents(workspace)).find(
    (each) => each.deployment === deployment || each.ramp?.deployment === deployment,
  );
  if (current) {
    const what = current.deployment === deployment ? "goes" : "goes in part";
    return `a start of workflow '${current.workflow}' that names no deployment ${what} to it. Promote another deployment first, or roll back.`;
  }
  if ((await activeDeployments(ports, workspace, [deployment])).has(deployment)) {
    const seconds = Math.ceil(ports.settings.livenessMs / 1_000);
    return `a worker of it is live. Stop its workers; one that was killed counts as live for ${seconds} s.`;
  }
  const query = { statuses: ["RUNNING"], sortBy: "start_time", order: "asc", limit: 1 } as const;
  const [run] = (await ports.executions.runs({ workspace, deployment, ...query, signal })).runs;
  if (!run) return null;
  return `execution '${run.execution}' runs on it. Let it end with a worker of '${deployment}', cancel it, or reset it into another deployment.`;
}

async function remove({ ports, workspace, user, log }: RequestContext, deployment: string): Promise<string[]> {
  const workflows = await ports.registry.retire(workspace, deployment);
  log.info("deployment retired", { deployment, by: user, workflows: workflows.length });
  return workflows;
}

/** RETIRE-3. Of two changes at once the later one looks again. */
async function forgetBefore({ ports, workspace }: RequestContext, deployment: string): Promise<void> {
  for (const { workflow } of await ports.registry.currents(workspace)) {
    for (;;) {
      const now = await ports.registry.current(workspace, workflow);
      if (now?.previous !== deployment) break;
      if (await ports.registry.setCurrent(workspace, { ...now, version: now.version + 1, previous: null })) break;
    }
  }
}
