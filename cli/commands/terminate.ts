/** `sirocco terminate`: ends executions at once. */
import { command } from "../command.ts";
import { forEach } from "../for-each.ts";
import { jsonFlag, targetFlags } from "../target.ts";

export const terminate = command({
  name: "terminate",
  summary: "end executions at once, without cleaning up",
  details: "Workflow code is not told, and messages that it has not taken in are dropped. Prefer `sirocco cancel`.",
  positionals: [{ name: "execution", help: "ids of executions", many: true }],
  flags: { ...targetFlags, ...jsonFlag },
  examples: ["sirocco terminate INV-001"],
  run: (ids, flags, io) => forEach("terminateWorkflowExecution", "terminated", ids, flags, io),
});
