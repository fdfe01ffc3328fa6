/** `sirocco query`: reads the state of an execution through a query handler. */
import { apiOf } from "../api.ts";
import { command } from "../command.ts";
import { EXIT } from "../errors.ts";
import { showAnswer } from "../executions.ts";
import { inputFlag, readInput } from "../input.ts";
import { printJson } from "../print.ts";
import { jsonFlag, targetFlags } from "../target.ts";

export const query = command({
  name: "query",
  summary: "ask an execution about its state",
  details: "A worker replays the execution and answers; nothing is recorded. The deployment needs a live worker.",
  positionals: [
    { name: "execution", help: "id of the execution" },
    { name: "name", help: "name of the query" },
  ],
  flags: { ...inputFlag, ...targetFlags, ...jsonFlag },
  examples: ["sirocco query INV-001 status"],
  async run([id, name], flags, io) {
    const input = await readInput(flags.input, io);
    const answer = await apiOf(flags, io).call("queryWorkflowExecution", {
      params: { execution_id: id! },
      body: { name: name!, ...(input && { input }) },
    });
    if (flags.json) printJson(io, answer);
    else showAnswer(io, answer.result);
    return EXIT.ok;
  },
});
