/** `sirocco key create`. */
import { command } from "../../command.ts";
import { EXIT, usage } from "../../errors.ts";
import { printJson } from "../../print.ts";
import { jsonFlag } from "../../target.ts";
import { storeFlags, storeOf } from "./store.ts";

export const create = command({
  name: "key create",
  summary: "make an API key and print it once: the server stores only its hash",
  positionals: [{ name: "name", help: "name of the key, shown as user_id of the executions that it starts" }],
  flags: {
    role: { type: "string", value: "ROLE", help: "admin (everything) or read; default: admin" },
    ...storeFlags,
    ...jsonFlag,
  },
  examples: ["sirocco key create ci", "sirocco key create dashboard --role read"],
  async run([name], flags, io) {
    const role = flags.role ?? "admin";
    if (role !== "admin" && role !== "read") throw usage(`--role is '${role}': it must be admin or read`);
    const made = await (await storeOf(flags, io)).create(name!, role);
    if (flags.json) printJson(io, made);
    else {
      io.out(`SIROCCO_API_KEY=${made.key}`);
      io.err(`key ${made.key_id}, role ${made.role}; the key is not shown again`);
    }
    return EXIT.ok;
  },
});
