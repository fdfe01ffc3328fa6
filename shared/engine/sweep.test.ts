import { expect, test } from "vitest";
import { definition } from "../../test/contract/subject.ts";
import { MINUTE, ref, type Stage, stage, started } from "../../test/interleavings/stage.ts";
import { embedded } from "../embedded/index.ts";
import type { Ports } from "../ports.ts";
import { start } from "./start.ts";
import { crosses, sweep } from "./sweep.ts";

const HOUR = 60 * MINUTE;

/** Executions that sleep until `at`, and the ids for which a task is waiting. */
async function sleeping(s: Stage, ids: readonly string[], at: number) {
  for (const id of ids) {
    await started(s, { execution: id });
    const head = await s.ports.executions.claim(ref(id), { dueAt: at, session: "A" });
    await s.ports.executions.park(ref(id), { run: head!.run, turn: head!.turn, dueAt: at, sent: 1 });
  }
  await drainTasks(s);
}
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

test("a round ends, and has rung every execution that is due, however many there are on a page", async () => {
  const s = await stage();
  const ids = names(25);
  await sleeping(s, ids, s.clock.now() + HOUR);
  await s.clock.advance(HOUR + 10_000);
  expect(await sweep(s.ports, MINUTE, 10)).toBe(25); // all at the same millisecond, on three pages
  expect(await drainTasks(s)).toEqual(ids);
});

test("a whole page of executions that nobody drives does not hide those that become due later", async () => {
  const s = await stage();
  await sleeping(s, names(20, "abandoned"), s.clock.now() + MINUTE * 3);
  await sleeping(s, ["awake"], s.clock.now() + HOUR);
  await s.clock.advance(HOUR - MINUTE);
  await sweep(s.ports, MINUTE, 10);
  await s.clock.advance(2 * MINUTE);
  expect(await drainTasks(s)).toContain("awake");
});

test("one that cannot be looked after is logged, and the others are served", async () => {
  const s = await stage();
  await sleeping(s, ["a", "b", "c"], s.clock.now() + HOUR);
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
  expect(lines).toMatchObject([["an execution that is due could not be looked after", { execution: "a" }]]);
});

test("a store that knows only its first page does not keep a round going for ever", async () => {
  const s = await stage();
  await sleeping(s, names(20), s.clock.now() + MINUTE);
  const first = { due: (until: number, limit: number) => s.ports.executions.due(until, limit) };
  const executions = new Proxy(s.ports.executions, {
    get: (target, name) => (name === "due" ? first.due : Reflect.get(target, name).bind(target)),
  });
  expect(await sweep({ ...s.ports, executions }, MINUTE, 10)).toBe(10);
});

test("a round of the embedded store ends though more than a page of executions are due soon", async () => {
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

test("the rings of one that stays overdue come at ages that double, and then every hour", () => {
  const grace = 5_000;
  const every = 60_000;
  const rung = Array.from({ length: 400 }, (_, round) => round * every).filter((age) => crosses(age, grace, every));
  expect(rung.map((age) => age / MINUTE)).toEqual([1, 2, 3, 6, 11, 22, 43, 86, 146, 206, 266, 326, 386]);
});
