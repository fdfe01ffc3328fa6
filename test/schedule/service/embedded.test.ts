/** The contract of the port on SQLite; then the guarantee of this adapter alone: it wakes schedules by itself, in time. */
import { expect, test, vi } from "vitest";
import { pause } from "../../../shared/schedule/rules/index.ts";
import { change, create } from "../../../shared/schedule/service/index.ts";
import { type Embedded, type EmbeddedOptions, embedded } from "../../../shared/server/embedded.ts";
import { inFile, inMemory, temporaryDatabase } from "../../contract/embedded-subject.ts";
import { ManualClock, turnOfTheLoop } from "../../contract/manual-clock.ts";
import { schedulesContract } from "../../contract/schedules.ts";
import { definition, uuid } from "../../contract/subject.ts";
import { DAY, HOUR, MINUTE, SECOND } from "./stage.ts";

schedulesContract("embedded, in memory", async () => inMemory());
schedulesContract("embedded, in a file", async () => inFile(), { reopens: true });

const ws = uuid();
/** A store with a worker that stays live, and a running schedule timer. */
async function running(options: EmbeddedOptions = {}): Promise<Embedded & { stop: () => void }> {
  const store = embedded({ settings: { livenessMs: 1e13 }, ...options });
  await store.registry.register({
    workspace: ws,
    deployment: "shop",
    worker: "w",
    session: uuid(),
    definitions: [definition("orders", { execution_timeout: null })],
    now: store.clock.now(),
  });
  const stopTimer = store.maintain(1e9);
  return {
    ...store,
    stop() {
      stopTimer();
      store.close();
    },
  };
}
const given = (schedule_id: string, spec: object) => ({
  schedule_id,
  workflow_name: "orders",
  deployment_name: "shop",
  definition: { policy: { overlap: 6 }, ...spec },
});
async function starts(store: Embedded, id: string): Promise<{ due: number; late: number }[]> {
  const { state } = (await store.schedules.get({ workspace: ws, schedule: id }))!;
  return state.recent.map(({ scheduled_at, started_at }) => ({ due: scheduled_at, late: started_at - scheduled_at }));
}
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
}

test("under a real clock runs start within 50 ms of their time", async () => {
  const store = await running();
  await create(store, ws, given("fast", { intervals: [{ every: "PT1S" }] }));
  await until(async () => (await starts(store, "fast")).length >= 2);
  for (const { late } of await starts(store, "fast")) {
    expect(late).toBeGreaterThanOrEqual(0);
    expect(late).toBeLessThan(50);
  }
  store.stop();
});

/** A clock that can be set while its timers count elapsed time, like the clock of a machine. */
class SettableClock {
  offset = 0;
  now = () => Date.now() + this.offset;
  at(at: number, fn: () => void): () => void {
    const timer = setTimeout(fn, Math.min(2 ** 31 - 1, Math.max(0, at - this.now())));
    return () => clearTimeout(timer);
  }
}

test("a clock that is set forward starts due runs within the recheck time; set back, none starts early or twice", async () => {
  const clock = new SettableClock();
  const store = await running({ clock, recheckMs: 20 });
  const began = clock.now();
  await create(store, ws, given("daily", { intervals: [{ every: "P1D" }] }));
  clock.offset += DAY;
  await until(async () => (await starts(store, "daily")).length === 1);
  clock.offset -= DAY;
  const reads = vi.spyOn(store.schedules, "due");
  await until(() => reads.mock.calls.length >= 4); // at least one whole look since the clock was set back
  expect(await starts(store, "daily")).toHaveLength(1);
  clock.offset += 2 * DAY;
  await until(async () => (await starts(store, "daily")).length === 2);
  const [first, second] = await starts(store, "daily");
  expect(first!.due).toBeGreaterThan(began);
  expect(second!.due - first!.due).toBe(DAY);
  store.stop();
});

test("after a restart the runs that came due meanwhile start at once, and the next one at its time", async () => {
  const clock = new ManualClock();
  const { file, remove } = temporaryDatabase();
  let store = await running({ clock, file });
  await create(store, ws, given("hourly", { intervals: [{ every: "PT1H" }] }));
  await clock.advance(HOUR);
  expect(await starts(store, "hourly")).toHaveLength(1);
  await store.durable();
  store.stop();
  await clock.advance(2 * HOUR + 5 * MINUTE);
  store = await running({ clock, file });
  await clock.advance(0);
  await turnOfTheLoop();
  expect((await starts(store, "hourly")).map(({ late }) => late)).toEqual([0, HOUR + 5 * MINUTE, 5 * MINUTE]);
  await clock.advance(HOUR);
  expect((await starts(store, "hourly")).at(-1)).toMatchObject({ late: 0 });
  store.stop();
  remove();
});

test("a schedule that the store cannot wake is logged, tried again after a minute, and does not delay the others", async () => {
  const clock = new ManualClock();
  const errors: Record<string, unknown>[] = [];
  const log = { info: () => {}, warn: () => {}, error: (_: string, fields = {}) => void errors.push(fields) };
  const store = await running({ clock, log });
  await create(store, ws, given("whole", { intervals: [{ every: "PT1S" }] }));
  await create(store, ws, given("broken", { intervals: [{ every: "PT1S" }] }));
  const { get } = store.schedules;
  store.schedules.get = async (key) => {
    if (key.schedule === "broken") throw new Error("the disk does not answer");
    return get.call(store.schedules, key);
  };
  for (let i = 0; i < 10; i++) await clock.advance(SECOND);
  expect(await starts(store, "whole")).toHaveLength(10);
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatchObject({ schedule: "broken", error: expect.any(Error) });
  for (let i = 0; i < 60; i++) await clock.advance(SECOND);
  expect(errors).toHaveLength(2);
  store.stop();
});

test("beside 300 schedules that are due in a week, a new one is woken in time", async () => {
  const clock = new ManualClock();
  const store = await running({ clock });
  for (let i = 0; i < 300; i++) await create(store, ws, given(`later-${i}`, { intervals: [{ every: "P7D" }] }));
  await create(store, ws, given("soon", { intervals: [{ every: "PT1S" }] }));
  await clock.advance(SECOND);
  expect(await starts(store, "soon")).toMatchObject([{ late: 0 }]);
  await change(store, { workspace: ws, schedule: "soon" }, (state, now) => pause(state, now));
  await clock.advance(MINUTE);
  expect(await starts(store, "soon")).toHaveLength(1);
  store.stop();
});

test("old entries of a log expire, and the newest twenty stay", async () => {
  const clock = new ManualClock();
  const store = await running({ clock, settings: { livenessMs: 1e13, retentionMs: DAY } });
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
  store.stop();
});
