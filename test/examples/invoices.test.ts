/** The pure parts of the invoice example: money, reading and totals. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { records, rows } from "../../examples/invoices/csv.ts";
import { InvalidInvoice, TotalMismatch } from "../../examples/invoices/failures.ts";
import { EURO } from "../../examples/invoices/invoice.ts";
import { amount, decimal, multiply } from "../../examples/invoices/money.ts";
import { parseInvoice, readInvoice } from "../../examples/invoices/read.ts";
import { RATES } from "../../examples/invoices/services.ts";
import { totalsOf } from "../../examples/invoices/totals.ts";
import { DATA, EXPECTED } from "./expected.ts";

describe("money", () => {
  it("reads decimals as whole numbers and refuses more decimals than allowed", () => {
    expect(decimal("12.5", 2)).toBe(1250);
    expect(decimal("-0.07", 2)).toBe(-7);
    expect(decimal("9000", 3)).toBe(9_000_000);
    for (const text of ["12.505", "1e3", "", "1,5", ".5", "NaN"]) expect(decimal(text, 2)).toBeNull();
  });

  it("rounds halves away from zero, even where floating point would not", () => {
    expect(multiply(1005, 1, 10)).toBe(101); // 1.005 * 100 is 100.49999999999999
    expect(multiply(-1005, 1, 10)).toBe(-101);
    expect(multiply(9_007_199_254_740_991, 1000, 1000)).toBe(9_007_199_254_740_991);
    expect(() => multiply(9_007_199_254_740_991, 2, 1)).toThrow(RangeError);
  });

  it("is never more than half a unit off the exact product", () => {
    const whole = fc.integer({ min: -90_000_000, max: 90_000_000 });
    fc.assert(
      fc.property(whole, whole, fc.integer({ min: 1, max: 1_000_000 }), (a, b, divisor) => {
        const off = BigInt(multiply(a, b, divisor)) * BigInt(divisor) - BigInt(a) * BigInt(b);
        expect((off < 0n ? -off : off) * 2n <= BigInt(divisor)).toBe(true);
      }),
    );
  });

  it("formats cents with separated thousands", () => {
    expect(amount(123_456_789)).toBe("1,234,567.89");
    expect(amount(-5)).toBe("-0.05");
  });
});

describe("CSV", () => {
  it("keeps commas, quotes and line ends inside quotes", () => {
    expect(rows('a,"b, ""c""\nd",e\r\n\r\n1,,3')).toEqual([
      ["a", 'b, "c"\nd', "e"],
      ["1", "", "3"],
    ]);
    expect(records("x,y\n1,2\n")).toEqual([{ x: "1", y: "2" }]);
  });

  it("names the row of a quote that is not closed", () => {
    expect(() => rows('a\nb,"c')).toThrow("row 2");
  });
});

describe("reading an invoice", () => {
  it.each(EXPECTED.filter((e) => e.totalCents !== undefined))("$file adds up to the cent", async (expected) => {
    const invoice = await readInvoice(DATA, expected.file);
    const micros = RATES[invoice.currency];
    const rate = micros === undefined ? EURO : { currency: invoice.currency, eurMicros: micros };
    const { netCents, vatCents, totalCents, totalEurCents } = expected;
    expect(totalsOf(invoice, rate)).toEqual({ netCents, vatCents, totalCents, totalEurCents });
  });

  it.each(EXPECTED.filter((e) => e.outcome === "InvalidInvoice"))("$file is refused", async ({ file }) => {
    await expect(readInvoice(DATA, file)).rejects.toThrow(InvalidInvoice);
  });

  it("names all mistakes at once", () => {
    const line = { text: "Lamp", quantity: "-2", unitPrice: "10.0001", vatPercent: "190" };
    const broken = {
      number: "7",
      supplier: "",
      issued: "2026-02-30",
      due: "2026-02-01",
      currency: "eur",
      lines: [line],
    };
    const message = (() => {
      try {
        parseInvoice("x.json", JSON.stringify(broken));
        return "";
      } catch (error) {
        return (error as Error).message;
      }
    })();
    for (const part of [
      "an invoice number looks like",
      "vatId",
      "issued",
      "three capital letters",
      "'-2'",
      "'10.0001'",
    ]) {
      expect(message).toContain(part);
    }
  });

  it("refuses a declared total that is not the sum of the lines, and names both", async () => {
    const { file } = EXPECTED.find((e) => e.outcome === "TotalMismatch")!;
    const invoice = await readInvoice(DATA, file);
    expect(() => totalsOf(invoice, EURO)).toThrow(TotalMismatch);
    expect(() => totalsOf(invoice, EURO)).toThrow(/declares [\d,.]+ \w+, its lines add up to [\d,.]+/);
  });
});
