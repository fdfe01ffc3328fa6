/** The invoices that the demo sends through, and what should become of each. */
import { readFileSync } from "node:fs";

export type Outcome =
  | "booked"
  /** The same invoice came twice: one of the two is booked, the other fails as `DuplicateInvoice`. */
  | "booked-once"
  | "Rejected"
  | "InvalidInvoice"
  | "TotalMismatch"
  | "UnknownVatId"
  | "UnknownCurrency";

export interface Expected {
  readonly file: string;
  readonly outcome: Outcome;
  /** What the approver will say; absent or null: nobody has to be asked. */
  readonly approval?: "approve" | "reject" | null;
  /** Of invoices that can be read: the true sums, in cents, worked out without the code of this example. */
  readonly number?: string;
  readonly netCents?: number;
  readonly vatCents?: number;
  readonly totalCents?: number;
  readonly totalEurCents?: number;
}

export interface Case extends Expected {
  readonly execution: string;
}

/** `tag` sets the executions of one demo apart from those of another on the same server. */
export function casesOf(tag: string): Case[] {
  const text = readFileSync(new URL("../expected.json", import.meta.url), "utf8");
  return (JSON.parse(text) as Expected[]).map((expected) => ({
    ...expected,
    execution: `invoice-${expected.file.replace(/\.\w+$/, "")}${tag}`,
  }));
}
