/** Pages of a history, cut values, single events: over real HTTP. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Head } from "../../shared/protocol/head.ts";
import type { HistoryEvent, NewEvent } from "../../shared/protocol/history.ts";
import { MAX_HISTORY_BYTES, MAX_HISTORY_EVENTS, MAX_LIST_BYTES } from "../../shared/protocol/limits.ts";
import { batchOf, headOf } from "../contract/subject.ts";
import { type World, world } from "./support/world.ts";

let w: World;
beforeAll(async () => {
  w = await world();
});
afterAll(() => w.close());

const signal = (input: unknown): NewEvent =>
  ({ kind: "signal_received", message: `signal#${randomUUID()}`, name: "poke", input }) as NewEvent;

/** An execution whose log has these batches. */
async function recorded(batches: readonly (readonly NewEvent[])[], over: Partial<Head> = {}): Promise<Head> {
  const ref = { workspace: w.workspace, execution: `x-${randomUUID()}` };
  const head = headOf(ref, w.clock.now(), over);
  await w.ports.executions.create(head, []);
  let first = 2;
  for (const events of batches) {
    const batch = batchOf(first, w.clock.now(), events);
    const put = await w.ports.executions.putBatch(ref, head.run, batch, MAX_HISTORY_BYTES);
    expect(put).toEqual({ kind: "written" });
    first += events.length;
  }
  return head;
}

interface Page {
  events: (HistoryEvent & { cut?: string[]; input?: unknown; result?: unknown })[];
  next_after?: number | null;
}
const page = async (head: Head, query: string): Promise<Page> => {
  const { status, body } = await w.ask("GET", `/v1/workflows/executions/${head.execution}/history${query}`);
  expect(status).toBe(200);
  return body as unknown as Page;
};
const ids = ({ events }: Page) => events.map(({ id }) => id);

describe("pages", () => {
  test("without parameters of a page the whole history comes, as released clients expect", async () => {
    const head = await recorded([[signal(1), signal(2)], [signal(3)]]);
    const whole = await page(head, "?decode_payloads=true");
    expect(ids(whole)).toEqual([1, 2, 3, 4]);
    expect(whole).not.toHaveProperty("next_after");
  });

  test.each([
    "asc",
    "desc",
  ] as const)("pages of every size walk the same events, %s, also through batches", async (order) => {
    const head = await recorded([[signal(1), signal(2), signal(3)], [signal(4)], [signal(5), signal(6)]]);
    const all = order === "asc" ? [1, 2, 3, 4, 5, 6, 7] : [7, 6, 5, 4, 3, 2, 1];
    for (const limit of [1, 2, 3, 4, 6, 7, 8]) {
      const found: number[] = [];
      let after: number | null | undefined;
      do {
        const one = await page(head, `?order=${order}&limit=${limit}${after === undefined ? "" : `&after=${after}`}`);
        expect(one.events.length).toBeLessThanOrEqual(limit);
        found.push(...ids(one));
        after = one.next_after;
      } while (after !== null);
      expect(found, `limit ${limit}`).toEqual(all);
    }
  });

  test("a history of one event is one page in both orders, and a page beyond the end is empty", async () => {
    const head = await recorded([]);
    for (const order of ["asc", "desc"]) {
      expect(await page(head, `?order=${order}`)).toMatchObject({ events: [{ id: 1 }], next_after: null });
    }
    expect(await page(head, "?after=1")).toEqual({ events: [], next_after: null });
    expect(await page(head, "?after=1&order=desc")).toEqual({ events: [], next_after: null });
    expect(await page(head, "?after=0&order=desc")).toEqual({ events: [], next_after: null });
  });

  test("the pages of a run are those of its execution", async () => {
    const head = await recorded([[signal(1)]]);
    const { body } = await w.ask("GET", `/v1/workflows/runs/${head.run}/history?limit=1&after=1`);
    expect(body).toMatchObject({ events: [{ id: 2, input: 1 }], next_after: null });
  });

  test.each(["limit=0", "limit=1001", "after=-1", "order=up", "after=x"])("refuses ?%s", async (query) => {
    const head = await recorded([]);
    const { status } = await w.ask("GET", `/v1/workflows/executions/${head.execution}/history?${query}`);
    expect(status).toBe(422);
  });

  test("a history at both limits is read without an answer above the limit of a page", async () => {
    // 51,199 events behind the first, of 1,000 bytes each: nearly 50 MiB.
    const text = "x".repeat(840);
    const each = 1000;
    const batches: NewEvent[][] = [];
    for (let n = 0; n < MAX_HISTORY_EVENTS - 1; n += each) {
      batches.push(Array.from({ length: Math.min(each, MAX_HISTORY_EVENTS - 1 - n) }, () => signal(text)));
    }
    const head = await recorded(batches);
    let next: number | null | undefined = 0;
    let count = 0;
    while (typeof next === "number") {
      const url = `${w.server.url}/v1/workflows/executions/${head.execution}/history?limit=1000&after=${next}`;
      const answer = await fetch(url, { headers: { authorization: `Bearer ${w.key}` } });
      const json = await answer.text();
      expect(Buffer.byteLength(json)).toBeLessThan(MAX_LIST_BYTES + 100_000);
      const one = JSON.parse(json) as Page;
      expect(one.events[0]!.id).toBe(next + 1);
      count += one.events.length;
      next = one.next_after;
    }
    expect(count).toBe(MAX_HISTORY_EVENTS);
  });
});

describe("long values", () => {
  const long = { text: "ä".repeat(20_000) };

  test("come whole unless the reader asks to cut them", async () => {
    const head = await recorded([[signal(long)]], { input: long });
    expect((await page(head, "")).events.map((e) => e.input)).toEqual([long, long]);
  });

  test("are cut to size and beginning, and short ones stay", async () => {
    const failure = { message: "no", details: long, stack: "s".repeat(20_000) };
    const failed = { kind: "activity_failed", activity: 1, name: "a", attempt: 1, reason: "failed", failure } as const;
    const head = await recorded([[signal(long), signal({ n: 1 }), failed]], { input: long });
    const { events } = await page(head, "?cut_payloads=true");
    const size = Buffer.byteLength(JSON.stringify(long));
    const preview = JSON.stringify(long).slice(0, 1000);
    expect(events[0]).toMatchObject({ input: { size, preview }, cut: ["input"] });
    expect(events[1]).toMatchObject({ input: { size, preview }, cut: ["input"] });
    expect(events[2]).toMatchObject({ input: { n: 1 } });
    expect(events[2]).not.toHaveProperty("cut");
    expect(events[3]).toMatchObject({
      failure: { message: "no", details: { size }, stack: { size: 20_002 } },
      cut: ["failure.details", "failure.stack"],
    });
  });

  test("end in no half of a character", async () => {
    const head = await recorded([[signal(`a${"😀".repeat(9_000)}`)]]);
    const { events } = await page(head, "?cut_payloads=true&after=1");
    const { preview } = events[0]!.input as { preview: string };
    expect(preview.isWellFormed()).toBe(true);
    expect(preview.length).toBeGreaterThan(990);
  });

  test("are decoded before they are cut", async () => {
    const b64payload = Buffer.from(JSON.stringify(long)).toString("base64");
    const head = await recorded([[signal({ b64payload, encoding_options: [] })]]);
    const { events } = await page(head, "?cut_payloads=true&decode_payloads=true&after=1");
    expect(events[0]!.input).toMatchObject({ preview: JSON.stringify(long).slice(0, 1000) });
  });

  test("a page of 2 MiB payloads ends at its bytes, and goes on behind them", async () => {
    const big = "y".repeat(1_900_000);
    const head = await recorded([[signal(big)], [signal(big)], [signal(big), signal(big)]]);
    const one = await page(head, "?limit=100");
    expect(ids(one)).toEqual([1, 2, 3]);
    const two = await page(head, `?limit=100&after=${one.next_after}`);
    expect(ids(two)).toEqual([4, 5]);
    expect(two.next_after).toBeNull();
    expect(ids(await page(head, "?limit=100&cut_payloads=true"))).toEqual([1, 2, 3, 4, 5]);
  });
});

describe("one event", () => {
  test("comes whole by its id, of an execution and of a run", async () => {
    const input = { text: "z".repeat(100_000) };
    const head = await recorded([[signal(1), signal(input)]], { input });
    for (const base of [`executions/${head.execution}`, `runs/${head.run}`]) {
      for (const id of [1, 3]) {
        const { status, body } = await w.ask("GET", `/v1/workflows/${base}/history/${id}`);
        expect(status).toBe(200);
        expect(body).toMatchObject({ event: { id, input } });
      }
    }
  });

  test.each(["0", "4", "99999999999", "-1", "1.5", "abc", "01"])("%s is not found", async (id) => {
    const head = await recorded([[signal(1), signal(2)]]);
    const { status, body } = await w.ask("GET", `/v1/workflows/runs/${head.run}/history/${id}`);
    expect([status, body.code]).toEqual([404, "WF_1100"]);
    expect(body.detail).toContain(`no event '${id}'`);
  });

  test("of an unknown execution or run is not found", async () => {
    expect((await w.ask("GET", "/v1/workflows/executions/none/history/1")).status).toBe(404);
    expect((await w.ask("GET", `/v1/workflows/runs/${randomUUID()}/history/1`)).status).toBe(404);
  });
});
