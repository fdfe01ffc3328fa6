import { expect, test } from "vitest";
import { uuid } from "../../test/contract/subject.ts";
import { Readable } from "../lib/readable.ts";
import type { StoredSchedule } from "../ports.ts";
import { create } from "../schedule/service/index.ts";
import { embedded } from "../server/embedded.ts";
import { EmbeddedSchedules } from "./schedules.ts";

test("a schedule in memory is the one of its row, after each write and after a refused one", async () => {
  const store = embedded();
  const { schedules, database } = store;
  const workspace = uuid();
  const key = { workspace, schedule: "hourly" };
  /** From the row: it knows no schedule yet. */
  const stored = () => new EmbeddedSchedules(database, new Readable(() => {})).get(key);
  const same = async () => {
    const known = await schedules.get(key);
    expect(JSON.parse(JSON.stringify(known))).toEqual(JSON.parse(JSON.stringify(await stored())));
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
