/** The texts of the documents. Each follows from its arguments alone, so that a repeated activity writes the same text. */
import type { Invoice, Totals } from "./invoice.ts";
import { amount } from "./money.ts";

export const postingName = (number: string) => `${number}-posting.txt`;
export const paymentName = (number: string) => `${number}-payment.json`;
export const reminderName = (number: string, count: number) => `${number}-reminder-${count}.txt`;

export function posting(invoice: Invoice, totals: Totals, entry: number): string {
  const row = (label: string, cents: number) => `${label.padEnd(12)}${amount(cents).padStart(14)} ${invoice.currency}`;
  const lines = invoice.lines.map((l) => `  ${l.quantityMilli / 1000} x ${l.text} at ${l.unitPriceMilli / 1000}`);
  return [
    `Posting ${entry}: invoice ${invoice.number}`,
    `${invoice.supplier} (${invoice.vatId}), issued ${invoice.issued}`,
    ...lines,
    row("Net", totals.netCents),
    row("VAT", totals.vatCents),
    row("Total", totals.totalCents),
    ...(invoice.currency === "EUR" ? [] : [`In euros    ${amount(totals.totalEurCents).padStart(14)} EUR`]),
    "",
  ].join("\n");
}

export interface Payment {
  readonly reference: string;
  readonly payee: string;
  readonly currency: string;
  readonly cents: number;
  readonly executeOn: string;
}

export function payment(invoice: Invoice, totals: Totals): string {
  const order: Payment = {
    reference: invoice.number,
    payee: invoice.supplier,
    currency: invoice.currency,
    cents: totals.totalCents,
    executeOn: invoice.due,
  };
  return `${JSON.stringify(order, null, 2)}\n`;
}

export function reminder(p: {
  number: string;
  supplier: string;
  totalEurCents: number;
  approver: string;
  count: number;
}): string {
  return [
    `To: ${p.approver}`,
    `Subject: ${p.count === 1 ? "Please approve" : `Reminder ${p.count}: please approve`} invoice ${p.number}`,
    "",
    `${p.supplier} asks for ${amount(p.totalEurCents)} EUR.`,
    "",
  ].join("\n");
}
