/** `sirocco cancel`: requests the cancellation of executions, which may clean up before they end. */
import { command } from "../command.ts";
import { forEach } from "../for-each.ts";
import { jsonFlag, targetFlags } from "../target.ts";

export const cancel = command({
  name: "cancel",
  summary: "request cancellation; executions may clean up before they end",
  positionals: [{ name: "execution", help: "ids of executions", many: true }],
  flags: { ...targetFlags, ...jsonFlag },
  examples: ["sirocco cancel INV-001", "sirocco cancel INV-001 INV-002"],
  run: (ids, flags, io) => forEach("cancelWorkflowExecution", "cancellation requested", ids, flags, io),
});
