/** The invoice workflow with its real activities, under a virtual clock. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { activities, book, type Resources } from "../../examples/invoices/activities.ts";
import type { Payment } from "../../examples/invoices/documents.ts";
import { Ledger } from "../../examples/invoices/ledger.ts";
import { type Services, startServices } from "../../examples/invoices/services.ts";
import { decide, processInvoice, reassign, status } from "../../examples/invoices/workflow.ts";
import { type TestEnvironment, testEnvironment } from "../../sdk/testing/index.ts";
import { DATA, EXPECTED } from "./expected.ts";

let directory: string;
let ledger: Ledger;
let services: Services;
let env: TestEnvironment;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "pipeline-"));
  ledger = new Ledger(join(directory, "ledger.db"));
  services = await startServices({ failures: 0, latencyMs: [0, 0] });
  const resources: Resources = {
    inbox: DATA,
    outbox: join(directory, "outbox"),
    ledger,
    services: services.url,
    worker: "w1",
  };
  env = await testEnvironment({ workflows: [processInvoice], activities, resources });
});
afterEach(async () => {
  await env.close();
  await services.close();
  ledger.close();
  rmSync(directory, { recursive: true, force: true });
});

const documents = () => readdirSync(join(directory, "outbox")).sort();
const small = EXPECTED.find((e) => e.file === "2026-0003.json")!;
const large = EXPECTED.find((e) => e.file === "2026-0009.json")!;

describe("an invoice", () => {
  it("below the limit is booked and paid without an approval", async () => {
    const execution = await env.start(processInvoice, { file: small.file });
    expect(await execution.result()).toEqual({
      number: small.number,
      entry: 1,
      totalEurCents: small.totalEurCents,
      approvedBy: null,
    });
    expect(ledger.entries()).toMatchObject([{ number: small.number, totalCents: small.totalCents, repeats: 0 }]);
    expect([...services.notified]).toEqual([small.number]);
    expect(documents()).toEqual([`${small.number}-payment.json`, `${small.number}-posting.txt`]);
    const order: Payment = JSON.parse(readFileSync(join(directory, "outbox", `${small.number}-payment.json`), "utf8"));
    expect(order).toMatchObject({ reference: small.number, cents: small.totalCents, currency: "USD" });
  });

  it("above the limit waits, reminds its present approver, and goes on after the approval", async () => {
    const execution = await env.start(processInvoice, { file: large.file, approver: "ada@example.com" });
    await env.advance("3d");
    expect(await execution.update(reassign, { to: "grace@example.com" })).toEqual({ before: "ada@example.com" });
    await env.advance("2d");
    expect(await execution.query(status)).toEqual({
      step: "waiting for approval",
      approver: "grace@example.com",
      reminders: 2,
      totalEurCents: large.totalEurCents,
    });
    const second = readFileSync(join(directory, "outbox", `${large.number}-reminder-2.txt`), "utf8");
    expect(second).toContain("To: grace@example.com");
    expect(ledger.entries()).toEqual([]);
    await execution.signal(decide, { approved: true, by: "grace" });
    expect(await execution.result()).toMatchObject({ number: large.number, approvedBy: "grace" });
    expect(ledger.entries()).toMatchObject([{ number: large.number, approvedBy: "grace" }]);
  });

  it("that is rejected is not booked, even after a later approval", async () => {
    const execution = await env.start(processInvoice, { file: large.file });
    await execution.signal(decide, { approved: false, by: "ada", why: "too dear" });
    await expect(execution.result()).rejects.toThrow("ada refused 2026-0009: too dear");
    await expect(execution.signal(decide, { approved: true, by: "bob" })).rejects.toThrow("409");
    expect(ledger.entries()).toEqual([]);
  });

  it("without a decision fails after seven reminders", async () => {
    const execution = await env.start(processInvoice, { file: large.file, remindAfter: "1d" });
    await env.advance("9d");
    await expect(execution.result()).rejects.toThrow("did not answer 7 reminders");
    expect(documents()).toHaveLength(7);
  });

  it("is booked once, even if its worker dies between the booking and its report", async () => {
    const execution = await env.start(processInvoice, { file: large.file });
    await env.addWorker();
    env.stub(book, async (input, ctx) => {
      const { entry } = ledger.book({ key: ctx.idempotencyKey, bookedBy: "w", ...input });
      if (ctx.attempt === 1) {
        await env.killWorker();
        await new Promise(() => {}); // the worker never reports the result
      }
      return { entry };
    });
    await execution.signal(decide, { approved: true, by: "ada" });
    await env.advance("5m");
    expect(await execution.result()).toMatchObject({ number: large.number, entry: 1 });
    const [entry, ...others] = ledger.entries();
    expect(others).toEqual([]);
    expect(entry!.repeats).toBeGreaterThan(0);
  });

  it.each([
    ["2026-0007.csv", "cannot be parsed"],
    ["2026-0012.csv", "is not a valid invoice"],
    ["2026-0018.json", "its lines add up to"],
  ])("in %s fails at once, without retries and without an entry in the ledger", async (file, why) => {
    const execution = await env.start(processInvoice, { file });
    await expect(execution.result()).rejects.toThrow(why);
    expect(ledger.entries()).toEqual([]);
  });

  it("that is sent twice is booked once, and the copy fails", async () => {
    const first = await env.start(processInvoice, { file: "2026-0014.json" });
    const copy = await env.start(processInvoice, { file: "2026-0014-resent.json" });
    const outcomes = await Promise.allSettled([first.result(), copy.result()]);
    expect(outcomes.map((o) => o.status)).toEqual(["fulfilled", "rejected"]);
    expect(ledger.entries()).toHaveLength(1);
  });
});
