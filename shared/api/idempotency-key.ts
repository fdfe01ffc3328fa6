/** The idempotency key of a request, from the header `Idempotency-Key` or from the body. */
import { createHash } from "node:crypto";
import { invalidAt, type Refusal } from "../protocol/errors.ts";
import { IdempotencyKey, idProblem } from "../protocol/ids.ts";

export const digest = (...parts: unknown[]): string => createHash("sha256").update(JSON.stringify(parts)).digest("hex");

export function keyWanted(field: string | null | undefined, header: string | undefined): string | undefined | Refusal {
  if (header === undefined) return field ?? undefined;
  const problem = idProblem(IdempotencyKey, header);
  if (problem !== undefined) return invalidAt(["header", "idempotency-key"], problem);
  if (field == null || field === header) return header;
  return invalidAt(["body", "idempotency_key"], "it differs from the header Idempotency-Key: send only one of the two");
}
