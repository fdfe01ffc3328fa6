/** `sirocco deployments retire`. */
import { apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT } from "../../errors.ts";
import { printJson } from "../../print.ts";
import { jsonFlag, targetFlags } from "../../target.ts";

export const retire = command({
  name: "deployments retire",
  summary: "remove the workflows of a deployment that nothing uses any more",
  details:
    "Refused while a worker of it is live, an execution runs on it, or new starts go to it. Closed executions and their histories stay.\nA worker of it that starts later brings its workflows back; a version gets no new starts by that.",
  positionals: [{ name: "deployment", help: "name of a deployment without live workers" }],
  flags: { ...targetFlags, ...jsonFlag },
  examples: ["sirocco deployments retire shop-4f2a91c"],
  async run([name], flags, io) {
    const retired = await apiOf(flags, io).call("retireDeployment", { params: { name: name! } });
    const { workflow_names: workflows } = retired;
    if (flags.json) printJson(io, retired);
    else io.out(`${retired.deployment_name}: retired; it registered ${workflows.join(", ") || "no workflows"}`);
    return EXIT.ok;
  },
});
