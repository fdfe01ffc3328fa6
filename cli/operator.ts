/** Keys in the registry table of an installation on AWS, for an operator with AWS credentials instead of an API key. */
import { randomUUID } from "node:crypto";
import type { Ports } from "../shared/ports.ts";
import { CliError, EXIT, usage } from "./errors.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export interface OperatorFlags {
  readonly table: string | undefined;
  readonly region: string | undefined;
  readonly workspace: string | undefined;
}

export interface Operator {
  readonly ports: Pick<Ports, "clock" | "registry" | "durable">;
  readonly workspace: string;
  /** Runs a call of AWS, and turns its errors into errors with advice. */
  attempt<T>(call: () => Promise<T>): Promise<T>;
}

/** `fresh`: `--workspace new` is allowed. */
export async function operatorOf(table: string, flags: OperatorFlags, fresh: boolean): Promise<Operator> {
  // Loaded here, so that no other command pays for the AWS SDK.
  const [{ registryKeys }, { DEFAULT_WORKSPACE }] = await Promise.all([
    import("../shared/server/aws-operator.ts"),
    import("../shared/api/auth.ts"),
  ]);
  const wanted = flags.workspace ?? "default";
  const workspace = wanted === "default" ? DEFAULT_WORKSPACE : fresh && wanted === "new" ? randomUUID() : wanted;
  if (!UUID.test(workspace))
    throw usage(`--workspace is '${wanted}': it must be default, ${fresh ? "new, " : ""}or a UUID`);
  const attempt: Operator["attempt"] = (call) =>
    call().catch((error) => {
      throw error instanceof CliError ? error : explained(error, table);
    });
  const ports = await attempt(() => registryKeys({ table, ...(flags.region ? { region: flags.region } : {}) }));
  return { ports, workspace, attempt };
}

const CREDENTIALS =
  "This command uses the table itself and needs the AWS credentials of an operator (AWS_PROFILE, or AWS_ACCESS_KEY_ID …).";

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
  return failed(`The table was not reached: ${name}: ${message}`, CREDENTIALS);
}
