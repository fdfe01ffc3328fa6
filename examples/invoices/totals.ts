/** Adds up an invoice by the rule that suppliers follow: each line is rounded, and VAT is rounded once for each rate. */
import { TotalMismatch } from "./failures.ts";
import type { Invoice, Rate, Totals } from "./invoice.ts";
import { amount, multiply } from "./money.ts";

const MILLI_SQUARED_PER_CENT = 10_000; // thousandths times thousandths, in hundredths
const TENTHS_OF_PERCENT = 1_000;
const MICROS = 1_000_000;

/** Throws `TotalMismatch` if the declared total differs. */
export function totalsOf(invoice: Invoice, rate: Rate): Totals {
  const netByRate = new Map<number, number>();
  for (const line of invoice.lines) {
    const net = multiply(line.quantityMilli, line.unitPriceMilli, MILLI_SQUARED_PER_CENT);
    netByRate.set(line.vatTenths, (netByRate.get(line.vatTenths) ?? 0) + net);
  }
  let netCents = 0;
  let vatCents = 0;
  for (const [vatTenths, net] of netByRate) {
    netCents += net;
    vatCents += multiply(net, vatTenths, TENTHS_OF_PERCENT);
  }
  const totalCents = netCents + vatCents;
  if (totalCents !== invoice.declaredCents) {
    const { number, currency, declaredCents } = invoice;
    throw new TotalMismatch(
      `${number} declares ${amount(declaredCents)} ${currency}, its lines add up to ${amount(totalCents)}`,
    );
  }
  return { netCents, vatCents, totalCents, totalEurCents: multiply(totalCents, rate.eurMicros, MICROS) };
}
