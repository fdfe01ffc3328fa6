/** Hardened deployments: an operator names the API keys with which workers may register. All other keys are refused. */
import type { DeploymentRecord } from "../ports.ts";
import type { DetailItem } from "../protocol/detail.ts";
import { forbidden, invalid, invalidAt, notFound, type Refusal } from "../protocol/errors.ts";
import { DeploymentName, idProblem } from "../protocol/ids.ts";
import { mayDo } from "../protocol/rights.ts";
import type { ResponseOf } from "../protocol/routes.ts";
import { versionsOf } from "../routing/versions.ts";
import { keyIdOf } from "./create-key.ts";
import type { RequestContext } from "./request-context.ts";

/** Also makes a deployment that no worker has registered yet, so that no other key can be the first. */
export async function hardenDeployment(
  context: RequestContext,
  deployment: string,
  ids: readonly string[],
): Promise<ResponseOf<"hardenDeployment"> | Refusal> {
  const { ports, workspace, log } = context;
  const problem = idProblem(DeploymentName, deployment);
  if (problem) return invalidAt(["path", "name"], problem);
  const known = new Map((await ports.registry.keys(workspace)).map((key) => [keyIdOf(key), key]));
  const problems: DetailItem[] = [];
  const hashes = new Set<string>();
  for (const [i, id] of ids.entries()) {
    const key = known.get(id);
    if (!key) return notFound("API key", id, "`sirocco key list` and GET /v1/keys have the ids.");
    if (!mayDo(key.rights, "work")) {
      problems.push({
        loc: ["body", "key_ids", i],
        msg: `the API key '${id}' lacks the right 'work', so no worker can use it`,
        type: "value_error",
      });
    } else hashes.add(key.hash);
  }
  if (problems.length > 0) return invalid(problems);
  await authorize(context, deployment, [...hashes], await ports.registry.deployments(workspace));
  const record = await ports.registry.deployment(workspace, deployment);
  const authorized_key_ids = [...new Set(ids)];
  log.info("deployment hardened", { deployment, by: context.user, keys: authorized_key_ids });
  return { id: record!.id, name: deployment, is_hardened: true, authorized_key_ids };
}

/** The versions of the deployment too: sessions of other keys end there as well (PINNED-2). */
async function authorize(
  { ports, workspace }: RequestContext,
  deployment: string,
  keys: readonly string[] | null,
  all: readonly DeploymentRecord[],
): Promise<void> {
  const versions = versionsOf(all, deployment).map(({ name }) => name);
  for (const name of [deployment, ...versions]) {
    await ports.registry.authorize({ workspace, deployment: name, keys, now: ports.clock.now() });
  }
}

/** `identifier`: the id or the name of the deployment. Every key of the workspace may register for it again. */
export async function unhardenDeployment(
  context: RequestContext,
  identifier: string,
  of: string | undefined,
): Promise<undefined | Refusal> {
  const { ports, workspace, log } = context;
  if (of !== undefined && of !== workspace) {
    return forbidden(`This API key belongs to workspace '${workspace}' and cannot change another's deployments.`);
  }
  const all = await ports.registry.deployments(workspace);
  const found = all.find(({ id }) => id === identifier) ?? all.find(({ name }) => name === identifier);
  if (!found) return notFound("deployment", identifier);
  await authorize(context, found.name, null, all);
  log.info("deployment unhardened", { deployment: found.name, by: context.user });
  return undefined;
}
