/** `sirocco delete`: deletes closed executions. */
import { command } from "../command.ts";
import { forEach } from "../for-each.ts";
import { jsonFlag, targetFlags } from "../target.ts";

export const remove = command({
  name: "delete",
  summary: "delete closed executions with everything that is stored of them",
  details:
    "Removes all runs with inputs, results, histories, logs and search keys; nothing brings them back. Executions that run are refused: cancel or terminate them first. Child executions are executions of their own and stay.\nBy a filter: `sirocco jobs create delete`.",
  positionals: [{ name: "execution", help: "ids of executions", many: true }],
  flags: { ...targetFlags, ...jsonFlag },
  examples: ["sirocco delete INV-001"],
  run: (ids, flags, io) => forEach("deleteWorkflowExecution", "deleted", ids, flags, io),
});
