/** `sirocco key create`. */

import { MAX_KEY_SECONDS, MIN_KEY_SECONDS } from "../../../shared/protocol/limits.ts";
import { command } from "../../command.ts";
import { EXIT, usage } from "../../errors.ts";
import { lengthOf } from "../../length.ts";
import { moment, printJson } from "../../print.ts";
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
    expires: { type: "string", value: "TIME", help: "refuse the key after TIME, such as 12h or 90d; default: never" },
    ...storeFlags,
    ...jsonFlag,
  },
  examples: [
    "sirocco key create ci",
    "sirocco key create dashboard --rights read",
    "sirocco key create contractor --rights read,operate --expires 90d",
    "sirocco key create shop-worker --rights work,operate --deployment shop",
  ],
  async run([name], flags, io) {
    const rights = rightsOf(flags.rights);
    const deployments = flags.deployment ?? [];
    if (deployments.length > 0 && rights.includes("admin"))
      throw usage("--deployment needs --rights without admin: a key with the right admin cannot be limited.");
    const expiresInSeconds = secondsOf(flags.expires);
    const made = await (await storeOf(flags, io)).create({ name: name!, rights, deployments, expiresInSeconds });
    if (flags.json) printJson(io, made);
    else {
      io.out(`SIROCCO_API_KEY=${made.key}`);
      const until = made.expires_at === null ? "" : `, until ${moment(made.expires_at)}`;
      io.err(`key ${made.key_id}, rights ${made.rights.join(", ")}${until}; the key is not shown again`);
    }
    return EXIT.ok;
  },
});

/** The API checks it too, but not `--table`. */
function secondsOf(given: string | undefined): number | undefined {
  const ms = lengthOf("expires", given);
  if (ms === undefined) return undefined;
  const seconds = Math.round(ms / 1_000);
  if (seconds >= MIN_KEY_SECONDS && seconds <= MAX_KEY_SECONDS) return seconds;
  throw usage(`--expires is '${given}': a key lasts from a minute to ten years (1m to 3650d).`);
}
