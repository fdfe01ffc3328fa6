/** The workflow of one invoice, from its file to its payment order. */
import { type Duration, on, query, setSearchKeys, signal, update, waitUntil, workflow } from "@sirocco/sdk";
import * as z from "zod";
import { addUp, book, getRate, orderPayment, read, remind, verifySupplier, writePosting } from "./activities.ts";
import { NotApproved, Rejected } from "./failures.ts";
import { EURO } from "./invoice.ts";

/** Invoices above 5,000 euros need an approval. */
const APPROVAL_ABOVE_CENTS = 500_000;
const MOST_REMINDERS = 7;

const Decision = z.object({ approved: z.boolean(), by: z.string(), why: z.string().optional() });
/** The decision on a large invoice. The first one counts. */
export const decide = signal("decide", Decision);
/** Changes the approver. Answers the previous one. */
export const reassign = update("reassign", z.object({ to: z.string() }), z.object({ before: z.string() }));
export const status = query(
  "status",
  z.object({ step: z.string(), approver: z.string(), reminders: z.int(), totalEurCents: z.int().nullable() }),
);

export const processInvoice = workflow(
  {
    name: "process_invoice",
    title: "Process an invoice",
    timeout: "60d",
    input: z.object({
      file: z.string(),
      approver: z.string().default("finance@example.com"),
      /** Interval between two reminders of the approver. */
      remindAfter: z.string().default("2d"),
    }),
    output: z.object({ number: z.string(), entry: z.int(), totalEurCents: z.int(), approvedBy: z.string().nullable() }),
    handlers: [decide, reassign, status],
    searchKeys: ["file"],
  },
  async ({ file, remindAfter, ...input }) => {
    let step = "reading";
    let approver = input.approver;
    let reminders = 0;
    let totalEurCents: number | null = null;
    let decision: z.infer<typeof Decision> | undefined;
    on(status, () => ({ step, approver, reminders, totalEurCents }));
    on(decide, (given) => {
      decision ??= given;
    });
    on(reassign, ({ to }) => {
      const before = approver;
      approver = to;
      return { before };
    });

    const invoice = await read({ file });
    const { number, supplier, currency } = invoice;
    setSearchKeys({ number, supplier });

    step = "checking";
    const [rate] = await Promise.all([
      currency === EURO.currency ? EURO : getRate({ currency, day: invoice.issued }),
      verifySupplier({ vatId: invoice.vatId }),
    ]);
    const totals = await addUp({ invoice, rate });
    totalEurCents = totals.totalEurCents;

    if (totals.totalEurCents > APPROVAL_ABOVE_CENTS) {
      step = "waiting for approval";
      while (!(await waitUntil(() => decision !== undefined, remindAfter as Duration))) {
        if (reminders === MOST_REMINDERS) throw new NotApproved(`${approver} did not answer ${reminders} reminders`);
        reminders += 1;
        await remind({ number, supplier, totalEurCents: totals.totalEurCents, approver, count: reminders });
      }
      if (!decision?.approved)
        throw new Rejected(`${decision?.by} refused ${number}: ${decision?.why ?? "no reason given"}`);
    }
    const approvedBy = decision?.by ?? null;

    step = "booking";
    const { entry } = await book({ invoice, totals, approvedBy });

    step = "writing documents";
    await Promise.all([writePosting({ invoice, totals, entry }), orderPayment({ invoice, totals })]);

    step = "done";
    return { number, entry, totalEurCents: totals.totalEurCents, approvedBy };
  },
);
