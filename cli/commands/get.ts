/** `sirocco get`: one execution. */
import { apiOf } from "../api.ts";
import { command } from "../command.ts";
import { EXIT } from "../errors.ts";
import { explanationOf, showExecution } from "../executions.ts";
import { printJson } from "../print.ts";
import { jsonFlag, targetFlags } from "../target.ts";

export const get = command({
  name: "get",
  summary: "show an execution: its state, what it waits for, its result or failure",
  positionals: [{ name: "execution", help: "id of the execution" }],
  flags: { ...targetFlags, ...jsonFlag },
  examples: ["sirocco get INV-001", "sirocco get INV-001 --json | jq .result"],
  async run([id], flags, io) {
    const api = apiOf(flags, io);
    const execution = await api.call("getWorkflowExecution", {
      params: { execution_id: id! },
      query: { include_search_keys: true },
    });
    if (flags.json) {
      const why = execution.status === "COMPLETED" ? {} : { why: await explanationOf(api, execution.execution_id) };
      printJson(io, { ...execution, ...why });
    } else await showExecution(api, execution, io);
    return EXIT.ok;
  },
});
