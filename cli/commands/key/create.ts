/** `sirocco key create`. */
import { command } from "../../command.ts";
import { EXIT, usage } from "../../errors.ts";
import { printJson } from "../../print.ts";
import { jsonFlag } from "../../target.ts";
import { RIGHTS_FLAG, rightsOf } from "./rights.ts";
import { storeFlags, storeOf } from "./store.ts";

export const create = command({
  name: "key create",
  summary: "make an API key and print it once: the server stores only its hash",
  positionals: [{ name: "name", help: "name of the key, shown as user_id of the executions that it starts" }],
  flags: {
    rights: RIGHTS_FLAG,
    deployment: {
      type: "string",
      value: "NAME",
      multiple: true,
      help: "limit changes and tasks to this deployment; may be repeated",
    },
    ...storeFlags,
    ...jsonFlag,
  },
  examples: [
    "sirocco key create ci",
    "sirocco key create dashboard --rights read",
    "sirocco key create shop-worker --rights work,operate --deployment shop",
  ],
  async run([name], flags, io) {
    const rights = rightsOf(flags.rights);
    const deployments = flags.deployment ?? [];
    if (deployments.length > 0 && rights.includes("admin"))
      throw usage("--deployment needs --rights without admin: a key with the right admin cannot be limited.");
    const made = await (await storeOf(flags, io)).create({ name: name!, rights, deployments });
    if (flags.json) printJson(io, made);
    else {
      io.out(`SIROCCO_API_KEY=${made.key}`);
      io.err(`key ${made.key_id}, rights ${made.rights.join(", ")}; the key is not shown again`);
    }
    return EXIT.ok;
  },
});
