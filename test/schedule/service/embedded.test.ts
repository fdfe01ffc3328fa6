/** The port on SQLite, and what only this adapter promises: it wakes schedules by itself, in time. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { pause } from "../../../shared/schedule/rules/index.ts";
import { change, create } from "../../../shared/schedule/service/index.ts";
import { type Embedded, type EmbeddedOptions, embedded } from "../../../shared/server/embedded.ts";
import { ManualClock, turnOfTheLoop } from "../../contract/manual-clock.ts";
import { schedulesContract } from "../../contract/schedules.ts";
import { definition, type Subject, uuid } from "../../contract/subject.ts";
import { DAY, HOUR, MINUTE, SECOND } from "./stage.ts";

const folders: string[] = [];
function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "sirocco-schedules-"));
  folders.push(folder);
  return join(folder, "data.db");
}
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function subject(file?: string): Subject {
  const clock = new ManualClock();
  let store = embedded({ clock, ...(file ? { file } : {}) });
  return {
    ports: store,
    pass: (ms) => clock.advance(ms),
    async reopen() {
      store.close();
      store = embedded({ clock, file: file! });
      return store;
    },
    end: () => store.close(),
  };
}

schedulesContract("embedded, in memory", async () => subject());
schedulesContract("embedded, in a file", async () => subject(newFile()), { reopens: true });

const ws = uuid();
/** A store with a worker that lives for ever, whose schedules are awake. */
async function awake(options: EmbeddedOptions = {}): Promise<Embedded & { rest: () => void }> {
  const store = embedded({ settings: { livenessMs: 1e13 }, ...options });
  await store.registry.register({
    workspace: ws,
    deployment: "shop",
    worker: "w",
    session: uuid(),
    definitions: [definition("orders", { execution_timeout: null })],
    now: store.clock.now(),
  });
  return { ...store, rest: store.maintain(1e9) };
}
const given = (schedule_id: string, spec: object) => ({
  schedule_id,
  workflow_name: "orders",
  definition: { policy: { overlap: 6 }, ...spec },
});
async function starts(store: Embedded, id: string): Promise<{ due: number; late: number }[]> {
  const { state } = (await store.schedules.get({ workspace: ws, schedule: id }))!;
  return state.recent.map(({ scheduled_at, started_at }) => ({ due: scheduled_at, late: started_at - scheduled_at }));
}
async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await what())) await new Promise((resolve) => setTimeout(resolve, 10));
}

test("under a real clock runs start within 50 ms of their time", async () => {
  const store = await awake();
  await create(store, ws, given("fast", { intervals: [{ every: "PT1S" }] }));
  await until(async () => (await starts(store, "fast")).length >= 2);
  for (const { late } of await starts(store, "fast")) {
    expect(late).toBeGreaterThanOrEqual(0);
    expect(late).toBeLessThan(50);
  }
  store.rest();
  store.close();
});

/** A clock that can be set while its timers go on counting, as a machine's does. */
class SettableClock {
  offset = 0;
  now = () => Date.now() + this.offset;
  at(at: number, fn: () => void): () => void {
    const timer = setTimeout(fn, Math.min(2 ** 31 - 1, Math.max(0, at - this.now())));
    return () => clearTimeout(timer);
  }
}

test("a clock that jumps forward, as after a sleep, is noticed; set back, nothing starts early or twice", async () => {
  const clock = new SettableClock();
  const store = await awake({ clock, recheckMs: 20 });
  const began = clock.now();
  await create(store, ws, given("daily", { intervals: [{ every: "P1D" }] }));
  clock.offset += DAY;
  await until(async () => (await starts(store, "daily")).length === 1);
  clock.offset -= DAY;
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(await starts(store, "daily")).toHaveLength(1);
  clock.offset += 2 * DAY;
  await until(async () => (await starts(store, "daily")).length === 2);
  const [first, second] = await starts(store, "daily");
  expect(first!.due).toBeGreaterThan(began);
  expect(second!.due - first!.due).toBe(DAY);
  store.rest();
  store.close();
});

test("after a restart what became due meanwhile starts at once, and the next at its time", async () => {
  const clock = new ManualClock();
  const file = newFile();
  let store = await awake({ clock, file });
  await create(store, ws, given("hourly", { intervals: [{ every: "PT1H" }] }));
  await clock.advance(HOUR);
  expect(await starts(store, "hourly")).toHaveLength(1);
  await store.durable();
  store.rest();
  store.close();
  await clock.advance(2 * HOUR + 5 * MINUTE);
  store = await awake({ clock, file });
  await clock.advance(0);
  await turnOfTheLoop();
  expect((await starts(store, "hourly")).map(({ late }) => late)).toEqual([0, HOUR + 5 * MINUTE, 5 * MINUTE]);
  await clock.advance(HOUR);
  expect((await starts(store, "hourly")).at(-1)).toMatchObject({ late: 0 });
  store.rest();
  store.close();
});

test("a schedule whose item is broken is told, left alone for a while, and holds up nobody", async () => {
  const clock = new ManualClock();
  const told: Record<string, unknown>[] = [];
  const log = { info: () => {}, warn: () => {}, error: (_: string, fields = {}) => void told.push(fields) };
  const store = await awake({ clock, log });
  await create(store, ws, given("whole", { intervals: [{ every: "PT1S" }] }));
  await create(store, ws, given("broken", { intervals: [{ every: "PT1S" }] }));
  const { state } = (await store.schedules.get({ workspace: ws, schedule: "broken" }))!;
  const definition = { ...state.definition, intervals: [{ every: "nonsense" }] };
  await store.schedules.replace(ws, state, {
    state: { ...state, version: 2, definition: definition as never },
    wakeAt: clock.now() + SECOND,
  });
  for (let i = 0; i < 10; i++) await clock.advance(SECOND);
  expect(await starts(store, "whole")).toHaveLength(10);
  expect(told).toHaveLength(1);
  expect(told[0]).toMatchObject({ schedule: "broken", error: expect.any(Error) });
  for (let i = 0; i < 60; i++) await clock.advance(SECOND);
  expect(told).toHaveLength(2);
  store.rest();
  store.close();
});

test("ten thousand schedules that sleep cost one timer, and one that is created wakes in time", async () => {
  const clock = new ManualClock();
  const store = await awake({ clock });
  for (let i = 0; i < 300; i++) await create(store, ws, given(`later-${i}`, { intervals: [{ every: "P7D" }] }));
  await create(store, ws, given("soon", { intervals: [{ every: "PT1S" }] }));
  await clock.advance(SECOND);
  expect(await starts(store, "soon")).toMatchObject([{ late: 0 }]);
  await change(store, { workspace: ws, schedule: "soon" }, (state, now) => pause(state, now));
  await clock.advance(MINUTE);
  expect(await starts(store, "soon")).toHaveLength(1);
  store.rest();
  store.close();
});

test("old entries of a log expire, the newest twenty stay", async () => {
  const clock = new ManualClock();
  const store = await awake({ clock, settings: { livenessMs: 1e13, retentionMs: DAY } });
  await create(store, ws, given("busy", { intervals: [{ every: "PT1M" }] }));
  for (let i = 0; i < 200; i++) await clock.advance(MINUTE);
  const key = { workspace: ws, schedule: "busy" };
  await change(store, key, (state, now) => pause(state, now));
  const { state } = (await store.schedules.get(key))!;
  const life = { ...key, createdAt: state.created_at };
  expect(await store.schedules.log(life, { before: 1e9, limit: 1000 })).not.toEqual([]);
  await clock.advance(2 * DAY);
  await store.sweep(1_000);
  expect(await store.schedules.log(life, { before: 1e9, limit: 1000 })).toEqual([]);
  expect(state.log.length).toBeGreaterThanOrEqual(20);
  expect((await store.schedules.get(key))!.state.log).toEqual(state.log);
  store.rest();
  store.close();
});
