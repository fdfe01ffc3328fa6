/** Checks our routes, requests and answers with the unmodified official client. */
import { HTTPValidationError, SDKError } from "@mistralai/mistralai/models/errors";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as errors from "../../shared/protocol/errors.ts";
import { PUBLIC_EVENT_TYPES, PublicEvent } from "../../shared/protocol/http/event-types.ts";
import { type Operation, type Route, routeOf } from "../../shared/protocol/routes.ts";
import { OFFICIAL_CALLS } from "./official-calls.ts";
import { OFFICIAL_OPERATIONS } from "./official-operations.ts";
import { arbitraryOf, smallest } from "./samples.ts";
import { type Stub, startStub } from "./stub.ts";

let stub: Stub;
beforeAll(async () => {
  stub = await startStub();
});
afterAll(() => stub.close());

const calls = Object.entries(OFFICIAL_CALLS) as [Operation, NonNullable<(typeof OFFICIAL_CALLS)[Operation]>][];
const ofKind = (kind: Route["kind"]) => calls.filter(([operation]) => routeOf(operation).kind === kind);
const responseOf = (operation: Operation) => (routeOf(operation) as Route).response!;

test("there is a call for every operation the client has", () => {
  const expected = OFFICIAL_OPERATIONS.filter(([, , client]) => client !== null).map(
    ([method, path]) => `${method} ${path}`,
  );
  const called = calls.map(([operation]) => `${routeOf(operation).method} ${routeOf(operation).path}`);
  expect(called.sort()).toEqual(expected.sort());
});

describe("every operation with a JSON answer", () => {
  test.each(
    ofKind("json"),
  )("%s takes the client's request and gives it the smallest answer", async (operation, call) => {
    const body = smallest(responseOf(operation));
    stub.answer({ json: body });
    expectSame(await call(stub.client), body);
    expect(stub.seen()?.operation).toBe(operation);
    expect(stub.seen()?.headers.authorization).toBe("Bearer key");
  });

  test.each(ofKind("json"))("%s gives answers that the client reads without loss", async (operation, call) => {
    await fc.assert(
      fc.asyncProperty(arbitraryOf(responseOf(operation)), async (body) => {
        stub.answer({ json: body });
        expectSame(await call(stub.client), body);
      }),
      { numRuns: 12 },
    );
  });
});

test.each(ofKind("empty"))("%s answers with no body at all", async (operation, call) => {
  stub.answer({ empty: true });
  expect(await call(stub.client)).toBeUndefined();
  expect(stub.seen()?.operation).toBe(operation);
});

test.each(ofKind("sse"))("%s gives frames that the client reads without loss", async (operation, call) => {
  const bodies = fc.sample(arbitraryOf(responseOf(operation)), 40) as Record<string, unknown>[];
  const name = operation.endsWith("Logs") ? "event: log\n" : "";
  stub.answer({
    text: bodies.map((data, id) => `id: ${id}\n${name}data: ${JSON.stringify(data)}\n\n: ping\n\n`).join(""),
  });
  const frames = await all((await call(stub.client)) as AsyncIterable<{ id: string; data: unknown }>);
  expect(frames.length).toBe(bodies.length);
  for (const [index, frame] of frames.entries()) {
    expect(frame.id).toBe(String(index));
    expectSame(frame.data, bodies[index]);
  }
});

describe("events", () => {
  test("the 17 types are those the client knows", async () => {
    const { WorkflowEventType } = await import("@mistralai/mistralai/models/components");
    expect([...PUBLIC_EVENT_TYPES].sort()).toEqual(Object.values(WorkflowEventType).sort());
  });

  test.each(
    PublicEvent.options.map((option) => [option.shape.event_type.value, option] as const),
  )("%s passes in lists and in streams", async (type, schema) => {
    const samples = [smallest(schema), ...fc.sample(arbitraryOf(schema), 5)] as Record<string, unknown>[];
    stub.answer({ json: { events: samples, next_cursor: null } });
    const page = await stub.client.workflows.events.getWorkflowEvents();
    expectSame(page, { events: samples, next_cursor: null });
    expect(page.events.map((event) => event.eventType)).toEqual(samples.map(() => type));

    const envelope = smallest(responseOf("getStreamEvents")) as Record<string, unknown>;
    const frames = samples.map((data) => `data: ${JSON.stringify({ ...envelope, data })}\n\n`);
    stub.answer({ text: frames.join("") });
    const stream = await stub.client.workflows.events.getStreamEvents();
    const received = await all<{ data?: unknown }>(stream);
    expect(received.length).toBe(samples.length);
    for (const [index, frame] of received.entries()) expectSame(frame.data, { ...envelope, data: samples[index] });
  });
});

describe("what the client sends", () => {
  test("calls without arguments get the server's defaults", async () => {
    stub.answer({ json: smallest(responseOf("listRuns")) });
    await stub.client.workflows.runs.listRuns();
    expect(stub.seen()?.query).toEqual({ sort_by: "start_time", order: "desc", include_internal: true, page_size: 50 });
    stub.answer({ json: smallest(responseOf("listDeployments")) });
    await stub.client.workflows.deployments.listDeployments();
    expect(stub.seen()?.query).toEqual({ active_only: true, order: "desc", limit: 50 });
    stub.answer({ json: smallest(responseOf("getWorkflows")) });
    await stub.client.workflows.getWorkflows();
    expect(stub.seen()?.query).toEqual({ include_shared: true, order: "asc", limit: 50, active_only: false });
  });

  test("lists, dates and search keys arrive as typed values", async () => {
    stub.answer({ json: smallest(responseOf("listRuns")) });
    await OFFICIAL_CALLS.listRuns?.(stub.client);
    expect(stub.seen()?.query).toMatchObject({
      status: ["RUNNING"],
      workflow_tags: ["a"],
      start_time_after: Date.UTC(2026, 0, 31, 9, 30),
      include_internal: false,
      search_key: [{ key: "customer.id", value: "42:7" }],
    });
  });

  test("metadata filters, which the client sends as separate query parameters, are collected", async () => {
    stub.answer({ text: "" });
    await OFFICIAL_CALLS.getStreamEvents?.(stub.client);
    expect(stub.seen()?.query).toMatchObject({
      scope: "activity",
      workflow_name: "*",
      start_seq: 12,
      workflow_event_types: ["ACTIVITY_TASK_STARTED", "CUSTOM_TASK_STARTED"],
      metadata_filters: { customer: "42", nested: "a,1" },
    });
    expect(stub.seen()?.headers["last-event-id"]).toBe("41");
  });

  test("pause, resume and trigger are accepted with a body, without one, and with null", async () => {
    const { schedules } = stub.client.workflows;
    stub.answer({ empty: true });
    await schedules.pauseSchedule({ scheduleId: "s" });
    expect(stub.seen()?.body).toEqual({});
    await schedules.pauseSchedule({ scheduleId: "s", workflowSchedulePauseRequest: null });
    expect(stub.seen()?.body).toEqual({});
    await schedules.pauseSchedule({ scheduleId: "s", workflowSchedulePauseRequest: { note: "n" } });
    expect(stub.seen()?.body).toEqual({ note: "n" });
    await schedules.triggerSchedule({ scheduleId: "s", workflowScheduleTriggerRequest: { overlap: 6 } });
    expect(stub.seen()?.body).toEqual({ overlap: 6 });
  });

  test("an id with reserved characters arrives unchanged", async () => {
    stub.answer({ json: smallest(responseOf("getWorkflowExecution")) });
    await stub.client.workflows.executions.getWorkflowExecution({ executionId: "a b/c?d%20é" });
    expect(stub.seen()?.params).toEqual({ execution_id: "a b/c?d%20é" });
  });
});

describe("refusals", () => {
  const get = () => stub.client.workflows.executions.getWorkflowExecution({ executionId: "e" });

  test("a 422 is a validation error with its list, and its body also has the code", async () => {
    const refusal = errors.invalid([{ loc: ["body", "event_id"], msg: "cannot be reset to", type: "value_error" }], {
      valid_reset_events: [4, 9],
    });
    stub.answer({ refusal });
    const error = await get().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(HTTPValidationError);
    expect((error as HTTPValidationError).detail).toMatchObject([{ msg: "cannot be reset to" }]);
    expect(JSON.parse((error as HTTPValidationError).body)).toMatchObject({
      code: "WF_1001",
      valid_reset_events: [4, 9],
    });
  });

  test("problems that a schema finds in a request reach the caller as a validation error", async () => {
    stub.answer({ json: smallest(responseOf("executeWorkflow")) });
    const error = await stub.client.workflows
      .executeWorkflow({ workflowIdentifier: "w", workflowExecutionRequest: { executionId: "a b", input: [1] } })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(HTTPValidationError);
    expect((error as HTTPValidationError).detail?.map((item) => item.loc)).toEqual([
      ["body", "execution_id"],
      ["body", "input"],
    ]);
  });

  test.each([
    errors.unauthorized("missing"),
    errors.notFound("execution", "e"),
    errors.notRunning("e", "COMPLETED"),
    errors.ambiguous("w", ["bob", "alice"]),
    errors.waitExpired("e", 60),
    errors.executionFailed("e", "FAILED", "boom"),
    errors.payloadTooLarge("input", 2),
    errors.notImplemented("not yet"),
    errors.internal(),
  ])("$status $code is an error with status and body", async (refusal) => {
    stub.answer({ refusal });
    const error = await get().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SDKError);
    expect((error as SDKError).statusCode).toBe(refusal.status);
    expect(JSON.parse((error as SDKError).body)).toEqual(errors.toBody(refusal));
  });
});

test("an asynchronous answer is never taken for a synchronous one", async () => {
  const execution = smallest(responseOf("getWorkflowExecution"));
  stub.answer({ json: execution });
  const started = await stub.client.workflows.executeWorkflow({
    workflowIdentifier: "w",
    workflowExecutionRequest: {},
  });
  expect(started).toHaveProperty("rootExecutionId");
});

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/**
 * Expects the client's value to equal the body that was sent, apart from the client's spelling: camelCase keys, `Date` for
 * times, pages around lists. The client drops unknown keys; every key that it returns must be in the body.
 */
function expectSame(given: unknown, sent: unknown, path = "$"): void {
  if (given instanceof Date) {
    expect(given.getTime(), path).toBe(Date.parse(String(sent)));
  } else if (Array.isArray(given)) {
    expect(Array.isArray(sent) && given.length === sent.length, path).toBe(true);
    for (const [index, item] of given.entries()) expectSame(item, (sent as unknown[])[index], `${path}[${index}]`);
  } else if (typeof given === "object" && given !== null && Symbol.asyncIterator in given) {
    expectSame((given as unknown as { result: unknown }).result, sent, path);
  } else if (typeof given === "object" && given !== null) {
    const body = sent as Record<string, unknown>;
    for (const [key, value] of Object.entries(given)) {
      const name = key in body ? key : key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      expect(body, path).toHaveProperty([name]);
      expectSame(value, body[name], `${path}.${name}`);
    }
  } else {
    expect(given, path).toEqual(sent);
  }
}
