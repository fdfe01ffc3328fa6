/** `sirocco key revoke`. */
import { command } from "../../command.ts";
import { EXIT } from "../../errors.ts";
import { storeFlags, storeOf } from "./store.ts";

export const revoke = command({
  name: "key revoke",
  summary: "revoke API keys: their streams end, and their workers stop",
  details:
    "A server on one machine refuses the key from then on; on AWS every function refuses it within 5 s.\nThe last admin key of a workspace can be revoked only with --table.",
  positionals: [{ name: "key-id", help: "ids of keys, as `sirocco key list` shows them", many: true }],
  flags: { ...storeFlags },
  examples: ["sirocco key revoke 5e884898da280471"],
  async run(ids, flags, io) {
    const store = await storeOf(flags, io);
    for (const id of ids) {
      await store.revoke(id);
      io.out(`${id} revoked`);
    }
    return EXIT.ok;
  },
});
