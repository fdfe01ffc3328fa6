/** `sirocco deployments`: deployments and their workers, and which of them are live. */
import type { ResponseOf } from "../../../shared/protocol/routes.ts";
import { type Api, apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT } from "../../errors.ts";
import type { Io } from "../../io.ts";
import { fields, moment, printJson, span, table } from "../../print.ts";
import { jsonFlag, targetFlags } from "../../target.ts";

type Deployment = ResponseOf<"listDeployments">["deployments"][number];

export const show = command({
  name: "deployments",
  summary: "list deployments, or the workers of one",
  positionals: [{ name: "deployment", help: "name of a deployment: shows its workers", optional: true }],
  flags: {
    all: { type: "boolean", short: "a", help: "also show deployments without a live worker" },
    workflow: { type: "string", value: "NAME", help: "only deployments that serve this workflow" },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: ["sirocco deployments", "sirocco deployments --all", "sirocco deployments invoice-service"],
  async run([name], flags, io) {
    const api = apiOf(flags, io);
    if (name !== undefined) {
      const one = await api.call("getDeployment", { params: { name }, query: { workflow_name: flags.workflow } });
      if (flags.json) printJson(io, one);
      else showOne(one, io);
      return EXIT.ok;
    }
    const found = await allOf(api, {
      active_only: !flags.all,
      workflow_name: flags.workflow,
      with_executions: true,
    });
    if (flags.json) printJson(io, { deployments: found });
    else if (found.length === 0)
      io.err(
        flags.all ? "No deployments yet: start a worker." : "No active deployments. --all shows the inactive ones.",
      );
    else showAll(found, io);
    return EXIT.ok;
  },
});

/** The deployments of all pages. */
export async function allOf(api: Api, query: Record<string, string | boolean | undefined>): Promise<Deployment[]> {
  const found: Deployment[] = [];
  let cursor: string | null = null;
  do {
    const answer: ResponseOf<"listDeployments"> = await api.call("listDeployments", {
      query: { ...query, limit: 100, cursor: cursor ?? undefined },
    });
    found.push(...answer.deployments);
    cursor = answer.next_cursor;
  } while (cursor);
  return found;
}

const ago = (time: string) => `${span(Math.max(0, Date.now() - Date.parse(time)))} ago`;
const state = (active: boolean) => ({
  text: active ? "active" : "inactive",
  tone: active ? ("good" as const) : ("dim" as const),
});

/** That of a worker which is not live any more says nothing. */
function loadOf({ is_active, load }: ResponseOf<"getDeployment">["workers"][number]) {
  if (!is_active || !load) return [{ text: "-" }, { text: "-" }, { text: "-" }, { text: "-" }];
  return [
    { text: `${load.activities} of ${load.activity_slots}` },
    { text: `${load.workflow_tasks} of ${load.workflow_slots}` },
    { text: `${Math.round(load.cpu * 100)}%` },
    { text: `${Math.round(load.memory_bytes / 2 ** 20)} MiB` },
  ];
}

function showAll(found: readonly Deployment[], io: Io): void {
  const rows = found.map((d) => [
    { text: d.name },
    state(d.is_active),
    { text: `${d.active_worker_count} of ${d.worker_count}` },
    { text: ago(d.last_heartbeat) },
    { text: startsOf(d) },
    oldestOf(d),
  ]);
  table(io, ["deployment", "state", "live workers", "last heartbeat", "current for", "oldest execution"], rows);
}

/** The workflows whose new starts go to the deployment. */
const startsOf = ({ current_for }: Deployment): string =>
  current_for.map((w) => (w.percent === 100 ? w.workflow_name : `${w.workflow_name} (${w.percent}%)`)).join(", ") ||
  "-";

function oldestOf({ oldest_execution: oldest, safe_to_stop }: Deployment) {
  if (oldest) return { text: `started ${ago(oldest.started_at)}` };
  return safe_to_stop ? { text: "none: safe to stop", tone: "good" as const } : { text: "none" };
}

function showOne(d: ResponseOf<"getDeployment">, io: Io): void {
  fields(io, [
    ["deployment", d.name, "bold"],
    ["version", d.version_of && `${d.version} of ${d.version_of}`],
    ["state", state(d.is_active).text, state(d.is_active).tone],
    ["created", moment(d.created_at)],
    ["current for", d.current_for.length > 0 ? startsOf(d) : null],
    ["oldest execution", d.oldest_execution && `${d.oldest_execution.execution_id}, ${oldestOf(d).text}`],
    ["safe to stop", d.safe_to_stop ? "yes: nothing runs here, and new starts go elsewhere" : "no"],
    ["hardened", d.authorized_key_ids && `only workers with the API keys ${d.authorized_key_ids.join(", ")}`],
  ]);
  if (d.workers.length === 0) return;
  const rows = d.workers.map((w) => [
    { text: w.name },
    state(w.is_active),
    { text: moment(w.created_at) },
    { text: ago(w.last_heartbeat) },
    ...loadOf(w),
  ]);
  table(io, ["worker", "state", "since", "last heartbeat", "activities", "executions", "cpu", "memory"], rows);
}
