import { expect, test } from "vitest";
import { definition } from "../../test/contract/subject.ts";
import { MINUTE, ref, type Stage, stage, started } from "../../test/interleavings/stage.ts";
import type { Ports } from "../ports.ts";
import { embedded } from "../server/embedded.ts";
import { start } from "./start.ts";
import { crossesBackoff, sweep } from "./sweep.ts";

const HOUR = 60 * MINUTE;

/** Parks executions until `at`. */
async function parked(s: Stage, ids: readonly string[], at: number) {
  for (const id of ids) {
    await started(s, { execution: id });
    const head = await s.ports.executions.claim(ref(id), { dueAt: at, session: "A" });
    await s.ports.executions.park(ref(id), { run: head!.run, fence: head!.fence, dueAt: at, effectsDoneThrough: 1 });
  }
  await drainTasks(s);
}
/** The ids of the executions whose tasks are visible. */
async function drainTasks(s: Stage): Promise<string[]> {
  const ids: string[] = [];
  for (;;) {
    const got = await s.tasks();
    if (got.length === 0) return ids.sort();
    for (const { task } of got) if (task.kind === "workflow") ids.push(task.execution);
  }
}
const names = (n: number, prefix = "e") =>
  Array.from({ length: n }, (_, i) => `${prefix}${String(i).padStart(4, "0")}`);

test("a round enqueues a task for every due execution, on however many pages they are, and ends", async () => {
  const s = await stage();
  const ids = names(25);
  await parked(s, ids, s.clock.now() + HOUR);
  await s.clock.advance(HOUR + 10_000);
  expect(await sweep(s.ports, MINUTE, 10)).toBe(25); // all at the same millisecond, on three pages
  expect(await drainTasks(s)).toEqual(ids);
});

test("a whole page of executions without a worker does not hide those that become due later", async () => {
  const s = await stage();
  await parked(s, names(20, "abandoned"), s.clock.now() + MINUTE * 3);
  await parked(s, ["awake"], s.clock.now() + HOUR);
  await s.clock.advance(HOUR - MINUTE);
  await sweep(s.ports, MINUTE, 10);
  await s.clock.advance(2 * MINUTE);
  expect(await drainTasks(s)).toContain("awake");
});

test("the sweep logs an entry that fails, and goes on with the others", async () => {
  const s = await stage();
  await parked(s, ["a", "b", "c"], s.clock.now() + HOUR);
  await s.clock.advance(HOUR + 10_000);
  const lines: unknown[] = [];
  const tasks = {
    send: async (...[queue, task, o]: Parameters<Ports["tasks"]["send"]>) => {
      if (task.kind === "workflow" && task.execution === "a") throw new Error("no such queue");
      return s.ports.tasks.send(queue, task, o);
    },
  } as Ports["tasks"];
  const log = { ...s.ports.log, error: (message: string, fields: unknown) => lines.push([message, fields]) };
  expect(await sweep({ ...s.ports, tasks, log }, MINUTE)).toBe(3);
  expect(await drainTasks(s)).toEqual(["b", "c"]);
  expect(lines).toMatchObject([["sweep: an execution that is due failed and is set aside", { execution: "a" }]]);
});

/** The ports of a stage with another way to send tasks. */
const sending = (s: Stage, send: (execution: string, go: () => Promise<void>) => Promise<void>): Ports => ({
  ...s.ports,
  tasks: {
    send: (...[queue, task, o]: Parameters<Ports["tasks"]["send"]>) =>
      send(task.execution, () => s.ports.tasks.send(queue, task, o)),
  } as Ports["tasks"],
});

test("an entry that takes long holds up no other: 25 run at a time", async () => {
  const s = await stage();
  const ids = names(60);
  await parked(s, ids, s.clock.now() + HOUR);
  await s.clock.advance(HOUR + 10_000);
  let underWay = 0;
  let most = 0;
  let left = ids.length;
  let release = () => {};
  const othersDone = new Promise<void>((ok) => {
    release = ok;
  });
  const ports = sending(s, async (execution, go) => {
    underWay += 1;
    most = Math.max(most, underWay);
    if (execution === ids[0]) await othersDone;
    await new Promise((ok) => setImmediate(ok));
    await go();
    underWay -= 1;
    left -= 1;
    if (left === 1) release();
  });
  expect(await sweep(ports, MINUTE, 10)).toBe(60);
  expect(await drainTasks(s)).toEqual(ids);
  expect(most).toBe(25);
});

test("while a round waits for a commit it begins no entry, so that other requests have the event loop", async () => {
  const s = await stage();
  await parked(s, names(250), s.clock.now() + HOUR);
  await s.clock.advance(HOUR + 10_000);
  let committing = false;
  const begun: boolean[] = [];
  const commits: number[] = [];
  const ports = sending(s, async (_, go) => {
    begun.push(committing);
    await go();
  });
  const durable = async () => {
    commits.push(begun.length);
    await s.ports.durable();
    committing = true; // entries that had begun before end in the next turn of the loop
    for (let i = 0; i < 3; i++) await new Promise((ok) => setImmediate(ok));
    committing = false;
  };
  await sweep({ ...ports, durable }, MINUTE, 70);
  expect(begun).toHaveLength(250);
  expect(begun).not.toContain(true);
  expect(commits).toHaveLength(2);
  for (const [i, at] of commits.entries()) expect(at - 100 * (i + 1)).toBeLessThan(25);
});

test("a round that has used up its time finishes the entries that it has begun and logs that it stopped; the next starts over", async () => {
  const s = await stage();
  const ids = names(80);
  await parked(s, ids, s.clock.now() + HOUR);
  await s.clock.advance(HOUR + 10_000);
  const until = s.clock.now() + 60;
  const warnings: string[] = [];
  const ports = sending(s, async (_, go) => {
    await go();
    await s.clock.advance(40);
  });
  const log = { ...s.ports.log, warn: (message: string) => void warnings.push(message) };
  const seen = await sweep({ ...ports, log }, MINUTE, 10, until);
  expect(seen).toBeGreaterThanOrEqual(25);
  expect(seen).toBeLessThan(80);
  expect(warnings).toEqual(["sweep: stopped at its time budget"]);
  expect(await drainTasks(s)).toEqual(ids.slice(0, seen));
  expect(await sweep(s.ports, MINUTE)).toBe(80);
});

test("an error of the store in a read ends the round with that error", async () => {
  const s = await stage();
  await parked(s, names(20), s.clock.now() + MINUTE);
  await s.clock.advance(HOUR);
  let pages = 0;
  const due: Ports["executions"]["due"] = (...p) => {
    pages += 1;
    if (pages > 15) throw new Error("the index is unavailable");
    return s.ports.executions.due(...p);
  };
  const executions = new Proxy(s.ports.executions, {
    get: (target, name) => (name === "due" ? due : Reflect.get(target, name).bind(target)),
  });
  await expect(sweep({ ...s.ports, executions }, HOUR, 10)).rejects.toThrow("the index is unavailable");
  expect(await drainTasks(s)).toHaveLength(10);
});

test("a store that answers its first page again and again does not keep a round going for ever", async () => {
  const s = await stage();
  await parked(s, names(20), s.clock.now() + MINUTE);
  const firstPage = { due: (until: number, limit: number) => s.ports.executions.due(until, limit) };
  const executions = new Proxy(s.ports.executions, {
    get: (target, name) => (name === "due" ? firstPage.due : Reflect.get(target, name).bind(target)),
  });
  expect(await sweep({ ...s.ports, executions }, MINUTE, 10)).toBe(10);
});

test("a round of the embedded store ends although more than a page of executions are due soon", async () => {
  const store = embedded();
  const definitions = [definition("orders")];
  const { workspace } = ref();
  const who = { workspace, deployment: "shop", worker: "w", session: "s" };
  await store.registry.register({ ...who, definitions, now: 0 });
  const request = { workspace, workflow: "orders", registration: null, deployment: "shop", input: null } as const;
  for (const id of names(1200)) {
    await start(store, { ...request, execution: id, token: id, by: "client", timeoutMs: null });
  }
  await store.sweep(MINUTE);
  store.close();
});

test("an execution that stays overdue gets tasks at ages that double, and then every hour", () => {
  const grace = 5_000;
  const every = 60_000;
  const woken = Array.from({ length: 400 }, (_, round) => round * every).filter((age) =>
    crossesBackoff(age, grace, every),
  );
  expect(woken.map((age) => age / MINUTE)).toEqual([1, 2, 3, 6, 11, 22, 43, 86, 146, 206, 266, 326, 386]);
});
