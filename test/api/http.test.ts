/** The HTTP API as a whole: keys, workspaces, routes, media types, request ids, faults, and how the server closes. */
import { Mistral } from "@mistralai/mistralai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startServer } from "../../cli/server/index.ts";
import { createKey } from "../../shared/api/index.ts";
import { embedded } from "../../shared/server/embedded.ts";
import { Frames } from "./support/frames.ts";
import { ScriptedWorker } from "./support/scripted-worker.ts";
import { failure, type World, world } from "./support/world.ts";

let w: World;
beforeAll(async () => {
  w = await world();
  const worker = await w.worker("shop", [
    { name: "orders", execution_timeout: null, queries: [{ name: "q", input_schema: {} }] },
  ]);
  await w.client.workflows.executeWorkflow({
    workflowIdentifier: "orders",
    workflowExecutionRequest: { executionId: "mine" },
  });
  await (await worker.claim("mine")).park();
});
afterAll(() => w.close());

describe("keys", () => {
  test.each([
    ["none", null, {}],
    ["an unknown one", "sk_unknown_key", {}],
    ["another scheme", null, { authorization: "Basic dTpw" }],
    ["an empty one", null, { authorization: "Bearer " }],
  ])("%s is 401 on every route that is not open", async (_, key, headers) => {
    for (const path of [
      "/v1/workflows",
      "/v1/workflows/executions/mine",
      "/v1/workflows/schedules",
      "/v1/workflows/events/stream",
    ]) {
      const answer = await w.ask("GET", path, { key, headers });
      expect(answer).toMatchObject({ status: 401, body: { code: "UNAUTHORIZED", detail: expect.any(String) } });
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    }
  });

  test("the client reports a 401 with its body", async () => {
    expect(await failure(w.clientWith("nobody-knows").workflows.getWorkflows())).toMatchObject({ status: 401 });
  });

  test("a key with the right `read` may read and query, and is refused every change", async () => {
    const { client, key } = await w.newKey({ workspace: w.workspace, rights: ["read"], name: "viewer" });
    expect(await client.workflows.executions.getWorkflowExecution({ executionId: "mine" })).toMatchObject({
      status: "RUNNING",
    });
    const asked = client.workflows.executions.queryWorkflowExecution({
      executionId: "mine",
      queryInvocationBody: { name: "nope" },
    });
    expect(await failure(asked)).toMatchObject({ status: 404 });
    const { executions } = client.workflows;
    const refused = [
      () => executions.signalWorkflowExecution({ executionId: "mine", signalInvocationBody: { name: "s" } }),
      () => executions.terminateWorkflowExecution({ executionId: "mine" }),
      () => client.workflows.executeWorkflow({ workflowIdentifier: "orders", workflowExecutionRequest: {} }),
    ];
    for (const call of refused)
      expect(await failure(call())).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } });
    expect((await w.ask("POST", "/v1/worker/heartbeat", { key, body: {} })).status).toBe(403);
  });

  test("a key is stored as its hash only", async () => {
    const rows = w.ports.database.all("SELECT hash, body FROM keys");
    expect(JSON.stringify(rows)).not.toContain(w.key);
    expect(rows.every((row) => /^[0-9a-f]{64}$/.test(String(row.hash)))).toBe(true);
  });

  test("a key of the operator's own choice works, and one that is too short is refused", async () => {
    const { key } = await createKey(w.ports, { workspace: w.workspace, name: "own", key: "my-own-development-key" });
    expect((await w.ask("GET", "/v1/workflows", { key })).status).toBe(200);
    await expect(createKey(w.ports, { workspace: w.workspace, name: "x", key: "short" })).rejects.toThrow(/at least 8/);
  });
});

describe("another workspace", () => {
  test("finds none of our executions, runs, workflows, registrations or deployments", async () => {
    const { client } = await w.newKey();
    const run = await w.client.workflows.executions.getWorkflowExecution({ executionId: "mine" });
    const { workflowRegistrations } = await w.client.workflows.getWorkflowRegistrations({});
    const { executions, runs, deployments } = client.workflows;
    const runId = run.runId as string;
    const executionId = "mine";
    const missing = {
      execution: () => executions.getWorkflowExecution({ executionId }),
      history: () => executions.getWorkflowExecutionHistory({ executionId }),
      signal: () => executions.signalWorkflowExecution({ executionId, signalInvocationBody: { name: "s" } }),
      query: () => executions.queryWorkflowExecution({ executionId, queryInvocationBody: { name: "q" } }),
      update: () => executions.updateWorkflowExecution({ executionId, updateInvocationBody: { name: "u" } }),
      cancel: () => executions.cancelWorkflowExecution({ executionId }),
      terminate: () => executions.terminateWorkflowExecution({ executionId }),
      stream: () => executions.stream({ executionId }),
      run: () => runs.getRun({ runId }),
      runHistory: () => runs.getRunHistory({ runId }),
      workflow: () => client.workflows.getWorkflow({ workflowIdentifier: "orders" }),
      byId: () => client.workflows.getWorkflow({ workflowIdentifier: run.workflowId as string }),
      execute: () => client.workflows.executeWorkflow({ workflowIdentifier: "orders", workflowExecutionRequest: {} }),
      registration: () =>
        client.workflows.getWorkflowRegistration({ workflowRegistrationId: workflowRegistrations[0]!.id }),
      executeRegistration: () =>
        client.workflows.executeWorkflowRegistration({
          workflowRegistrationId: workflowRegistrations[0]!.id,
          workflowExecutionRequest: {},
        }),
      deployment: () => deployments.getDeployment({ name: "shop" }),
      workers: () => deployments.listDeploymentWorkers({ name: "shop" }),
    };
    for (const [what, call] of Object.entries(missing)) {
      expect(await failure(call()).then((f) => ({ what, status: f.status }))).toEqual({ what, status: 404 });
    }
    expect((await runs.listRuns({})).result.executions).toEqual([]);
    expect((await client.workflows.getWorkflows({})).result.workflows).toEqual([]);
    expect((await client.workflows.getWorkflowRegistrations({})).workflowRegistrations).toEqual([]);
    expect((await deployments.listDeployments({ activeOnly: false })).deployments).toEqual([]);
    expect((await client.workflows.events.getWorkflowEvents({ workflowExecId: executionId })).events).toEqual([]);
    expect(await w.client.workflows.executions.getWorkflowExecution({ executionId })).toMatchObject({
      status: "RUNNING",
    });
  });

  test("may use the same ids and names as ours", async () => {
    const { client, key } = await w.newKey();
    await w.worker("shop", [{ name: "orders" }], { key });
    const theirs = await client.workflows.executeWorkflow({
      workflowIdentifier: "orders",
      workflowExecutionRequest: { executionId: "mine", input: { theirs: 1 } },
    });
    expect(theirs).toMatchObject({ executionId: "mine" });
    await client.workflows.executions.terminateWorkflowExecution({ executionId: "mine" });
    expect(await w.client.workflows.executions.getWorkflowExecution({ executionId: "mine" })).toMatchObject({
      status: "RUNNING",
    });
  });

  test("does not see our events in its stream", async () => {
    const { client, key } = await w.newKey();
    await w.worker("shop", [{ name: "orders" }], { key });
    await client.workflows.executeWorkflow({
      workflowIdentifier: "orders",
      workflowExecutionRequest: { executionId: "theirs" },
    });
    for await (const frame of await client.workflows.events.getStreamEvents({ startSeq: 0 })) {
      expect(frame.data).toMatchObject({ workflowContext: { workflowExecId: "theirs" } });
      break;
    }
  });
});

describe("requests that cannot be served", () => {
  test("an unknown path is 404 and says where to look", async () => {
    for (const path of ["/", "/v1", "/v2/workflows", "/v1/workflows/a/b/c/d", "/v1/workflows/"]) {
      const answer = await w.ask("GET", path);
      expect(answer).toMatchObject({
        status: 404,
        body: { code: "NO_ROUTE", detail: expect.stringContaining("/openapi.json") },
      });
    }
  });

  test("a wrong method is 405 with those that are right", async () => {
    const answer = await w.ask("PUT", "/v1/workflows/executions/mine");
    expect(answer).toMatchObject({ status: 405, body: { code: "METHOD_NOT_ALLOWED" } });
    expect(answer.headers.get("allow")).toBe("DELETE, GET, HEAD");
  });

  test("a broken percent-encoding is 400", async () => {
    expect(await w.ask("GET", "/v1/workflows/executions/%E0%A4%A")).toMatchObject({
      status: 400,
      body: { code: "MALFORMED" },
    });
  });

  test("a body that is not JSON is 422 by its text and 415 by its type", async () => {
    const path = "/v1/workflows/orders/execute";
    const text = await w.ask("POST", path, { text: "{oops" });
    expect(text).toMatchObject({ status: 422, body: { detail: [{ loc: ["body"], type: "json_invalid" }] } });
    const form = await w.ask("POST", path, {
      text: "a=1",
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    expect(form).toMatchObject({ status: 415, body: { code: "UNSUPPORTED_MEDIA_TYPE" } });
    expect(await w.ask("POST", path)).toMatchObject({ status: 422, body: { detail: [{ type: "missing" }] } });
    const typed = await w.ask("POST", path, {
      text: "{}",
      headers: { "content-type": "application/json; charset=utf-8" },
    });
    expect(typed.status).toBe(200);
  });

  test("operations that are not implemented are 501 with a detail that says so", async () => {
    const hosted = await failure(w.client.workflows.deployments.stopDeployment({ name: "shop" }));
    expect(hosted).toMatchObject({ status: 501, body: { code: "NOT_IMPLEMENTED" } });
    expect(hosted.body.detail).toContain("does not host workers");
  });

  test("a fault of the server is 500 with a fixed text, and the log has the cause under the request's id", async () => {
    const broken = embedded();
    const lines: { message: string; fields?: Record<string, unknown> }[] = [];
    const log = {
      info: () => {},
      warn: () => {},
      error: (message: string, fields?: Record<string, unknown>) => lines.push({ message, ...(fields && { fields }) }),
    };
    const disk = { workflows: () => Promise.reject(new Error("secret cause")) };
    const registry = new Proxy(broken.registry, {
      get: (target, name) => Reflect.get(disk, name) ?? Reflect.get(target, name).bind(target),
    });
    const server = await startServer({ ports: { ...broken, registry, log: log as never }, version: "1", port: 0 });
    const { key } = await createKey(broken, { workspace: w.workspace, name: "x" });
    const response = await fetch(`${server.url}/v1/workflows`, { headers: { authorization: `Bearer ${key}` } });
    expect(response.status).toBe(500);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ code: "WF_1000" });
    expect(text).not.toContain("secret");
    expect(lines).toMatchObject([
      { fields: { request_id: response.headers.get("x-request-id"), error: new Error("secret cause") } },
    ]);
    await server.close();
    broken.close();
  });
});

test("a stream that fails ends with an error frame, and the client throws after the frames before it", async () => {
  const broken = embedded();
  let reads = 0;
  const feed = new Proxy(broken.feed, {
    get(target, name) {
      if (name !== "follow") return Reflect.get(target, name).bind(target);
      return async (...of: Parameters<typeof target.follow>) => {
        const reader = await target.follow(...of);
        return { next: () => (reads++ > 0 ? Promise.reject(new Error("secret cause")) : reader.next()) };
      };
    },
  });
  const server = await startServer({ ports: { ...broken, feed }, version: "1", port: 0 });
  const { key } = await createKey(broken, { workspace: w.workspace, name: "x" });
  const client = new Mistral({ serverURL: server.url, apiKey: key });
  const worker = new ScriptedWorker({ url: server.url, key, clock: broken.clock, deployment: "d", name: "w" });
  await worker.register([{ name: "orders" }]);
  const request = { workflowIdentifier: "orders", workflowExecutionRequest: { executionId: "e" } };
  await client.workflows.executeWorkflow(request);
  const seen: unknown[] = [];
  const reading = (async () => {
    for await (const frame of await client.workflows.executions.stream({ executionId: "e" })) seen.push(frame.id);
  })();
  await expect(reading).rejects.toMatchObject({
    name: "StreamDisconnectedError",
    reason: "internal_error",
    error: expect.not.stringContaining("secret"),
  });
  expect(seen).toHaveLength(1);
  await server.close(500);
  broken.close();
});

describe("every answer", () => {
  test("has a request id, which is the caller's if that is well-formed", async () => {
    const own = await w.ask("GET", "/v1/workflows", { headers: { "x-request-id": "abc-123" } });
    expect(own.headers.get("x-request-id")).toBe("abc-123");
    for (const answer of [
      await w.ask("GET", "/v1/workflows", { headers: { "x-request-id": "a b\tc" } }),
      await w.ask("GET", "/nope"),
      await w.ask("POST", "/v1/workflows/executions/mine/cancel"),
    ]) {
      expect(answer.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    }
    const frames = await Frames.open(w, "/v1/workflows/events/stream");
    expect(frames.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    await frames.leave();
  });

  test("has log lines under its id", async () => {
    await w.ask("GET", "/v1/workflows/executions/nope", { headers: { "x-request-id": "find-me" } });
    const lines = w.lines.filter((line) => line.fields.request_id === "find-me");
    expect(lines).toMatchObject([
      { message: "request refused", fields: { operation: "getWorkflowExecution", status: 404 } },
    ]);
  });

  test("an answer without content has no content type and no length", async () => {
    const { status, headers } = await w.ask("POST", "/v1/workflows/executions/mine/cancel");
    expect([status, headers.get("content-type"), headers.get("content-length")]).toEqual([204, null, null]);
  });
});

test("health tells the settings of this server, not their defaults", async () => {
  const other = await world({ settings: { livenessMs: 90_000, retentionMs: 172_800_000 } });
  const limits = { liveness_seconds: 90, retention_days: 2 };
  expect(await other.ask("GET", "/health", { key: null })).toMatchObject({ body: { limits } });
  await other.close();
});

test("health and the OpenAPI document need no key", async () => {
  expect(await w.ask("GET", "/health", { key: null })).toMatchObject({
    status: 200,
    body: { status: "ok", version: "9.9.9", limits: { retention_days: 30, payload_bytes: 2_097_152 } },
  });
  const { status, body, headers } = await w.ask("GET", "/openapi.json", { key: null });
  expect(headers.get("cache-control")).toBe("public, no-cache");
  const known = { "if-none-match": `"other", ${headers.get("etag")}` };
  expect(await w.ask("GET", "/openapi.json", { key: null, headers: known })).toMatchObject({ status: 304, body: {} });
  expect(status).toBe(200);
  expect(body).toMatchObject({ openapi: "3.1.1", servers: [{ url: w.server.url }] });
  expect(Object.keys(body.paths as object).length).toBeGreaterThan(40);
});

describe("the server", () => {
  test("answers requests in progress when it closes: polls empty, streams after a complete frame, waits with 408", async () => {
    const own = await world();
    const worker = await own.worker("shop", [{ name: "orders" }]);
    const poll = worker.poll("workflow", 60_000);
    const sync = failure(
      own.client.workflows.executeWorkflow({
        workflowIdentifier: "orders",
        workflowExecutionRequest: { executionId: "waiting", waitForResult: true },
      }),
    );
    expect(await poll).toHaveLength(1);
    const idle = worker.poll("workflow", 60_000);
    const frames = await Frames.open(own, "/v1/workflows/executions/waiting/stream");
    expect((await frames.next())?.data).toMatchObject({ data: { event_type: "WORKFLOW_EXECUTION_STARTED" } });
    await own.ask("GET", "/health");
    const closing = own.server.close(2_000);
    expect(await idle).toEqual([]);
    expect(await frames.rest()).toEqual([]);
    expect(frames.leftover).toBe("");
    expect(await sync).toMatchObject({ status: 408 });
    await closing;
    await expect(fetch(`${own.server.url}/health`)).rejects.toThrow();
    own.ports.close();
  });

  test("says why it cannot listen", async () => {
    const port = w.server.port;
    await expect(startServer({ ports: w.ports, version: "1", port })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: another program listens there`,
    );
  });
});
