/**
 * Schedules that cost too much, that cannot be read, or whose clock is wrong: each is told and does no harm to the others. Their
 * states are stored through the port, as an earlier version of the program might have left them.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ScheduleState } from "../../../shared/schedule/rules/index.ts";
import { failure } from "../../api/support/world.ts";
import { HOUR, MINUTE, SECOND, type Stage, stage } from "./stage.ts";

let s: Stage;
beforeEach(async () => {
  s = await stage();
});
afterEach(() => s.close());

type Given = Parameters<Stage["schedules"]["scheduleWorkflow"]>[0];
const create = (scheduleId: string, schedule: Partial<Given["schedule"]> = { intervals: [{ every: "PT1M" }] }) =>
  s.schedules.scheduleWorkflow({
    workflowIdentifier: "orders",
    scheduleId,
    schedule: { input: {}, policy: { overlap: 6 }, ...schedule },
  });
const get = (scheduleId: string) => s.schedules.getSchedule({ scheduleId });
const started = async (id: string) => (await s.outcomes(id)).filter((outcome) => outcome.startsWith("started"));
const keyOf = (schedule: string) => ({ workspace: s.workspace, schedule });
const post = (path: string, body?: unknown) => s.ask("POST", `/v1/workflows/schedules${path}`, { body });

/** Replaces the stored state, which becomes due at once. */
async function store(id: string, change: (state: ScheduleState) => object): Promise<void> {
  const { state } = (await s.ports.schedules.get(keyOf(id)))!;
  const next = { ...state, version: state.version + 1, ...change(state) } as ScheduleState;
  await s.ports.schedules.replace(s.workspace, state, { state: next, wakeAt: s.clock.now() });
}

const evenSeconds = {
  second: [{ start: 0, end: 59, step: 2 }],
  minute: [{ start: 0, end: 59 }],
  hour: [{ start: 0, end: 23 }],
};
/** Every one of its times is skipped, one by one. */
const allSkipped = { intervals: [{ every: "PT2S" }], skip: [evenSeconds] };
const TOO_COSTLY = /takes too many steps/;

describe("a definition over the budget", () => {
  test("is refused by create, update and preview", async () => {
    await create("small");
    const answers = [
      await post("", { workflow_identifier: "orders", schedule: { input: {}, ...allSkipped } }),
      await post("/preview", { schedule: allSkipped }),
      await s.ask("PATCH", "/v1/workflows/schedules/small", { body: { schedule: allSkipped } }),
    ];
    for (const { status, body } of answers) {
      expect([status, body.code]).toEqual([422, "WF_1200"]);
      expect((body.detail as { msg: string }[])[0]!.msg).toMatch(TOO_COSTLY);
    }
    expect((await get("small")).intervals).toEqual([{ every: "PT1M", offset: null }]);
  });

  test("that is stored pauses its schedule with a note, and the others start in the same second", async () => {
    await create("costly");
    await create("other");
    await store("costly", ({ definition }) => ({ definition: { ...definition, ...allSkipped } }));
    await s.pass(3 * MINUTE);
    expect(await started("other")).toEqual(["started@60", "started@120", "started@180"]);
    const shown = await get("costly");
    expect(shown).toMatchObject({ paused: true, futureExecutions: [] });
    expect(shown.note).toMatch(TOO_COSTLY);
    expect(s.lines.some(({ level, fields }) => level === "warn" && fields.schedule === "costly")).toBe(true);
    expect((await s.schedules.getSchedules({})).result.schedules).toHaveLength(2);
    expect(await s.ports.schedules.due(Number.MAX_SAFE_INTEGER, 9)).toMatchObject([{ schedule: "other" }]);
  });

  test("that is stored cannot be resumed until an update repairs it; a trigger starts a run meanwhile", async () => {
    await create("costly");
    await store("costly", ({ definition }) => ({ definition: { ...definition, ...allSkipped } }));
    await s.pass(SECOND);
    const refused = await failure(s.schedules.resumeSchedule({ scheduleId: "costly" }));
    expect(refused).toMatchObject({ status: 422, body: { code: "WF_1200" } });
    await s.schedules.triggerSchedule({ scheduleId: "costly" });
    expect(await started("costly")).toHaveLength(1);
    await s.schedules.updateSchedule({
      scheduleId: "costly",
      workflowScheduleUpdateRequest: { schedule: { skip: [], intervals: [{ every: "PT1M" }] } },
    });
    await s.schedules.resumeSchedule({ scheduleId: "costly" });
    await s.pass(MINUTE);
    expect(await started("costly")).toHaveLength(2);
  });

  test("of an earlier version, or no longer valid, pauses its schedule with a note that names the mistake", async () => {
    await create("crowded");
    await create("abbreviated");
    const calendars = Array.from({ length: 20_000 }, () => ({}));
    await store("crowded", ({ definition }) => ({ definition: { ...definition, calendars } }));
    await store("abbreviated", ({ definition }) => ({ definition: { ...definition, time_zone_name: "BST" } }));
    await s.pass(SECOND);
    expect((await get("crowded")).note).toMatch(/calendars has 20000 items; allowed are at most 100/);
    expect((await get("abbreviated")).note).toMatch(/time_zone_name is "BST"/);
    await s.schedules.unscheduleWorkflow({ scheduleId: "crowded" });
  });

  test("near its budget lets other requests be served while its preview is computed", async () => {
    const schedule = { calendars: Array.from({ length: 100 }, () => ({})), time_zone_name: "America/Santiago" };
    let turns = 0;
    let done = false;
    const count = () => {
      turns++;
      if (!done) setImmediate(count);
    };
    setImmediate(count);
    const { status, body } = await post("/preview", { schedule, count: 1000 });
    done = true;
    expect(status).toBe(200);
    expect(body.times).toHaveLength(1000);
    expect(turns).toBeGreaterThan(2);
  });
});

describe("a stored schedule that cannot be read", () => {
  test("is shown as such, is logged once, and the others start", async () => {
    await create("a");
    await create("foreign");
    await create("z");
    await store("foreign", () => ({ format: 2 }));
    await s.pass(3 * MINUTE);
    expect(await started("a")).toHaveLength(3);
    expect(await started("z")).toHaveLength(3);
    const { schedules } = (await s.schedules.getSchedules({})).result;
    expect(schedules.map((each) => each.scheduleId)).toEqual(["a", "foreign", "z"]);
    const shown = await get("foreign");
    expect(shown).toMatchObject({ paused: true, workflowName: "", note: expect.stringContaining("its format is 2") });
    expect(s.lines.filter(({ level, fields }) => level === "error" && fields.schedule === "foreign")).toHaveLength(1);
    expect((await s.ask("GET", "/health")).body).toMatchObject({ set_aside: 1 });
    await s.schedules.unscheduleWorkflow({ scheduleId: "foreign" });
    expect((await s.ask("GET", "/health")).body).not.toHaveProperty("set_aside");
  });

  test("refuses every change and can be deleted", async () => {
    await create("foreign");
    await store("foreign", () => ({ buffer: "x" }));
    const scheduleId = "foreign";
    const changes = [
      () => s.schedules.pauseSchedule({ scheduleId }),
      () => s.schedules.resumeSchedule({ scheduleId }),
      () => s.schedules.triggerSchedule({ scheduleId }),
      () => s.schedules.updateSchedule({ scheduleId, workflowScheduleUpdateRequest: { schedule: {} } }),
    ];
    for (const change of changes) {
      const refused = await failure(change());
      expect(refused).toMatchObject({ status: 500, body: { code: "WF_1200" } });
      expect(refused.body.detail).toMatch(/its buffer cannot be read.*Delete it and create it again/);
    }
    await s.schedules.unscheduleWorkflow({ scheduleId });
    await create("foreign");
    expect((await get("foreign")).paused).toBe(false);
  });

  test("is no reason for a run that it started not to close", async () => {
    await create("foreign");
    await s.pass(MINUTE);
    await store("foreign", () => ({ format: 2 }));
    await s.shop.complete("foreign-20270115T080100Z");
    const execution = "foreign-20270115T080100Z";
    const head = await s.ports.executions.head({ workspace: s.workspace, execution });
    expect(head).toMatchObject({ status: "COMPLETED", due_at: null });
  });
});

describe("a clock that was set back", () => {
  test("by an hour starts no due time twice, and the schedule goes on behind the last one", async () => {
    await create("hourly", { intervals: [{ every: "PT30M" }] });
    await s.pass(2 * HOUR);
    s.clock.setBack(HOUR);
    await s.pass(90 * MINUTE);
    expect(await started("hourly")).toEqual([1800, 3600, 5400, 7200, 9000].map((second) => `started@${second}`));
  });

  test("does not delay what a dead process had decided", async () => {
    s.ports.timer.stop();
    await create("pending", { intervals: [{ every: "PT1H" }] });
    await s.clock.advance(HOUR);
    const { executions } = s.ports;
    const { create: put } = executions;
    executions.create = async () => new Promise<never>(() => {}); // the process dies while it starts the run
    void s.wake("pending");
    await s.untilIdle();
    executions.create = put;
    s.clock.setBack(HOUR);
    s.ports.timer.start();
    await s.pass(0);
    await s.ports.recoverSchedules();
    expect(await started("pending")).toEqual(["started@3600"]);
  });

  test("is noticed by the running timer, which performs pending effects at once", async () => {
    await create("pending", { intervals: [{ every: "PT1H" }] });
    await s.shop.stop();
    await s.pass(HOUR + SECOND); // the start is tried again in some seconds, because no worker lives
    s.clock.setBack(HOUR);
    await s.worker("shop", [{ name: "orders", execution_timeout: null }]);
    await create("soon", { intervals: [{ every: "PT5S" }] }); // makes the timer look
    await s.pass(5 * SECOND);
    expect(await started("pending")).toEqual(["started@3600"]);
    expect(s.lines.some(({ message }) => message.includes("the clock was set back"))).toBe(true);
  });

  test("and a resume: a time that has run already starts nothing, and its run does not count as active", async () => {
    await create("hourly", { intervals: [{ every: "PT1H" }], policy: { overlap: 1 } });
    await s.pass(2 * HOUR);
    await s.shop.complete("hourly-20270115T090000Z");
    await s.pass(HOUR);
    await s.shop.complete("hourly-20270115T110000Z");
    s.clock.setBack(150 * MINUTE); // 08:30
    await s.schedules.resumeSchedule({ scheduleId: "hourly" });
    await s.pass(4 * HOUR);
    expect((await get("hourly")).recentExecutions!.map(({ executionId }) => executionId)).toEqual([
      "hourly-20270115T090000Z",
      "hourly-20270115T110000Z",
      "hourly-20270115T090000Z",
      "hourly-20270115T100000Z",
    ]);
    expect((await s.client.workflows.runs.listRuns({})).result.executions).toHaveLength(3);
  });

  test("from a wrong year leaves a schedule silent until it is resumed, and nothing is started twice", async () => {
    await create("daily", { intervals: [{ every: "P1D" }], policy: { overlap: 6, catchupWindowSeconds: 3600 } });
    await s.pass(24 * HOUR);
    await s.clock.advance(400 * 24 * HOUR);
    await s.wake("daily");
    s.clock.setBack(400 * 24 * HOUR);
    await s.pass(48 * HOUR);
    expect(await started("daily")).toHaveLength(2);
    const silent = (await get("daily")).futureExecutions![0]!.scheduledAt.getTime();
    expect(silent - s.clock.now()).toBeGreaterThan(300 * 24 * HOUR);
    await s.schedules.resumeSchedule({ scheduleId: "daily" });
    await s.pass(24 * HOUR);
    expect(await started("daily")).toHaveLength(3);
    const runs = (await s.client.workflows.runs.listRuns({})).result.executions.map((run) => run.executionId);
    expect(new Set(runs).size).toBe(runs.length);
  });
});
