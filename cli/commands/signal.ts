/** `sirocco signal`: a message to a running execution, without an answer. */
import { apiOf } from "../api.ts";
import { command } from "../command.ts";
import { EXIT } from "../errors.ts";
import { inputFlag, readInput } from "../input.ts";
import { printJson } from "../print.ts";
import { jsonFlag, targetFlags } from "../target.ts";

export const signal = command({
  name: "signal",
  summary: "send a signal to a running execution",
  positionals: [
    { name: "execution", help: "id of the execution" },
    { name: "name", help: "name of the signal" },
  ],
  flags: { ...inputFlag, ...targetFlags, ...jsonFlag },
  examples: [`sirocco signal INV-001 approve --input '{"by":"Ada"}'`],
  async run([id, name], flags, io) {
    const input = await readInput(flags.input, io);
    const answer = await apiOf(flags, io).call("signalWorkflowExecution", {
      params: { execution_id: id! },
      body: { name: name!, ...(input && { input }) },
    });
    if (flags.json) printJson(io, answer);
    else io.out(answer.message);
    return EXIT.ok;
  },
});
