/** `sirocco inputs`: open questions to people. */
import type { ResponseOf } from "../../shared/protocol/routes.ts";
import { apiOf } from "../api.ts";
import { command } from "../command.ts";
import { EXIT } from "../errors.ts";
import { countOf } from "../length.ts";
import { moment, paint, printJson, table } from "../print.ts";
import { jsonFlag, targetFlags } from "../target.ts";

const DEFAULT_LIMIT = 50;
const MAX_PAGE = 100;

export const inputs = command({
  name: "inputs",
  summary: "list the questions that executions ask people, the longest wait first",
  positionals: [],
  flags: {
    workflow: { type: "string", value: "NAME", help: "only questions of this workflow" },
    limit: { type: "string", short: "n", value: "N", help: `show at most N (default ${DEFAULT_LIMIT})` },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: ["sirocco inputs", "sirocco inputs --workflow expenses --json"],
  async run(_, flags, io) {
    const limit = countOf("limit", flags.limit) ?? DEFAULT_LIMIT;
    const api = apiOf(flags, io);
    const found: ResponseOf<"listInputs">["inputs"] = [];
    let cursor: string | null | undefined;
    do {
      const query = {
        workflow_name: flags.workflow,
        limit: Math.min(MAX_PAGE, limit - found.length),
        cursor: cursor ?? undefined,
      };
      const page: ResponseOf<"listInputs"> = await api.call("listInputs", { query });
      found.push(...page.inputs);
      cursor = page.next_cursor;
    } while (cursor && found.length < limit);
    if (flags.json) {
      printJson(io, { inputs: found });
      return EXIT.ok;
    }
    const rows = found.map((input) => [
      { text: moment(input.since) },
      { text: input.until === null ? "" : moment(input.until) },
      { text: input.workflow_name },
      { text: input.execution_id },
      { text: input.task_id },
      { text: input.label ?? "" },
    ]);
    if (rows.length === 0) io.err("No execution waits for a person.");
    else {
      table(io, ["since", "until", "workflow", "execution", "task", "question"], rows);
      const [{ execution_id, task_id } = { execution_id: "", task_id: "" }] = found;
      const example = `sirocco update ${execution_id} __submit_input --input '{"task_id":"${task_id}","input":…}'`;
      io.err(paint(io, "dim", `to answer the first: ${example}`));
    }
    if (cursor) io.err(paint(io, "dim", `there are more: use --limit ${limit * 5}`));
    return EXIT.ok;
  },
});
