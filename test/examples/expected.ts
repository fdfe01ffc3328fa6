/** The expected outcome of each invoice of the example, computed without its code. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const DATA = fileURLToPath(new URL("../../examples/invoices/data", import.meta.url));

export interface Expected {
  readonly file: string;
  readonly outcome: string;
  readonly number?: string;
  readonly netCents?: number;
  readonly vatCents?: number;
  readonly totalCents?: number;
  readonly totalEurCents?: number;
}

const file = new URL("../../examples/invoices/expected.json", import.meta.url);
export const EXPECTED: readonly Expected[] = JSON.parse(readFileSync(file, "utf8"));
