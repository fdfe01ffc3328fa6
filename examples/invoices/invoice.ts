/** The schemas of invoices: as suppliers send them, and as they are after validation. */
import * as z from "zod";
import { decimal } from "./money.ts";

/** Text such as `"12.50"` as a whole number of thousandths or cents. */
const scaled = (places: number, what: string) =>
  z.union([z.string(), z.number().transform(String)]).transform((text, ctx) => {
    const value = decimal(text, places);
    if (value !== null && value > 0) return value;
    ctx.addIssue({ code: "custom", message: `'${text}' is not ${what} above 0 with at most ${places} decimals` });
    return z.NEVER;
  });
const day = z.iso.date();
const text = z.string().trim().min(1).max(200);

const head = {
  number: z.string().regex(/^\d{4}-\d{4}$/, "an invoice number looks like 2026-0001"),
  supplier: text,
  vatId: z.string().regex(/^[A-Z]{2,3}[A-Z0-9]{6,12}$/, "a VAT id is a country code and 6 to 12 characters"),
  issued: day,
  due: day,
  currency: z.string().regex(/^[A-Z]{3}$/, "a currency has three capital letters"),
};

/** An invoice as suppliers send it: all amounts are decimal text. */
export const SentInvoice = z
  .object({
    ...head,
    lines: z
      .array(
        z
          .object({ text, quantity: scaled(3, "a quantity"), unitPrice: scaled(3, "a price"), vatPercent: z.string() })
          .transform(({ quantity, unitPrice, vatPercent, ...rest }, ctx) => {
            const vatTenths = decimal(vatPercent, 1);
            if (vatTenths !== null && vatTenths >= 0 && vatTenths <= 500) {
              return { ...rest, quantityMilli: quantity, unitPriceMilli: unitPrice, vatTenths };
            }
            ctx.addIssue({ code: "custom", message: `'${vatPercent}' is not a VAT rate`, path: ["vatPercent"] });
            return z.NEVER;
          }),
      )
      .min(1, "an invoice has at least one line"),
    total: scaled(2, "an amount"),
  })
  .refine((invoice) => invoice.due >= invoice.issued, {
    path: ["due"],
    message: "the due date lies before the issue date",
  })
  .transform(({ total, ...invoice }) => ({ ...invoice, declaredCents: total }));

/** The same in whole numbers: quantities and unit prices in thousandths, VAT rates in tenths of a percent. */
export const Invoice = z.object({
  ...head,
  lines: z.array(z.object({ text, quantityMilli: z.int(), unitPriceMilli: z.int(), vatTenths: z.int() })),
  declaredCents: z.int(),
});
export type Invoice = z.infer<typeof Invoice>;

/** Cents of the invoice's currency; `totalEurCents` of euros. */
export const Totals = z.object({
  netCents: z.int(),
  vatCents: z.int(),
  totalCents: z.int(),
  totalEurCents: z.int(),
});
export type Totals = z.infer<typeof Totals>;

/** Euros for one unit of a currency, in millionths. */
export const Rate = z.object({ currency: z.string(), eurMicros: z.int().positive() });
export type Rate = z.infer<typeof Rate>;
export const EURO: Rate = { currency: "EUR", eurMicros: 1_000_000 };
