/** `sirocco failures`: the failures of a time, by their kind. */
import { apiOf } from "../api.ts";
import { command } from "../command.ts";
import { EXIT } from "../errors.ts";
import { countOf, lengthOf } from "../length.ts";
import { moment, paint, printJson, table } from "../print.ts";
import { jsonFlag, targetFlags } from "../target.ts";

export const failures = command({
  name: "failures",
  summary: "list the failures of executions by their kind, the most frequent first",
  details: "Failures that differ only in ids, numbers and quoted values are of one kind. The example is the newest.",
  positionals: [],
  flags: {
    since: { type: "string", value: "TIME", help: "failures in the last TIME, such as 10m or 7d (default 1d)" },
    workflow: { type: "string", value: "NAME", help: "only failures of this workflow" },
    deployment: { type: "string", value: "NAME", help: "only failures of this deployment" },
    limit: { type: "string", short: "n", value: "N", help: "show at most N kinds (default 50)" },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: ["sirocco failures", "sirocco failures --workflow invoice_processor --since 7d --json"],
  async run(_, flags, io) {
    const since = lengthOf("since", flags.since);
    const query = {
      workflow_name: flags.workflow,
      deployment_name: flags.deployment,
      limit: countOf("limit", flags.limit),
      ...(since !== undefined && { start_time: new Date(Date.now() - since).toISOString() }),
    };
    const found = await apiOf(flags, io).call("listFailures", { query });
    if (flags.json) {
      printJson(io, found);
      return EXIT.ok;
    }
    const rows = found.failures.map((f) => [
      { text: String(f.count), right: true as const },
      { text: moment(f.first_time) },
      { text: moment(f.last_time) },
      { text: f.workflow_name },
      { text: f.deployment_name },
      { text: f.example?.execution_id ?? "" },
      { text: f.type === null ? f.message : `${f.type}: ${f.message}` },
    ]);
    if (rows.length === 0) io.err(`No execution failed since ${moment(found.start_time)}.`);
    else table(io, ["count", "first", "last", "workflow", "deployment", "example", "failure"], rows);
    if (found.next_cursor !== null) io.err(paint(io, "dim", "there are more kinds: use --limit"));
    if (!found.complete) io.err("There are so many kinds of failures that only the newest were counted: use --since.");
    return EXIT.ok;
  },
});
