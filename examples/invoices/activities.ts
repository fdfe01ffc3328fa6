/** The steps of the pipeline that touch the world. Each may run more than once, and does no harm when it does. */
import { type ActivityContext, activity } from "@sirocco/sdk";
import * as z from "zod";
import { payment, paymentName, posting, postingName, reminder, reminderName } from "./documents.ts";
import { Invoice, Rate, Totals } from "./invoice.ts";
import type { Ledger } from "./ledger.ts";
import { putDocument } from "./outbox.ts";
import { checkVatId, fetchRate, tellTreasury } from "./outside.ts";
import { readInvoice } from "./read.ts";
import { totalsOf } from "./totals.ts";

/** What the worker opens once and hands to every activity. */
export interface Resources extends Record<string, unknown> {
  /** Directory with the invoices that have come in. */
  readonly inbox: string;
  /** Directory from which documents are sent. */
  readonly outbox: string;
  readonly ledger: Ledger;
  /** Address of the rate service, VAT register and treasury. */
  readonly services: string;
  readonly worker: string;
}
const opened = (ctx: ActivityContext) => ctx.resources as Resources;

/** The services fail often and recover soon: many quick tries. */
const unreliable = {
  timeout: "2s",
  retry: { maxAttempts: 30, first: "100ms", factor: 1.5, max: "600ms" },
};

export const read = activity(
  { name: "read_invoice", input: z.object({ file: z.string().regex(/^[\w-]+\.\w+$/) }), output: Invoice },
  ({ file }, ctx) => readInvoice(opened(ctx).inbox, file),
);

export const verifySupplier = activity(
  { name: "verify_supplier", input: z.object({ vatId: z.string() }), ...unreliable },
  ({ vatId }, ctx) => checkVatId(opened(ctx).services, vatId, ctx.signal),
);

export const getRate = activity(
  { name: "get_rate", input: z.object({ currency: z.string(), day: z.string() }), output: Rate, ...unreliable },
  ({ currency, day }, ctx) => fetchRate(opened(ctx).services, currency, day, ctx.signal),
);

export const addUp = activity(
  { name: "add_up", input: z.object({ invoice: Invoice, rate: Rate }), output: Totals },
  ({ invoice, rate }) => totalsOf(invoice, rate),
);

/**
 * Writes the ledger, then tells the treasury. Whichever of the two fails, and wherever the worker dies, it all runs
 * again; still there is exactly one entry, because the ledger knows the key of this call.
 */
export const book = activity(
  {
    name: "book",
    input: z.object({ invoice: Invoice, totals: Totals, approvedBy: z.string().nullable() }),
    output: z.object({ entry: z.int() }),
    ...unreliable,
  },
  async (input, ctx) => {
    const { ledger, services, worker } = opened(ctx);
    const { entry } = ledger.book({ key: ctx.idempotencyKey, bookedBy: worker, ...input });
    await tellTreasury(services, input.invoice.number, entry, ctx.signal);
    return { entry };
  },
);

const Document = z.object({ name: z.string() });

export const writePosting = activity(
  { name: "write_posting", input: z.object({ invoice: Invoice, totals: Totals, entry: z.int() }), output: Document },
  async ({ invoice, totals, entry }, ctx) => {
    const name = postingName(invoice.number);
    await putDocument(opened(ctx).outbox, name, posting(invoice, totals, entry));
    return { name };
  },
);

export const orderPayment = activity(
  { name: "order_payment", input: z.object({ invoice: Invoice, totals: Totals }), output: Document },
  async ({ invoice, totals }, ctx) => {
    const name = paymentName(invoice.number);
    await putDocument(opened(ctx).outbox, name, payment(invoice, totals));
    return { name };
  },
);

export const remind = activity(
  {
    name: "remind_approver",
    input: z.object({
      number: z.string(),
      supplier: z.string(),
      totalEurCents: z.int(),
      approver: z.string(),
      count: z.int(),
    }),
    output: Document,
  },
  async (input, ctx) => {
    const name = reminderName(input.number, input.count);
    await putDocument(opened(ctx).outbox, name, reminder(input));
    return { name };
  },
);

export const activities = [read, verifySupplier, getRate, addUp, book, writePosting, orderPayment, remind];
