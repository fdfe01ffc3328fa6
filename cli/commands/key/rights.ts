/** The rights of a new key, as an option. */
import { RIGHTS, type Right } from "../../../shared/protocol/rights.ts";
import { usage } from "../../errors.ts";

export const RIGHTS_FLAG = {
  type: "string",
  value: "RIGHTS",
  help: "some of read, operate, work and admin, with commas between them; default: admin (everything)",
} as const;

export function rightsOf(option: string | undefined): Right[] {
  const rights = (option ?? "admin").split(",").map((right) => right.trim());
  const unknown = rights.find((right) => !(RIGHTS as readonly string[]).includes(right));
  if (unknown !== undefined) throw usage(`--rights has '${unknown}': each right must be one of ${RIGHTS.join(", ")}`);
  return [...new Set(rights)] as Right[];
}
