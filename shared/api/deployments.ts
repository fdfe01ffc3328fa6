/**
 * Deployments and their workers. All run where their owner starts them (`local`). None is managed, and no owner is recorded, so
 * filters for those match none.
 */
import type { CurrentDeployment, DeploymentRecord, Ports, WorkerRecord } from "../ports.ts";
import { forbidden, isRefusal, notFound, type Refusal } from "../protocol/errors.ts";
import type { DeploymentResponse, DeploymentWorkerResponse } from "../protocol/http/deployments.ts";
import { timestamp } from "../protocol/http/fields.ts";
import type { QueryOf, ResponseOf } from "../protocol/routes.ts";
import { activeDeployments, isLive, listedWorkers } from "../routing/liveness.ts";
import { versionsOf } from "../routing/versions.ts";
import { keyIdOf } from "./create-key.ts";
import { currentView } from "./current-view.ts";
import { pageOf } from "./page.ts";
import type { RequestContext } from "./request-context.ts";

const LOCAL = { location_type: "local", k8s_cluster: null, k8s_namespace: null } as const;

/** A deployment with the state of its workers. */
interface ObservedDeployment {
  readonly record: DeploymentRecord;
  readonly workers: readonly WorkerRecord[];
  readonly live: number;
  /** The last heartbeat of its workers, or the last registration if that is later. */
  readonly seenAt: number;
}

/** The part of the starts of each workflow that goes to the deployment. */
function currentFor(currents: readonly CurrentDeployment[], name: string) {
  return currents.flatMap((current) => {
    const { deployment, ramp } = current;
    const rest = 100 - (ramp?.percent ?? 0);
    const percent = deployment === name ? rest : ramp?.deployment === name ? ramp.percent : 0;
    return percent > 0 ? [{ ...currentView(current), percent }] : [];
  });
}

/**
 * The oldest open run of the deployment, and whether nothing runs here and no start that names no deployment comes here. The processes
 * of its live versions are its workers too (PINNED-2): it is not safe to stop before them.
 */
async function executionsOf(
  context: RequestContext,
  name: string,
  { currents, records }: { currents: readonly CurrentDeployment[]; records: readonly DeploymentRecord[] },
) {
  const { ports, workspace, signal } = context;
  const versions = versionsOf(records, name).map((version) => version.name);
  const live = versions.length === 0 ? versions : [...(await activeDeployments(ports, workspace, versions))];
  const open = { statuses: ["RUNNING"], sortBy: "start_time", order: "asc", limit: 1 } as const;
  const [found, registrations] = await Promise.all([
    ports.executions.runs({ workspace, deployment: name, ...open, signal }),
    ports.registry.registrations(workspace, { deployment: name }),
  ]);
  const [run] = found.runs;
  const elsewhere = ({ workflow }: { workflow: string }) => {
    const current = currents.find((each) => each.workflow === workflow);
    return current !== undefined && current.deployment !== name && current.ramp?.deployment !== name;
  };
  return {
    oldest_execution: run ? { execution_id: run.execution, started_at: timestamp(run.started_at) } : null,
    safe_to_stop: run === undefined && registrations.every(elsewhere) && live.length === 0,
  };
}

function observed(ports: Ports, record: DeploymentRecord, workers: readonly WorkerRecord[]): ObservedDeployment {
  const seenAt = Math.max(record.updatedAt, ...workers.map((w) => w.heartbeatAt));
  return { record, workers, live: workers.filter((w) => isLive(ports, w)).length, seenAt };
}

export async function listDeployments(
  context: RequestContext,
  query: QueryOf<"listDeployments">,
): Promise<ResponseOf<"listDeployments"> | Refusal> {
  const { ports, workspace } = context;
  if (query.workspace_id !== undefined && query.workspace_id !== workspace) {
    return forbidden(`This API key belongs to workspace '${workspace}' and cannot list another's deployments.`);
  }
  const records = await ports.registry.deployments(workspace);
  const byDeployment = Map.groupBy(await listedWorkers(ports, workspace), (w) => w.deployment);
  const serving = query.workflow_name === undefined ? null : await servers(context, query.workflow_name);
  const rows = records
    .filter((d) => matches(query, d) && (serving === null || serving.has(d.name)))
    .map((d) => observed(ports, d, byDeployment.get(d.name) ?? []))
    .filter((d) => d.live > 0 || !query.active_only);
  const first = query.order === "desc" ? 1 : 0; // active ones come first in either order
  const page = pageOf({
    rows,
    placeOf: (d) => {
      if (query.order_by === "updated_at") return [d.seenAt, d.record.id];
      if (query.order_by === "created_at") return [d.record.createdAt, d.record.id];
      return [d.live > 0 ? first : 1 - first, d.record.createdAt, d.record.id];
    },
    order: query.order,
    limit: query.limit,
    query,
    cursor: query.cursor,
  });
  if (isRefusal(page)) return page;
  const currents = await ports.registry.currents(workspace);
  const deployments = page.rows.map((row) => view(row, currents));
  if (query.with_executions) {
    const executions = await Promise.all(
      deployments.map(({ name }) => executionsOf(context, name, { currents, records })),
    );
    for (const [i, of] of executions.entries()) Object.assign(deployments[i]!, of);
  }
  return { deployments, workspace_id: workspace, next_cursor: page.next };
}

function matches(query: QueryOf<"listDeployments">, d: DeploymentRecord): boolean {
  const hardened = d.authorizedKeys !== null;
  if (query.is_hardened !== undefined && query.is_hardened !== hardened) return false;
  const unknown = [query.created_by, query.owner, query.repository_url, query.dockerfile_path];
  if (unknown.some((filter) => filter !== undefined)) return false;
  if (query.location_types?.length && !query.location_types.includes("local")) return false;
  const search = query.search?.toLowerCase();
  return search === undefined || d.name.toLowerCase().startsWith(search) || d.id.startsWith(search);
}

async function servers(context: RequestContext, workflow: string): Promise<Set<string>> {
  const registrations = await context.ports.registry.registrations(context.workspace, { workflow });
  return new Set(registrations.map((r) => r.deployment));
}

function view(d: ObservedDeployment, currents: readonly CurrentDeployment[]): DeploymentResponse {
  return {
    id: d.record.id,
    name: d.record.name,
    is_active: d.live > 0,
    is_hardened: d.record.authorizedKeys !== null,
    created_at: timestamp(d.record.createdAt),
    updated_at: timestamp(d.seenAt),
    last_heartbeat: timestamp(d.seenAt),
    owner: null,
    location: LOCAL,
    locations: ["local"],
    worker_count: d.workers.length,
    active_worker_count: d.live,
    authorized_key_ids: d.record.authorizedKeys?.map((hash) => keyIdOf({ hash })) ?? null,
    managed: null,
    version_of: d.record.version?.of ?? null,
    version: d.record.version?.name ?? null,
    current_for: currentFor(currents, d.record.name),
  };
}

function workerView(ports: Ports, w: WorkerRecord): DeploymentWorkerResponse {
  return {
    name: w.name,
    session_id: w.session,
    process_id: w.pid,
    is_active: isLive(ports, w),
    created_at: timestamp(w.createdAt),
    updated_at: timestamp(w.heartbeatAt),
    last_heartbeat: timestamp(w.heartbeatAt),
    location: LOCAL,
    load: w.load,
  };
}

const placeOf = (w: WorkerRecord) => `${w.name} ${w.session}`;

async function find(context: RequestContext, name: string): Promise<ObservedDeployment | Refusal> {
  const { ports, workspace } = context;
  const record = await ports.registry.deployment(workspace, name);
  if (!record) return notFound("deployment", name);
  return observed(ports, record, await listedWorkers(ports, workspace, name));
}

/** With `workflow`, `is_active` and the workers are about serving that workflow. */
export async function getDeployment(
  context: RequestContext,
  name: string,
  workflow: string | undefined,
): Promise<ResponseOf<"getDeployment"> | Refusal> {
  const found = await find(context, name);
  if (isRefusal(found)) return found;
  const serves = workflow === undefined || (await servers(context, workflow)).has(name);
  const shown = serves ? found : { ...found, workers: [], live: 0 };
  const workers = shown.workers.toSorted((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
  const { registry } = context.ports;
  const currents = await registry.currents(context.workspace);
  const records = await registry.deployments(context.workspace);
  const executions = await executionsOf(context, name, { currents, records });
  return { ...view(shown, currents), ...executions, workers: workers.map((w) => workerView(context.ports, w)) };
}

export async function listWorkers(
  context: RequestContext,
  name: string,
  query: QueryOf<"listDeploymentWorkers">,
): Promise<ResponseOf<"listDeploymentWorkers"> | Refusal> {
  const { ports } = context;
  const found = await find(context, name);
  if (isRefusal(found)) return found;
  const wanted = query.worker_status;
  const page = pageOf({
    rows: found.workers.filter((w) => wanted === undefined || (wanted === "active") === isLive(ports, w)),
    placeOf: (w) => [w.name, w.session],
    order: "asc",
    limit: query.limit,
    query: { ...query, deployment: name },
    cursor: query.cursor,
  });
  if (isRefusal(page)) return page;
  return { workers: page.rows.map((w) => workerView(ports, w)), next_cursor: page.next };
}
