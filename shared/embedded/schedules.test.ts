import { describe, expect, test } from "vitest";
import { headOf, newRef, uuid } from "../../test/contract/subject.ts";
import type { StoredSchedule } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import { create } from "../schedule/service/index.ts";
import { embedded } from "../server/embedded.ts";
import { stateOf } from "./schedule-rows.ts";

test("a schedule in memory is the one of its row, after each write and after a refused one", async () => {
  const store = embedded();
  const { schedules, database } = store;
  const workspace = uuid();
  const key = { workspace, schedule: "hourly" };
  const stored = () => {
    const row = database.one("SELECT * FROM schedules WHERE ws = ? AND id = ?", workspace, key.schedule)!;
    return { state: stateOf(row), wakeAt: row.wake_at };
  };
  const same = async () => {
    const known = await schedules.get(key);
    expect(JSON.parse(JSON.stringify(known))).toEqual(JSON.parse(JSON.stringify(stored())));
    return known as StoredSchedule;
  };
  const given = { schedule_id: "hourly", workflow_name: "orders", deployment_name: "shop" };
  await create(store, workspace, { ...given, definition: { intervals: [{ every: "PT1H" }] } });
  const first = await same();
  expect((await schedules.get(key))!.state).toBe(first.state);
  expect(Object.isFrozen(first.state)).toBe(true);

  const noted = { ...first.state, note: "later", version: first.state.version + 1 };
  expect(await schedules.replace(workspace, first.state, { state: noted, wakeAt: 7 })).toBe(true);
  expect(await same()).toMatchObject({ state: { note: "later" }, wakeAt: 7 });
  expect(await schedules.replace(workspace, first.state, { state: { ...noted, note: "lost" }, wakeAt: 8 })).toBe(false);
  expect(await same()).toMatchObject({ state: { note: "later" }, wakeAt: 7 });
  expect(await schedules.due(7, 9)).toEqual([{ ...key, wakeAt: 7 }]);
  await schedules.clearWakeAt(key);
  expect(await same()).toMatchObject({ wakeAt: null });

  const damaged = { ...noted, version: noted.version + 1, log: "x" } as never;
  expect(await schedules.replace(workspace, noted, { state: damaged, wakeAt: null })).toBe(true);
  await expect(schedules.get(key)).rejects.toThrow("its log cannot be read");
  expect(await schedules.delete(key)).toBe(true);
  expect(await schedules.get(key)).toBeNull();
  await create(store, workspace, { ...given, definition: { intervals: [{ every: "PT2H" }] } });
  expect((await same()).state.definition.intervals).toMatchObject([{ every: "PT2H" }]);
  store.close();
});

describe("a schedule is changed together with the executions that it starts", () => {
  async function made() {
    const store = embedded();
    const { schedules, executions } = store;
    const { workspace, ...ref } = newRef();
    const given = { schedule_id: "s", workflow_name: "orders", deployment_name: "shop" };
    await create(store, workspace, { ...given, definition: { intervals: [{ every: "PT1H" }] } });
    const key = { workspace, schedule: "s" };
    const { state: seen } = (await schedules.get(key))!;
    const next = { state: { ...seen, note: "started", version: seen.version + 1 }, wakeAt: 7 };
    const heads = ["one", "two"].map((each) => headOf({ workspace, execution: `${ref.execution}-${each}` }, 1));
    const present = async () => ({
      note: (await schedules.get(key))?.state.note,
      begun: (await Promise.all(heads.map((head) => executions.head(head)))).map((head) => head?.run ?? null),
      rows: Number(store.database.one("SELECT COUNT(*) AS n FROM runs")!.n),
    });
    return { store, executions, schedules, workspace, seen, next, heads, present };
  }

  test("all is written in one transaction", async () => {
    const { store, executions, workspace, seen, next, heads, present } = await made();
    expect(await executions.createScheduled!(heads, { workspace, seen, next })).toBe(true);
    expect(await present()).toEqual({ note: "started", begun: heads.map(({ run }) => run), rows: 2 });
    store.close();
  });

  test("nothing is written if the schedule is another than the one that was seen", async () => {
    const { store, executions, schedules, workspace, seen, next, heads, present } = await made();
    const other = { state: { ...seen, note: "paused", version: seen.version + 1 }, wakeAt: null };
    expect(await schedules.replace(workspace, seen, other)).toBe(true);
    expect(await executions.createScheduled!(heads, { workspace, seen, next })).toBe(false);
    expect(await present()).toEqual({ note: "paused", begun: [null, null], rows: 0 });
    store.close();
  });

  test("nothing is written if one of the ids has an execution", async () => {
    const { store, executions, workspace, seen, next, heads, present } = await made();
    const other = { ...heads[1]!, run: uuid(), chain: uuid(), token: "of a client" };
    await executions.create(other, []);
    expect(await executions.createScheduled!(heads, { workspace, seen, next })).toBe(false);
    expect(await present()).toEqual({ note: null, begun: [null, other.run], rows: 1 });
    store.close();
  });

  test("SAVEPOINT-1: of several at once only those are not written that are refused, or fail", async () => {
    const { store, executions, schedules, workspace, seen, next, heads, present } = await made();
    const [one, two] = heads as [Head, Head];
    const given = { workflow_name: "orders", deployment_name: "shop", definition: { intervals: [{ every: "PT1H" }] } };
    await create(store, workspace, { ...given, schedule_id: "other" });
    const { state: other } = (await schedules.get({ workspace, schedule: "other" }))!;
    const later = { state: { ...other, note: "later", version: other.version + 1 }, wakeAt: 8 };
    const changeOf = () => ({ workspace, seen: other, next: later });
    const answers = await Promise.allSettled([
      executions.createScheduled!([one], { workspace, seen, next }),
      executions.createScheduled!([{ ...two, execution: one.execution, run: uuid() }], changeOf()),
      executions.createScheduled!([{ ...two, execution: "third", run: one.run }], changeOf()), // the run has a log
      executions.createScheduled!([two], changeOf()),
    ]);
    expect(answers.map((each) => (each.status === "fulfilled" ? each.value : String(each.reason)))).toEqual([
      true,
      false,
      expect.stringMatching(/UNIQUE/),
      true,
    ]);
    expect(await present()).toEqual({ note: "started", begun: [one.run, two.run], rows: 2 });
    expect((await schedules.get({ workspace, schedule: "other" }))!.state.note).toBe("later");
    store.close();
  });
});
