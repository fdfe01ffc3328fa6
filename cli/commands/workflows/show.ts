/** `sirocco workflows`: registered workflows with their deployments, inputs and handlers. */
import type { ResponseOf } from "../../../shared/protocol/routes.ts";
import { type Api, apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { CliError, EXIT } from "../../errors.ts";
import type { Io } from "../../io.ts";
import { compact, fields, paint, printJson, span, table } from "../../print.ts";
import { jsonFlag, targetFlags } from "../../target.ts";
import { allOf } from "../deployments/show.ts";

type Registration = ResponseOf<"getWorkflowRegistrations">["workflow_registrations"][number];

export const show = command({
  name: "workflows",
  summary: "list registered workflows, or show the input and handlers of one",
  positionals: [
    { name: "workflow", help: "name of a workflow: shows its input, signals, queries and updates", optional: true },
  ],
  flags: {
    all: { type: "boolean", short: "a", help: "also show archived workflows" },
    tag: { type: "string", value: "TAG", multiple: true, help: "only workflows with this tag; may be repeated" },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: ["sirocco workflows", "sirocco workflows --tag billing", "sirocco workflows invoice_processor"],
  async run([name], flags, io) {
    const api = apiOf(flags, io);
    const query: Record<string, string | boolean> =
      name !== undefined ? { workflow_name: name } : flags.all ? {} : { archived: false };
    const all = await registrations(api, query);
    const found = all.filter((r) => flags.tag.every((tag) => r.workflow?.tags.includes(tag)));
    if (name !== undefined && found.length === 0) {
      throw new CliError(EXIT.failed, `There is no workflow '${name}'.`, [
        "`sirocco workflows` lists all; a worker registers its workflows when it starts.",
      ]);
    }
    const active = new Set((await allOf(api, { active_only: true })).map((d) => d.name));
    if (flags.json) printJson(io, { workflow_registrations: found });
    else if (found.length === 0)
      io.err(
        flags.tag.length > 0
          ? "No workflow has these tags. --all also looks at archived ones."
          : "No workflows yet: a worker registers its workflows when it starts.",
      );
    else if (name === undefined) showAll(found, active, io);
    else for (const registration of found) showOne(registration, active, io);
    return EXIT.ok;
  },
});

async function registrations(api: Api, query: Record<string, string | boolean>): Promise<Registration[]> {
  const found: Registration[] = [];
  let cursor: string | null = null;
  do {
    const answer: ResponseOf<"getWorkflowRegistrations"> = await api.call("getWorkflowRegistrations", {
      query: { ...query, with_workflow: true, limit: 1000, cursor: cursor ?? undefined },
    });
    found.push(...answer.workflow_registrations);
    cursor = answer.next_cursor;
  } while (cursor);
  return found;
}

const names = (handlers: readonly { name: string }[]) => handlers.map((h) => h.name).join(", ") || "-";
const withState = (name: string, active: ReadonlySet<string>) => (active.has(name) ? name : `${name} (inactive)`);

function showAll(found: readonly Registration[], active: ReadonlySet<string>, io: Io): void {
  const byWorkflow = Map.groupBy(found, (r) => r.workflow?.name ?? r.workflow_id);
  const rows = [...byWorkflow]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, of]) => {
      const { signals, queries, updates } = of[0]!.definition;
      const deployments = of.map((r) => withState(r.deployment_name ?? "", active)).join(", ");
      return [name, deployments, names(signals), names(queries), names(updates)];
    });
  table(io, ["workflow", "deployments", "signals", "queries", "updates"], rows);
}

function showOne(r: Registration, active: ReadonlySet<string>, io: Io): void {
  const { definition: d } = r;
  fields(io, [
    ["workflow", r.workflow?.name ?? r.workflow_id, "bold"],
    ["title", r.workflow?.display_name === r.workflow?.name ? null : r.workflow?.display_name],
    ["description", r.workflow?.description],
    ["tags", r.workflow?.tags.join(", ")],
    ["archived", r.workflow?.archived ? "yes" : null],
    ["deployment", withState(r.deployment_name ?? "", active)],
    ["timeout", d.execution_timeout ? span(d.execution_timeout * 1000) : null],
    ["input", compact(d.input_schema)],
    ["output", d.output_schema && compact(d.output_schema)],
  ]);
  for (const [kind, handlers] of [
    ["signal", d.signals],
    ["query", d.queries],
    ["update", d.updates],
  ] as const) {
    for (const h of handlers)
      io.out(`${paint(io, "dim", `${kind}:`)} ${h.name}  ${paint(io, "dim", compact(h.input_schema))}`);
  }
}
