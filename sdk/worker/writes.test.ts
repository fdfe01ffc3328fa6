/** Closes that travel with appends, with servers that take them there and with older ones; over the real engine. */
import { describe, expect, test } from "vitest";
import * as z from "zod";
import type { CloseItem, WorkerAnswer, WorkerBody, WorkerOperation } from "../../shared/protocol/worker.ts";
import { activity, child, continueAsNew, sleep, workflow } from "../index.ts";
import { environment } from "../testing/environment.ts";
import { ServerFailed, ServerRefusal, type Transport } from "./transport.ts";

const RUNS = 20;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const work = activity({ name: "work", input: z.object({ n: z.number() }), output: z.number() }, async ({ n }) => n);

type Handle = (operation: WorkerOperation, body: unknown, pass: (body: unknown) => Promise<unknown>) => unknown;

/** Starts runs, of which every other one has a step. The first two writes wait until the code of all has begun. Answers the writes. `first`: passes before. */
async function runsEnding(handle: Handle = (_, body, pass) => pass(body), first: "0s" | "1m" = "0s") {
  let begun = 0;
  const ends = workflow({ name: "ends", input: z.object({ n: z.number() }) }, async ({ n }) => {
    begun += 1;
    return n % 2 === 0 ? n : work({ n });
  });
  const writes: { appends: number; closes: number }[] = [];
  const wire = (inner: Transport): Transport => ({
    close: () => inner.close(),
    async call(operation, body, options) {
      if (operation === "append" || operation === "close") {
        const { items, closes = [] } = operation === "append" ? (body as WorkerBody<"append">) : { items: [] };
        writes.push({ appends: items.length, closes: operation === "close" ? 1 : closes.length });
        if (writes.length <= 2) while (begun < RUNS) await new Promise(setImmediate);
      }
      return (await handle(operation, body, (sent) => inner.call(operation, sent as never, options))) as never;
    },
  });
  const options = { workflows: [ends], activities: [work], log: quiet };
  await using env = await environment(options, { wire, settings: { heartbeatMs: 10_000 } });
  await env.advance(first);
  const runs = await Promise.all(Array.from({ length: RUNS }, (_, n) => env.start(ends, { n })));
  expect(await Promise.all(runs.map((run) => run.result()))).toEqual(runs.map((_, n) => n));
  for (const run of runs) expect((await run.history()).at(-1)!.kind).toBe("execution_completed");
  return writes;
}

const closesOf = (operation: WorkerOperation, body: unknown): readonly CloseItem[] =>
  operation === "close" ? [body as CloseItem] : operation === "append" ? ((body as Append).closes ?? []) : [];
type Append = WorkerBody<"append">;

describe("JOIN-1", () => {
  test("closes that wait while two calls are under way travel in the next call, with the appends that wait", async () => {
    const writes = await runsEnding();
    expect(writes.some(({ appends, closes }) => appends > 1 && closes > 1)).toBe(true);
    expect(writes.length).toBeLessThan(RUNS / 2);
    expect(writes.reduce((sum, { closes }) => sum + closes, 0)).toBe(RUNS);
  });

  test("a server that does not say that it takes closes there gets each by its own call", async () => {
    const writes = await runsEnding(async (operation, body, pass) => {
      expect(operation === "append" && "closes" in (body as Append)).toBe(false);
      const answer = await pass(body);
      return operation === "register" ? { ...(answer as object), joins_closes: undefined } : answer;
    });
    expect(writes.filter(({ closes }) => closes === 1)).toHaveLength(RUNS);
  });

  test("a server that is updated says so when the worker registers again", async () => {
    let registrations = 0;
    const writes = await runsEnding(async (operation, body, pass) => {
      if (operation === "heartbeat" && registrations === 1)
        throw new ServerRefusal("heartbeat", 404, "NO_ROUTE", "away");
      const answer = await pass(body);
      if (operation !== "register") return answer;
      registrations += 1;
      return registrations === 1 ? { ...(answer as object), joins_closes: undefined } : answer;
    }, "1m");
    expect(registrations).toBe(2);
    expect(writes.some(({ closes }) => closes > 1)).toBe(true);
  });

  test("a call at which the server fails for one of its closes is made again one by one, and only that one fails", async () => {
    let fails = true;
    const failed: string[] = [];
    const isBad = ({ batch }: CloseItem) => JSON.stringify(batch.events.at(-1)).includes('"result":8');
    await runsEnding((operation, body, pass) => {
      if (!fails || !closesOf(operation, body).some(isBad)) return pass(body);
      failed.push(operation);
      if (operation === "close") fails = false; // the execution is tried again later
      throw new ServerFailed(operation, "500 it broke");
    });
    expect(failed).toEqual(["append", "close"]);
  });
});

test("JOIN-1: a close that ends children goes by its own call", async () => {
  const inner = workflow({ name: "inner" }, async () => {
    await sleep("1h");
  });
  const parent = workflow({ name: "parent" }, async () => {
    child(inner, {}).catch(() => {});
    await work({ n: 1 });
  });
  const alone: number[] = [];
  const joined: number[] = [];
  const wire = (inner: Transport): Transport => ({
    close: () => inner.close(),
    async call(operation, body, options) {
      if (operation === "close") alone.push((body as CloseItem).outbox.length);
      else joined.push(...closesOf(operation, body).map(({ outbox }) => outbox.length));
      return inner.call(operation, body, options);
    },
  });
  await using env = await environment({ workflows: [parent, inner], activities: [work] }, { wire });
  const runs = await Promise.all(Array.from({ length: RUNS }, () => env.start(parent, {})));
  for (const run of runs) await run.result();
  expect(joined).toEqual([]);
  expect(alone).toEqual(runs.map(() => 1));
});

describe("JOIN-2: an older server that took the place of the one that registered the worker", () => {
  test("gets a call for each close, and no further closes in other calls", async () => {
    let unread = 0;
    let laterJoined = 0;
    const writes = await runsEnding((operation, body, pass) => {
      const closes = closesOf(operation, body);
      if (operation !== "append" || closes.length === 0) return pass(body);
      const { items } = body as Append;
      if (unread > 0) laterJoined += 1;
      if (items.length === 0) throw new ServerRefusal("append", 422, "WF_1001", "at least one item");
      unread += 1;
      return pass({ items });
    });
    expect(unread).toBeGreaterThan(0);
    expect(laterJoined).toBeLessThan(3); // those that were on their way
    expect(writes.filter(({ appends, closes }) => appends === 0 && closes === 1)).toHaveLength(RUNS);
  });
});

test("a run that continues by a call with other closes goes on in a test", async () => {
  let ended = 0;
  const goesOn = workflow({ name: "goes-on", input: z.object({ n: z.number() }) }, async ({ n }) => {
    ended += 1;
    return n === 0 ? "done" : continueAsNew({ n: n - 1 });
  });
  let closes = 0;
  const wire = (inner: Transport): Transport => ({
    close: () => inner.close(),
    async call(operation, body, options) {
      if (operation === "close") while (ended < RUNS) await new Promise(setImmediate);
      const answer = await inner.call(operation, body, options);
      if (operation === "append") closes += (answer as WorkerAnswer<"append">).closed?.length ?? 0;
      return answer;
    },
  });
  await using env = await environment({ workflows: [goesOn] }, { wire });
  const runs = await Promise.all(Array.from({ length: RUNS }, () => env.start(goesOn, { n: 3 })));
  expect(await Promise.all(runs.map((run) => run.result()))).toEqual(runs.map(() => "done"));
  expect(closes).toBeGreaterThan(0);
});
