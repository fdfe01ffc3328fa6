/** Keys that are limited to deployments (RIGHTS-3). Only requests with such a key load this code. */
import { LruCache } from "../lib/lru-cache.ts";
import { forbidden, type Refusal } from "../protocol/errors.ts";
import { versionDeployment } from "../protocol/ids.ts";
import { scopeOf } from "../protocol/rights.ts";
import type { Route } from "../protocol/routes.ts";
import type { WorkerBody } from "../protocol/worker.ts";
import { foreign } from "./foreign-deployment.ts";
import { type RequestContext, refTo } from "./request-context.ts";

/** The refusal of an operation that changes something, by the execution or schedule that its path names. */
export async function foreignTarget(
  context: RequestContext,
  route: Route,
  params: Readonly<Record<string, string>>,
): Promise<Refusal | null> {
  const scope = scopeOf(route);
  if (scope === "chosen") return null;
  if (scope === "none") {
    return forbidden(
      `The API key '${context.user}' is limited to deployments, and this operation is not about one of them.`,
    );
  }
  if (scope === "execution") {
    const head = await context.ports.executions.head(refTo(context, params.execution_id!));
    return head && foreign(context, head.deployment); // the handler answers that there is none
  }
  const key = { workspace: context.workspace, schedule: params.schedule_id! };
  const stored = await context.ports.schedules.get(key);
  return stored && foreign(context, stored.state.deployment_name);
}

interface Named {
  readonly deployment?: string;
  readonly execution?: string;
  readonly run?: string;
}

interface Work {
  readonly items?: readonly (Named & { readonly task?: Named })[];
  readonly closes?: readonly Named[];
  readonly task?: Named;
}

/** Workspace, execution, run -> deployment. A run never changes its deployment. */
const known = new LruCache<string>(20_000);

/** The refusal of a worker's call about another deployment, or about an execution of another deployment. */
export async function foreignWork(context: RequestContext, body: unknown): Promise<Refusal | null> {
  const { items = [], closes = [], task } = body as Work;
  const tasks = [...(task ? [task] : []), ...items.flatMap((item) => item.task ?? [])];
  for (const named of [body as Named, ...items, ...closes, ...tasks]) {
    if (named.deployment !== undefined) {
      const refused = isOwnVersion(context, body) ? null : await foreign(context, named.deployment);
      if (refused) return refused;
    }
    if (named.execution === undefined) continue;
    const deployment = await deploymentOf(context, named.execution, named.run);
    const refused = deployment === null ? null : await foreign(context, deployment);
    if (refused) return refused;
  }
  return null;
}

/** A registration of a version that may be unknown yet. `register` checks that the deployment may be that version (PINNED-2). */
function isOwnVersion({ deployments }: RequestContext, body: unknown): boolean {
  const { deployment, version } = body as { deployment?: string; version?: WorkerBody<"register">["version"] };
  return (
    version !== undefined &&
    deployments!.includes(version.of) &&
    deployment === versionDeployment(version.of, version.name)
  );
}

async function deploymentOf(context: RequestContext, execution: string, run?: string): Promise<string | null> {
  const { ports, workspace } = context;
  const id = `${workspace}/${execution}/${run}`;
  const before = run === undefined ? undefined : known.get(id);
  if (before !== undefined) return before;
  const head = await ports.executions.head(refTo(context, execution));
  if (run === undefined || head?.run === run) {
    if (head && run !== undefined) known.set(id, head.deployment);
    return head?.deployment ?? null;
  }
  const past = await ports.executions.run(workspace, run);
  // A message names its execution and chain: the deployment of a run that is not this execution's says nothing.
  return past?.execution === execution ? past.deployment : (head?.deployment ?? null);
}
