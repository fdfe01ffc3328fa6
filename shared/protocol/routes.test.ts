import * as fc from "fast-check";
import { describe, expect, expectTypeOf, test } from "vitest";
import { OFFICIAL_OPERATIONS } from "../../test/protocol/official-operations.ts";
import { compile } from "./http/match.ts";
import { RESERVED_EXECUTION_IDS, RESERVED_SCHEDULE_IDS, RESERVED_WORKFLOW_NAMES } from "./ids.ts";
import {
  type AvailableOperation,
  type BodyOf,
  matchRoute,
  type Operation,
  type ParamsOf,
  type QueryOf,
  type ResponseOf,
  ROUTES,
  type RouteOf,
  routeOf,
} from "./routes.ts";

describe("the table", () => {
  const rows = new Set(ROUTES.map((route) => `${route.method} ${route.path}`));

  test.each(OFFICIAL_OPERATIONS)("has the official operation %s %s", (method, path) => {
    expect(rows).toContain(`${method} ${path}`);
  });

  test("has these operations of our own, and no others", () => {
    const official = new Set(OFFICIAL_OPERATIONS.map(([method, path]) => `${method} ${path}`));
    expect([...rows].filter((row) => !official.has(row)).sort()).toEqual([
      "DELETE /v1/keys/{key_id}",
      "DELETE /v1/workflows/executions/{execution_id}",
      "GET /health",
      "GET /openapi.json",
      "GET /v1/holds",
      "GET /v1/keys",
      "GET /v1/whoami",
      "GET /v1/workflows/executions/{execution_id}/explain",
      "GET /v1/workflows/executions/{execution_id}/history/{event_id}",
      "GET /v1/workflows/failures",
      "GET /v1/workflows/inputs",
      "GET /v1/workflows/jobs",
      "GET /v1/workflows/jobs/{job_id}",
      "GET /v1/workflows/jobs/{job_id}/outcomes",
      "GET /v1/workflows/runs/counts",
      "GET /v1/workflows/runs/{run_id}/history/{event_id}",
      "GET /v1/workflows/schedules/upcoming",
      "GET /v1/workflows/schedules/{schedule_id}/explain",
      "GET /v1/workflows/schedules/{schedule_id}/log",
      "POST /v1/backups",
      "POST /v1/holds",
      "POST /v1/holds/release",
      "POST /v1/keys",
      "POST /v1/workflows/deployments/{name}/harden",
      "POST /v1/workflows/deployments/{name}/promote",
      "POST /v1/workflows/deployments/{name}/retire",
      "POST /v1/workflows/deployments/{name}/rollback",
      "POST /v1/workflows/executions/{execution_id}/reset/preview",
      "POST /v1/workflows/jobs",
      "POST /v1/workflows/jobs/{job_id}/abort",
      "POST /v1/workflows/schedules/preview",
      "POST /v1/workflows/schedules/{schedule_id}/backfill",
    ]);
  });

  test("names every operation once", () => {
    expect(new Set(ROUTES.map((route) => route.operation)).size).toBe(ROUTES.length);
    for (const route of ROUTES) expect(routeOf(route.operation)).toBe(route);
  });

  test("answers with the statuses that clients match exactly", () => {
    const unusual = ROUTES.filter((route) => route.success !== 200).map(
      (route) => `${route.success} ${route.operation}`,
    );
    expect(unusual.sort()).toEqual([
      "201 createJob",
      "201 createKey",
      "201 scheduleWorkflow",
      "202 backfillSchedule",
      "202 createDeployment",
      "202 deleteDeployment",
      "202 restartDeployment",
      "202 signalWorkflowExecution",
      "202 startDeployment",
      "202 stopDeployment",
      "202 updateDeployment",
      "204 addWorkflowTags",
      "204 cancelWorkflowExecution",
      "204 deleteWorkflowExecution",
      "204 pauseSchedule",
      "204 resetWorkflow",
      "204 resumeSchedule",
      "204 revokeKey",
      "204 terminateWorkflowExecution",
      "204 triggerSchedule",
      "204 unhardenDeployment",
      "204 unscheduleWorkflow",
    ]);
    for (const route of ROUTES) {
      expect(route.kind === "empty", route.operation).toBe(route.success === 204);
      expect("response" in route, route.operation).toBe(route.kind === "json" || route.kind === "sse");
    }
  });

  test("reserves every word at a place of a path where a chosen name or id may be", () => {
    // API Gateway takes the literal and never goes back to the parameter.
    const wordsIn = (folder: string) => {
      const within = ROUTES.filter(({ path }) => path.startsWith(folder));
      const words = within.map(({ path }) => path.slice(folder.length).split("/")[0]!);
      return [...new Set(words)].filter((word) => !word.startsWith("{"));
    };
    expect(RESERVED_WORKFLOW_NAMES).toEqual(expect.arrayContaining(wordsIn("/v1/workflows/")));
    expect(RESERVED_EXECUTION_IDS.toSorted()).toEqual(wordsIn("/v1/workflows/executions/").sort());
    expect(RESERVED_SCHEDULE_IDS.toSorted()).toEqual(wordsIn("/v1/workflows/schedules/").sort());
    expect(wordsIn("/v1/workflows/deployments/")).toEqual([]);
    expect(wordsIn("/v1/workflows/runs/")).toEqual(["counts"]); // the server makes the ids of runs, and they are UUIDs
  });

  test("requires a key everywhere but for the two pages about the installation", () => {
    const open = ROUTES.filter((route) => !route.auth).map((route) => route.path);
    expect(open.sort()).toEqual(["/health", "/openapi.json"]);
  });

  test("types parameters, queries, bodies, answers and availability per operation", () => {
    expectTypeOf<ParamsOf<"getRunHistory">>().toEqualTypeOf<{ readonly run_id: string }>();
    expectTypeOf<ParamsOf<"listRuns">>().toEqualTypeOf<Record<never, string>>();
    expectTypeOf<QueryOf<"getWorkflowEvents">["limit"]>().toEqualTypeOf<number>();
    expectTypeOf<QueryOf<"listRuns">["start_time_after"]>().toEqualTypeOf<number | undefined>();
    expectTypeOf<QueryOf<"getStreamEvents">["metadata_filters"]>().toEqualTypeOf<Record<string, string>>();
    expectTypeOf<BodyOf<"executeWorkflow">["wait_for_result"]>().toEqualTypeOf<boolean>();
    expectTypeOf<BodyOf<"cancelWorkflowExecution">>().toEqualTypeOf<undefined>();
    expectTypeOf<ResponseOf<"getRun">["end_time"]>().toEqualTypeOf<string | null>();
    expectTypeOf<ResponseOf<"cancelWorkflowExecution">>().toEqualTypeOf<undefined>();
    expectTypeOf<RouteOf<"scheduleWorkflow">["success"]>().toEqualTypeOf<201>();
    expectTypeOf<"getRun">().toExtend<AvailableOperation>();
    expectTypeOf<"stopDeployment">().not.toExtend<AvailableOperation>();
  });
});

describe("matching", () => {
  const W = "/v1/workflows";
  test.each<[string, string, Operation, Record<string, string>]>([
    ["GET", W, "getWorkflows", {}],
    ["GET", `${W}/invoices`, "getWorkflow", { workflow_identifier: "invoices" }],
    ["PUT", `${W}/archive`, "bulkArchiveWorkflows", {}],
    ["PUT", `${W}/invoices/archive`, "archiveWorkflow", { workflow_identifier: "invoices" }],
    ["POST", `${W}/invoices/execute`, "executeWorkflow", { workflow_identifier: "invoices" }],
    ["POST", `${W}/registrations/r1/execute`, "executeWorkflowRegistration", { workflow_registration_id: "r1" }],
    ["GET", `${W}/executions`, "listExecutions", {}],
    ["GET", `${W}/executions/e1`, "getWorkflowExecution", { execution_id: "e1" }],
    ["POST", `${W}/executions/cancel`, "batchCancelWorkflowExecutions", {}],
    ["GET", `${W}/executions/cancel`, "getWorkflowExecution", { execution_id: "cancel" }],
    ["POST", `${W}/executions/cancel/cancel`, "cancelWorkflowExecution", { execution_id: "cancel" }],
    ["GET", `${W}/executions/metrics`, "getWorkflowExecution", { execution_id: "metrics" }],
    ["GET", `${W}/invoices/metrics`, "getWorkflowMetrics", { workflow_name: "invoices" }],
    ["GET", `${W}/executions/e1/logs/stream`, "streamWorkflowExecutionLogs", { execution_id: "e1" }],
    ["GET", `${W}/executions/a%20b%2Fc/stream`, "streamWorkflowExecution", { execution_id: "a b/c" }],
    ["GET", `${W}/events/stream`, "getStreamEvents", {}],
    ["GET", `${W}/workers/whoami`, "getWorkerInfo", {}],
    ["GET", `${W}/deployments/alice`, "getDeployment", { name: "alice" }],
    ["POST", `${W}/deployments/d1/unharden`, "unhardenDeployment", { deployment_id: "d1" }],
    ["POST", `${W}/deployments/d1/rollback`, "rollBackDeployment", { name: "d1" }],
    ["POST", `${W}/schedules/preview`, "previewSchedule", {}],
    ["GET", `${W}/schedules/preview`, "getSchedule", { schedule_id: "preview" }],
    ["GET", "/openapi.json", "getOpenApi", {}],
  ])("%s %s is %s", (method, path, operation, params) => {
    const match = matchRoute(method, path);
    expect(match).toMatchObject({ outcome: "route", route: { operation }, params });
  });

  test.each([
    ["GET", "/"],
    ["GET", ""],
    ["GET", "/v1"],
    ["GET", "/v2/workflows"],
    ["GET", `${W}/`],
    ["POST", `${W}//execute`],
    ["GET", `${W}/runs/r1/history/2/more`],
    ["GET", `${W}/{workflow_identifier}/nothing`],
    ["GET", "/__proto__/constructor"],
  ])("%s %s is not found", (method, path) => {
    expect(matchRoute(method, path)).toEqual({ outcome: "not_found" });
  });

  test("a known path with another method answers its methods", () => {
    const allowed = (method: string, path: string) => matchRoute(method, path);
    expect(allowed("DELETE", `${W}/runs/r1`)).toEqual({ outcome: "method_not_allowed", allowed: ["GET", "HEAD"] });
    expect(allowed("PUT", `${W}/schedules/s1`)).toEqual({
      outcome: "method_not_allowed",
      allowed: ["DELETE", "GET", "HEAD", "PATCH"],
    });
    expect(allowed("PUT", `${W}/executions/cancel`)).toEqual({
      outcome: "method_not_allowed",
      allowed: ["POST"], // MATCH-5
    });
  });

  test("a segment with broken percent-encoding is reported", () => {
    expect(matchRoute("GET", `${W}/runs/%E0%A4%A`)).toEqual({ outcome: "malformed", segment: "%E0%A4%A" });
  });

  test("any text comes out of a path parameter unchanged", () => {
    const text = fc.string({ minLength: 1, unit: "binary" });
    fc.assert(
      fc.property(text, (value) => {
        const match = matchRoute("GET", `${W}/executions/${encodeURIComponent(value)}/history`);
        if (match.outcome !== "route") expect.fail(match.outcome);
        expect(match.route.operation).toBe("getWorkflowExecutionHistory");
        expect(match.params).toEqual({ execution_id: value });
      }),
    );
  });

  test("every row matches its own path with any plain values for its parameters", () => {
    // Upper case, so that no value is a literal of another row.
    const value = fc.stringMatching(/^[A-Z0-9]{1,12}$/);
    fc.assert(
      fc.property(fc.constantFrom(...ROUTES), fc.array(value, { minLength: 3, maxLength: 3 }), (route, values) => {
        let index = 0;
        const path = route.path.replaceAll(/\{\w+\}/g, () => values[index++] as string);
        expect(matchRoute(route.method, path)).toMatchObject({
          outcome: "route",
          route: { operation: route.operation },
        });
      }),
    );
  });

  test("two rows that match the same requests are refused at start-up", () => {
    const rows = [
      { method: "GET", path: "/a/{x}" },
      { method: "GET", path: "/a/{y}" },
    ];
    expect(() => compile(rows)).toThrow("GET /a/{y} and /a/{x} match the same requests");
  });
});
