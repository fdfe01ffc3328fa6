/** Schedules that fire: the runs that start, their times and inputs, and the outcomes of due times that start none. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DAY, HOUR, MINUTE, SECOND, type Stage, stage } from "./stage.ts";

let s: Stage;
beforeEach(async () => {
  s = await stage();
});
afterEach(() => s.close());

type Given = Parameters<Stage["schedules"]["scheduleWorkflow"]>[0];
const created = (scheduleId: string, schedule: Partial<Given["schedule"]>, over: Partial<Given> = {}) =>
  s.schedules.scheduleWorkflow({
    workflowIdentifier: "orders",
    scheduleId,
    ...over,
    schedule: { input: {}, ...schedule },
  });
const get = (scheduleId: string) => s.schedules.getSchedule({ scheduleId });
const started = async (id: string) => (await s.outcomes(id)).filter((outcome) => outcome.startsWith("started"));
const ids = async (id: string) => (await get(id)).recentExecutions!.map(({ executionId }) => executionId);
const status = async (executionId: string) =>
  (await s.client.workflows.executions.getWorkflowExecution({ executionId })).status;

describe("a run that starts", () => {
  test("an interval of 20 s starts runs at the right seconds, except while paused, and none after the delete", async () => {
    await created("often", { intervals: [{ every: "PT20S" }], policy: { overlap: 6 } });
    await s.pass(70 * SECOND);
    expect(await s.outcomes("often")).toEqual(["started@20", "started@40", "started@60"]);
    await s.schedules.pauseSchedule({ scheduleId: "often" });
    await s.pass(MINUTE);
    expect(await started("often")).toHaveLength(3);
    await s.schedules.resumeSchedule({ scheduleId: "often" });
    await s.pass(20 * SECOND);
    expect((await started("often")).at(-1)).toBe("started@140");
    await s.schedules.unscheduleWorkflow({ scheduleId: "often" });
    await s.pass(HOUR);
    expect(await s.ports.schedules.due(Number.MAX_SAFE_INTEGER, 1)).toEqual([]);
    const runs = await s.client.workflows.runs.listRuns({});
    expect(runs.result.executions).toHaveLength(4);
  });

  test("an execution carries its input, its user, its search keys, its time limit and its schedule", async () => {
    await created("daily", { input: { customer: "ada" }, intervals: [{ every: "PT1M" }] });
    await s.pass(MINUTE);
    const [execution] = await ids("daily");
    expect(execution).toBe("daily-20270115T080100Z");
    const head = await s.ports.executions.head({ workspace: s.workspace, execution: execution! });
    expect(head).toMatchObject({
      input: { customer: "ada" },
      user: "tester",
      search_keys: { customer: "ada" },
      deployment: "shop",
      deadline: null,
      schedule: { id: "daily", nominal: Date.parse("2027-01-15T08:01:00Z") },
    });
    await created("limited", { input: { n: 1 }, intervals: [{ every: "PT1M" }] }, { workflowIdentifier: "strict" });
    await s.pass(MINUTE);
    const limited = await s.ports.executions.head({ workspace: s.workspace, execution: (await ids("limited"))[0]! });
    expect(limited!.deadline! - limited!.started_at).toBe(MINUTE);
  });

  test("a run starts at the jittered time that future_executions showed", async () => {
    await created("spread", { intervals: [{ every: "PT1H" }], jitter: "PT30M", policy: { overlap: 6 } });
    const shown = (await get("spread")).futureExecutions!.slice(0, 5).map(({ scheduledAt }) => scheduledAt);
    await s.pass(6 * HOUR);
    const recent = (await get("spread")).recentExecutions!.slice(0, 5);
    expect(recent.map(({ scheduledAt }) => scheduledAt)).toEqual(shown);
    expect(recent.map(({ startedAt }) => startedAt)).toEqual(shown);
  });

  test("max_executions limits the number of runs", async () => {
    await created("thrice", { intervals: [{ every: "PT1M" }], maxExecutions: 3, policy: { overlap: 6 } });
    await s.pass(10 * MINUTE);
    expect(await started("thrice")).toHaveLength(3);
    expect(await get("thrice")).toMatchObject({ remainingExecutions: 0, futureExecutions: [] });
    expect((await s.outcomes("thrice")).at(-1)).toBe("exhausted@600");
  });

  test("the next run after an update gets the new input", async () => {
    await created("edited", { input: { v: 1 }, intervals: [{ every: "PT1M" }], policy: { overlap: 6 } });
    await s.pass(MINUTE);
    await s.schedules.updateSchedule({
      scheduleId: "edited",
      workflowScheduleUpdateRequest: { schedule: { input: { v: 2 } } },
    });
    await s.pass(MINUTE);
    const inputs = (await ids("edited")).map(
      async (execution) => (await s.ports.executions.head({ workspace: s.workspace, execution }))!.input,
    );
    expect(await Promise.all(inputs)).toEqual([{ v: 1 }, { v: 2 }]);
  });
});

describe("a run that overlaps", () => {
  test("the default policy drops due times while a run is active, and starts the next one after its close", async () => {
    await created("skip", { intervals: [{ every: "PT1M" }] });
    await s.pass(3 * MINUTE);
    const [first] = await ids("skip");
    await s.shop.complete(first!);
    await s.pass(MINUTE);
    expect(await s.outcomes("skip")).toEqual([
      "started@60",
      "skipped_overlap@120",
      "skipped_overlap@180",
      "started@240",
    ]);
  });

  test("BUFFER_ONE starts the waiting run when the active one closes", async () => {
    await created("one", { intervals: [{ every: "PT1M" }], policy: { overlap: 2 } });
    await s.pass(3 * MINUTE + 5 * SECOND);
    expect(await s.outcomes("one")).toEqual(["started@60", "buffered@120", "skipped_overlap@180"]);
    await s.shop.complete((await ids("one"))[0]!);
    const shown = await get("one");
    expect(shown.recentExecutions!.map(({ startedAt }) => s.seconds(startedAt))).toEqual([60, 185]);
    expect(shown.recentExecutions![1]!.executionId).toBe("one-20270115T080200Z");
  });

  test("CANCEL_OTHER asks the active run to cancel and waits for its close; TERMINATE_OTHER terminates it at once", async () => {
    await created("polite", { intervals: [{ every: "PT1M" }], policy: { overlap: 4 } });
    await s.pass(MINUTE);
    const [first] = await ids("polite");
    await s.pass(MINUTE);
    expect(await status(first!)).toBe("RUNNING");
    const drive = await s.shop.claim(first!);
    expect(drive.messages).toMatchObject([{ kind: "cancel", reason: expect.stringContaining("schedule polite") }]);
    const taken = drive.messages.map(({ id }) => id);
    await drive.close({ kind: "execution_cancelled", reason: null }, { failure: "cancelled", taken });
    expect(await ids("polite")).toEqual([first, "polite-20270115T080200Z"]);

    await created("rude", { intervals: [{ every: "PT1M" }], policy: { overlap: 5 } });
    await s.pass(2 * MINUTE);
    const [old, next] = await ids("rude");
    expect(await status(old!)).toBe("TERMINATED");
    expect(await status(next!)).toBe("RUNNING");
    expect(await started("rude")).toEqual(["started@180", "started@240"]);
  });

  test("a failed run pauses the schedule with its reason; a cancelled or completed one does not", async () => {
    await created("careful", { intervals: [{ every: "PT1M" }], policy: { pauseOnFailure: true } });
    await s.pass(MINUTE);
    await s.shop.complete((await ids("careful"))[0]!);
    await s.pass(MINUTE);
    const second = (await ids("careful"))[1]!;
    const failure = { type: "WorkflowError", message: "out of paper" };
    await (await s.shop.claim(second)).close({ kind: "execution_failed", failure }, { failure: "out of paper" });
    expect(await get("careful")).toMatchObject({
      paused: true,
      note: `paused due to workflow failure: ${second}: out of paper`,
    });
    await s.pass(5 * MINUTE);
    expect(await started("careful")).toHaveLength(2);
  });
});

describe("a run that cannot start", () => {
  test("without a running worker the start is tried again for some minutes, and succeeds when a worker registers", async () => {
    await created("patient", { intervals: [{ every: "PT1H" }] });
    await s.shop.stop();
    await s.pass(HOUR + 30 * SECOND);
    expect(await s.outcomes("patient")).toEqual([]);
    await s.worker("shop", [{ name: "orders", execution_timeout: null }]);
    await s.pass(MINUTE);
    expect(await s.outcomes("patient")).toEqual(["started@3600"]);
  });

  test("after ten attempts the start is refused with the reason, and the schedule goes on", async () => {
    await created("lonely", { intervals: [{ every: "PT1H" }], maxExecutions: 5 });
    await s.shop.stop();
    await s.pass(HOUR + 10 * MINUTE);
    expect(await s.log("lonely")).toMatchObject([
      {
        outcome: "refused",
        reason: expect.stringMatching(/no worker of that deployment is running.*\(tried 10 times\)/),
      },
    ]);
    expect(s.lines.some(({ level, fields }) => level === "warn" && fields.schedule === "lonely")).toBe(true);
    await s.worker("shop", [{ name: "orders", execution_timeout: null }]);
    await s.pass(HOUR);
    expect(await s.outcomes("lonely")).toEqual(["refused@3600", "started@7200"]);
    expect((await get("lonely")).remainingExecutions).toBe(4);
  });

  test("a second developer's worker neither takes the runs of a schedule nor stops them", async () => {
    await created("bound", { intervals: [{ every: "PT1M" }], policy: { overlap: 6 } });
    expect(await get("bound")).toMatchObject({ deploymentName: "shop" });
    const rival = await s.worker("rival", [{ name: "orders" }]);
    await s.pass(2 * MINUTE);
    await s.schedules.triggerSchedule({ scheduleId: "bound" });
    expect(await started("bound")).toEqual(["started@60", "started@120", "started@120"]);
    for (const executionId of await ids("bound")) {
      const head = await s.ports.executions.head({ workspace: s.workspace, execution: executionId });
      expect(head!.deployment).toBe("shop");
    }
    await s.shop.stop();
    await s.pass(MINUTE);
    expect(await started("bound")).toHaveLength(3); // it waits for its own deployment
    await rival.stop();
  });

  test("a schedule follows an update to another deployment, and an unknown deployment is refused", async () => {
    await created("moved", { intervals: [{ every: "PT1M" }], policy: { overlap: 6 } });
    await s.worker("rival", [{ name: "orders" }]);
    const path = "/v1/workflows/schedules/moved";
    const move = (deployment_name: string) => s.ask("PATCH", path, { body: { schedule: {}, deployment_name } });
    expect(await move("nowhere")).toMatchObject({ status: 404, body: { code: "WF_1100" } });
    expect(await move("rival")).toMatchObject({ status: 200 });
    await s.pass(MINUTE);
    const [execution] = await ids("moved");
    const head = await s.ports.executions.head({ workspace: s.workspace, execution: execution! });
    expect(head!.deployment).toBe("rival");
    expect(await get("moved")).toMatchObject({ deploymentName: "rival" });
  });

  test("an input that does not fit the changed workflow is refused with the place of the mistake", async () => {
    await created("strictly", { input: { n: 1 }, intervals: [{ every: "PT1M" }] }, { workflowIdentifier: "strict" });
    const input_schema = { type: "object", properties: { m: { type: "integer" } }, required: ["m"] };
    await s.worker("shop", [{ name: "strict", input_schema }]);
    await s.pass(MINUTE);
    expect(await s.log("strictly")).toMatchObject([
      { outcome: "refused", reason: expect.stringContaining("input.m: Field required") },
    ]);
  });

  test("a client's execution under the id of a due time goes on unchanged, and the log says duplicate", async () => {
    await created("squatted", { intervals: [{ every: "PT1M" }] });
    const executionId = "squatted-20270115T080100Z";
    await s.client.workflows.executeWorkflow({
      workflowIdentifier: "orders",
      workflowExecutionRequest: { executionId, input: { mine: true } },
    });
    await s.pass(2 * MINUTE);
    expect(await s.outcomes("squatted")).toEqual(["duplicate@60", "started@120"]);
  });
});

test("after an outage the missed times are one batch, under the catch-up window and the overlap policy", async () => {
  await created("missed", { intervals: [{ every: "PT1H" }], policy: { overlap: 3, catchupWindowSeconds: 3 * 3600 } });
  s.ports.timer.stop();
  await s.clock.advance(5 * HOUR + MINUTE);
  s.ports.timer.start();
  await s.pass(0);
  expect(await s.outcomes("missed")).toEqual([
    "missed_catchup@3600",
    "missed_catchup@7200",
    "buffered@14400",
    "buffered@18000",
    "started@10800", // logged when its result is known
  ]);
  const since = async (ms: number) => {
    const after = new Date(ms).toISOString();
    const { body } = await s.ask("GET", `/v1/workflows/schedules?search=missed&not_started_after=${after}`);
    const { schedules } = body as { schedules: { not_started: { scheduled_at: string; outcome: string } }[] };
    return schedules.map(({ not_started: { scheduled_at, outcome } }) => `${outcome}@${s.seconds(scheduled_at)}`);
  };
  expect(await since(s.clock.now())).toEqual(["missed_catchup@7200"]);
  expect(await since(s.clock.now() + 1)).toEqual([]);
});

test("two workspaces may use the same schedule id, and each sees its own runs", async () => {
  const other = await s.newKey();
  await s.worker("theirs", [{ name: "orders", execution_timeout: null }], { key: other.key });
  await created("same", { intervals: [{ every: "P1D" }] });
  await other.client.workflows.schedules.scheduleWorkflow({
    workflowIdentifier: "orders",
    scheduleId: "same",
    schedule: { input: {}, intervals: [{ every: "P1D" }] },
  });
  await s.pass(DAY);
  expect((await s.client.workflows.runs.listRuns({})).result.executions).toHaveLength(1);
  expect((await other.client.workflows.runs.listRuns({})).result.executions).toHaveLength(1);
});
