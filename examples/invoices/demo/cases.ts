/** The invoices of the demo, with their expected outcomes. */
import { readFileSync } from "node:fs";

export type Outcome =
  | "booked"
  /** The invoice is sent twice: one of the two executions books it, the other fails with `DuplicateInvoice`. */
  | "booked-once"
  | "Rejected"
  | "InvalidInvoice"
  | "TotalMismatch"
  | "UnknownVatId"
  | "UnknownCurrency";

export interface Expected {
  readonly file: string;
  readonly outcome: Outcome;
  /** The decision of the approver; absent or null: no approval is needed. */
  readonly approval?: "approve" | "reject" | null;
  /** For valid invoices: number and sums in cents, computed without the code of this example. */
  readonly number?: string;
  readonly netCents?: number;
  readonly vatCents?: number;
  readonly totalCents?: number;
  readonly totalEurCents?: number;
}

export interface Case extends Expected {
  readonly execution: string;
}

/** `tag` distinguishes the executions of this demo from those of another on the same server. */
export function casesOf(tag: string): Case[] {
  const text = readFileSync(new URL("../expected.json", import.meta.url), "utf8");
  return (JSON.parse(text) as Expected[]).map((expected) => ({
    ...expected,
    execution: `invoice-${expected.file.replace(/\.\w+$/, "")}${tag}`,
  }));
}
