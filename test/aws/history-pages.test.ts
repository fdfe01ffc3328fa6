/** A history at both limits is read on AWS in pages, none above what Lambda and API Gateway carry. */
import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createApi, createKey } from "../../shared/api/index.ts";
import type { HistoryEvent, NewEvent } from "../../shared/protocol/history.ts";
import { MAX_HISTORY_BYTES, MAX_HISTORY_EVENTS } from "../../shared/protocol/limits.ts";
import type { Aws } from "../../shared/server/aws.ts";
import { batchOf, headOf, newRef } from "../contract/subject.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { cannotRun, type Installation, install } from "./account.ts";

const EVENTS_A_BATCH = 200;
const MOST_BYTES = 5_000_000;

let on: Installation;
let ports: Aws;

describeUnless(cannotRun)("a history of 51,200 events and 50 MiB on AWS", () => {
  beforeAll(async () => {
    on = await install({ feed: false });
    ports = on.adapter();
  });
  afterAll(() => on?.end());

  test("is read whole in pages below 5 MB, in both orders, and by single events", async () => {
    const head = headOf(newRef(), ports.clock.now());
    await ports.executions.create(head, []);
    const event = (): NewEvent =>
      // Random text, which does not compress: with its other fields an event has nearly 1 KiB.
      ({
        kind: "signal_received",
        message: `signal#${randomUUID()}`,
        name: "poke",
        input: randomBytes(645).toString("base64"),
      }) as NewEvent;
    let written = 0;
    for (let first = 2; first <= MAX_HISTORY_EVENTS; first += EVENTS_A_BATCH) {
      const n = Math.min(EVENTS_A_BATCH, MAX_HISTORY_EVENTS - first + 1);
      const batch = batchOf(first, ports.clock.now(), Array.from({ length: n }, event));
      written += Buffer.byteLength(JSON.stringify(batch));
      const put = await ports.executions.putBatch(head, head.run, batch, MAX_HISTORY_BYTES);
      expect(put).toEqual({ kind: "written" });
    }
    expect(written).toBeGreaterThan(0.97 * MAX_HISTORY_BYTES);

    const api = createApi(ports, { version: "1.0.0", url: "http://localhost" });
    const { key } = await createKey(ports, { workspace: head.workspace, name: "reader", rights: ["read"] });
    const get = async (path: string) => {
      const answer = await api.handle({
        method: "GET",
        target: `/v1/workflows/executions/${head.execution}/history${path}`,
        headers: { authorization: `Bearer ${key}` },
        body: "",
        signal: new AbortController().signal,
      });
      expect(answer.status).toBe(200);
      const body = answer.kind === "body" ? answer.body : "";
      expect(Buffer.byteLength(body)).toBeLessThan(MOST_BYTES);
      return { body, bytes: Buffer.byteLength(body) };
    };
    for (const order of ["asc", "desc"] as const) {
      ports.clients.meter.take();
      let [pages, largest, count, expected] = [0, 0, 0, order === "asc" ? 1 : MAX_HISTORY_EVENTS];
      const began = performance.now();
      for (let after: number | null | undefined; after !== null; ) {
        const { body, bytes } = await get(`?order=${order}&limit=1000${after === undefined ? "" : `&after=${after}`}`);
        const page = JSON.parse(body) as { events: HistoryEvent[]; next_after: number | null };
        for (const { id } of page.events) {
          if (id !== expected) throw new Error(`event ${id} where ${expected} belongs`);
          expected += order === "asc" ? 1 : -1;
        }
        count += page.events.length;
        pages += 1;
        largest = Math.max(largest, bytes);
        after = page.next_after;
      }
      expect(count).toBe(MAX_HISTORY_EVENTS);
      const { readUnits, s3 } = ports.clients.meter.take();
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      console.log(
        `history pages, ${order}: ${pages} pages, the largest ${largest} bytes, ${readUnits} read units, ${s3} S3 requests, ${seconds} s`,
      );
    }
    const { body } = await get(`/${MAX_HISTORY_EVENTS}`);
    expect((JSON.parse(body) as { event: HistoryEvent }).event.id).toBe(MAX_HISTORY_EVENTS);
  }, 300_000);
});
