/** The official Python client, unmodified: every operation, as its documentation shows it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { python, whyNoPythonClient } from "../../python/client.ts";
import { describeUnless } from "../../support/describe-unless.ts";
import { type Stage, stage } from "./stage.ts";

const cannotRun = await whyNoPythonClient();

describeUnless(cannotRun)("the Python client", () => {
  let s: Stage;
  beforeAll(async () => {
    s = await stage();
  });
  afterAll(() => s?.close());

  test("performs every operation, and reads refusals as its own errors", async () => {
    await python("schedules", { url: s.server.url, key: s.key }, "create", "other", "orders", "PT1H");
    const answers = await python("schedules", { url: s.server.url, key: s.key }, "every_operation", "report");
    expect(answers).toMatchObject({
      created: "report",
      listed: ["other", "report"],
      got: {
        schedule_id: "report",
        workflow_name: "orders",
        deployment_name: "shop",
        input: { report_type: "daily" },
        calendars: [{ hour: [{ start: 9 }], minute: [{ start: 30 }], day_of_week: [{ start: 1, end: 5 }] }],
        intervals: [{ every: "PT4H", offset: "PT30M" }],
        cron_expressions: ["0 9 * * 1-5"],
        skip: [{ month: [{ start: 12 }], day_of_month: [{ start: 25 }] }],
        start_at: "2027-01-16T09:30:00Z",
        end_at: "2027-12-31T09:30:00Z",
        jitter: "PT5M",
        time_zone_name: "Europe/Paris",
        remaining_executions: 4,
        policy: { overlap: 2, catchup_window_seconds: 86_400, pause_on_failure: true },
        paused: false,
      },
      updated: {
        calendars: [{ hour: [{ start: 10 }], minute: [{ start: 0 }] }],
        intervals: [{ every: "PT4H", offset: "PT30M" }],
        policy: { overlap: 2, catchup_window_seconds: 86_400, pause_on_failure: true },
        time_zone_name: "Europe/Paris",
      },
      paused: [true, "Paused for maintenance"],
      resumed: [false, null],
      triggered: ["report-20270115T080000Z-m1", "report-20270115T080000Z-m2"],
      gone: { status: 404, body: { code: "WF_1201" } },
      invalid: { error: "HTTPValidationError", status: 422, body: { code: "WF_1200" } },
    });
    expect((answers.got as { future_executions: unknown[] }).future_executions).toHaveLength(4);
  }, 120_000);

  test("creates a schedule without a deployment, which keeps its one deployment when another developer starts a worker", async () => {
    const py = (...args: string[]) => python("schedules", { url: s.server.url, key: s.key }, ...args);
    expect(await py("create", "bound", "orders", "PT1H")).toMatchObject({ deployment_name: "shop" });
    const rival = await s.worker("rival", [{ name: "orders" }]);
    expect(await py("update", "bound", "PT2H")).toMatchObject({ deployment_name: "shop" });
    const { recent_executions } = (await py("trigger", "bound")) as { recent_executions: { execution_id: string }[] };
    const execution = recent_executions[0]!.execution_id;
    expect((await s.ports.executions.head({ workspace: s.workspace, execution }))!.deployment).toBe("shop");
    await rival.stop();
  }, 120_000);

  test("follows the pages of a list without a page size", async () => {
    const other = await s.newKey();
    await s.worker("shop", [{ name: "orders" }], { key: other.key });
    const ids = Array.from({ length: 60 }, (_, i) => `p-${String(i).padStart(2, "0")}`);
    for (const scheduleId of ids) {
      const schedule = { input: null };
      await other.client.workflows.schedules.scheduleWorkflow({ workflowIdentifier: "orders", scheduleId, schedule });
    }
    const { pages } = (await python("schedules", { url: s.server.url, key: other.key }, "pages")) as {
      pages: string[][];
    };
    expect(pages.map((page) => page.length)).toEqual([50, 10]);
    expect(pages.flat()).toEqual(ids);
  }, 120_000);
});
