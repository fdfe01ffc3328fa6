import { expect, test, vi } from "vitest";
import { ManualClock } from "../../test/contract/manual-clock.ts";
import type { Delivery } from "../protocol/worker.ts";
import { embedded } from "../server/embedded.ts";

const queue = { workspace: "w", deployment: "d", queue: "workflow" } as const;

async function receive(store: ReturnType<typeof embedded>, session: string, max: number): Promise<string[]> {
  const deliveries = await store.tasks.receive(queue, { session, max, waitMs: 0 });
  return deliveries.map(({ task }) => (task.kind === "workflow" ? task.execution : task.kind));
}

test("a session receives the tasks that prefer it, then the oldest of the others, each once", async () => {
  const store = embedded();
  for (const [i, prefer] of ["other", "me", null, "me", "other"].entries()) {
    await store.tasks.send(queue, { kind: "workflow", execution: `${i}` }, { prefer });
  }
  expect(await receive(store, "me", 3)).toEqual(["1", "3", "0"]);
  expect(await receive(store, "me", 9)).toEqual(["2", "4"]);
  store.close();
});

test("two thousand waiting tasks are delivered in groups, each once", async () => {
  const store = embedded();
  for (let i = 0; i < 2_000; i++) {
    await store.tasks.send(queue, { kind: "workflow", execution: `${i}` }, { prefer: i % 2 ? "me" : null });
  }
  const seen = new Set<string>();
  for (let got = await receive(store, "me", 10); got.length > 0; got = await receive(store, "me", 10)) {
    for (const id of got) seen.add(id);
  }
  expect(seen.size).toBe(2_000);
  store.close();
});

test("the task of a query whose caller has stopped waiting leaves the queue, even if no worker ever polls", async () => {
  const clock = new ManualClock();
  const store = embedded({ clock });
  const ask = (query: string, ms: number) => {
    const expires_at = clock.now() + ms;
    return store.tasks.send(queue, { kind: "query", execution: "x", query, name: "n", input: null, expires_at });
  };
  await ask("old", 30_000);
  await ask("young", 60_000);
  await store.tasks.send(queue, { kind: "workflow", execution: "x" });
  await clock.advance(30_000);
  await store.sweep(10_000);
  expect(await receive(store, "me", 9)).toEqual(["query", "x"]);
  expect(store.database.all("SELECT id FROM tasks")).toHaveLength(2);
  store.close();
});

test("a session that ends its polls gets no task any more, another one that waits does", async () => {
  const store = embedded();
  const waits = { max: 1, waitMs: 60_000 };
  const mine = store.tasks.receive(queue, { session: "me", ...waits });
  const other = store.tasks.receive(queue, { session: "other", ...waits });
  const elsewhere = store.tasks.receive({ ...queue, queue: "activity" }, { session: "me", ...waits });
  store.tasks.endReceives?.(queue, "me");
  expect(await mine).toEqual([]);
  await store.tasks.send(queue, { kind: "workflow", execution: "x" }, { prefer: "me" });
  expect(await other).toHaveLength(1);
  await store.tasks.send({ ...queue, queue: "activity" }, { kind: "workflow", execution: "y" });
  expect(await elsewhere).toHaveLength(1);
  store.close();
});

test("QUEUE-6: a poll of a queue in which no task is visible reads no row, once that is known", async () => {
  const clock = new ManualClock();
  const store = embedded({ clock });
  const one = store.tasks.receive(queue, { session: "me", max: 10, waitMs: 1_000 });
  await store.tasks.send(queue, { kind: "workflow", execution: "x" });
  expect(await one).toHaveLength(1);
  const reads = [vi.spyOn(store.database, "one"), vi.spyOn(store.database, "all")];
  const two = store.tasks.receive(queue, { session: "me", max: 10, waitMs: 1_000 });
  await store.tasks.send(queue, { kind: "workflow", execution: "y" });
  expect(await two).toHaveLength(1);
  expect(reads.flatMap(({ mock }) => mock.calls)).toEqual([]);
  store.close();
});

const task = (execution: string) => ({ kind: "workflow", execution }) as const;
const LEASE_MS = 25_000;
/** The ways in which a task becomes visible, each with the time after which it is. */
const VISIBLE: Record<string, { ms: number; act: (store: ReturnType<typeof embedded>, receipt: string) => unknown }> = {
  "it is sent": { ms: 0, act: ({ tasks }) => tasks.send(queue, task("y")) },
  "it is sent for later": { ms: 7, act: ({ tasks, clock }) => tasks.send(queue, task("y"), { at: clock.now() + 7 }) },
  "one for later is sent again for an earlier time": {
    ms: 3,
    act: async ({ tasks, clock }) => {
      await tasks.send(queue, task("y"), { key: "k", at: clock.now() + 7 });
      await tasks.send(queue, task("y"), { key: "k", at: clock.now() + 3 });
    },
  },
  "it is handed back": { ms: 0, act: ({ tasks }, receipt) => tasks.extend("w", [receipt], 0) },
  "it is handed back for later": { ms: 9, act: ({ tasks }, receipt) => tasks.extend("w", [receipt], 9) },
  "its lease lapses": { ms: LEASE_MS, act: () => {} },
};

test.each(
  Object.entries(VISIBLE).flatMap(([how, of]) => [true, false].map((waits) => ({ how, waits, ...of }))),
)("QUEUE-6: a poll receives a task of a quiet queue when $how (the poll waits already: $waits)", async (of) => {
  const clock = new ManualClock();
  const store = embedded({ clock, settings: { leaseMs: LEASE_MS } });
  const off = new AbortController();
  const first = store.tasks.receive(queue, { session: "me", max: 1, waitMs: 1e6 });
  await store.tasks.send(queue, task("x"));
  const [{ receipt } = { receipt: "" }] = await first;
  const idle = store.tasks.receive(queue, { session: "me", max: 1, waitMs: 1e6, signal: off.signal });
  off.abort(); // by now the store knows that the queue is quiet
  expect(await idle).toEqual([]);
  const poll = () => store.tasks.receive(queue, { session: "me", max: 1, waitMs: of.waits ? 1e6 : 0 });
  let waiting = of.waits ? poll() : undefined;
  await of.act(store, receipt);
  await clock.advance(of.ms);
  waiting ??= poll();
  expect(await waiting).toHaveLength(1);
  store.close();
});

const inParts = (store: ReturnType<typeof embedded>, session: string, max = 10) =>
  store.tasks.receiveInParts!(queue, { session, max, waitMs: 60_000 })[Symbol.asyncIterator]();
const executionOf = async (part: Promise<IteratorResult<Delivery[]>>) =>
  (await part).value?.map((d: Delivery) => d.task.execution);

test("a receiver in parts takes tasks as it asks for them, `max` at most in all", async () => {
  const store = embedded();
  const parts = inParts(store, "me", 3);
  const first = parts.next();
  await store.tasks.send(queue, task("a"));
  expect(await executionOf(first)).toEqual(["a"]);
  for (const execution of ["b", "c", "d"]) await store.tasks.send(queue, task(execution));
  expect(await executionOf(parts.next())).toEqual(["b", "c"]);
  expect(await parts.next()).toMatchObject({ done: true });
  expect(await receive(store, "other", 9)).toEqual(["d"]);
  store.close();
});

test("a receiver in parts that was ended between two parts takes nothing more", async () => {
  const store = embedded();
  const parts = inParts(store, "me");
  const first = parts.next();
  await store.tasks.send(queue, task("a"));
  await first;
  store.tasks.endReceives?.(queue, "me");
  await store.tasks.send(queue, task("b"));
  expect(await parts.next()).toMatchObject({ done: true });
  store.close();
});

test("a receiver in parts ends when its time is over, counted from its beginning", async () => {
  const clock = new ManualClock();
  const store = embedded({ clock });
  const parts = inParts(store, "me");
  const first = parts.next();
  await clock.advance(40_000);
  await store.tasks.send(queue, task("a"));
  await first;
  const second = parts.next();
  await clock.advance(20_000);
  expect(await second).toMatchObject({ done: true });
  store.close();
});

test("QUEUE-7: of receivers in parts that wait the one with the fewest unfinished tasks is given the next", async () => {
  const store = embedded();
  const [hung, live] = [inParts(store, "hung"), inParts(store, "live")];
  let hangs = hung.next();
  const lives = live.next();
  await store.tasks.send(queue, task("1"));
  const kept = (await hangs).value![0]!.receipt;
  hangs = hung.next();
  await store.tasks.send(queue, task("2"));
  const [{ receipt }] = (await lives).value as [Delivery];
  await store.tasks.finish("w", [receipt]);
  const again = live.next(); // it has waited for less long
  await store.tasks.send(queue, task("3"));
  expect(await executionOf(again)).toEqual(["3"]);
  const last = live.next();
  await store.tasks.extend("w", [kept], 0); // handed back: to the one that has waited longest
  expect(await executionOf(hangs)).toEqual(["1"]);
  await hung.return?.();
  store.tasks.endReceives?.(queue, "live");
  await last;
  store.close();
});

test("the first task of an execution is sent beside one that is left of an earlier execution, and later ones are merged into it", async () => {
  const store = embedded();
  const send = (o: { isFirst?: boolean }) =>
    store.tasks.send(queue, { kind: "workflow", execution: "x" }, { key: "x", ...o });
  await send({});
  await send({ isFirst: true });
  await send({});
  expect(await receive(store, "me", 9)).toEqual(["x", "x"]);
  await send({});
  expect(await receive(store, "me", 9)).toEqual(["x"]); // the others are in flight
  store.close();
});
