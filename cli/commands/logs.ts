/** `sirocco logs`: what the code of an execution has logged. */
import type { ResponseOf } from "../../shared/protocol/routes.ts";
import { type Api, apiOf } from "../api.ts";
import { command } from "../command.ts";
import { EXIT, usage } from "../errors.ts";
import { followLogs } from "../follow.ts";
import type { Io } from "../io.ts";
import { lengthOf } from "../length.ts";
import { moment, paint, span, type Tone } from "../print.ts";
import { jsonFlag, targetFlags } from "../target.ts";

type LogRecord = ResponseOf<"streamWorkflowExecutionLogs">;
const PAGE = 100;

export const logs = command({
  name: "logs",
  summary: "show what workflow code and activities have logged",
  details: `With an id: the records of that execution. With --deployment: those of all executions that its workers ran.
With --follow the command goes on until the execution has ended, across lost connections.`,
  positionals: [{ name: "execution", help: "id of the execution", optional: true }],
  flags: {
    follow: { type: "boolean", short: "f", help: "show further records as they come" },
    since: { type: "string", value: "TIME", help: "only records of the last TIME, such as 10m" },
    activity: { type: "string", value: "N", help: "only records of this activity, by its number in the history" },
    run: { type: "string", value: "ID", help: "only records of this run" },
    deployment: { type: "string", value: "NAME", help: "without an id: the records of this deployment" },
    workflow: { type: "string", value: "NAME", help: "with --deployment: only those of this workflow" },
    worker: { type: "string", value: "NAME", help: "with --deployment: only those that this worker sent" },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: ["sirocco logs INV-001 --follow", "sirocco logs --deployment invoices --since 10m --json"],
  async run([id], flags, io) {
    if ((id === undefined) === (flags.deployment === undefined)) {
      throw usage("logs needs the id of an execution, or --deployment NAME, and not both.");
    }
    if (id !== undefined && (flags.workflow ?? flags.worker) !== undefined) {
      throw usage("--workflow and --worker select among the records of a deployment: use them with --deployment.");
    }
    if (id === undefined && (flags.activity ?? flags.run) !== undefined) {
      throw usage("--activity and --run select among the records of an execution: use them with its id.");
    }
    const api = apiOf(flags, io);
    const sinceMs = lengthOf("since", flags.since);
    const after = sinceMs === undefined ? undefined : new Date(Date.now() - sinceMs).toISOString();
    const query =
      id === undefined
        ? { worker_name: flags.worker, workflow_name: flags.workflow, after }
        : { run_id: flags.run, activity_id: flags.activity, after };
    const of = id === undefined ? { name: flags.deployment! } : { execution_id: id };
    const records = flags.follow
      ? followLogs(api, of, query, {
          signal: io.signal,
          onLost: (why, pauseMs) => io.err(paint(io, "warn", `${why.message} Connecting again in ${span(pauseMs)}.`)),
        })
      : pages(api, of, query);
    for await (const record of records) {
      io.out(flags.json ? JSON.stringify(record) : line(io, record, id === undefined));
    }
    return EXIT.ok;
  },
});

type Of = { readonly execution_id: string } | { readonly name: string };

async function* pages(api: Api, of: Of, query: Record<string, string | undefined>): AsyncGenerator<LogRecord> {
  for (let cursor: string | undefined; ; ) {
    const asked = { ...query, limit: PAGE, cursor };
    const page =
      "name" in of
        ? await api.call("getDeploymentLogs", { params: of, query: asked })
        : await api.call("getWorkflowExecutionLogs", { params: of, query: asked });
    yield* page.results;
    if (page.next_cursor === null) return;
    cursor = page.next_cursor;
  }
}

const TONES: Record<string, Tone> = { ERROR: "bad", WARN: "warn", DEBUG: "dim" };
/** Attributes that say where a record comes from. */
const IDS = new Set([
  "execution_id",
  "run_id",
  "root_execution_id",
  "workflow_name",
  "deployment_name",
  "worker_name",
  "activity_id",
  "activity_name",
  "attempt",
]);

/** Further lines of a text begin so that none looks like a record. */
const indented = (body: string): string => body.replaceAll("\n", "\n    ");

/** `named`: with the execution's id, for records of several executions. */
function line(io: Io, { timestamp, severity_text, body, log_attributes: a }: LogRecord, named: boolean): string {
  const time = moment(Date.parse(timestamp), undefined, true);
  const attempt = Number(a.attempt ?? 1) > 1 ? `, attempt ${a.attempt}` : "";
  const where = a.activity_name === undefined ? a.workflow_name : `${a.activity_name} (${a.activity_id}${attempt})`;
  const own = Object.entries(a).filter(([key]) => !IDS.has(key));
  const more = own
    .map(([key, value]) => ` ${/[\s=]/.test(key) ? JSON.stringify(key) : key}=${JSON.stringify(value)}`)
    .join("");
  const head = `${time}  ${severity_text.padEnd(5)}  ${named ? `${a.execution_id}  ` : ""}${where}  `;
  return `${paint(io, "dim", head)}${paint(io, TONES[severity_text] ?? "plain", indented(body))}${paint(io, "dim", more)}`;
}
