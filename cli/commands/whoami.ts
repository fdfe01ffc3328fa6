/** `sirocco whoami`: the workspace and the rights of the API key. */
import { apiOf } from "../api.ts";
import { command } from "../command.ts";
import { EXIT } from "../errors.ts";
import { fields, moment, printJson } from "../print.ts";
import { jsonFlag, targetFlags } from "../target.ts";

export const whoami = command({
  name: "whoami",
  summary: "show the workspace and the rights of the API key in use",
  positionals: [],
  flags: { ...targetFlags, ...jsonFlag },
  examples: ["sirocco whoami", "sirocco whoami --json | jq .rights"],
  async run(_, flags, io) {
    const caller = await apiOf(flags, io).call("whoAmI");
    if (flags.json) printJson(io, caller);
    else {
      fields(io, [
        ["key", `${caller.key_name} (${caller.key_id})`, "bold"],
        ["workspace", caller.workspace],
        ["rights", caller.rights.join(", ")],
        ["deployments", caller.deployments?.join(", ") ?? null],
        ["expires", caller.expires_at && moment(caller.expires_at)],
      ]);
    }
    return EXIT.ok;
  },
});
