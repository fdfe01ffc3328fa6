/** `sirocco deployments harden` and `unharden`. */
import { apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT } from "../../errors.ts";
import { printJson } from "../../print.ts";
import { jsonFlag, targetFlags } from "../../target.ts";

export const harden = command({
  name: "deployments harden",
  summary: "let only workers with these API keys register for a deployment",
  details:
    "Replaces the keys of an earlier call. Workers that registered with another key are cut off.\nA deployment that no worker has registered yet can be hardened too.",
  positionals: [
    { name: "deployment", help: "name of a deployment" },
    { name: "key-id", help: "ids of keys, as `sirocco key list` shows them", many: true },
  ],
  flags: { ...targetFlags, ...jsonFlag },
  examples: ["sirocco deployments harden billing 5e884898da280471"],
  async run([name, ...key_ids], flags, io) {
    const hardened = await apiOf(flags, io).call("hardenDeployment", { params: { name: name! }, body: { key_ids } });
    if (flags.json) printJson(io, hardened);
    else
      io.out(`${hardened.name}: only workers with the API keys ${hardened.authorized_key_ids.join(", ")} may register`);
    return EXIT.ok;
  },
});

export const unharden = command({
  name: "deployments unharden",
  summary: "let workers with every API key register for a deployment again",
  positionals: [{ name: "deployment", help: "name of a deployment" }],
  flags: { ...targetFlags },
  examples: ["sirocco deployments unharden billing"],
  async run([deployment_id], flags, io) {
    await apiOf(flags, io).call("unhardenDeployment", { params: { deployment_id: deployment_id! } });
    io.out(`${deployment_id}: workers with every API key of the workspace may register`);
    return EXIT.ok;
  },
});
