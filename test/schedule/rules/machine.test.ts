/** All commands of a schedule, except overlap (`overlap.test.ts`). */
import { expect, describe as group, test } from "vitest";
import {
  backfill,
  createSchedule,
  describe,
  logAt,
  Overlap,
  outboxOf,
  pause,
  runClosed,
  startResult,
  stopResult,
  trigger,
  update,
  wake,
} from "../../../shared/schedule/rules/index.ts";
import { at, Driver, short } from "./driver.ts";

const { BUFFER_ALL, CANCEL_OTHER, ALLOW_ALL } = Overlap;
const hourly = (more: object = {}, time = "00:30") => new Driver({ cron_expressions: ["@hourly"], ...more }, time);

group("creation", () => {
  test("starts no due times before it, even if the spec starts in the past", () => {
    const driver = hourly({ start_at: "2020-01-01T00:00:00Z", policy: { overlap: ALLOW_ALL } }, "03:30").wake("04:00");
    expect(driver.started).toEqual(["04:00"]);
    expect(hourly({}, "03:00").wake("03:59").started).toEqual([]);
  });

  test("with an invalid definition or id is refused with issues", () => {
    const given = { schedule_id: "s", seed: "s", workflow_name: "w", deployment_name: "d" };
    expect(createSchedule(0, { ...given, definition: { jitter: "x" } })).toMatchObject({
      issues: [{ loc: ["jitter"] }],
    });
    for (const schedule_id of ["", "a b", "a/b", "x".repeat(233)]) {
      expect(createSchedule(0, { ...given, schedule_id, definition: {} })).toMatchObject({
        issues: [{ loc: ["schedule_id"] }],
      });
    }
  });

  test("answers the first wake-up time; an empty spec has none and can still be triggered", () => {
    expect(hourly().wakeAt).toBe(at("01:00"));
    const empty = new Driver({}, "00:30");
    expect(empty.wakeAt).toBeUndefined();
    expect(empty.trigger("05:00").started).toEqual(["05:00 m1"]);
  });
});

group("a wake-up", () => {
  test("that is early, doubled or needless answers the very same state", () => {
    const driver = hourly().wake("01:00");
    const { state } = driver;
    for (const time of ["01:00", "01:00", "01:59:59"]) {
      const decision = wake(state, at(time));
      expect(decision.state).toBe(state);
      expect(decision).toMatchObject({ changed: false, effects: [], log: [], wakeAt: at("02:00") });
    }
  });

  test("raises the version by one with every change", () => {
    const driver = hourly();
    expect(driver.state.version).toBe(1);
    expect(driver.wake("01:00").state.version).toBe(3); // decided, then confirmed
  });

  test("makes a run's execution id of schedule id and nominal time, even if it is late", () => {
    const [effect] = wake(hourly().state, at("01:00:07")).effects;
    expect(effect).toMatchObject({
      kind: "start",
      execution_id: "report-20260101T010000Z",
      schedule_id: "report",
      nominal: at("01:00"),
      actual: at("01:00"),
      manual: false,
    });
  });
});

group("effects without a result", () => {
  test("are in the state, so that another process finds them under the same keys", () => {
    const decided = wake(hourly().state, at("01:00"));
    expect(outboxOf(JSON.parse(JSON.stringify(decided.state)))).toEqual(decided.effects);
    expect(decided.wakeAt).toBe(at("01:00:10"));
  });

  test("are repeated under the same key, at growing distances up to a minute, without limit", () => {
    let decision = wake(hourly().state, at("01:00"));
    const [first] = decision.effects;
    const waits: number[] = [];
    for (let index = 0; index < 15; index++) {
      const due: number = decision.wakeAt!;
      decision = wake(decision.state, due);
      expect(decision.effects).toEqual([first]);
      waits.push((decision.wakeAt! - due) / 1000);
    }
    expect(waits.slice(0, 4)).toEqual([20, 40, 60, 60]);
  });

  test("count as active runs for the overlap policy", () => {
    const decided = wake(hourly().state, at("01:00"));
    expect(wake(decided.state, at("02:00")).log).toMatchObject([{ outcome: "skipped_overlap" }]);
  });

  test("are repeated if they are stops, until they are confirmed", () => {
    const driver = hourly({ policy: { overlap: CANCEL_OTHER } }).wake("01:00");
    const asked = wake(driver.state, at("02:00"));
    expect(asked.effects).toMatchObject([{ kind: "cancel", execution_id: "report-20260101T010000Z" }]);
    expect(asked.wakeAt).toBe(at("02:00:10"));
    expect(outboxOf(asked.state)).toEqual(asked.effects);
    const again = wake(asked.state, at("02:00:10"));
    expect(again.effects).toEqual(asked.effects);
    const busy = stopResult(again.state, at("02:00:11"), "report-20260101T010000Z", "unavailable");
    expect(busy.wakeAt).toBe(at("02:00:13"));
    const confirmed = stopResult(busy.state, at("02:00:13"), "report-20260101T010000Z", "asked");
    expect(confirmed).toMatchObject({ effects: [], wakeAt: at("03:00") });
    expect(outboxOf(confirmed.state)).toEqual([]);
  });

  test("end with the run if the execution to be stopped is missing", () => {
    const driver = hourly({ policy: { overlap: CANCEL_OTHER } }).wake("01:00");
    const asked = wake(driver.state, at("02:00"));
    const missing = stopResult(asked.state, at("02:00"), "report-20260101T010000Z", "missing");
    expect(missing.effects).toMatchObject([{ kind: "start", execution_id: "report-20260101T020000Z" }]);
    const closed = stopResult(asked.state, at("02:00"), "report-20260101T010000Z", "closed");
    expect(closed.effects).toEqual([]);
  });

  test("have other keys if the schedule was deleted and created again", () => {
    const key = (created: string) => wake(hourly({}, created).state, at("01:00")).effects[0]!.key;
    expect(key("00:30")).not.toBe(key("00:31"));
  });
});

group("a start's result", () => {
  const decided = () => wake(hourly({ max_executions: 5 }).state, at("01:00")).state;
  const ID = "report-20260101T010000Z";

  test("started: the run is active, recent and counted, and a second result changes nothing", () => {
    const once = startResult(decided(), at("01:00:01"), ID, { kind: "started", run: "r1", started_at: at("01:00") });
    expect(once.state).toMatchObject({
      remaining: 4,
      active: [{ nominal: at("01:00"), run: "r1", started_at: at("01:00"), starting: null }],
      recent: [{ execution_id: ID, started_at: at("01:00") }],
      counters: { started: 1 },
    });
    const twice = startResult(once.state, at("01:00:02"), ID, { kind: "started" });
    expect(twice).toMatchObject({ changed: false, log: [] });
    expect(startResult(once.state, at("01:00:02"), ID, { kind: "refused", reason: "late" }).changed).toBe(false);
  });

  test("refused: the log has the reason, the slot is returned, the schedule goes on", () => {
    const refused = startResult(decided(), at("01:00:01"), ID, {
      kind: "refused",
      reason: "two deployments serve w: a, b",
    });
    expect(refused.state).toMatchObject({
      remaining: 5,
      active: [],
      recent: [],
      counters: { started: 0, refused: 1 },
      paused: false,
    });
    expect(refused.log).toMatchObject([
      { outcome: "refused", nominal: at("01:00"), reason: "two deployments serve w: a, b" },
    ]);
    expect(refused.wakeAt).toBe(at("02:00"));
  });

  test("duplicate: an execution that the schedule did not start is logged, and neither counted nor followed", () => {
    const duplicate = startResult(decided(), at("01:00:01"), ID, { kind: "duplicate" });
    expect(duplicate.state).toMatchObject({ remaining: 5, active: [], counters: { started: 0, refused: 0 } });
    expect(duplicate.log).toMatchObject([{ outcome: "duplicate" }]);
  });

  test("unavailable: the start is tried ten times, 1 s to 1 min apart, then refused", () => {
    let decision = startResult(decided(), at("01:00"), ID, { kind: "unavailable", reason: "no active deployment" });
    const waits = [decision.wakeAt! - at("01:00")];
    for (let tries = 2; tries <= 10; tries++) {
      const due = decision.wakeAt!;
      const repeated = wake(decision.state, due);
      expect(repeated.effects).toHaveLength(1);
      decision = startResult(repeated.state, due, ID, { kind: "unavailable", reason: "no active deployment" });
      waits.push(decision.wakeAt! - due);
    }
    expect(waits.slice(0, 9).map((ms) => ms / 1000)).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
    expect(decision.state.active).toEqual([]);
    expect(decision.log).toMatchObject([{ outcome: "refused", reason: "no active deployment (tried 10 times)" }]);
  });

  test("refused: a waiting run starts", () => {
    const driver = hourly({ policy: { overlap: BUFFER_ALL } });
    driver.onStart = (id) => (short(id) === "01:00" ? { kind: "refused", reason: "no" } : { kind: "started" });
    expect(driver.wake("02:00").log).toEqual(["02:00 buffered", "01:00 refused", "02:00 started"]);
  });
});

group("a closed run", () => {
  test("that closes before its start is confirmed counts as started, once", () => {
    const decided = wake(hourly({ policy: { overlap: CANCEL_OTHER } }).state, at("01:00")).state;
    const stopping = wake(decided, at("02:00")).state;
    const closed = runClosed(stopping, at("02:00:01"), {
      execution_id: "report-20260101T010000Z",
      status: "COMPLETED",
    });
    expect(closed.effects).toMatchObject([{ kind: "start", execution_id: "report-20260101T020000Z" }]);
    expect(closed.state.counters.started).toBe(1);
    const late = startResult(closed.state, at("02:00:02"), "report-20260101T010000Z", { kind: "started" });
    expect(late.changed).toBe(false);
  });

  test("overlaps with a due time before its close, even if the wake-up for that time comes later", () => {
    const driver = hourly().wake("01:00").close("02:00:30", "01:00");
    expect(driver.log.at(-1)).toBe("02:00 skipped_overlap");
    expect(driver.started).toEqual(["01:00"]);
  });

  test("that is reported twice, or is unknown, is only a wake-up", () => {
    const driver = hourly().wake("01:00").close("01:30", "01:00");
    const again = runClosed(driver.state, at("01:31"), { execution_id: "report-20260101T010000Z", status: "FAILED" });
    expect(again.changed).toBe(false);
    const unknown = runClosed(driver.state, at("02:00"), { execution_id: "other", status: "FAILED" });
    expect(unknown.effects).toMatchObject([{ execution_id: "report-20260101T020000Z" }]);
  });
});

group("pause and resume", () => {
  test("a paused schedule starts no scheduled run, lists its future, and goes on after resume", () => {
    const driver = hourly().pause("00:40", "maintenance");
    expect(driver.state).toMatchObject({ paused: true, note: "maintenance" });
    expect(driver.wakeAt).toBeUndefined();
    expect(driver.future[0]).toBe("2026-01-01T01:00:00Z");
    driver.wake("02:30");
    expect(driver.log).toEqual(["01:00 paused", "02:00 paused"]);
    driver.resume("03:30", "done");
    expect(driver.state).toMatchObject({ paused: false, note: "done" });
    expect(driver.log.at(-1)).toBe("03:00 paused");
    expect(driver.wake("04:00").started).toEqual(["04:00"]);
    expect(driver.state.counters.missed_catchup_window).toBe(0);
  });

  test("a resume without a note clears the old one; a note over 1000 bytes is refused", () => {
    expect(hourly().pause("00:40", "a").resume("00:41").state.note).toBeNull();
    expect(pause(hourly().state, at("00:40"), "ü".repeat(501))).toMatchObject({ issues: [{ loc: ["note"] }] });
  });

  test("during a pause active runs go on, and manual runs start, also after waiting", () => {
    const driver = hourly({ policy: { overlap: BUFFER_ALL } })
      .wake("01:00")
      .pause("01:10")
      .trigger("01:20");
    expect(driver.active).toEqual(["01:00"]);
    expect(driver.waiting).toEqual(["01:20 m1"]);
    expect(driver.close("01:30", "01:00").started).toEqual(["01:00", "01:20 m1"]);
  });

  test("a waiting scheduled run is dropped when it would start during the pause, and starts after a resume", () => {
    const paused = hourly({ policy: { overlap: BUFFER_ALL } })
      .wake("01:00")
      .wake("02:00")
      .pause("02:10");
    expect(paused.waiting).toEqual(["02:00"]);
    expect(paused.close("02:20", "01:00").log.at(-1)).toBe("02:00 paused");
    const resumed = hourly({ policy: { overlap: BUFFER_ALL } })
      .wake("01:00")
      .wake("02:00")
      .pause("02:10")
      .resume("02:15");
    expect(resumed.close("02:20", "01:00").started).toEqual(["01:00", "02:00"]);
  });

  test("due times before a pause that were not handled start nothing", () => {
    expect(hourly().pause("03:30").log).toEqual(["01:00 paused", "02:00 paused", "03:00 paused"]);
  });

  test("pausing and resuming between the nominal and the actual time does not lose the run", () => {
    const driver = hourly({ jitter: "PT50M" });
    const actual = driver.wakeAt!;
    expect(actual).toBeGreaterThan(at("01:00:01"));
    driver.pause("01:00:00").resume("01:00:01");
    expect(driver.wakeAt).toBe(actual);
    expect(driver.wake(new Date(actual).toISOString().slice(11, 19)).wake("01:59").started).toEqual(["01:00"]);
  });

  test("the log of a paused schedule is complete up to now without waking it", () => {
    const driver = hourly().pause("00:40");
    expect(logAt(driver.state, at("02:30")).map(({ outcome }) => outcome)).toEqual(["paused", "paused"]);
    expect(driver.state.log).toEqual([]);
  });
});

group("pause_on_failure", () => {
  const failing = (overlap = 1) => hourly({ policy: { overlap, pause_on_failure: true } });

  test.each(["FAILED", "TIMED_OUT"] as const)("pauses when a run is %s, with a note that names it", (status) => {
    const driver = failing().wake("01:00").close("01:30", "01:00", status, "disk full");
    expect(driver.state).toMatchObject({
      paused: true,
      note: "paused due to workflow failure: report-20260101T010000Z: disk full",
    });
    expect(driver.wakeAt).toBeUndefined();
    expect(driver.wake("02:00").started).toEqual(["01:00"]);
  });

  test.each(["COMPLETED", "CANCELED", "TERMINATED"] as const)("does not pause when a run is %s", (status) => {
    expect(failing().wake("01:00").close("01:30", "01:00", status).state.paused).toBe(false);
  });

  test("counts manual runs and runs under ALLOW_ALL, and drops the scheduled run that waits", () => {
    expect(failing().trigger("00:40").close("00:45", "00:40 m1", "FAILED").state.paused).toBe(true);
    expect(failing(ALLOW_ALL).wake("02:00").close("02:10", "02:00", "FAILED").state.paused).toBe(true);
    const waiting = failing(BUFFER_ALL).wake("01:00").wake("02:00").close("02:10", "01:00", "FAILED");
    expect(waiting.log.at(-1)).toBe("02:00 paused");
  });

  test("does not replace the note of a paused schedule, which stays paused until it is resumed", () => {
    const driver = failing(ALLOW_ALL).wake("02:00").pause("02:05", "manual").close("02:10", "01:00", "FAILED");
    expect(driver.state.note).toBe("manual");
    expect(driver.resume("02:20").wake("03:00").started).toContain("03:00");
  });

  test("cuts a long message to the limit of notes", () => {
    const driver = failing().wake("01:00").close("01:30", "01:00", "FAILED", "ü".repeat(2000));
    expect(Buffer.byteLength(driver.state.note!)).toBeLessThanOrEqual(1000);
    expect(driver.state.note).toMatch(/ü\.\.\.$/);
  });

  test("is off by default", () => {
    expect(hourly().wake("01:00").close("01:30", "01:00", "FAILED").state.paused).toBe(false);
  });
});

group("max_executions", () => {
  test("stops after that many scheduled starts; manual runs and overlap skips use none up", () => {
    const driver = hourly({ max_executions: 2 });
    driver
      .trigger("00:40")
      .close("00:41", "00:40 m1")
      .wake("01:00")
      .wake("02:00")
      .close("02:10", "01:00")
      .wake("03:00");
    expect(driver.state.remaining).toBe(0);
    expect(driver.wakeAt).toBeUndefined();
    driver.wake("05:30");
    expect(driver.log.slice(-2)).toEqual(["04:00 exhausted", "05:00 exhausted"]);
    expect(driver.started).toEqual(["00:40 m1", "01:00", "03:00"]);
    expect(driver.close("05:31", "03:00").trigger("05:40").started.at(-1)).toBe("05:40 m2");
    expect(driver.future).toEqual([]);
  });

  test("limits the listed future", () => {
    expect(hourly({ max_executions: 3 }).future).toHaveLength(3);
    expect(hourly().future).toHaveLength(10);
  });

  test("drops a waiting run if none remain when it would start", () => {
    const driver = hourly({ max_executions: 2, policy: { overlap: BUFFER_ALL } }).wake("03:00");
    expect(driver.waiting).toEqual(["02:00", "03:00"]);
    driver.close("03:10", "01:00").close("03:20", "02:00");
    expect(driver.log.at(-1)).toBe("03:00 exhausted");
  });

  test("gives the last slot after an outage to the run that the policy chooses", () => {
    expect(hourly({ max_executions: 1, policy: { overlap: CANCEL_OTHER } }).wake("03:00").started).toEqual(["03:00"]);
    expect(hourly({ max_executions: 2, policy: { overlap: ALLOW_ALL } }).wake("03:00").started).toEqual([
      "01:00",
      "02:00",
    ]);
  });

  test("sets the remaining number in an update; null removes the limit, and without the key the number stays", () => {
    const driver = hourly({ max_executions: 1, policy: { overlap: ALLOW_ALL } }).wake("01:00");
    expect(driver.update("01:10", { input: 1 }).state.remaining).toBe(0);
    expect(driver.update("01:20", { max_executions: 2 }).state.remaining).toBe(2);
    expect(driver.wake("02:00").state.remaining).toBe(1);
    expect(driver.update("02:10", { max_executions: null }).state.remaining).toBeNull();
    expect(driver.wake("05:00").started).toEqual(["01:00", "02:00", "03:00", "04:00", "05:00"]);
  });

  test("gets no slot back that was taken before an update", () => {
    const decided = wake(hourly({ max_executions: 1 }).state, at("01:00")).state;
    const updated = update(decided, at("01:00:01"), { max_executions: 5 });
    if ("issues" in updated) throw new Error("refused");
    const refused = startResult(updated.state, at("01:00:02"), "report-20260101T010000Z", {
      kind: "refused",
      reason: "no",
    });
    expect(refused.state.remaining).toBe(5);
  });
});

group("the catch-up window", () => {
  const secondly = (seconds?: number) =>
    new Driver(
      { cron_expressions: ["@every 5s"], policy: { overlap: ALLOW_ALL, catchup_window_seconds: seconds } },
      "00:30",
    );

  test("is exact: a time exactly as old as the window still runs", () => {
    const driver = secondly(20).wake("00:31");
    expect(driver.started).toEqual(["00:30:40", "00:30:45", "00:30:50", "00:30:55", "00:31"]);
    expect(driver.log.filter((entry) => entry.includes("missed"))).toHaveLength(7);
    expect(driver.state.counters.missed_catchup_window).toBe(7);
  });

  test("of 0 is one of 10 seconds", () => {
    expect(secondly(0).wake("00:31").started).toEqual(["00:30:50", "00:30:55", "00:31"]);
  });

  test("defaults to a year", () => {
    expect(secondly().wake("00:31").started).toHaveLength(12);
  });

  test("does not apply to runs that wait", () => {
    const driver = hourly({ policy: { overlap: BUFFER_ALL, catchup_window_seconds: 10 } })
      .wake("01:00")
      .wake("02:00");
    expect(driver.close("09:00", "01:00").started).toEqual(["01:00", "02:00"]);
  });
});

group("very many lost times are one log entry, quickly", () => {
  const everySecond = (policy: object) => new Driver({ cron_expressions: ["@every 1s"], policy }, "00:00");
  const nextYear = Date.UTC(2027, 0, 1);

  test.each([
    ["missed", { catchup_window_seconds: 10 }, (driver: Driver) => driver.state, "missed_catchup"],
    ["paused", {}, (driver: Driver) => driver.pause("00:00").state, "paused"],
    ["over a full buffer", { overlap: BUFFER_ALL }, (driver: Driver) => driver.state, "buffer_full"],
  ])("a year of seconds %s", (_, policy, prepare, outcome) => {
    const state = prepare(everySecond(policy));
    const started = performance.now();
    const decision = wake(state, nextYear);
    expect(performance.now() - started).toBeLessThan(1000);
    const entry = decision.log.findLast((each) => each.outcome === outcome)!;
    expect(entry.until).toBeGreaterThan(nextYear - 20_000);
    expect(decision.state.log).toHaveLength(200);
    expect(wake(decision.state, nextYear).changed).toBe(false);
  });

  test("under CANCEL_OTHER the newest run still starts", () => {
    const decision = wake(everySecond({ overlap: CANCEL_OTHER }).state, at("09:00"));
    expect(decision.effects.map((effect) => short(effect.execution_id))).toEqual(["09:00"]);
  });
});

group("an update", () => {
  test("is not retroactive: due times of the new spec before the update never run", () => {
    const driver = hourly()
      .wake("01:00")
      .close("01:01", "01:00")
      .update("05:30", { cron_expressions: ["@every 10m"] });
    expect(driver.started).toEqual(["01:00", "02:00"]); // 02:00 was due under the old spec
    expect(driver.future.slice(0, 2)).toEqual(["2026-01-01T05:40:00Z", "2026-01-01T05:50:00Z"]);
    expect(driver.close("05:31", "02:00").wake("05:40").started.at(-1)).toBe("05:40");
  });

  test("runs a time of the new spec at the very instant of the update", () => {
    const driver = hourly().update("01:30", { cron_expressions: ["*/30 * * * *"], policy: { overlap: ALLOW_ALL } });
    expect(driver.wake("01:30").started).toEqual(["01:00", "01:30"]);
  });

  test("from a rare to a frequent spec is quick: it does not step through the years between", () => {
    const yearly = new Driver({ cron_expressions: ["@yearly"] }, "00:00:01");
    const started = performance.now();
    const updated = update(yearly.state, Date.UTC(2026, 11, 31, 12), {
      cron_expressions: ["@every 1s"],
      jitter: "P30D",
    });
    expect(performance.now() - started).toBeLessThan(200);
    expect(updated).toMatchObject({ log: [], state: { cursor: expect.any(Number) } });
  });

  test("keeps a run between its nominal and its actual time, if the new spec has that time", () => {
    const driver = hourly({ jitter: "PT50M" });
    const actual = driver.wakeAt!;
    expect(driver.update("01:00:01", { input: 2 }).wakeAt).toBe(actual);
    expect(driver.update("01:00:02", { cron_expressions: ["30 * * * *"], jitter: null }).wakeAt).toBe(at("01:30"));
  });

  test("that is invalid changes nothing", () => {
    const { state } = hourly();
    expect(update(state, at("03:00"), { cron_expressions: ["0 0 30 2 *"] })).toMatchObject({
      issues: [{ loc: ["cron_expressions", 0] }],
    });
    expect(update(state, at("03:00"), [])).toMatchObject({ issues: [{ loc: [] }] });
  });

  test("does not change pause, counters and active runs", () => {
    const driver = hourly()
      .wake("01:00")
      .pause("01:10", "n")
      .update("01:20", { policy: { overlap: ALLOW_ALL } });
    expect(driver.state).toMatchObject({
      paused: true,
      note: "n",
      counters: { started: 1 },
      active: [{ starting: null }],
    });
  });
});

group("manual runs", () => {
  test("in one second are distinct executions, and distinct from the scheduled run of that second", () => {
    const driver = hourly({ policy: { overlap: ALLOW_ALL } })
      .trigger("01:00")
      .trigger("01:00");
    expect(driver.effects.map(({ execution_id }) => execution_id)).toEqual([
      "report-20260101T010000Z",
      "report-20260101T010000Z-m1",
      "report-20260101T010000Z-m2",
    ]);
  });

  test("run past the end of the spec", () => {
    expect(hourly({ end_at: "2026-01-01T00:40:00Z" }).trigger("05:00").started).toEqual(["05:00 m1"]);
  });

  test("beyond a full buffer are dropped and logged", () => {
    let { state } = new Driver({ policy: { overlap: BUFFER_ALL } }, "00:00");
    for (let index = 0; index < 1001; index++) state = trigger(state, at("00:01")).state;
    expect(state.buffer).toHaveLength(1000);
    const dropped = trigger(state, at("00:02"));
    expect(dropped.log).toMatchObject([{ outcome: "buffer_full", manual: 1002 }]);
    expect(dropped.state.counters.buffer_dropped).toBe(1);
  });

  test("beyond 1000 active ones are refused and logged", () => {
    let { state } = new Driver({ policy: { overlap: ALLOW_ALL } }, "00:00");
    for (let index = 0; index < 1000; index++) state = trigger(state, at("00:01")).state;
    expect(trigger(state, at("00:02")).log).toMatchObject([
      { outcome: "refused", reason: expect.stringContaining("1000 runs") },
    ]);
    expect(JSON.stringify(state).length).toBeLessThan(350_000);
  });
});

group("a backfill", () => {
  const range = { start_at: "2026-01-01T01:00:00Z", end_at: "2026-01-01T03:00:00Z" };

  test("makes a manual run of each time in the range, both ends included, in order", () => {
    const driver = hourly({ policy: { overlap: BUFFER_ALL }, max_executions: 1 }, "06:00").apply(
      "06:10",
      (state, now) => backfill(state, now, range),
    );
    expect(driver.started).toEqual(["01:00 m1"]);
    expect(driver.waiting).toEqual(["02:00 m2", "03:00 m3"]);
    expect(driver.state.remaining).toBe(1);
    const all = hourly({}, "06:00").apply("06:10", (state, now) =>
      backfill(state, now, { ...range, overlap: ALLOW_ALL }),
    );
    expect(all.started).toEqual(["01:00 m1", "02:00 m2", "03:00 m3"]);
  });

  test("leaves out what the spec skips", () => {
    const driver = hourly({ skip: [{ hour: [{ start: 2 }] }] }, "06:00").apply("06:10", (state, now) =>
      backfill(state, now, { ...range, overlap: ALLOW_ALL }),
    );
    expect(driver.started).toEqual(["01:00 m1", "03:00 m2"]);
  });

  test.each([
    [{ ...range, start_at: "yesterday" }, "start_at", "RFC 3339"],
    [{ ...range, end_at: "now" }, "end_at", "RFC 3339"],
    [{ start_at: range.end_at, end_at: range.start_at }, "end_at", "2026-01-01T03:00:00Z (start_at) or later"],
    [{ ...range, end_at: "2026-01-01T06:10:01Z" }, "end_at", "(now) or earlier"],
  ])("of %j is refused", (bad, field, why) => {
    expect(backfill(hourly({}, "06:00").state, at("06:10"), bad)).toMatchObject({
      issues: [{ loc: [field], msg: expect.stringContaining(why) }],
    });
  });

  test("of more runs than the buffer holds is refused as a whole", () => {
    const { state } = new Driver({ cron_expressions: ["@every 1s"] }, "06:00");
    expect(backfill(state, at("06:00"), range)).toMatchObject({
      issues: [{ msg: expect.stringContaining("more than 1000 times") }],
    });
  });
});

group("describe", () => {
  test("has every field of the contract's output", () => {
    const driver = hourly({ input: { a: 1 }, skip: [{ hour: [{ start: 3 }] }], max_executions: 20 }).wake("01:00");
    expect(describe(driver.state, at("01:10"))).toMatchObject({
      schedule_id: "report",
      workflow_name: "w",
      deployment_name: "shop",
      paused: false,
      note: null,
      input: { a: 1 },
      calendars: [],
      intervals: [],
      cron_expressions: ["@hourly"],
      skip: [{ hour: [{ start: 3 }] }],
      start_at: null,
      end_at: null,
      jitter: null,
      time_zone_name: null,
      policy: { overlap: 1, catchup_window_seconds: 31_536_000, pause_on_failure: false },
      remaining_executions: 19,
      recent_executions: [
        {
          scheduled_at: "2026-01-01T01:00:00Z",
          started_at: "2026-01-01T01:00:00Z",
          execution_id: "report-20260101T010000Z",
        },
      ],
      running_executions: [{ execution_id: "report-20260101T010000Z", status: "running" }],
      skipped_executions: [{ scheduled_at: "2026-01-01T03:00:00Z" }],
      waiting_executions: [],
      created_at: "2026-01-01T00:30:00Z",
      updated_at: "2026-01-01T00:30:00Z",
    });
    expect(describe(driver.state, at("01:10"))).not.toHaveProperty("max_executions");
    expect(driver.future.slice(0, 3)).toEqual(["2026-01-01T02:00:00Z", "2026-01-01T04:00:00Z", "2026-01-01T05:00:00Z"]);
  });

  test("tells the newest due time that started nothing, however many have started since, and none that a person kept back", () => {
    const driver = hourly().wake("01:00").wake("02:00");
    const missed = {
      scheduled_at: "2026-01-01T02:00:00Z",
      decided_at: "2026-01-01T02:00:00Z",
      outcome: "skipped_overlap",
      reason: "a run is active",
    };
    expect(describe(driver.state, at("02:00")).not_started).toEqual(missed);
    driver.close("02:30", "01:00").wake("03:00").pause("03:30").wake("06:00").resume("06:30");
    expect(driver.log.at(-1)).toBe("06:00 paused");
    expect(describe(driver.state, at("06:30")).not_started).toEqual(missed);
    const state = JSON.parse(JSON.stringify({ ...hourly().state, not_started: undefined })); // as versions before stored it
    expect(describe(state, at("00:30")).not_started).toBeNull();
  });

  test("keeps the last ten runs, newest last", () => {
    const driver = hourly({ policy: { overlap: ALLOW_ALL } }).wake("12:00");
    const { recent_executions } = describe(driver.state, at("12:00"));
    expect(recent_executions).toHaveLength(10);
    expect(recent_executions.at(-1)?.scheduled_at).toBe("2026-01-01T12:00:00Z");
  });
});
