/** `sirocco cancel`: asks executions to end, and lets them clean up. */
import { command } from "../command.ts";
import { forEach } from "../for-each.ts";
import { jsonFlag, targetFlags } from "../target.ts";

export const cancel = command({
  name: "cancel",
  summary: "ask executions to end; they may clean up first",
  positionals: [{ name: "execution", help: "ids of executions", many: true }],
  flags: { ...targetFlags, ...jsonFlag },
  examples: ["sirocco cancel INV-001", "sirocco cancel INV-001 INV-002"],
  run: (ids, flags, io) => forEach("cancelWorkflowExecution", "asked to cancel", ids, flags, io),
});
