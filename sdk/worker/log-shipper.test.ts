import { describe, expect, test } from "vitest";
import type { WorkerBody } from "../../shared/protocol/worker.ts";
import { ManualClock } from "../../test/contract/manual-clock.ts";
import { recordOf } from "./log-record.ts";
import { LogShipper } from "./log-shipper.ts";
import { ServerRefusal, ServerUnreachable, type Transport } from "./transport.ts";

type Body = WorkerBody<"logs">;

/** A server that answers as the test says. */
function shipping(answer: (body: Body) => { full: string[] } = () => ({ full: [] })) {
  const clock = new ManualClock();
  const calls: Body[] = [];
  const warnings: string[] = [];
  const transport = {
    call: async (_operation: string, body: Body) => {
      calls.push(structuredClone(body));
      return answer(body);
    },
    close() {},
  } as unknown as Transport;
  let n = 0;
  const uuid = () => `id-${++n}`;
  const log = { debug() {}, info() {}, error() {}, warn: (message: string) => void warnings.push(message) };
  const shipper = new LogShipper({ transport, clock, log, uuid }, "w1", "info");
  const say = (message: string, run = "r1") =>
    shipper.add({ execution: "e", run }, { at: clock.now(), level: "info", message, fields: undefined });
  const sent = () => calls.flatMap(({ items }) => items.flatMap(({ records }) => records.map(({ body }) => body)));
  return { clock, calls, warnings, shipper, say, sent };
}

describe("a worker's log records", () => {
  test("are sent a second after the first one, one group for each run", async () => {
    const s = shipping();
    s.say("a");
    s.say("b", "r2");
    s.say("c");
    await s.clock.advance(900);
    expect(s.calls).toEqual([]);
    await s.clock.advance(200);
    expect(s.calls).toMatchObject([
      { worker: "w1", items: [{ run: "r1", id: "id-1", records: [{ body: "a" }, { body: "c" }] }, { run: "r2" }] },
    ]);
    s.say("d");
    await s.clock.advance(1_100);
    expect(s.sent()).toEqual(["a", "c", "b", "d"]);
  });

  test("below the level of the worker are not sent", async () => {
    const s = shipping();
    s.shipper.add({ execution: "e", run: "r" }, { at: 1, level: "debug", message: "x", fields: undefined });
    await s.clock.advance(5_000);
    expect(s.calls).toEqual([]);
  });

  test("go again under the same ids while the server cannot be reached, and in order", async () => {
    let up = false;
    const s = shipping(() => {
      if (!up) throw new ServerUnreachable("logs", "refused");
      return { full: [] };
    });
    s.say("a");
    await s.clock.advance(1_100);
    s.say("b");
    await s.clock.advance(8_000);
    up = true;
    await s.clock.advance(30_000);
    const ids = s.calls.map(({ items }) => items[0]!.id);
    expect(new Set(ids.slice(0, -1))).toEqual(new Set(["id-1"]));
    expect(s.calls.slice(-2).map(({ items }) => items[0]!.records[0]!.body)).toEqual(["a", "b"]);
    expect(s.warnings).toEqual(["log records wait: the server cannot take them"]);
  });

  test("are dropped and counted once the server has not taken them for ten minutes", async () => {
    let up = false;
    const s = shipping(() => {
      if (!up) throw new ServerUnreachable("logs", "refused");
      return { full: [] };
    });
    s.say("a");
    s.say("b");
    await s.clock.advance(11 * 60_000);
    s.say("c");
    up = true;
    await s.clock.advance(60_000);
    const last = s.calls.slice(-2).map(({ items }) => items[0]);
    expect(last).toMatchObject([
      { records: [], dropped: 2 },
      { records: [{ body: "c" }], dropped: 0 },
    ]);
  });

  test("beyond the buffer are dropped and counted", async () => {
    const s = shipping();
    const long = "x".repeat(7_900);
    for (let i = 0; i < 600; i++) s.say(long);
    await s.clock.advance(1_100);
    const items = s.calls.flatMap((call) => call.items);
    expect(items.reduce((n, { records, dropped }) => n + records.length + dropped, 0)).toBe(600);
    expect(items.at(-1)!.dropped).toBeGreaterThan(50);
    for (const call of s.calls) expect(JSON.stringify(call).length).toBeLessThan(700_000);
    for (const { records } of items) expect(JSON.stringify(records).length).toBeLessThan((256 * 1024) / 3 + 10_000);
  });

  test("of a full run are only counted, and the count is reported now and then", async () => {
    const s = shipping(({ items }) => ({ full: items.map(({ run }) => run) }));
    s.say("a");
    await s.clock.advance(1_100);
    for (let i = 0; i < 20; i++) {
      s.say("more");
      await s.clock.advance(1_000);
    }
    expect(s.calls).toHaveLength(1);
    await s.clock.advance(12_000);
    expect(s.calls[1]).toMatchObject({ items: [{ records: [], dropped: 20 }] });
  });

  test("that the server refuses are dropped, with a warning", async () => {
    const s = shipping(() => {
      throw new ServerRefusal("logs", 422, "INVALID", "no");
    });
    s.say("a");
    await s.clock.advance(1_100);
    await s.clock.advance(60_000);
    expect(s.calls).toHaveLength(1);
    expect(s.warnings).toEqual(["log records were not taken and are dropped"]);
  });

  test("are not sent to a server that has no place for them", async () => {
    const s = shipping(() => {
      throw new ServerRefusal("logs", 404, "NOT_FOUND", "no such route");
    });
    s.say("a");
    await s.clock.advance(1_100);
    s.say("b");
    await s.clock.advance(60_000);
    expect(s.calls).toHaveLength(1);
  });

  test("go out when the worker stops, which waits no longer than it is told", async () => {
    const s = shipping();
    s.say("a");
    await s.shipper.close(3_000);
    expect(s.sent()).toEqual(["a"]);
    const hanging = shipping(() => new Promise<never>(() => {}) as never);
    hanging.say("b");
    const closed = hanging.shipper.close(3_000);
    await hanging.clock.advance(3_100);
    await closed;
    expect(hanging.sent()).toEqual(["b"]);
  });
});

describe("a record", () => {
  const record = (message: unknown, fields?: Record<string, unknown>) =>
    recordOf({ at: 1, level: "info", message, fields });

  test("holds text, and attributes in words", () => {
    const fields = { n: 3, ok: true, none: null, list: [1, { a: 1n }], not: undefined, why: new TypeError("x") };
    expect(record("hello", fields)).toEqual({
      at: 1,
      level: "info",
      body: "hello",
      attributes: {
        n: "3",
        ok: "true",
        none: "null",
        list: '[1,{"a":"1"}]',
        why: expect.stringMatching(/^TypeError: x\n/),
      },
    });
  });

  test("is cut to what the server takes", () => {
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${i}`, i]));
    const { body, attributes } = record("x".repeat(9_000), { long: "y".repeat(9_000), ["k".repeat(300)]: 1, ...many });
    expect([body.length, body.at(-1)]).toEqual([8_000, "…"]);
    expect(attributes!.long).toHaveLength(2_000);
    expect(Object.keys(attributes!)).toHaveLength(32);
    expect(Object.keys(attributes!)[1]).toHaveLength(256);
    expect(record(`${"x".repeat(7_998)}😀 and more`).body.isWellFormed()).toBe(true);
  });

  test("is made of everything, however odd, and in short of what is huge", () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    const odd = new Proxy(
      {},
      {
        get: () => {
          throw new Error("no");
        },
        ownKeys: () => {
          throw new Error("no");
        },
      },
    );
    const fields = { cycle, odd, fn: () => 1, symbol: Symbol("s"), huge: Array.from({ length: 1e6 }, (_, i) => i) };
    const began = performance.now();
    const { attributes } = record({ a: 1 }, fields);
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(attributes).toMatchObject({ cycle: expect.stringContaining("Circular"), symbol: "Symbol(s)" });
    expect(attributes!.huge!.length).toBeLessThan(500);
    expect(record(undefined).body).toBe("undefined");
    expect(record("x", odd as never)).toEqual({ at: 1, level: "info", body: "x" });
    expect(record(odd).body).toEqual(expect.any(String));
  });
});
