/** The operations over HTTP; those that the official client has go through it. */
import type { ScheduleDefinitionOutput } from "@mistralai/mistralai/models/components";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failure } from "../../api/support/world.ts";
import { DAY, MINUTE, type Stage, stage } from "./stage.ts";

let s: Stage;
beforeAll(async () => {
  s = await stage();
});
afterAll(() => s.close());

let count = 0;
const fresh = () => `s-${count++}`;
type Given = Parameters<Stage["schedules"]["scheduleWorkflow"]>[0];
async function created(schedule: Partial<Given["schedule"]> = {}, over: Partial<Given> = {}): Promise<string> {
  const answer = await s.schedules.scheduleWorkflow({
    workflowIdentifier: "orders",
    scheduleId: fresh(),
    ...over,
    schedule: { input: {}, ...schedule },
  });
  return answer.scheduleId;
}
const get = (scheduleId: string) => s.schedules.getSchedule({ scheduleId });
const update = (scheduleId: string, schedule: object) =>
  s.schedules.updateSchedule({ scheduleId, workflowScheduleUpdateRequest: { schedule } });
const post = (path: string, body?: unknown) => s.ask("POST", `/v1/workflows/schedules${path}`, { body });

describe("create and get", () => {
  test("get answers the definition as it was given, with its next ten times", async () => {
    const id = await created({
      input: { report: "daily" },
      calendars: [
        { hour: [{ start: 9 }], minute: [{ start: 30 }], dayOfWeek: [{ start: 1, end: 5 }], comment: "work" },
      ],
      intervals: [{ every: "P1D", offset: "PT1H" }],
      cronExpressions: ["0 12 * * 1"],
      skip: [{ month: [{ start: 12 }], dayOfMonth: [{ start: 25 }] }],
      startAt: new Date("2027-01-16T00:00:00Z"),
      jitter: "PT5M",
      timeZoneName: "Europe/Paris",
      policy: { overlap: 3, catchupWindowSeconds: 3600, pauseOnFailure: true },
      maxExecutions: 12,
    });
    const shown = await get(id);
    expect(shown).toMatchObject({
      scheduleId: id,
      workflowName: "orders",
      deploymentName: "shop",
      input: { report: "daily" },
      intervals: [{ every: "P1D", offset: "PT1H" }],
      cronExpressions: ["0 12 * * 1"],
      startAt: new Date("2027-01-16T00:00:00Z"),
      endAt: null,
      jitter: "PT5M",
      timeZoneName: "Europe/Paris",
      policy: { overlap: 3, catchupWindowSeconds: 3600, pauseOnFailure: true },
      remainingExecutions: 12,
      paused: false,
      note: null,
      recentExecutions: [],
    });
    const [calendar] = shown.calendars!;
    expect(calendar).toMatchObject({ hour: [{ start: 9 }], dayOfWeek: [{ start: 1, end: 5 }], comment: "work" });
    expect(calendar!.month).toBeUndefined();
    expect(shown.futureExecutions).toHaveLength(10);
    const first = shown.futureExecutions![0]!.scheduledAt.getTime() - Date.parse("2027-01-16T01:00:00Z");
    expect(first).toBeGreaterThanOrEqual(0);
    expect(first).toBeLessThan(5 * MINUTE);
  });

  test("a create without an id gets a new one; the id may be given in the request or in the schedule", async () => {
    const made = await s.schedules.scheduleWorkflow({ workflowIdentifier: "orders", schedule: { input: null } });
    expect(made.scheduleId).toMatch(/^[0-9a-f-]{36}$/);
    const inner = fresh();
    const other = await s.schedules.scheduleWorkflow({
      workflowIdentifier: "orders",
      schedule: { input: null, scheduleId: inner },
    });
    expect(other.scheduleId).toBe(inner);
  });

  test("a create may name the workflow by name, by id or by registration", async () => {
    const { workflows } = await s.client.workflows.getWorkflows({}).then((page) => page.result);
    const { id } = workflows.find((each) => each.name === "orders")!;
    const byId = await created({}, { workflowIdentifier: id });
    const { workflowRegistrations } = await s.client.workflows.getWorkflowRegistrations({ workflowId: id });
    const registration = workflowRegistrations[0]!.id;
    const byRegistration = await created({}, { workflowIdentifier: undefined, workflowRegistrationId: registration });
    expect((await get(byId)).workflowName).toBe("orders");
    expect(await get(byRegistration)).toMatchObject({ deploymentName: "shop" });
  });

  test("a schedule without due times is valid: it waits for triggers", async () => {
    expect(await get(await created())).toMatchObject({ futureExecutions: [], paused: false });
  });
});

describe("a refused request changes nothing", () => {
  const refusals: [string, object, (string | number)[], RegExp][] = [
    ["an impossible cron line", { cronExpressions: ["0 25 * * *"] }, ["cron_expressions", 0], /0 25 \* \* \*/],
    ["the second Monday", { cronExpressions: ["0 9 * * 1#2"] }, ["cron_expressions", 0], /1#2/],
    [
      "the 30th of February",
      { calendars: [{ dayOfMonth: [{ start: 30 }], month: [{ start: 2 }] }] },
      ["calendars", 0],
      /./,
    ],
    ["an hour of 24", { calendars: [{ hour: [{ start: 24 }] }] }, ["calendars", 0, "hour", 0, "start"], /24/],
    ["an interval of a month", { intervals: [{ every: "P1M" }] }, ["intervals", 0, "every"], /P1M/],
    ["an unknown time zone", { timeZoneName: "Europe/Pariss" }, ["time_zone_name"], /Europe\/Paris\b/],
    ["a jitter that is no duration", { jitter: "5m" }, ["jitter"], /5m/],
  ];
  test.each(refusals)("%s is refused, with its place and the allowed values", async (_, schedule, loc, message) => {
    const id = fresh();
    const refused = await failure(created(schedule, { scheduleId: id }));
    expect(refused).toMatchObject({ status: 422, body: { code: "WF_1200" } });
    const detail = refused.body.detail as { loc: unknown[]; msg: string }[];
    expect(detail[0]!.loc).toEqual(["body", "schedule", ...loc]);
    expect(detail[0]!.msg).toMatch(message);
    expect((await failure(get(id))).status).toBe(404);
  });

  const many = (n: number, of: unknown) => Array.from({ length: n }, () => of);
  const bodies: [string, object, (string | number)[], string][] = [
    [
      "an unknown overlap policy",
      { policy: { overlap: 7 } },
      ["policy", "overlap"],
      "policy.overlap is 7; allowed are 1 SKIP, 2 BUFFER_ONE, 3 BUFFER_ALL, 4 CANCEL_OTHER, 5 TERMINATE_OTHER, 6 ALLOW_ALL",
    ],
    [
      "an overlap policy by name",
      { policy: { overlap: "SKIP" } },
      ["policy", "overlap"],
      'policy.overlap is "SKIP"; allowed',
    ],
    ["no calendars but a text", { calendars: "daily" }, ["calendars"], 'calendars is "daily"; allowed is a list'],
    ["a range without a start", { calendars: [{ hour: [{}] }] }, ["calendars", 0, "hour", 0, "start"], "is missing"],
    [
      "a date that does not exist",
      { start_at: "2027-02-29T00:00:00Z" },
      ["start_at"],
      "allowed is an RFC 3339 date-time",
    ],
    [
      "a number for an interval",
      { intervals: [{ every: 60 }] },
      ["intervals", 0, "every"],
      "is 60; allowed is a string",
    ],
    [
      "a negative catch-up window",
      { policy: { catchup_window_seconds: -1 } },
      ["policy", "catchup_window_seconds"],
      "0 and more",
    ],
    ["no executions at all", { max_executions: 0 }, ["max_executions"], "to stop a schedule, pause it"],
    [
      "an abbreviation of a zone",
      { time_zone_name: "BST" },
      ["time_zone_name"],
      "not abbreviations: several zones may share BST",
    ],
    ["an id with a blank", { schedule_id: "a b" }, ["schedule_id"], "cannot be a schedule id"],
    ["a reserved id", { schedule_id: "preview" }, ["schedule_id"], "cannot be a schedule id"],
    [
      "too many calendars",
      { calendars: many(101, {}) },
      ["calendars"],
      "calendars has 101 items; allowed are at most 100",
    ],
    ["too many skips", { skip: many(101, {}) }, ["skip"], "allowed are at most 100"],
    ["too many ranges", { calendars: many(21, { hour: many(100, { start: 1 }) }) }, [], "has 2100 ranges"],
    [
      "a long cron line",
      { cron_expressions: [`${"1,".repeat(300)}1 * * * *`] },
      ["cron_expressions", 0],
      "allowed are at most 500",
    ],
    [
      "a long duration",
      { intervals: [{ every: `P${"1".repeat(1e6)}D` }] },
      ["intervals", 0, "every"],
      "1000002 characters",
    ],
  ];
  test.each(
    bodies,
  )("%s is refused by create, update and preview alike, as a schedule", async (_, schedule, loc, message) => {
    const scheduleId = await created();
    const place = loc[0] === "schedule_id" ? ["body", ...loc] : ["body", "schedule", ...loc];
    const answers = [
      await post("", { workflow_identifier: "orders", schedule: { input: {}, ...schedule } }),
      await post("/preview", { schedule }),
      await s.ask("PATCH", `/v1/workflows/schedules/${scheduleId}`, { body: { schedule } }),
    ];
    for (const { status, body } of answers) {
      expect([status, body.code]).toEqual([422, "WF_1200"]);
      const [first] = body.detail as { loc: unknown[]; msg: string }[];
      expect(first!.loc).toEqual(place);
      expect(first!.msg).toContain(message);
    }
  });

  test("a create without an input is refused", async () => {
    const { status, body } = await post("", { workflow_identifier: "orders", schedule: {} });
    expect([status, body.code]).toEqual([422, "WF_1200"]);
    expect(body.detail).toMatchObject([{ loc: ["body", "schedule", "input"], type: "missing" }]);
  });

  test("two different ids in one request are refused", async () => {
    const schedule = { input: {}, schedule_id: "a" };
    const { status, body } = await post("", { workflow_identifier: "orders", schedule_id: "b", schedule });
    expect(status).toBe(422);
    expect(body.detail).toMatchObject([{ loc: ["body", "schedule_id"] }]);
  });

  test("a trigger with an unknown overlap policy lists the six with their names", async () => {
    const { status, body } = await post(`/${await created()}/trigger`, { overlap: 0 });
    expect(status).toBe(422);
    expect((body.detail as { msg: string }[])[0]!.msg).toBe(
      "allowed are 1 SKIP, 2 BUFFER_ONE, 3 BUFFER_ALL, 4 CANCEL_OTHER, 5 TERMINATE_OTHER, 6 ALLOW_ALL",
    );
  });

  test("a hundred thousand mistakes are answered with the first fifty, without repeating the values", async () => {
    const { body } = await post("/preview", {
      schedule: { calendars: many(100, { hour: many(20, { start: "x".repeat(90) }) }) },
    });
    expect(body.detail).toHaveLength(50);
    const long = await post("/preview", { schedule: { time_zone_name: ["x".repeat(10_000)] } });
    expect(JSON.stringify(long.body).length).toBeLessThan(1_000);
  });

  test("the official client reads the refusal as its validation error", async () => {
    expect((await failure(created({ jitter: "x" }))).name).toBe("HTTPValidationError");
  });

  test("an id in use is refused with 409 and names itself; the first schedule is unchanged", async () => {
    const id = await created({ cronExpressions: ["0 1 * * *"] });
    const refused = await failure(created({ cronExpressions: ["0 2 * * *"] }, { scheduleId: id }));
    expect(refused).toMatchObject({ status: 409, body: { code: "WF_1200", schedule_id: id } });
    expect((await get(id)).cronExpressions).toEqual(["0 1 * * *"]);
  });

  test("an unknown workflow, registration or deployment is 404", async () => {
    expect(await failure(created({}, { workflowIdentifier: "nowhere" }))).toMatchObject({ status: 404 });
    expect(await failure(created({}, { deploymentName: "nowhere" }))).toMatchObject({
      status: 404,
      body: { detail: expect.stringContaining("Workflow 'orders' is registered by 'shop'") },
    });
    const registration = "0190a000-0000-7000-8000-00000000dead";
    expect(
      await failure(created({}, { workflowIdentifier: undefined, workflowRegistrationId: registration })),
    ).toMatchObject({ status: 404 });
  });

  test("a workflow of two active deployments needs a deployment_name", async () => {
    const other = await s.newKey({ workspace: s.workspace });
    const rival = await s.worker("rival", [{ name: "shared" }], { key: other.key });
    const mate = await s.worker("mate", [{ name: "shared" }], { key: other.key });
    const refused = await failure(created({}, { workflowIdentifier: "shared" }));
    expect(refused).toMatchObject({
      status: 409,
      body: { code: "AMBIGUOUS_WORKFLOW", deployments: ["mate", "rival"] },
    });
    const id = await created({}, { workflowIdentifier: "shared", deploymentName: "mate" });
    expect((await get(id)).deploymentName).toBe("mate");
    await Promise.all([rival.stop(), mate.stop()]);
  });

  test("a schedule without deployment_name gets the only active deployment of its workflow", async () => {
    const other = await s.newKey({ workspace: s.workspace });
    const gone = await s.worker("gone", [{ name: "handed-over" }], { key: other.key });
    await gone.stop();
    const heir = await s.worker("heir", [{ name: "handed-over" }], { key: other.key });
    const id = await created({}, { workflowIdentifier: "handed-over" });
    expect((await get(id)).deploymentName).toBe("heir");
    await heir.stop();
  });

  test("without active deployments a schedule gets the only one of its workflow, and several are refused", async () => {
    const other = await s.newKey({ workspace: s.workspace });
    const first = await s.worker("first", [{ name: "dormant" }], { key: other.key });
    await first.stop();
    expect((await get(await created({}, { workflowIdentifier: "dormant" }))).deploymentName).toBe("first");
    const second = await s.worker("second", [{ name: "dormant" }], { key: other.key });
    await second.stop();
    expect(await failure(created({}, { workflowIdentifier: "dormant" }))).toMatchObject({
      status: 409,
      body: { code: "AMBIGUOUS_WORKFLOW", deployments: ["first", "second"] },
    });
    const id = await created({}, { workflowIdentifier: "dormant", deploymentName: "first" });
    expect((await get(id)).deploymentName).toBe("first");
  });

  test("an input that the workflow's schema does not allow is refused on create and on update", async () => {
    const refused = await failure(created({ input: { n: "x" } }, { workflowIdentifier: "strict" }));
    expect(refused).toMatchObject({ status: 422, body: { code: "WF_1200" } });
    expect((refused.body.detail as { loc: unknown[] }[])[0]!.loc).toEqual(["body", "schedule", "input", "n"]);
    const id = await created({ input: { n: 1 } }, { workflowIdentifier: "strict" });
    expect(await failure(update(id, { input: {} }))).toMatchObject({ status: 422 });
    expect((await get(id)).input).toEqual({ n: 1 });
  });

  test("every operation on an unknown id is 404 WF_1201", async () => {
    const scheduleId = "unknown";
    const calls = [
      get(scheduleId),
      update(scheduleId, { jitter: "PT1M" }),
      s.schedules.unscheduleWorkflow({ scheduleId }),
      s.schedules.pauseSchedule({ scheduleId }),
      s.schedules.resumeSchedule({ scheduleId }),
      s.schedules.triggerSchedule({ scheduleId }),
    ];
    for (const call of calls) expect(await failure(call)).toMatchObject({ status: 404, body: { code: "WF_1201" } });
    expect(await s.ask("GET", "/v1/workflows/schedules/unknown/log")).toMatchObject({ status: 404 });
    const range = { start_at: "2027-01-01T00:00:00Z", end_at: "2027-01-02T00:00:00Z" };
    expect(await post("/unknown/backfill", range)).toMatchObject({ status: 404, body: { code: "WF_1201" } });
  });

  test("a schedule of another workspace is 404", async () => {
    const id = await created();
    const { client } = await s.newKey();
    expect((await failure(client.workflows.schedules.getSchedule({ scheduleId: id }))).status).toBe(404);
    expect((await failure(client.workflows.schedules.unscheduleWorkflow({ scheduleId: id }))).status).toBe(404);
    expect((await client.workflows.schedules.getSchedules({})).result.schedules).toEqual([]);
    await get(id);
  });
});

describe("update", () => {
  test("an update changes only the given keys; it replaces lists, and null clears", async () => {
    const id = await created({
      cronExpressions: ["0 1 * * *"],
      intervals: [{ every: "PT1H" }],
      endAt: new Date("2028-01-01T00:00:00Z"),
      timeZoneName: "Europe/Paris",
      policy: { overlap: 2 },
      input: { a: 1 },
    });
    expect(await update(id, { cronExpressions: ["0 2 * * *"], endAt: null })).toEqual({ scheduleId: id });
    expect(await get(id)).toMatchObject({
      cronExpressions: ["0 2 * * *"],
      intervals: [{ every: "PT1H" }],
      endAt: null,
      timeZoneName: "Europe/Paris",
      policy: { overlap: 2 },
      input: { a: 1 },
    });
  });

  test("a policy is merged key by key over the wire", async () => {
    const id = await created({ policy: { overlap: 4, catchupWindowSeconds: 60, pauseOnFailure: true } });
    const body = { schedule: { policy: { overlap: 6 } } };
    expect((await s.ask("PATCH", `/v1/workflows/schedules/${id}`, { body })).status).toBe(200);
    expect((await get(id)).policy).toEqual({ overlap: 6, catchupWindowSeconds: 60, pauseOnFailure: true });
  });

  test("an update with an invalid result changes nothing", async () => {
    const id = await created({ cronExpressions: ["0 1 * * *"] });
    const refused = await failure(update(id, { jitter: "PT1M", cronExpressions: ["x"] }));
    expect(refused).toMatchObject({ status: 422, body: { code: "WF_1200" } });
    expect(await get(id)).toMatchObject({ jitter: null, cronExpressions: ["0 1 * * *"] });
  });

  test("max_executions sets what remains", async () => {
    const id = await created({ maxExecutions: 3 });
    await update(id, { maxExecutions: 9 });
    expect((await get(id)).remainingExecutions).toBe(9);
    await update(id, { maxExecutions: null });
    expect((await get(id)).remainingExecutions).toBeNull();
  });
});

describe("pause, resume, trigger, delete", () => {
  test("pause and resume store their notes, and a paused schedule shows its next times", async () => {
    const id = await created({ intervals: [{ every: "PT1H" }] });
    await s.schedules.pauseSchedule({ scheduleId: id, workflowSchedulePauseRequest: { note: "holidays" } });
    expect(await get(id)).toMatchObject({ paused: true, note: "holidays" });
    expect((await get(id)).futureExecutions).toHaveLength(10);
    await s.schedules.resumeSchedule({ scheduleId: id });
    expect(await get(id)).toMatchObject({ paused: false, note: null });
  });

  test("a note over 1000 bytes is refused", async () => {
    const scheduleId = await created();
    const call = s.schedules.pauseSchedule({ scheduleId, workflowSchedulePauseRequest: { note: "é".repeat(501) } });
    expect((await failure(call)).status).toBe(422);
    expect((await get(scheduleId)).paused).toBe(false);
  });

  test("a trigger has started its run when it answers, even on a paused schedule", async () => {
    const id = await created({ input: { customer: "ada" } });
    await s.schedules.pauseSchedule({ scheduleId: id });
    await s.schedules.triggerSchedule({ scheduleId: id });
    const shown = await get(id);
    expect(shown.recentExecutions).toEqual([
      { scheduledAt: new Date(s.clock.now()), startedAt: new Date(s.clock.now()), executionId: expect.any(String) },
    ]);
    const { executionId } = shown.recentExecutions![0]!;
    expect(executionId).toBe(`${id}-20270115T080000Z-m1`);
    const execution = await s.client.workflows.executions.getWorkflowExecution({ executionId });
    expect(execution).toMatchObject({ status: "RUNNING", workflowName: "orders" });
    const found = await s.client.workflows.runs.listRuns({ searchKey: ["customer:ada"] });
    expect(found.result.executions.map((run) => run.executionId)).toContain(executionId);
  });

  test("a trigger that overlaps is dropped under SKIP, and starts with an override", async () => {
    const id = await created();
    for (const overlap of [undefined, undefined, 6] as const) {
      await s.schedules.triggerSchedule({
        scheduleId: id,
        workflowScheduleTriggerRequest: overlap ? { overlap } : null,
      });
    }
    expect((await s.log(id)).map(({ outcome, manual }) => [outcome, manual])).toEqual([
      ["started", true],
      ["skipped_overlap", true],
      ["started", true],
    ]);
  });

  test("a delete removes the schedule and its log; the id may be used again", async () => {
    const id = await created({ intervals: [{ every: "PT1H" }] });
    await s.schedules.triggerSchedule({ scheduleId: id });
    await s.schedules.unscheduleWorkflow({ scheduleId: id });
    expect((await failure(get(id))).status).toBe(404);
    expect((await failure(s.schedules.unscheduleWorkflow({ scheduleId: id }))).status).toBe(404);
    await s.pass(1);
    await created({}, { scheduleId: id });
    expect(await s.log(id)).toEqual([]);
    expect((await get(id)).recentExecutions).toEqual([]);
  });
});

describe("lists", () => {
  let own: Awaited<ReturnType<Stage["newKey"]>>;
  const list = async (query: Parameters<Stage["schedules"]["getSchedules"]>[0]) => {
    const found: ScheduleDefinitionOutput[] = [];
    for await (const page of await own.client.workflows.schedules.getSchedules(query)) {
      if (query?.pageSize && found.length % query.pageSize !== 0) throw new Error("a short page was not the last");
      found.push(...page.result.schedules);
    }
    return found.map((each) => each.scheduleId);
  };
  beforeAll(async () => {
    own = await s.newKey({ name: "grace" });
    const mate = await s.newKey({ workspace: own.workspace, name: "linus" });
    await s.worker("lists", [{ name: "alpha" }, { name: "Beta" }], { key: own.key });
    for (let i = 0; i < 23; i++) {
      const { schedules } = (i % 2 === 0 ? own : mate).client.workflows;
      const workflowIdentifier = i % 3 === 0 ? "alpha" : "Beta";
      const scheduleId = `${i < 10 ? "ten" : "rest"}-${String(i).padStart(2, "0")}`;
      await schedules.scheduleWorkflow({ workflowIdentifier, scheduleId, schedule: { input: null } });
      if (i % 5 === 0) await schedules.pauseSchedule({ scheduleId });
    }
  });

  test("a list without a page size has pages of fifty, which the official client follows", async () => {
    const many = await s.newKey({ name: "many" });
    const worker = await s.worker("many", [{ name: "alpha" }], { key: many.key });
    const { schedules } = many.client.workflows;
    const ids = Array.from({ length: 120 }, (_, i) => `m-${String(i).padStart(3, "0")}`);
    for (const scheduleId of ids) {
      await schedules.scheduleWorkflow({ workflowIdentifier: "alpha", scheduleId, schedule: { input: null } });
    }
    const pages: string[][] = [];
    for await (const { result } of await schedules.getSchedules({}))
      pages.push(result.schedules.map((each) => each.scheduleId));
    expect(pages.map((page) => page.length)).toEqual([50, 50, 20]);
    expect(pages.flat()).toEqual(ids);
    await worker.stop();
  });

  test("pages with long inputs are shorter, unless the caller named their size", async () => {
    const rich = await s.newKey({ name: "rich" });
    const worker = await s.worker("rich", [{ name: "alpha" }], { key: rich.key });
    const { schedules } = rich.client.workflows;
    for (const scheduleId of ["a", "b", "c", "d", "e"]) {
      const schedule = { input: { text: scheduleId.repeat(1_500_000) } };
      await schedules.scheduleWorkflow({ workflowIdentifier: "alpha", scheduleId, schedule });
    }
    const ids: string[] = [];
    const sizes: number[] = [];
    for await (const { result } of await schedules.getSchedules({})) {
      sizes.push(result.schedules.length);
      ids.push(...result.schedules.map((each) => each.scheduleId));
    }
    expect(ids).toEqual(["a", "b", "c", "d", "e"]);
    expect(sizes).toEqual([2, 2, 1]);
    const refused = await failure(schedules.getSchedules({ pageSize: 5 }));
    expect(refused).toMatchObject({ status: 422, body: { code: "WF_1001" } });
    expect((refused.body.detail as { msg: string }[])[0]!.msg).toMatch(/ask for 2 or fewer/);
    expect((await schedules.getSchedules({ pageSize: 2 })).result.schedules).toHaveLength(2);
    await worker.stop();
  });

  test("pages hold every schedule once, and all but the last are full", async () => {
    const all = await list({});
    for (const pageSize of [1, 4, 10, 23, 1000]) expect(await list({ pageSize })).toEqual(all);
  });

  test("a list filters by workflow, user, status and the start of a name, also page by page", async () => {
    expect(await list({ workflowName: "alpha" })).toHaveLength(8);
    expect(await list({ userId: "current" })).toHaveLength(12);
    expect(await list({ userId: "linus", pageSize: 5 })).toHaveLength(11);
    expect(await list({ status: "paused" })).toHaveLength(5);
    expect(await list({ status: "active", pageSize: 3 })).toHaveLength(18);
    expect(await list({ search: "TEN-" })).toHaveLength(10);
    expect(await list({ search: "bet", status: "paused", pageSize: 2 })).toEqual(["rest-10", "rest-20", "ten-05"]);
    expect(await list({ workflowName: "nothing" })).toEqual([]);
  });

  test("a page token with another query, or a broken one, is refused", async () => {
    const first = await s.ask("GET", "/v1/workflows/schedules?page_size=2", { key: own.key });
    const token = first.body.next_page_token as string;
    const other = await s.ask("GET", `/v1/workflows/schedules?status=active&next_page_token=${token}`, {
      key: own.key,
    });
    expect(other).toMatchObject({ status: 422 });
    const broken = await s.ask("GET", "/v1/workflows/schedules?next_page_token=x", { key: own.key });
    expect(broken).toMatchObject({ status: 422 });
  });
});

describe("preview", () => {
  test("a preview lists the times strictly after `after`, across the change to summer time", async () => {
    const body = {
      schedule: { cron_expressions: ["0 9 * * 1-5"], time_zone_name: "Europe/Paris" },
      after: "2027-03-26T08:00:00Z",
      count: 2,
    };
    expect(await post("/preview", body)).toMatchObject({
      status: 200,
      body: { times: ["2027-03-29T07:00:00Z", "2027-03-30T07:00:00Z"], exhausted: false },
    });
  });

  test("a preview starts now and shows ten times, the windows of jitter, and whether there are no more times", async () => {
    const schedule = { intervals: [{ every: "PT1H" }], jitter: "PT2H", end_at: "2027-01-15T10:30:00Z" };
    const { body } = await post("/preview", { schedule });
    expect(body).toEqual({
      times: ["2027-01-15T09:00:00Z", "2027-01-15T10:00:00Z"],
      windows: [
        { not_before: "2027-01-15T09:00:00Z", before: "2027-01-15T10:00:00Z" },
        { not_before: "2027-01-15T10:00:00Z", before: "2027-01-15T11:00:00Z" },
      ],
      exhausted: true,
    });
    const hourly = await post("/preview", { schedule: { input: {}, intervals: [{ every: "PT1H" }], policy: {} } });
    expect(hourly.body.times).toHaveLength(10);
  });

  test("a preview refuses an invalid definition with the answer of create", async () => {
    const wrong = { cron_expressions: ["61 * * * *"] };
    const previewed = await post("/preview", { schedule: wrong });
    const refused = await post("", { workflow_identifier: "orders", schedule: { ...wrong, input: {} } });
    expect(previewed).toMatchObject({ status: 422, body: { code: "WF_1200" } });
    expect(previewed.body).toEqual(refused.body);
    expect((await post("/preview", { schedule: {}, count: 1001 })).status).toBe(422);
    expect((await post("/preview", { schedule: {}, limit: 3 })).status).toBe(422);
  });
});

describe("backfill and log", () => {
  test("a backfill starts the times of a range, both ends included, under the given policy", async () => {
    const id = await created({ intervals: [{ every: "P1D" }] });
    const range = { start_at: "2027-01-10T00:00:00Z", end_at: "2027-01-12T00:00:00Z", overlap: 6 };
    expect(await post(`/${id}/backfill`, range)).toMatchObject({ status: 202, body: { accepted: 3 } });
    const entries = await s.log(id);
    expect(entries.map(({ nominal_at, outcome, execution_id }) => [nominal_at, outcome, execution_id])).toEqual(
      [10, 11, 12].map((day, i) => [`2027-01-${day}T00:00:00Z`, "started", `${id}-202701${day}T000000Z-m${i + 1}`]),
    );
    const future = { ...range, end_at: "2028-01-01T00:00:00Z" };
    expect(await post(`/${id}/backfill`, future)).toMatchObject({ status: 422, body: { code: "WF_1200" } });
    const backwards = { start_at: range.end_at, end_at: range.start_at };
    expect(await post(`/${id}/backfill`, backwards)).toMatchObject({ status: 422 });
  });

  test("the log comes newest first in pages and has an entry for each due time, without gaps", async () => {
    const id = await created({ intervals: [{ every: "PT1H" }] });
    await s.pass(3 * DAY);
    const entries = await s.log(id);
    expect(entries.map(({ seq }) => seq)).toEqual(Array.from({ length: 72 }, (_, i) => i + 1));
    expect(entries.map(({ outcome }) => outcome)).toEqual(["started", ...Array(71).fill("skipped_overlap")]);
    expect(new Set(entries.map(({ nominal_at }) => nominal_at)).size).toBe(72);
    expect(entries[1]).toMatchObject({ execution_id: null, reason: "a run is active", manual: false });
  });

  test("due times that pass during a pause are in the log at once, and stay there after the resume", async () => {
    const id = await created({ intervals: [{ every: "PT1H" }] });
    await s.schedules.pauseSchedule({ scheduleId: id });
    await s.pass(3 * 60 * MINUTE);
    const paused = await s.log(id);
    expect(paused.map(({ outcome }) => outcome)).toEqual(["paused", "paused", "paused"]);
    await s.schedules.resumeSchedule({ scheduleId: id });
    expect((await s.log(id)).map(({ nominal_at }) => nominal_at)).toEqual(paused.map(({ nominal_at }) => nominal_at));
  });

  test("a key with the right read sees schedules and may change none", async () => {
    const id = await created();
    const { key, client } = await s.newKey({ workspace: s.workspace, rights: ["read"], name: "reader" });
    expect((await client.workflows.schedules.getSchedule({ scheduleId: id })).scheduleId).toBe(id);
    expect((await s.ask("GET", `/v1/workflows/schedules/${id}/log`, { key })).status).toBe(200);
    const preview = { schedule: { input: {}, intervals: [{ every: "PT1H" }] } };
    expect((await s.ask("POST", "/v1/workflows/schedules/preview", { key, body: preview })).status).toBe(200);
    expect((await failure(client.workflows.schedules.triggerSchedule({ scheduleId: id }))).status).toBe(403);
  });
});
