/** What the console writes out instead of importing it is what the protocol says. */
import { expect, test } from "vitest";
import { CLOSING } from "../../../shared/protocol/history.ts";
import { routeOf } from "../../../shared/protocol/routes.ts";
import { CLOSING_KINDS } from "../history/closing.ts";
import { type Called, OPERATIONS, pathOf } from "./operations.ts";

test("every operation has the method and the path of the routes table", () => {
  for (const [operation, written] of Object.entries(OPERATIONS)) {
    const { method, path } = routeOf(operation as Called);
    expect(`${method} ${path}`).toBe(written);
  }
});

test("the kinds of events that end a run are those of the protocol", () => {
  expect([...CLOSING_KINDS].sort()).toEqual(Object.keys(CLOSING).sort());
});

test("a path has its parameters encoded, and a query without empty values", () => {
  expect(pathOf("getSchedule", { schedule_id: "a/b c" })).toBe("v1/workflows/schedules/a%2Fb%20c");
  expect(pathOf("listRuns", {}, { status: ["FAILED", "RUNNING"], search: "", workflow_identifier: undefined })).toBe(
    "v1/workflows/runs?status=FAILED&status=RUNNING",
  );
});
