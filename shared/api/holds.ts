/** Holds of deployments and workflows, and their release. The rules are HOLD-1 to HOLD-9 in `shared/engine/hold.ts`. */
import { scopeText } from "../core/holds-of.ts";
import { releaseRound } from "../engine/release.ts";
import type { Hold } from "../ports.ts";
import { forbidden, invalidAt, isRefusal, notFound, type Refusal, refusal } from "../protocol/errors.ts";
import { timestamp } from "../protocol/http/fields.ts";
import type { HoldResponse } from "../protocol/http/holds.ts";
import { MAX_HOLDS } from "../protocol/limits.ts";
import type { BodyOf, ResponseOf } from "../protocol/routes.ts";
import { foreign } from "./foreign-deployment.ts";
import type { RequestContext } from "./request-context.ts";

/** The call itself enqueues the first tasks for so long; the sweeper's rounds go on. */
const FIRST_ROUND_MS = 2_000;

type Scope = Pick<Hold, "deployment" | "workflow">;
type Named = Pick<BodyOf<"holdWork">, "deployment_name" | "workflow_name">;
type Change = (holds: readonly Hold[]) => readonly Hold[] | Refusal;

export async function listHolds({ ports, workspace }: RequestContext): Promise<ResponseOf<"listHolds">> {
  return { holds: (await ports.registry.holds(workspace)).holds.map(viewOf) };
}

/** Held again, or during its release: it is held from now on. */
export async function holdWork(
  context: RequestContext,
  body: BodyOf<"holdWork">,
): Promise<ResponseOf<"holdWork"> | Refusal> {
  const refused = (await unknownScope(context, body)) ?? (await foreignScope(context, body));
  if (refused) return refused;
  const scope = scopeOf(body);
  const reason = body.reason ?? null;
  const next: Hold = { ...scope, since: context.ports.clock.now(), by: context.user, reason, release: null };
  const changed = await change(context, (holds) => {
    const others = holds.filter((each) => !isSame(each, scope));
    return others.length < MAX_HOLDS
      ? [...others, next]
      : invalidAt(["body"], `the workspace has ${MAX_HOLDS} holds, which is the limit: release some first`);
  });
  if (isRefusal(changed)) return changed;
  context.log.info("hold: workers get no new tasks of the scope", { ...scope, by: context.user, reason });
  return viewOf(next);
}

export async function releaseHold(
  context: RequestContext,
  body: BodyOf<"releaseHold">,
): Promise<ResponseOf<"releaseHold"> | Refusal> {
  const refused = await foreignScope(context, body);
  if (refused) return refused;
  const { ports, workspace } = context;
  const scope = scopeOf(body);
  const since = ports.clock.now();
  const release = { since, perSecond: body.per_second ?? null, reached: null };
  const changed = await change(context, (holds) =>
    holds.some((each) => isSame(each, scope))
      ? holds.map((each) => (isSame(each, scope) ? { ...each, release } : each))
      : refusal(
          409,
          "NOT_HELD",
          `There is no hold of ${scopeText(scope)}: sirocco hold --list shows those that there are.`,
        ),
  );
  if (isRefusal(changed)) return changed;
  context.log.info("hold: released", { ...scope, per_second: release.perSecond, by: context.user });
  // If the call dies here, the next round of the sweep begins with the release.
  await releaseRound(ports, workspace, FIRST_ROUND_MS, since + FIRST_ROUND_MS);
  return viewOf(changed.find((each) => isSame(each, scope))!);
}

const scopeOf = ({ deployment_name, workflow_name }: Named): Scope => ({
  deployment: deployment_name ?? null,
  workflow: workflow_name ?? null,
});
const isSame = (a: Scope, b: Scope): boolean => a.deployment === b.deployment && a.workflow === b.workflow;

/** A hold of a mistyped name would hold nothing. */
async function unknownScope({ ports, workspace }: RequestContext, named: Named): Promise<Refusal | null> {
  const { deployment_name: deployment, workflow_name: workflow } = named;
  const known = "It is known once a worker has registered it.";
  if (deployment !== undefined && !(await ports.registry.deployment(workspace, deployment)))
    return notFound("deployment", deployment, known);
  if (workflow !== undefined && !(await ports.registry.workflow(workspace, workflow)))
    return notFound("workflow", workflow, known);
  return null;
}

/** RIGHTS-3. */
async function foreignScope(context: RequestContext, { deployment_name: deployment }: Named): Promise<Refusal | null> {
  if (!context.deployments) return null;
  if (deployment !== undefined) return foreign(context, deployment);
  return forbidden(
    `The API key '${context.user}' is limited to deployments, and this would concern the workflow in others too: name one with deployment_name.`,
  );
}

/** Compare and set (HOLD-1). */
async function change({ ports, workspace }: RequestContext, next: Change): Promise<readonly Hold[] | Refusal> {
  for (;;) {
    const { version, holds } = await ports.registry.holds(workspace);
    const changed = next(holds);
    if (isRefusal(changed)) return changed;
    if (await ports.registry.setHolds(workspace, { version: version + 1, holds: changed })) return changed;
  }
}

function viewOf({ deployment, workflow, since, by, reason, release }: Hold): HoldResponse {
  return {
    deployment_name: deployment,
    workflow_name: workflow,
    held_at: timestamp(since),
    held_by: by,
    reason,
    release: release && { begun_at: timestamp(release.since), per_second: release.perSecond },
  };
}
