/** The steps of the pipeline that have side effects. Each may run more than once with the effect of running once. */
import { type ActivityContext, activity } from "@sirocco/sdk";
import * as z from "zod";
import { payment, paymentName, posting, postingName, reminder, reminderName } from "./documents.ts";
import { Invoice, Rate, Totals } from "./invoice.ts";
import type { Ledger } from "./ledger.ts";
import { putDocument } from "./outbox.ts";
import { readInvoice } from "./read.ts";
import { checkVatId, fetchRate, notifyTreasury } from "./service-client.ts";
import { totalsOf } from "./totals.ts";

/** The worker opens these once and passes them to every activity. */
export interface Resources extends Record<string, unknown> {
  /** Directory with the invoices that have arrived. */
  readonly inbox: string;
  /** Directory from which documents are sent. */
  readonly outbox: string;
  readonly ledger: Ledger;
  /** Address of the rate service, VAT register and treasury. */
  readonly services: string;
  readonly worker: string;
}
const resourcesOf = (ctx: ActivityContext) => ctx.resources as Resources;

/** The services fail often and recover soon, so that many quick attempts are best. */
const unreliable = {
  timeout: "2s",
  retry: { maxAttempts: 30, first: "100ms", factor: 1.5, max: "600ms" },
} as const;

export const read = activity(
  { name: "read_invoice", input: z.object({ file: z.string().regex(/^[\w-]+\.\w+$/) }), output: Invoice },
  ({ file }, ctx) => readInvoice(resourcesOf(ctx).inbox, file),
);

export const verifySupplier = activity(
  { name: "verify_supplier", input: z.object({ vatId: z.string() }), ...unreliable },
  ({ vatId }, ctx) => checkVatId(resourcesOf(ctx).services, vatId, ctx.signal),
);

export const getRate = activity(
  { name: "get_rate", input: z.object({ currency: z.string(), day: z.string() }), output: Rate, ...unreliable },
  ({ currency, day }, ctx) => fetchRate(resourcesOf(ctx).services, currency, day, ctx.signal),
);

export const addUp = activity(
  { name: "add_up", input: z.object({ invoice: Invoice, rate: Rate }), output: Totals },
  ({ invoice, rate }) => totalsOf(invoice, rate),
);

/**
 * Writes the ledger, then notifies the treasury. If either fails, or the worker dies at any point, the activity runs again.
 * There is still exactly one entry, because the ledger recognises the idempotency key.
 */
export const book = activity(
  {
    name: "book",
    input: z.object({ invoice: Invoice, totals: Totals, approvedBy: z.string().nullable() }),
    output: z.object({ entry: z.int() }),
    ...unreliable,
  },
  async (input, ctx) => {
    const { ledger, services, worker } = resourcesOf(ctx);
    const { entry } = ledger.book({ key: ctx.idempotencyKey, bookedBy: worker, ...input });
    await notifyTreasury(services, input.invoice.number, entry, ctx.signal);
    return { entry };
  },
);

const Document = z.object({ name: z.string() });

export const writePosting = activity(
  { name: "write_posting", input: z.object({ invoice: Invoice, totals: Totals, entry: z.int() }), output: Document },
  async ({ invoice, totals, entry }, ctx) => {
    const name = postingName(invoice.number);
    await putDocument(resourcesOf(ctx).outbox, name, posting(invoice, totals, entry));
    return { name };
  },
);

export const orderPayment = activity(
  { name: "order_payment", input: z.object({ invoice: Invoice, totals: Totals }), output: Document },
  async ({ invoice, totals }, ctx) => {
    const name = paymentName(invoice.number);
    await putDocument(resourcesOf(ctx).outbox, name, payment(invoice, totals));
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
    await putDocument(resourcesOf(ctx).outbox, name, reminder(input));
    return { name };
  },
);

export const activities = [read, verifySupplier, getRate, addUp, book, writePosting, orderPayment, remind];
