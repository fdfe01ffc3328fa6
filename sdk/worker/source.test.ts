/** POLL-1: polls of a worker that stops, or whose slots are full. FLOW-1, FLOW-2: when it polls in parts. */
import { describe, expect, test, vi } from "vitest";
import { ManualClock } from "../../test/contract/manual-clock.ts";
import { KILLED, pollSource } from "./source.ts";
import { ServerRefusal, ServerUnreachable, type Transport } from "./transport.ts";
import type { WorkerContext } from "./types.ts";

const delivery = {
  receipt: "r1",
  attempt: 1,
  task: { kind: "workflow", execution: "e" },
};

/** A source whose server answers a poll when the test says so, and whose other calls `others` answers. */
function made(others: (operation: string, body: Record<string, unknown>) => unknown = () => ({ lost: [] })) {
  const clock = new ManualClock();
  const calls: { operation: string; body: Record<string, unknown> }[] = [];
  const waiting = Promise.withResolvers<unknown>();
  const call = async (operation: string, body: Record<string, unknown>, o: { signal?: AbortSignal } = {}) => {
    calls.push({ operation, body });
    if (operation !== "poll" || body.max === 0) return others(operation, body);
    return Promise.race([
      waiting.promise,
      new Promise((_, reject) => o.signal?.addEventListener("abort", () => reject(o.signal?.reason))),
    ]);
  };
  const transport = { call, close: () => {} } as unknown as Transport;
  const context = { deployment: "shop", session: "s", transport, clock } as unknown as WorkerContext;
  const stop = new AbortController();
  const received = pollSource(context, "one").receive("workflow", 10, stop.signal);
  received.catch(() => {});
  return { clock, calls, stop, received, answer: (deliveries: unknown[]) => waiting.resolve({ deliveries }) };
}

test("a worker that stops asks the server to end the poll, and hands back the task that the poll brings", async () => {
  const m = made();
  m.stop.abort();
  m.answer([delivery]);
  expect(await m.received).toEqual([]);
  expect(m.calls.slice(1)).toEqual([
    {
      operation: "poll",
      body: { deployment: "shop", worker: "one", session: "s", queue: "workflow", max: 0, wait_ms: 0 },
    },
    { operation: "extend", body: { receipts: ["r1"], lease_ms: 0 } },
  ]);
});

test("a poll that brings nothing after the stop hands nothing back", async () => {
  const m = made();
  m.stop.abort();
  m.answer([]);
  expect(await m.received).toEqual([]);
  expect(m.calls.map(({ operation }) => operation)).toEqual(["poll", "poll"]);
});

test("a poll that the server does not end is cut off after 2 s, and at once if the server cannot be asked", async () => {
  const slow = made();
  slow.stop.abort();
  let ended = false;
  slow.received.catch(() => {
    ended = true;
  });
  await slow.clock.advance(1_999);
  expect(ended).toBe(false);
  await slow.clock.advance(1);
  await expect(slow.received).rejects.toThrow();

  const deaf = made(() => Promise.reject(new Error("cannot reach the server")));
  deaf.stop.abort();
  await expect(deaf.received).rejects.toThrow();
});

test("a killed worker asks nobody and hands nothing back", async () => {
  const m = made();
  m.stop.abort(KILLED);
  m.answer([delivery]);
  await m.received.catch(() => {});
  expect(m.calls.map(({ operation }) => operation)).toEqual(["poll"]);
});

describe("polls in parts", () => {
  type Body = { parts?: true; max: number };
  type Options = { onPart?: (deliveries: unknown[]) => void; signal?: AbortSignal; retry?: boolean };
  const part = (receipt: string) => [{ ...delivery, receipt }];

  /** A worker whose polls in parts and trials `server` answers; ordinary polls are answered at once, without a task. */
  function worker(server: (body: Body, o: Options) => unknown, o: { alive?: () => boolean; inParts?: false } = {}) {
    const clock = new ManualClock();
    const calls: string[] = [];
    const call = async (operation: string, body: Body & { receipts: string[] }, options: Options = {}) => {
      if (operation === "extend") calls.push(`back ${body.receipts}`);
      else calls.push(body.parts ? (body.max === 0 ? "trial" : "parts") : body.max === 0 ? "end" : "plain");
      return operation === "poll" && body.parts ? server(body, options) : { deliveries: [], lost: [] };
    };
    const transport = { call, close: () => {}, ...(o.inParts !== false && { inParts: true }) } as unknown as Transport;
    const watch = { alive: o.alive };
    const context = { deployment: "shop", session: "s", transport, clock, watch } as unknown as WorkerContext;
    const source = pollSource(context, "one");
    const stop = new AbortController();
    const given: string[] = [];
    const receive = (queue: "workflow" | "activity" = "workflow") =>
      source.receive(queue, 10, stop.signal, (parts) => given.push(...parts.map((d) => d.receipt)));
    return { clock, calls, stop, given, receive };
  }
  type W = ReturnType<typeof worker>;

  /** A trial whose first line comes at once, and whose last line comes after `ms`. */
  const trial =
    (clock: () => W["clock"], ms: number, line = true) =>
    async (o: Options) => {
      if (line) o.onPart?.([]);
      await new Promise<void>((ok) => clock().at(clock().now() + ms, ok));
      return { deliveries: [] };
    };

  /** One that knows that parts flow. */
  async function flowing(server: (o: Options) => unknown, o: { alive?: () => boolean } = {}): Promise<W> {
    const w: W = worker((body, options) => (body.max === 0 ? trial(() => w.clock, 500)(options) : server(options)), o);
    await w.receive();
    await w.clock.advance(500);
    w.calls.length = 0;
    return w;
  }

  test("FLOW-1: the worker polls in parts once a trial beside its polls has shown that parts flow", async () => {
    const w: W = worker((body, o) => (body.max === 0 ? trial(() => w.clock, 500)(o) : { deliveries: [] }));
    await w.receive();
    await w.receive();
    await w.clock.advance(500);
    await w.receive();
    await w.receive("activity");
    expect(w.calls).toEqual(["plain", "trial", "plain", "parts", "plain"]);
  });

  test.each([
    ["holds them back", 0, true],
    ["answers in one piece", 500, false],
  ])("FLOW-1: it polls as before where something %s, and tries again after ten minutes", async (_, ms, line) => {
    const w: W = worker((_body, o) => trial(() => w.clock, ms, line)(o));
    for (let i = 0; i < 3; i++) {
      await w.receive();
      await w.clock.advance(1_000);
    }
    expect(w.calls).toEqual(["plain", "trial", "plain", "plain"]);
    await w.clock.advance(600_000);
    await w.receive();
    expect(w.calls.slice(4)).toEqual(["plain", "trial"]);
  });

  test("FLOW-1: a trial that fails is repeated after ten seconds", async () => {
    const w = worker(() => Promise.reject(new ServerUnreachable("poll", "away")));
    for (const ms of [0, 9_000, 1_000]) {
      await w.clock.advance(ms);
      await w.receive();
    }
    expect(w.calls).toEqual(["plain", "trial", "plain", "plain", "trial"]);
  });

  test("a transport that cannot give parts is not asked for them", async () => {
    const w = worker(() => ({ deliveries: [] }), { inParts: false });
    await w.receive();
    await w.receive();
    expect(w.calls).toEqual(["plain", "plain"]);
  });

  test("FLOW-2: after a poll in parts that breaks off the worker polls as before, and tries again", async () => {
    const w = await flowing(async (o) => {
      o.onPart?.(part("r1"));
      expect(o.retry).toBe(false);
      throw new ServerUnreachable("poll", "cut short");
    });
    expect(await w.receive()).toEqual([]);
    expect(w.given).toEqual(["r1"]);
    await w.receive();
    expect(w.calls).toEqual(["parts", "plain", "trial"]);
  });

  test("a refusal of a poll in parts reaches the worker", async () => {
    const refusal = new ServerRefusal("poll", 401, "UNAUTHORIZED", "no");
    const w = await flowing(() => Promise.reject(refusal));
    await expect(w.receive()).rejects.toBe(refusal);
  });

  test("POLL-1: a worker that stops lets the server end the poll, and hands back the parts that still come", async () => {
    const end = Promise.withResolvers<unknown>();
    let options: Options = {};
    const w = await flowing((o) => {
      options = o;
      return end.promise;
    });
    const received = w.receive();
    await vi.waitFor(() => expect(options.onPart).toBeDefined());
    options.onPart?.(part("r1"));
    w.stop.abort();
    options.onPart?.(part("r2"));
    options.onPart?.([]);
    end.resolve({ deliveries: [] });
    expect(await received).toEqual([]);
    expect(w.given).toEqual(["r1"]);
    expect(w.calls).toEqual(["parts", "end", "back r2"]);
  });

  test("a worker whose code does not run takes no part, and lets the server end the poll", async () => {
    let isAlive = true;
    const w = await flowing(
      async (o) => {
        o.onPart?.(part("r1"));
        isAlive = false;
        o.onPart?.(part("r2"));
        return { deliveries: [] };
      },
      { alive: () => isAlive },
    );
    await w.receive();
    expect(w.given).toEqual(["r1"]);
    expect(w.calls).toEqual(["parts", "end", "back r2"]);
  });
});
