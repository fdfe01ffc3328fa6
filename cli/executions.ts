/** Prints executions. */
import type { ExecutionCost } from "../shared/protocol/cost.ts";
import type { Failure, HistoryEvent } from "../shared/protocol/history.ts";
import type { WorkflowExecutionResponse, WorkflowExecutionWithoutResult } from "../shared/protocol/http/executions.ts";
import type { Explanation } from "../shared/protocol/http/explain.ts";
import { MAX_PAGE } from "../shared/protocol/limits.ts";
import type { ResponseOf } from "../shared/protocol/routes.ts";
import type { Api } from "./api.ts";
import { withLocks } from "./encoding.ts";
import { EXIT, type Exit } from "./errors.ts";
import type { Io } from "./io.ts";
import { compact, fields, moment, paint, span, table, toneOf } from "./print.ts";
import { failureLines } from "./timeline.ts";

/** Recorded events of the execution's latest run, or of `run`. In pages: a long history does not fit into one answer on AWS. */
export async function historyOf(api: Api, execution: string, run?: string): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  for (let after: number | null | undefined = 0; typeof after === "number"; ) {
    const query = { decode_payloads: true, after, limit: MAX_PAGE };
    const page: ResponseOf<"getRunHistory"> =
      run === undefined
        ? await api.call("getWorkflowExecutionHistory", { params: { execution_id: execution }, query })
        : await api.call("getRunHistory", { params: { run_id: run }, query });
    events.push(...(page.events as unknown as HistoryEvent[]));
    after = page.next_after;
  }
  return events;
}

/** One event, with its values whole. */
export async function eventOf(api: Api, execution: string, event: string, run?: string): Promise<HistoryEvent> {
  const query = { decode_payloads: true };
  const found: ResponseOf<"getRunEvent"> =
    run === undefined
      ? await api.call("getWorkflowExecutionEvent", { params: { execution_id: execution, event_id: event }, query })
      : await api.call("getRunEvent", { params: { run_id: run, event_id: event }, query });
  return found.event as unknown as HistoryEvent;
}

export const explanationOf = (api: Api, execution: string): Promise<Explanation> =>
  api.call("explainWorkflowExecution", { params: { execution_id: execution } });

/** Prints one execution: while it runs with what it waits for, once it has closed with its result or failure. */
export async function showExecution(api: Api, e: WorkflowExecutionResponse, io: Io): Promise<void> {
  const keys = Object.entries(e.search_keys ?? {}).map(([key, value]) => `${key}=${value}`);
  fields(io, [
    ["execution", e.execution_id, "bold"],
    ["workflow", e.workflow_name],
    ["status", e.status, toneOf(e.status)],
    ["run", e.run_id],
    ["deployment", e.deployment_name],
    ["parent", e.parent_execution_id],
    ["root", e.root_execution_id === e.execution_id ? null : e.root_execution_id],
    ["started", moment(e.start_time)],
    ["closed", e.end_time && moment(e.end_time)],
    ["took", e.total_duration_ms === null ? null : span(e.total_duration_ms)],
    ["search keys", keys.join(", ")],
    ["cost", e.cost && costLine(e.cost)],
  ]);
  if (e.status === "COMPLETED") {
    io.out(paint(io, "dim", "result:"));
    for (const line of JSON.stringify(withLocks(e.result ?? null), null, 2).split("\n")) io.out(`  ${line}`);
    return;
  }
  if (e.status === "RUNNING" || e.status === "TIMED_OUT") {
    const { waits, version } = await explanationOf(api, e.execution_id);
    if (version) fields(io, [["version", versionLine(version)]]);
    for (const { text } of waits) io.out(`${paint(io, "dim", "why:")} ${text}`);
    io.out(paint(io, "dim", `what to do: sirocco why ${e.execution_id}`));
    return;
  }
  const last = (await historyOf(api, e.execution_id)).at(-1);
  if (last?.kind === "execution_failed") {
    showFailure(io, last.failure);
  } else if (last && "reason" in last && typeof last.reason === "string") {
    fields(io, [["reason", last.reason]]);
  }
}

function versionLine({ version_of, version, is_live, live_versions }: NonNullable<Explanation["version"]>): string {
  const others = live_versions.filter((name) => name !== version);
  const rest = others.length === 0 ? "" : `; ${is_live ? "also live" : "live"}: ${others.join(", ")}`;
  return `${version} of ${version_of}, ${is_live ? "live" : "no live worker"}${rest}`;
}

/** What an execution has used, on one line. */
function costLine(cost: ExecutionCost): string {
  const { worker_calls, tasks, write_units, read_units, commits, bytes_written } = cost;
  const parts = [`${worker_calls} calls of workers`, `${tasks} ${tasks === 1 ? "task" : "tasks"}`];
  if (write_units !== null) parts.push(`${write_units} write units`, `${read_units ?? 0} read units`);
  if (commits !== null) parts.push(`${commits} commits`, `${bytes_written ?? 0} bytes written`);
  return parts.join(", ");
}

function showFailure(io: Io, failure: Failure): void {
  const [first, ...causes] = failureLines(failure);
  fields(io, [["failure", first, "bad"]]);
  for (const cause of causes) io.out(`  ${cause}`);
}

export function executionTable(io: Io, executions: readonly WorkflowExecutionWithoutResult[]): void {
  const rows = executions.map((e) => [
    { text: e.execution_id },
    { text: e.workflow_name },
    { text: e.status ?? "", tone: toneOf(e.status) },
    { text: moment(e.start_time) },
    { text: e.total_duration_ms === null ? "" : span(e.total_duration_ms), right: true as const },
    { text: e.deployment_name ?? "" },
  ]);
  table(io, ["execution", "workflow", "status", "started", "took", "deployment"], rows);
}

/** The exit code of a command that waited for an execution. */
export function exitOf(status: string | null): Exit {
  return status === "COMPLETED" ? EXIT.ok : EXIT.failed;
}

/** Prints the answer of a query or an update. */
export function showAnswer(io: Io, result: unknown): void {
  io.out(
    typeof result === "object" && result !== null
      ? JSON.stringify(withLocks(result), null, 2)
      : compact(result ?? null),
  );
}
