/** `sirocco bootstrap`: makes an API key and writes it into the registry table of an installation on AWS. */
import { randomUUID } from "node:crypto";
import { command } from "../command.ts";
import { CliError, EXIT, usage } from "../errors.ts";
import { printJson } from "../print.ts";
import { jsonFlag } from "../target.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

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
    role: { type: "string", value: "ROLE", help: "admin (everything) or read; default: admin" },
    ...jsonFlag,
  },
  examples: ["sirocco bootstrap --table Sirocco-Registry --region eu-west-1 --workspace new --name ci"],
  async run(_args, flags, io) {
    if (!flags.table) throw usage("bootstrap needs --table: the name of the stack's registry table");
    const role = flags.role ?? "admin";
    if (role !== "admin" && role !== "read") throw usage(`--role is '${role}': it must be admin or read`);
    // Loaded here, so that no other command pays for the AWS SDK.
    const [{ registryKeys }, { createKey, DEFAULT_WORKSPACE }] = await Promise.all([
      import("../../shared/server/aws-operator.ts"),
      import("../../shared/api/auth.ts"),
    ]);
    const wanted = flags.workspace ?? "default";
    const workspace = wanted === "default" ? DEFAULT_WORKSPACE : wanted === "new" ? randomUUID() : wanted;
    if (!UUID.test(workspace)) throw usage(`--workspace is '${wanted}': it must be default, new, or a UUID`);
    const ports = registryKeys({ table: flags.table, ...(flags.region ? { region: flags.region } : {}) });
    const writing = createKey(ports, { workspace, name: flags.name ?? "bootstrap", role });
    const { key } = await writing.catch((error) => {
      throw explained(error, flags.table!);
    });
    if (flags.json) printJson(io, { workspace, key, role });
    else {
      io.out(`SIROCCO_API_KEY=${key}`);
      io.out(`workspace ${workspace}; the key is not shown again`);
    }
    return EXIT.ok;
  },
});

const CREDENTIALS =
  "This command writes the table itself and needs the AWS credentials of an operator (AWS_PROFILE, or AWS_ACCESS_KEY_ID …).";

/** Turns an error of AWS or its SDK into one with advice. */
function explained(error: Error, table: string): CliError {
  const { name, message } = error;
  const failed = (what: string, advice: string) => new CliError(EXIT.failed, what, [advice], error);
  if (name === "ResourceNotFoundException")
    return failed(
      `There is no table '${table}' in this account and region.`,
      "The stack's outputs RegistryTable and FirstKeyCommand have its name; --region names its region.",
    );
  if (/Region is missing/.test(message)) return failed("No AWS region is set.", "Set it with --region or AWS_REGION.");
  if (name === "CredentialsProviderError") return failed("No AWS credentials were found.", CREDENTIALS);
  return failed(`The key was not written: ${name}: ${message}`, CREDENTIALS);
}
