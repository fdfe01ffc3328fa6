/**
 * Versions of a deployment's code, for workflows whose executions are pinned to the version on which they began.
 *
 * PINNED-1. A workflow is pinned by its definition. Its executions run in the deployment of one version, and a run never changes
 *     its deployment, so no task of theirs reaches a worker of another version: each deployment has queues of its own.
 * PINNED-2. The deployment of version V of NAME is called `NAME-V`. A deployment is a version of one deployment for ever, or none.
 *     A registration that contradicts that is refused before anything is written.
 * PINNED-3. A version that registers first becomes the current deployment of its pinned workflows, where the current one is NAME or an older
 *     version of NAME, or there is none and no other deployment serves the workflow. After that it is stored as introduced, and never
 *     becomes current by itself again. So a restart of an older version's workers, or of a version that was rolled back, changes nothing. A crash
 *     in between leaves the rest to the next registration, and an older version does not replace a younger one. Each change is
 *     CURRENT-4's conditional write.
 * PINNED-4. A start that names NAME goes to the current version of NAME, if the workflow is pinned there. A child runs in the version of its
 *     parent where that has the workflow, otherwise in NAME; a pinned child of an execution of NAME in NAME's current version.
 * PINNED-5. The next run of an execution that continues as new begins in the current version (CURRENT-1). A reset may name another version
 *     (RESET-6). Nothing else moves an execution.
 * PINNED-6. A key that is limited to NAME may register versions of NAME. It gets no name to which another key is limited, nor a deployment that
 *     was hardened with other keys before its first worker: these names are those of other deployments, whose workers come later.
 */
import type { CurrentDeployment, DeploymentRecord } from "../../ports.ts";
import { forbidden, invalidAt, type Refusal } from "../../protocol/errors.ts";
import { versionDeployment } from "../../protocol/ids.ts";
import type { WorkerBody } from "../../protocol/worker.ts";
import { activeDeployments } from "../../routing/liveness.ts";
import { versionsOf } from "../../routing/versions.ts";
import type { RequestContext } from "../request-context.ts";
import { retireOldVersions } from "../retire.ts";

type Registration = WorkerBody<"register">;

/** `known`: the deployment as it is stored. */
export async function versionProblem(
  context: RequestContext,
  { deployment, version, definitions }: Registration,
  known: DeploymentRecord | null,
): Promise<Refusal | null> {
  const is = known?.version;
  const at = (place: string, why: string) => invalidAt(["body", place], why);
  if (!version) {
    if (!is || definitions.length === 0) return null; // activities alone are for whatever the deployment is
    const why = `'${deployment}' is version '${is.name}' of deployment '${is.of}': a worker serves it with DEPLOYMENT_NAME=${is.of} and BUILD_ID=${is.name}. Choose another name for a deployment of its own`;
    return at("deployment", why);
  }
  const { of, name } = version;
  if (deployment !== versionDeployment(of, name)) {
    return at(
      "deployment",
      `version '${name}' of '${of}' is called '${versionDeployment(of, name)}', not '${deployment}'`,
    );
  }
  if (is && (is.of !== of || is.name !== name)) {
    const why = `'${deployment}' is version '${is.name}' of deployment '${is.of}' already, so it cannot be version '${name}' of '${of}'. Choose another BUILD_ID`;
    return at("version", why);
  }
  const { registry } = context.ports;
  if (known && !is && (await registry.registrations(context.workspace, { deployment })).length > 0) {
    const why = `'${deployment}' is a deployment of its own, so it cannot be version '${name}' of '${of}'. Choose another BUILD_ID`;
    return at("version", why);
  }
  const above = is ? null : (await registry.deployment(context.workspace, of))?.version;
  if (above) return at("version", `'${of}' is itself a version of deployment '${above.of}', and has none of its own`);
  return is ? null : nameOfAnother(context, deployment);
}

/** PINNED-6. */
async function nameOfAnother(context: RequestContext, deployment: string): Promise<Refusal | null> {
  if (!context.deployments || context.deployments.includes(deployment)) return null;
  const keys = await context.ports.registry.keys(context.workspace);
  if (!keys.some(({ deployments }) => deployments?.includes(deployment))) return null;
  return forbidden(
    `Another API key is limited to '${deployment}', so that is a deployment of its own, and no version of one of '${context.user}'. Choose another BUILD_ID.`,
  );
}

/** PINNED-3, after the registration. Answers what an operator should know. */
export async function introduce(
  context: RequestContext,
  body: Registration,
  record: DeploymentRecord | null,
): Promise<string[]> {
  const { ports, workspace } = context;
  if (!body.version || !record?.version || record.version.introduced) return [];
  if (!body.definitions.some(({ versioning }) => versioning)) return []; // a worker of activities alone came first
  const warnings: string[] = [];
  for (const { name, versioning } of body.definitions) {
    if (!versioning || !body.version.promote) continue;
    const why = await makeCurrent(context, name, record, record.version.of);
    if (why) warnings.push(`Version '${record.version.name}' is not the current one of workflow '${name}': ${why}`);
  }
  await ports.registry.introduced(workspace, body.deployment);
  await retireOldVersions(context, record.version.of);
  return warnings;
}

/** Null: it is current now, or a later version is. */
async function makeCurrent(
  context: RequestContext,
  workflow: string,
  own: DeploymentRecord,
  of: string,
): Promise<string | null> {
  const { ports, workspace } = context;
  for (;;) {
    const now = await ports.registry.current(workspace, workflow);
    const why = now ? await whyNotAfter(context, now, own, of) : await otherServing(context, workflow, of);
    if (why !== null) return why || null;
    const next: CurrentDeployment = {
      workflow,
      version: (now?.version ?? 0) + 1,
      deployment: own.name,
      previous: now?.deployment ?? null,
      ramp: null,
      changedAt: ports.clock.now(),
      changedBy: context.user,
    };
    if (await ports.registry.setCurrent(workspace, next)) {
      context.log.info("version is current", { deployment: own.name, workflow });
      return null;
    }
  }
}

const promoteIt = (name: string) => `promote '${name}' to change that`;

/** Why the version does not follow the current deployment; empty: nobody needs to know; null: it does. */
async function whyNotAfter(context: RequestContext, now: CurrentDeployment, own: DeploymentRecord, of: string) {
  if (now.deployment === own.name) return "";
  if (now.ramp) return `a ramp leads from '${now.deployment}' to '${now.ramp.deployment}'; ${promoteIt(own.name)}`;
  if (now.deployment === of) return null;
  const current = await context.ports.registry.deployment(context.workspace, now.deployment);
  if (current?.version?.of !== of) return `its starts go to deployment '${now.deployment}'; ${promoteIt(own.name)}`;
  const isLater = current.createdAt - own.createdAt || (current.name > own.name ? 1 : -1);
  return isLater > 0 ? "" : null;
}

/** Without a current deployment starts may go to another one, which must not lose them. */
async function otherServing(context: RequestContext, workflow: string, of: string): Promise<string | null> {
  const { ports, workspace } = context;
  const names = (await ports.registry.registrations(workspace, { workflow })).map(({ deployment }) => deployment);
  const active = await activeDeployments(ports, workspace, names);
  const isOther = foreignTo(of, await ports.registry.deployments(workspace));
  const other = [...active].filter(isOther).sort()[0];
  if (other === undefined) return null;
  return `deployment '${other}' serves the workflow too; promote one of them`;
}

/** Whether a deployment is neither `name` nor a version of it. */
export function foreignTo(name: string, all: readonly DeploymentRecord[]): (deployment: string) => boolean {
  const own = new Set([name, ...versionsOf(all, name).map((d) => d.name)]);
  return (deployment) => !own.has(deployment);
}
