/** `sirocco update`: changes an execution and shows the answer of its update handler. */
import { apiOf } from "../api.ts";
import { command } from "../command.ts";
import { EXIT } from "../errors.ts";
import { showAnswer } from "../executions.ts";
import { inputFlag, readInput } from "../input.ts";
import { printJson } from "../print.ts";
import { jsonFlag, targetFlags } from "../target.ts";

export const update = command({
  name: "update",
  summary: "change a running execution and wait for its answer",
  positionals: [
    { name: "execution", help: "id of the execution" },
    { name: "name", help: "name of the update" },
  ],
  flags: { ...inputFlag, ...targetFlags, ...jsonFlag },
  examples: [`sirocco update INV-001 reassign --input '{"to":"Grace"}'`],
  async run([id, name], flags, io) {
    const input = await readInput(flags.input, io);
    const answer = await apiOf(flags, io).call("updateWorkflowExecution", {
      params: { execution_id: id! },
      body: { name: name!, ...(input && { input }) },
    });
    if (flags.json) printJson(io, answer);
    else showAnswer(io, answer.result);
    return EXIT.ok;
  },
});
