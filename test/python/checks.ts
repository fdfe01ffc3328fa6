/** What the Python client must get from a server, on either engine. */
import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { python } from "./client.ts";

interface Place {
  readonly url: string;
  readonly key: string;
}

export async function checkExecution(at: Place): Promise<void> {
  const id = `story-${randomUUID().slice(0, 8)}`;
  const types = [
    "WORKFLOW_EXECUTION_STARTED",
    "ACTIVITY_TASK_STARTED",
    "ACTIVITY_TASK_COMPLETED",
    "WORKFLOW_EXECUTION_COMPLETED",
  ];
  expect(await python("executions", at, "lifecycle", id)).toMatchObject({
    started: [id, "RUNNING"],
    again: { status: 409 },
    query: { name: "Ada", approved: false },
    update: { before: "Ada" },
    bad_update: { status: 422 },
    signal: { message: expect.any(String) },
    ended: ["COMPLETED", { greeting: "Hello, Grace" }, "story"],
    stream: { types, rising: true },
    events: { types, rising: true },
    history: expect.arrayContaining([
      "execution_started",
      "signal_received",
      "update_completed",
      "execution_completed",
    ]),
    trace: { same: true, tree: true, run: ["story", ["COMPLETED"]] },
    runs: [[id, "COMPLETED"]],
  });
}

export async function checkWaits(at: Place): Promise<void> {
  expect(await python("executions", at, "waits")).toEqual({
    in_the_call: { result: 6 },
    by_api_sync: { result: 9 },
    by_polling: { result: 6 },
  });
}

export async function checkEnds(at: Place): Promise<void> {
  expect(await python("executions", at, "ends")).toEqual({
    cancelled: "CANCELED",
    terminated: "TERMINATED",
    batch_cancelled: ["success", "success", "failure", expect.stringContaining("'unknown'"), "CANCELED", "CANCELED"],
    batch_terminated: ["success", "failure", "TERMINATED"],
    unknown: { error: "SDKError", status: 404, body: expect.objectContaining({ code: expect.any(String) }) },
    unknown_deployment: { error: "SDKError", status: 404, body: expect.objectContaining({ code: expect.any(String) }) },
    invalid: { error: "HTTPValidationError", status: 422, body: expect.objectContaining({ code: expect.any(String) }) },
  });
}

export async function checkResets(at: Place): Promise<void> {
  expect(await python("executions", at, "resets", `reset-${randomUUID().slice(0, 8)}`)).toEqual({
    wrong: ["HTTPValidationError", 422, "WF_1001"],
    described: true,
    ended: ["COMPLETED", { greeting: "Hello, Ada" }, true],
    reset: true,
    unknown: 404,
  });
}

export async function checkMetrics(at: Place): Promise<void> {
  expect(await python("executions", at, "metrics")).toEqual({
    ended: true,
    counted: true,
    errors: 0,
    latency: true,
    over_time: true,
    retries: 0,
  });
}

export async function checkChanges(at: Place): Promise<void> {
  expect(await python("executions", at, "changes")).toEqual({
    updated: ["Sums", ["math"]],
    tagged: ["sum"],
    archived: true,
    unarchived: false,
    bulk: [["sum"], ["unknown"]],
    unbulk: ["sum"],
    hardened: false,
    deployment_archive: 501,
  });
}

export async function checkLists(at: Place): Promise<void> {
  expect(await python("executions", at, "lists")).toEqual({
    workflows: expect.arrayContaining(["story", "sum"]),
    deployments: [["py", true]],
    workers: ["story-worker"],
  });
}
