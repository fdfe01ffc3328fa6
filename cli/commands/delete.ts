/** `sirocco delete`: deletes closed executions, and damaged ones. */
import { command } from "../command.ts";
import { forEach } from "../for-each.ts";
import { jsonFlag, targetFlags } from "../target.ts";

export const remove = command({
  name: "delete",
  summary: "delete closed executions with everything that is stored of them",
  details:
    "Removes all runs with inputs, results, histories, logs and search keys; nothing brings them back. Executions that run are refused: cancel or terminate them first. Child executions are executions of their own and stay.\nAn execution that terminate refuses because it is damaged: --damaged deletes it as it is. Its history and its waiting messages are lost. Its parent and its schedule learn that it was terminated, if its head can still be read.\nBy a filter: `sirocco jobs create delete`.",
  positionals: [{ name: "execution", help: "ids of executions", many: true }],
  flags: {
    ...targetFlags,
    ...jsonFlag,
    damaged: { type: "boolean", help: "also delete those that run, if what is stored of them is damaged" },
  },
  examples: ["sirocco delete INV-001", "sirocco delete --damaged INV-001"],
  run: (ids, flags, io) =>
    forEach("deleteWorkflowExecution", "deleted", ids, flags, io, flags.damaged ? { damaged: true } : {}),
});
