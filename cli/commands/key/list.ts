/** `sirocco key list`. */
import { command } from "../../command.ts";
import { EXIT } from "../../errors.ts";
import { moment, printJson, table } from "../../print.ts";
import { jsonFlag } from "../../target.ts";
import { storeFlags, storeOf } from "./store.ts";

export const list = command({
  name: "key list",
  summary: "list the API keys of the workspace, without the keys themselves",
  positionals: [],
  flags: { ...storeFlags, ...jsonFlag },
  examples: ["sirocco key list", "sirocco key list --table Sirocco-Registry --region eu-west-1"],
  async run(_, flags, io) {
    const keys = await (await storeOf(flags, io)).list();
    if (flags.json) printJson(io, { keys });
    else if (keys.length === 0) io.err("The workspace has no keys.");
    else {
      const rows = keys.map((k) => [
        k.key_id,
        k.rights.join(","),
        k.deployments?.join(",") ?? "",
        moment(k.created_at),
        k.expires_at === null ? "" : Date.parse(k.expires_at) <= Date.now() ? "expired" : moment(k.expires_at),
        k.development ? `${k.name} (sirocco dev)` : k.name,
      ]);
      table(io, ["id", "rights", "deployments", "created", "expires", "name"], rows);
    }
    return EXIT.ok;
  },
});
