/** POLL-1: polls of a worker that stops, or whose slots are full. */
import { expect, test } from "vitest";
import { ManualClock } from "../../test/contract/manual-clock.ts";
import { KILLED, pollSource } from "./source.ts";
import type { Transport } from "./transport.ts";
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
