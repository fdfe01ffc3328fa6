/** Invoices from files: JSON as one object, CSV with a row for each line of the invoice. */
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import * as z from "zod";
import { records } from "./csv.ts";
import { InvalidInvoice } from "./failures.ts";
import { type Invoice, SentInvoice } from "./invoice.ts";

/** Throws `InvalidInvoice` for invalid content, and `Error`, which is retried, if the file cannot be read. */
export async function readInvoice(directory: string, file: string): Promise<Invoice> {
  return parseInvoice(file, await readFile(join(directory, file), "utf8"));
}

export function parseInvoice(file: string, text: string): Invoice {
  const result = SentInvoice.safeParse(content(file, text));
  if (result.success) return result.data;
  throw new InvalidInvoice(
    `${file} is not a valid invoice: ${z.prettifyError(result.error).replaceAll(/\n\s*/g, " ")}`,
  );
}

function content(file: string, text: string): unknown {
  try {
    if (extname(file) === ".json") return JSON.parse(text);
    if (extname(file) === ".csv") return fromCsv(text);
  } catch (error) {
    throw new InvalidInvoice(`${file} cannot be parsed: ${(error as Error).message}`);
  }
  throw new InvalidInvoice(`${file} is neither .json nor .csv`);
}

function fromCsv(text: string): unknown {
  const lines = records(text);
  const { number, supplier, vat_id: vatId, issued, due, currency, total } = lines[0] ?? {};
  return {
    number,
    supplier,
    vatId,
    issued,
    due,
    currency,
    total,
    lines: lines.map((l) => ({
      text: l.text,
      quantity: l.quantity,
      unitPrice: l.unit_price,
      vatPercent: l.vat_percent,
    })),
  };
}
