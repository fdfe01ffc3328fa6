/** Ledger, outbox and services of the invoice example, which make its activities safe to repeat. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DuplicateInvoice, UnknownCurrency, UnknownVatId } from "../../examples/invoices/failures.ts";
import type { Invoice } from "../../examples/invoices/invoice.ts";
import { Ledger } from "../../examples/invoices/ledger.ts";
import { putDocument } from "../../examples/invoices/outbox.ts";
import { checkVatId, fetchRate } from "../../examples/invoices/service-client.ts";
import { startServices } from "../../examples/invoices/services.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "invoices-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const invoice: Invoice = {
  number: "2026-0001",
  supplier: "Nordlicht",
  vatId: "DE999000101",
  issued: "2026-01-01",
  due: "2026-02-01",
  currency: "EUR",
  lines: [{ text: "Lamp", quantityMilli: 1000, unitPriceMilli: 10_000, vatTenths: 190 }],
  declaredCents: 1190,
};
const totals = { netCents: 1000, vatCents: 190, totalCents: 1190, totalEurCents: 1190 };
const booking = { key: "run/1", invoice, totals, approvedBy: null, bookedBy: "w1" };

describe("the ledger", () => {
  it("books once under one key and counts the repetitions", () => {
    const ledger = new Ledger(join(directory, "again.db"));
    const first = ledger.book(booking);
    const second = ledger.book({ ...booking, bookedBy: "w2" });
    expect(second).toEqual({ ...first, repeats: 1 });
    expect(ledger.entries()).toEqual([{ ...first, bookedBy: "w1", repeats: 1 }]);
    ledger.close();
  });

  it("refuses an invoice number that was booked under another key, and books the next one", () => {
    const ledger = new Ledger(join(directory, "copy.db"));
    ledger.book(booking);
    expect(() => ledger.book({ ...booking, key: "run/2" })).toThrow(DuplicateInvoice);
    const other = ledger.book({ ...booking, key: "run/3", invoice: { ...invoice, number: "2026-0002" } });
    expect(ledger.entries().map((e) => e.number)).toEqual(["2026-0001", "2026-0002"]);
    expect(other.repeats).toBe(0);
    ledger.close();
  });

  it("is shared by several connections", () => {
    const file = join(directory, "shared.db");
    const [one, two] = [new Ledger(file), new Ledger(file)];
    one.book(booking);
    expect(two.book(booking).repeats).toBe(1);
    expect(() => two.book({ ...booking, key: "run/9" })).toThrow(DuplicateInvoice);
    expect(one.entries()).toHaveLength(1);
    one.close();
    two.close();
  });
});

describe("the outbox", () => {
  it("holds complete documents only, and a repeated write changes nothing", async () => {
    const outbox = join(directory, "outbox");
    await Promise.all(["a", "a", "b"].map((name) => putDocument(outbox, name, name.repeat(100_000))));
    expect(readdirSync(outbox).sort()).toEqual(["a", "b"]);
    expect(readFileSync(join(outbox, "a"), "utf8")).toBe("a".repeat(100_000));
  });

  it("removes the temporary file if the rename fails", async () => {
    const outbox = join(directory, "blocked");
    await putDocument(join(outbox, "name"), "inner", "x"); // a directory stands where the document should go
    await expect(putDocument(outbox, "name", "y")).rejects.toThrow();
    expect(readdirSync(outbox)).toEqual(["name"]);
  });
});

describe("the service client", () => {
  it("throws non-retryable failures for unknown ids, and an ordinary error for an unavailable service", async () => {
    const services = await startServices({ failures: 0, latencyMs: [0, 0] });
    const { signal } = new AbortController();
    try {
      expect(await fetchRate(services.url, "USD", "2026-01-01", signal)).toEqual({
        currency: "USD",
        eurMicros: 921_400,
      });
      await expect(fetchRate(services.url, "XTS", "2026-01-01", signal)).rejects.toThrow(UnknownCurrency);
      await expect(checkVatId(services.url, "GB000000000", signal)).rejects.toThrow(UnknownVatId);
      await checkVatId(services.url, "DE999000101", signal);
    } finally {
      await services.close();
    }
    const broken = await startServices({ failures: 1, latencyMs: [0, 0], random: () => 0.5 });
    try {
      await expect(checkVatId(broken.url, "DE999000101", signal)).rejects.toThrow("answered 503");
      expect(broken.counts).toEqual({ requests: 1, failed: 1 });
    } finally {
      await broken.close();
    }
  });
});
