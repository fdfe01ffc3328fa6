/** Registers a worker with its definitions. One wrong definition refuses all: nothing is stored then. */

import { searchKeyProblem } from "../../core/search-keys.ts";
import type { DetailItem } from "../../protocol/detail.ts";
import { invalid, invalidAt, type Refusal, refusal } from "../../protocol/errors.ts";
import { MAX_SEARCH_KEYS } from "../../protocol/limits.ts";
import { VERSION } from "../../protocol/version.ts";
import type { WorkerAnswer, WorkerBody, WorkflowDefinition } from "../../protocol/worker.ts";
import { commonProtocol, noCommonProtocol, PROTOCOLS } from "../../protocol/worker-protocol.ts";
import { activeDeployments } from "../../routing/liveness.ts";
import { schemaProblem } from "../../routing/schema-check.ts";
import type { RequestContext } from "../request-context.ts";
import { inCodeProblems, registerInCode } from "../schedules-in-code.ts";
import { notAuthorized } from "./authorized.ts";
import { foreignTo, introduce, versionProblem } from "./versions.ts";

export async function register(
  context: RequestContext,
  body: WorkerBody<"register">,
): Promise<WorkerAnswer<"register"> | Refusal> {
  const { ports, workspace } = context;
  const { deployment, worker, session, pid, definitions } = body;
  const protocol = commonProtocol(body.protocols);
  if (protocol === null) {
    const worker = { ...(body.protocols ?? PROTOCOLS), sdk: body.sdk };
    return refusal(409, "UNSUPPORTED_VERSION", noCommonProtocol(worker, { ...PROTOCOLS, version: VERSION }));
  }
  const problems = (await Promise.all(definitions.map((d, i) => problemsOf(d, ["body", "definitions", i])))).flat();
  problems.push(...duplicates(definitions));
  if (problems.length > 0) return invalid(problems);

  const known = await ports.registry.deployment(workspace, deployment);
  const refused = (await notAuthorized(context, known, body.version)) ?? (await versionProblem(context, body, known));
  if (refused) return refused;
  // The deaths of sessions decide about takeovers: a worker must not speak for a session of another deployment.
  const other = await ports.registry.deploymentOfSession(workspace, session);
  if (other !== null && other !== deployment) {
    const why = `the session belongs to a worker of deployment '${other}': register with a new UUID`;
    return invalidAt(["body", "session"], why);
  }
  const warnings = await conflicts(context, body);
  const has_conflicts = warnings.length > 0;
  const now = ports.clock.now();
  const refs = await ports.registry.register({
    workspace,
    deployment,
    worker,
    session,
    ...(pid !== undefined && { pid }),
    key: context.key,
    definitions,
    activities: body.activities,
    ...(body.version && { version: { of: body.version.of, name: body.version.name } }),
    now,
  });
  // It may have been hardened since the check above, before this session was there to be ended.
  const since = await ports.registry.deployment(workspace, deployment);
  const refusedSince = await notAuthorized(context, since);
  if (refusedSince) {
    await ports.registry.leave({ workspace, deployment, worker, session });
    return refusedSince;
  }
  warnings.push(...(await introduce(context, body, since)));
  warnings.push(...(await registerInCode(context, deployment, definitions)));
  context.log.info("worker registered", { deployment, worker, session, workflows: definitions.length, sdk: body.sdk });
  const { heartbeatMs, sessionTimeoutMs, leaseMs } = ports.settings;
  return {
    workspace,
    has_conflicts,
    warnings,
    workflow_registration_refs: refs.map((r) => ({
      workflow_id: r.workflowId,
      workflow_registration_id: r.registrationId,
    })),
    heartbeat_ms: heartbeatMs,
    session_timeout_ms: sessionTimeoutMs,
    lease_ms: leaseMs,
    now,
    protocol,
    joins_closes: true,
    tasks: await context.options.tasks(context, deployment),
  };
}

type Loc = readonly (string | number)[];

async function problemsOf(d: WorkflowDefinition, loc: Loc): Promise<DetailItem[]> {
  const items: DetailItem[] = [];
  const check = async (schema: Record<string, unknown>, ...place: (string | number)[]) => {
    const why = await schemaProblem(schema);
    if (why)
      items.push({
        loc: [...loc, ...place],
        msg: `inputs cannot be checked with this JSON Schema: ${why}`,
        type: "value_error",
      });
  };
  await check(d.input_schema, "input_schema");
  for (const kind of ["signals", "queries", "updates"] as const) {
    for (const [i, handler] of d[kind].entries()) await check(handler.input_schema, kind, i, "input_schema");
    for (const twice of repeated(d[kind].map((h) => h.name))) {
      items.push({ loc: [...loc, kind], msg: `'${twice}' is declared twice`, type: "value_error" });
    }
  }
  for (const [i, key] of d.search_keys.entries()) {
    const msg = searchKeyProblem(key);
    if (msg) items.push({ loc: [...loc, "search_keys", i], msg, type: "value_error" });
  }
  if (d.search_keys.length > MAX_SEARCH_KEYS) {
    items.push({ loc: [...loc, "search_keys"], msg: `at most ${MAX_SEARCH_KEYS} search keys`, type: "too_long" });
  }
  items.push(...(await inCodeProblems(d, loc)));
  return items;
}

function duplicates(definitions: readonly WorkflowDefinition[]): DetailItem[] {
  return repeated(definitions.map((d) => d.name)).map((name) => ({
    loc: ["body", "definitions"],
    msg: `workflow '${name}' is defined twice`,
    type: "value_error",
  }));
}

function repeated(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, i) => names.indexOf(name) !== i))];
}

/** Warnings for names that another active deployment serves too: allowed, but starts must then name the deployment. */
async function conflicts(
  context: RequestContext,
  { deployment, version, definitions }: WorkerBody<"register">,
): Promise<string[]> {
  const { ports, workspace } = context;
  const active = await activeDeployments(ports, workspace);
  active.delete(deployment);
  if (active.size === 0) return [];
  const names = new Set(definitions.map((d) => d.name));
  // Where an operator has named a current deployment, starts are not ambiguous.
  for (const { workflow } of await ports.registry.currents(workspace)) names.delete(workflow);
  const serving = (await ports.registry.registrations(workspace)).filter(
    (r) => names.has(r.workflow) && active.has(r.deployment),
  );
  if (serving.length === 0) return [];
  const isForeign = foreignTo(version?.of ?? deployment, await ports.registry.deployments(workspace));
  const others = serving.filter((r) => isForeign(r.deployment));
  return others.map((r) => `Workflow '${r.workflow}' is also registered by active deployment '${r.deployment}'`).sort();
}
