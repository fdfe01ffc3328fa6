/** `sirocco bootstrap`: makes an API key and writes it into the registry table of an installation on AWS. */
import { command } from "../command.ts";
import { EXIT, usage } from "../errors.ts";
import { operatorOf } from "../operator.ts";
import { printJson } from "../print.ts";
import { jsonFlag } from "../target.ts";
import { RIGHTS_FLAG, rightsOf } from "./key/rights.ts";

export const bootstrap = command({
  name: "bootstrap",
  summary: "make an API key for an installation on AWS (the stack's output FirstKeyCommand has the full line)",
  details:
    "This command writes the registry table, so it needs AWS credentials that allow that; other commands need only an API key.\nThe key is printed once: only its hash is stored.",
  positionals: [],
  flags: {
    table: { type: "string", value: "NAME", help: "the stack's registry table (output RegistryTable)" },
    region: { type: "string", value: "REGION", help: "default: AWS_REGION" },
    workspace: { type: "string", value: "ID", help: "`default`, `new`, or the UUID of a workspace; default: default" },
    name: { type: "string", value: "NAME", help: "name of the key, shown as user_id; default: bootstrap" },
    rights: RIGHTS_FLAG,
    ...jsonFlag,
  },
  examples: ["sirocco bootstrap --table Sirocco-Registry --workspace new --name ci"],
  async run(_args, flags, io) {
    if (!flags.table) throw usage("bootstrap needs --table: the name of the stack's registry table");
    const rights = rightsOf(flags.rights);
    const operator = await operatorOf(flags.table, flags, true);
    const { createKey } = await import("../../shared/api/create-key.ts");
    const { ports, workspace } = operator;
    const { key } = await operator.attempt(() =>
      createKey(ports, { workspace, name: flags.name ?? "bootstrap", rights }),
    );
    if (flags.json) printJson(io, { workspace, key, rights });
    else {
      io.out(`SIROCCO_API_KEY=${key}`);
      io.out(`workspace ${workspace}; the key is not shown again`);
    }
    return EXIT.ok;
  },
});
