/** The overlap policies one by one: the runs that start, wait, are dropped or are asked to stop. */
import { describe, expect, test } from "vitest";
import { Overlap } from "../../../shared/schedule/rules/index.ts";
import { Driver } from "./driver.ts";

const { SKIP, BUFFER_ONE, BUFFER_ALL, CANCEL_OTHER, TERMINATE_OTHER, ALLOW_ALL } = Overlap;

const hourly = (overlap: number, more: object = {}) =>
  new Driver({ cron_expressions: ["@hourly"], policy: { overlap }, ...more }, "00:30");

/** The first run at 01:00 goes on while 02:00, 03:00 and 04:00 come due. */
const busy = (overlap: number, more: object = {}) =>
  hourly(overlap, more).wake("01:00").wake("02:00").wake("03:00").wake("04:00");

describe("while a run is active", () => {
  test("SKIP drops due times and starts the next one after the run has closed", () => {
    const driver = busy(SKIP);
    expect(driver.started).toEqual(["01:00"]);
    expect(driver.log).toEqual([
      "01:00 started",
      "02:00 skipped_overlap",
      "03:00 skipped_overlap",
      "04:00 skipped_overlap",
    ]);
    expect(driver.state.counters.overlap_skipped).toBe(3);
    expect(driver.close("04:30", "01:00").wake("05:00").started).toEqual(["01:00", "05:00"]);
  });

  test("BUFFER_ONE keeps the first waiting run and starts it, with its nominal time, when the active run closes", () => {
    const driver = busy(BUFFER_ONE);
    expect(driver.waiting).toEqual(["02:00"]);
    expect(driver.log).toEqual(["01:00 started", "02:00 buffered", "03:00 skipped_overlap", "04:00 skipped_overlap"]);
    driver.close("04:30", "01:00");
    expect(driver.started).toEqual(["01:00", "02:00"]);
    expect(driver.state.recent.at(-1)).toMatchObject({
      scheduled_at: Date.parse("2026-01-01T02:00:00Z"),
      started_at: Date.parse("2026-01-01T04:30:00Z"),
    });
  });

  test("BUFFER_ALL keeps all waiting runs and starts them one after the other", () => {
    const driver = busy(BUFFER_ALL);
    expect(driver.waiting).toEqual(["02:00", "03:00", "04:00"]);
    driver.close("04:10", "01:00").close("04:20", "02:00").close("04:30", "03:00");
    expect(driver.started).toEqual(["01:00", "02:00", "03:00", "04:00"]);
    expect(driver.waiting).toEqual([]);
  });

  test.each([
    ["cancel", CANCEL_OTHER],
    ["terminate", TERMINATE_OTHER],
  ])("under the policy to %s others, each due time asks again, and only the newest starts, after the close of the old run", (word, policy) => {
    const driver = busy(policy);
    expect(driver.started).toEqual(["01:00"]);
    expect(driver.stops).toEqual([`${word} 01:00`, `${word} 01:00`, `${word} 01:00`]);
    driver.close("04:30", "01:00", word === "cancel" ? "CANCELED" : "TERMINATED");
    expect(driver.started).toEqual(["01:00", "04:00"]);
    expect(driver.log.slice(-3)).toEqual(["02:00 superseded", "03:00 superseded", "04:00 started"]);
    expect(driver.waiting).toEqual([]);
  });

  test("a run that was asked to cancel may close later, and even complete", () => {
    const driver = hourly(CANCEL_OTHER).wake("01:00").wake("02:00").close("02:45", "01:00", "COMPLETED");
    expect(driver.started).toEqual(["01:00", "02:00"]);
  });

  test("a wake-up between two due times does not repeat the request to stop", () => {
    const driver = hourly(CANCEL_OTHER).wake("01:00").wake("02:00").wake("02:00").wake("02:30");
    expect(driver.stops).toEqual(["cancel 01:00"]);
  });

  test("ALLOW_ALL starts every due time", () => {
    const driver = busy(ALLOW_ALL);
    expect(driver.active).toEqual(["01:00", "02:00", "03:00", "04:00"]);
  });
});

describe("after an outage the missed times are one batch", () => {
  test.each<[string, number, string[], string[], string[]]>([
    [
      "SKIP starts the oldest",
      SKIP,
      ["01:00"],
      [],
      ["02:00 skipped_overlap", "03:00 skipped_overlap", "04:00 skipped_overlap"],
    ],
    [
      "BUFFER_ONE starts the oldest and keeps the second",
      BUFFER_ONE,
      ["01:00"],
      ["02:00"],
      ["03:00 skipped_overlap", "04:00 skipped_overlap"],
    ],
    ["BUFFER_ALL keeps all in order", BUFFER_ALL, ["01:00"], ["02:00", "03:00", "04:00"], []],
    [
      "CANCEL_OTHER starts only the newest",
      CANCEL_OTHER,
      ["04:00"],
      [],
      ["01:00 superseded", "02:00 superseded", "03:00 superseded"],
    ],
    [
      "TERMINATE_OTHER starts only the newest",
      TERMINATE_OTHER,
      ["04:00"],
      [],
      ["01:00 superseded", "02:00 superseded", "03:00 superseded"],
    ],
    ["ALLOW_ALL starts all", ALLOW_ALL, ["01:00", "02:00", "03:00", "04:00"], [], []],
  ])("%s", (_, overlap, started, waiting, dropped) => {
    const driver = hourly(overlap).wake("04:20");
    expect(driver.started).toEqual(started);
    expect(driver.waiting).toEqual(waiting);
    expect(driver.log.filter((entry) => /skipped|superseded/.test(entry))).toEqual(dropped);
    expect(driver.stops).toEqual([]);
  });
});

describe("a manual run", () => {
  test("follows the schedule's policy: under SKIP it is dropped while a run is active", () => {
    const driver = hourly(SKIP).wake("01:00").trigger("01:10");
    expect(driver.started).toEqual(["01:00"]);
    expect(driver.log.at(-1)).toBe("01:10 manual skipped_overlap");
  });

  test("may override the policy, also one that waits", () => {
    const driver = hourly(SKIP)
      .wake("01:00")
      .trigger("01:10", ALLOW_ALL)
      .trigger("01:20", BUFFER_ALL)
      .trigger("01:30", CANCEL_OTHER);
    expect(driver.active).toEqual(["01:00", "01:10 m1"]);
    expect(driver.waiting).toEqual(["01:20 m2", "01:30 m3"]);
    expect(driver.stops).toEqual(["cancel 01:00", "cancel 01:10 m1"]);
    driver.close("01:40", "01:00").close("01:41", "01:10 m1");
    expect(driver.started.at(-1)).toBe("01:30 m3");
  });

  test("holds the one waiting place of BUFFER_ONE", () => {
    const driver = hourly(BUFFER_ONE).wake("01:00").trigger("01:30").wake("02:00");
    expect(driver.waiting).toEqual(["01:30 m1"]);
    expect(driver.log.at(-1)).toBe("02:00 skipped_overlap");
  });

  test("comes after a due time of the same instant", () => {
    const driver = hourly(BUFFER_ALL).trigger("01:00");
    expect(driver.started).toEqual(["01:00"]);
    expect(driver.waiting).toEqual(["01:00 m1"]);
  });

  test("with ALLOW_ALL starts even if other runs are asked to stop in the same instant", () => {
    const driver = hourly(TERMINATE_OTHER).wake("01:00").trigger("02:00", ALLOW_ALL);
    expect(driver.started).toEqual(["01:00", "02:00 m1"]);
    expect(driver.waiting).toEqual(["02:00"]);
    expect(driver.stops).toContain("terminate 01:00");
  });

  test("counts as active: the next due time overlaps with it", () => {
    expect(hourly(SKIP).trigger("00:45", ALLOW_ALL).wake("01:00").log.at(-1)).toBe("01:00 skipped_overlap");
  });
});

test("of simultaneous requests to cancel and to terminate, terminate wins", () => {
  const driver = hourly(CANCEL_OTHER)
    .wake("01:00")
    .update("01:10", { policy: { overlap: BUFFER_ALL } });
  driver.trigger("01:20", BUFFER_ALL).trigger("02:00", TERMINATE_OTHER);
  expect(driver.stops).toEqual(["terminate 01:00"]);
  driver.wake("03:00").update("03:10", { policy: { overlap: CANCEL_OTHER } });
  expect(driver.stops.slice(1)).toEqual(["terminate 01:00"]);
});

test("a waiting run follows the policy and uses the input at the time of its start", () => {
  const driver = hourly(BUFFER_ALL, { input: "old" }).wake("01:00").wake("03:00");
  expect(driver.waiting).toEqual(["02:00", "03:00"]);
  driver.update("03:10", { input: "new", policy: { overlap: SKIP } });
  expect(driver.waiting).toEqual([]);
  expect(driver.log.slice(-2)).toEqual(["02:00 skipped_overlap", "03:00 skipped_overlap"]);

  const other = hourly(BUFFER_ALL, { input: "old" })
    .wake("01:00")
    .wake("02:00")
    .update("02:10", { input: "new" })
    .close("02:20", "01:00");
  expect(other.effects.map((effect) => effect.kind === "start" && effect.input)).toEqual(["old", "new"]);
});

test("a run whose start is not confirmed is asked to stop after the confirmation", () => {
  const driver = hourly(CANCEL_OTHER);
  driver.onStart = () => ({ kind: "unavailable", reason: "throttled" });
  driver.wake("01:00").wake("02:00");
  expect(driver.stops).toEqual([]);
  driver.onStart = () => ({ kind: "started" });
  driver.wake("02:02");
  expect(driver.stops).toEqual(["cancel 01:00"]);
});
