/** Workflows, registrations, deployments and workers. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failure, type World, world } from "./support/world.ts";

let w: World;
const schema = { type: "object", properties: { id: { type: "string" } } };
const handler = { input_schema: schema, description: "says so" };

beforeAll(async () => {
  w = await world();
  await w.worker("gone", [{ name: "old_one", description: "Nobody serves it" }]);
  await w.clock.advance(60_000);
  await w.worker("alice", [
    {
      name: "invoice_processor",
      display_name: "Invoices",
      description: "Reads and books invoices",
      input_schema: schema,
      output_schema: schema,
      signals: [{ name: "approve", ...handler }],
      queries: [{ name: "status", ...handler, output_schema: schema }],
      updates: [{ name: "set", ...handler }],
      execution_timeout: 86_400,
    },
    { name: "endless", execution_timeout: null, is_technical: true },
    {
      name: "declared",
      signals: [{ name: "s", ...handler }],
      queries: [{ name: "q", ...handler, output_schema: schema }],
      execution_timeout: 90,
    },
  ]);
  await w.clock.advance(1000);
  await w.worker("alice", [{ name: "invoice_processor", display_name: "Invoices", input_schema: schema }], {
    name: "w2",
  });
  await w.clock.advance(1000);
  await w.worker("bob", [{ name: "shared" }, { name: "invoice_processor" }]);
});
afterAll(() => w.close());

describe("workflows", () => {
  const list = async (request: object) => {
    const names: string[] = [];
    for await (const page of await w.client.workflows.getWorkflows(request))
      names.push(...page.result.workflows.map((x) => x.name));
    return names;
  };
  const BY_TITLE = ["invoice_processor", "declared", "endless", "old_one", "shared"];
  const ALL = ["declared", "endless", "invoice_processor", "old_one", "shared"];

  test.each([
    ["none", {}, ALL],
    ["descending", { order: "desc" }, ALL.toReversed()],
    ["by display name", { sortBy: "display_name" }, BY_TITLE],
    ["active only", { activeOnly: true }, ["declared", "endless", "invoice_processor", "shared"]],
    [
      "deployment status active",
      { deploymentStatus: "active" },
      ["declared", "endless", "invoice_processor", "shared"],
    ],
    ["deployment status inactive", { deploymentStatus: "inactive" }, ["old_one"]],
    ["deployment", { deploymentName: ["bob"] }, ["invoice_processor", "shared"]],
    ["deployments, inactive", { deploymentName: ["bob", "gone"], deploymentStatus: "inactive" }, ["old_one"]],
    ["archived", { archived: true }, []],
    ["not archived", { archived: false }, ALL],
    ["tags", { tags: ["a"] }, []],
    ["in the chat assistant", { availableInChatAssistant: true }, []],
    ["search: words in any order, joined as they like", { search: "PROCESSOR invoice" }, ["invoice_processor"]],
    ["search in descriptions", { search: "books" }, ["invoice_processor"]],
    ["search without a match", { search: "zzz" }, []],
  ])("%s", async (_, request, expected) => {
    expect(await list(request)).toEqual(expected);
  });

  test("search by id", async () => {
    const { workflow } = await w.client.workflows.getWorkflow({ workflowIdentifier: "shared" });
    expect(await list({ search: workflow.id })).toEqual(["shared"]);
  });

  test("by the status of their executions", async () => {
    await w.client.workflows.executeWorkflow({ workflowIdentifier: "shared", workflowExecutionRequest: {} });
    expect(await list({ status: "RUNNING" })).toEqual(["shared"]);
    expect(await list({ status: ["COMPLETED", "RETRYING_AFTER_ERROR"] })).toEqual([]);
  });

  test.each([1, 2, 3, 4, 5])("pages of %i", async (limit) => {
    expect(await list({ limit })).toEqual(ALL);
    expect(await list({ limit, sortBy: "display_name", order: "desc" })).toEqual(BY_TITLE.toReversed());
  });

  test("a bad cursor is refused", async () => {
    const refused = await failure(w.client.workflows.getWorkflows({ cursor: "x" }));
    expect(refused).toMatchObject({ status: 422, body: { detail: [{ loc: ["query", "cursor"] }] } });
  });

  test("without arguments: the defaults are the server's, inactive ones included", async () => {
    const { result } = await w.client.workflows.getWorkflows();
    expect(result.workflows.map((x) => x.name)).toEqual(ALL);
    expect(result.nextCursor).toBeNull();
  });

  test("one is read by name or by id, and says whether a live worker serves it", async () => {
    const { workflow } = await w.client.workflows.getWorkflow({ workflowIdentifier: "invoice_processor" });
    expect(workflow).toMatchObject({
      displayName: "Invoices",
      description: "Reads and books invoices",
      type: "code",
      workspaceId: w.workspace,
      customerId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      active: true,
      archived: false,
      tags: [],
      isTechnical: false,
    });
    expect((await w.client.workflows.getWorkflow({ workflowIdentifier: workflow.id })).workflow).toEqual(workflow);
    const old = await w.client.workflows.getWorkflow({ workflowIdentifier: "old_one" });
    expect(old.workflow).toMatchObject({ active: false, displayName: "old_one" });
    const technical = await w.client.workflows.getWorkflow({ workflowIdentifier: "endless" });
    expect(technical.workflow.isTechnical).toBe(true);
    expect(await failure(w.client.workflows.getWorkflow({ workflowIdentifier: "nope" }))).toMatchObject({
      status: 404,
      body: { code: "WF_1100" },
    });
  });
});

describe("registrations", () => {
  const list = async (request: object) => {
    const page = await w.client.workflows.getWorkflowRegistrations(request);
    expect(page.workflowVersions).toEqual(page.workflowRegistrations);
    return page.workflowRegistrations.map((r) => `${r.deploymentName}/${r.taskQueue}`);
  };

  test.each([
    ["all", {}, ["gone/gone", "alice/alice", "alice/alice", "alice/alice", "bob/bob", "bob/bob"]],
    ["active only", { activeOnly: true }, ["alice/alice", "alice/alice", "alice/alice", "bob/bob", "bob/bob"]],
    ["task queue", { taskQueue: "bob" }, ["bob/bob", "bob/bob"]],
    ["search", { workflowSearch: "invoice" }, ["alice/alice", "bob/bob"]],
    ["archived", { archived: true }, []],
    ["in the chat assistant", { availableInChatAssistant: true }, []],
  ])("%s", async (_, request, expected) => {
    expect(await list(request)).toEqual(expected);
  });

  test("by workflow id or exact name", async () => {
    const { workflow } = await w.client.workflows.getWorkflow({ workflowIdentifier: "shared" });
    expect(await list({ workflowId: workflow.id })).toEqual(["bob/bob"]);
    const { body } = await w.ask("GET", "/v1/workflows/registrations?workflow_name=invoice_processor");
    expect(body.workflow_registrations).toHaveLength(2);
    expect(
      (await w.ask("GET", "/v1/workflows/registrations?workflow_name=invoice")).body.workflow_registrations,
    ).toEqual([]);
  });

  test("are read page by page", async () => {
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await w.client.workflows.getWorkflowRegistrations({ limit: 2, ...(cursor && { cursor }) });
      seen.push(...page.workflowRegistrations.map((r) => r.id));
      cursor = page.nextCursor ?? undefined;
    } while (cursor);
    expect(seen).toHaveLength(6);
    expect(new Set(seen).size).toBe(6);
  });

  test("one carries the whole definition, and its workflow when asked", async () => {
    const { workflowRegistrations } = await w.client.workflows.getWorkflowRegistrations({ taskQueue: "alice" });
    const found = workflowRegistrations.find((r) => r.definition.inputSchema.type === "object");
    const read = (withWorkflow?: boolean) =>
      w.client.workflows.getWorkflowRegistration({
        workflowRegistrationId: found!.id,
        ...(withWorkflow && { withWorkflow }),
      });
    const { workflowRegistration, workflowVersion } = await read();
    expect(workflowVersion).toEqual(workflowRegistration);
    expect(workflowRegistration).toMatchObject({ active: true, deploymentName: "alice", workflow: null });
    const { deployments } = await w.client.workflows.deployments.listDeployments({ search: "alice" });
    expect(workflowRegistration.deploymentId).toBe(deployments[0]?.id);
    expect((await read(true)).workflowRegistration.workflow).toMatchObject({ name: "invoice_processor" });
    expect(await failure(w.client.workflows.getWorkflowRegistration({ workflowRegistrationId: "x" }))).toMatchObject({
      status: 404,
    });
  });

  test("the definition is what the worker declared, its timeout in seconds, absent if there is none", async () => {
    const of = async (name: string) => {
      const { body } = await w.ask("GET", `/v1/workflows/registrations?workflow_name=${name}`);
      return (body.workflow_registrations as { definition: object }[])[0]?.definition;
    };
    expect(await of("declared")).toEqual({
      input_schema: {},
      output_schema: null,
      signals: [{ name: "s", description: "says so", input_schema: schema }],
      queries: [{ name: "q", description: "says so", input_schema: schema, output_schema: schema }],
      updates: [],
      enforce_determinism: true,
      on_behalf_of: false,
      execution_timeout: 90,
      plugin_metadata: null,
    });
    expect(await of("endless")).not.toHaveProperty("execution_timeout");
  });
});

describe("deployments", () => {
  const list = async (request: object) =>
    (await w.client.workflows.deployments.listDeployments(request)).deployments.map((d) => d.name);

  test.each([
    ["active ones only by default", {}, ["bob", "alice"]],
    ["all, active first, newest first", { activeOnly: false }, ["bob", "alice", "gone"]],
    ["all, active first, oldest first", { activeOnly: false, order: "asc" }, ["alice", "bob", "gone"]],
    ["by creation", { activeOnly: false, orderBy: "created_at", order: "asc" }, ["gone", "alice", "bob"]],
    ["by last heartbeat", { activeOnly: false, orderBy: "updated_at" }, ["bob", "alice", "gone"]],
    ["serving a workflow", { workflowName: "shared" }, ["bob"]],
    ["serving an unknown workflow", { workflowName: "nope" }, []],
    ["by the beginning of the name", { search: "AL" }, ["alice"]],
    ["by the middle of the name", { search: "lice" }, []],
    ["local or managed", { locationTypes: ["local", "managed"] }, ["bob", "alice"]],
    ["managed", { locationTypes: ["managed"] }, []],
    ["hardened", { isHardened: true }, []],
    ["not hardened", { isHardened: false }, ["bob", "alice"]],
    ["created by a user", { createdBy: "ann" }, []],
  ])("%s", async (_, request, expected) => {
    expect(await list(request)).toEqual(expected);
  });

  test("without arguments and by the workspace's own id", async () => {
    const page = await w.client.workflows.deployments.listDeployments();
    expect(page).toMatchObject({ workspaceId: w.workspace, nextCursor: null });
    expect(page.deployments.map((d) => d.name)).toEqual(["bob", "alice"]);
    expect(await list({ workspaceId: w.workspace })).toEqual(["bob", "alice"]);
    expect(
      await failure(w.client.workflows.deployments.listDeployments({ workspaceId: w.ports.uuid() })),
    ).toMatchObject({
      status: 403,
      body: { code: "FORBIDDEN" },
    });
  });

  test("by the beginning of the id, and page by page", async () => {
    const all = await w.client.workflows.deployments.listDeployments({ activeOnly: false });
    const bob = all.deployments.find((d) => d.name === "bob")!;
    expect(await list({ search: bob.id })).toEqual(["bob"]);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await w.client.workflows.deployments.listDeployments({
        activeOnly: false,
        limit: 1,
        ...(cursor && { cursor }),
      });
      seen.push(...page.deployments.map((d) => d.name));
      cursor = page.nextCursor ?? undefined;
    } while (cursor);
    expect(seen).toEqual(["bob", "alice", "gone"]);
  });

  test("one shows its workers, and the heartbeats that the Python client insists on", async () => {
    const { body } = await w.ask("GET", "/v1/workflows/deployments/alice");
    const seen = new Date(w.clock.now() - 1000).toISOString();
    expect(body).toMatchObject({
      name: "alice",
      is_active: true,
      worker_count: 2,
      active_worker_count: 2,
      locations: ["local"],
      location: { location_type: "local" },
      last_heartbeat: seen,
      updated_at: seen,
    });
    expect(body.workers).toMatchObject([
      { name: "w1", is_active: true, last_heartbeat: new Date(w.clock.now() - 2000).toISOString() },
      { name: "w2", is_active: true, last_heartbeat: seen, location: { location_type: "local" } },
    ]);
    const detail = await w.client.workflows.deployments.getDeployment({ name: "alice" });
    expect(detail.workers[1]?.updatedAt).toEqual(new Date(seen));
  });

  test("a worker shows the load of its last heartbeat, null before it, and a heartbeat with another form is refused", async () => {
    const worker = await w.worker("loaded", [{ name: "heavy" }]);
    const shown = async () => (await w.ask("GET", "/v1/workflows/deployments/loaded")).body.workers;
    expect(await shown()).toMatchObject([{ load: null }]);
    const load = { activities: 3, activity_slots: 100, workflow_tasks: 1, workflow_slots: 200, cached: 7 };
    const full = { ...load, cpu: 1.25, memory_bytes: 123_456_789 };
    await worker.call("heartbeat", { ...worker.who, load: full });
    expect(await shown()).toMatchObject([{ load: full }]);
    const listed = await w.ask("GET", "/v1/workflows/deployments/loaded/workers");
    expect(listed.body.workers).toMatchObject([{ load: full }]);
    for (const wrong of [load, { ...full, cpu: -1 }, { ...full, activity_slots: 0 }, "much"])
      expect((await worker.raw("heartbeat", { ...worker.who, load: wrong })).status).toBe(422);
    await worker.stop();
  });

  test("one requested with a workflow shows only whether it serves that workflow", async () => {
    const about = (workflowName: string) =>
      w.client.workflows.deployments.getDeployment({ name: "alice", workflowName });
    expect(await about("endless")).toMatchObject({ isActive: true, activeWorkerCount: 2 });
    expect(await about("shared")).toMatchObject({ isActive: false, activeWorkerCount: 0, workers: [] });
  });

  test("an unknown one is 404, also for its workers", async () => {
    const { deployments } = w.client.workflows;
    expect(await failure(deployments.getDeployment({ name: "nope" }))).toMatchObject({ status: 404 });
    expect(await failure(deployments.listDeploymentWorkers({ name: "nope" }))).toMatchObject({ status: 404 });
  });

  test("workers are listed by status and page", async () => {
    const workers = async (name: string, request: object = {}) =>
      (await w.client.workflows.deployments.listDeploymentWorkers({ name, ...request })).workers.map((x) => x.name);
    expect(await workers("alice")).toEqual(["w1", "w2"]);
    expect(await workers("alice", { workerStatus: "active" })).toEqual(["w1", "w2"]);
    expect(await workers("gone", { workerStatus: "active" })).toEqual([]);
    expect(await workers("gone", { workerStatus: "inactive" })).toEqual(["w1"]);
    const first = await w.client.workflows.deployments.listDeploymentWorkers({ name: "alice", limit: 1 });
    expect(first.workers).toHaveLength(1);
    expect(await workers("alice", { limit: 1, cursor: first.nextCursor })).toEqual(["w2"]);
    const foreign = w.client.workflows.deployments.listDeploymentWorkers({
      name: "bob",
      cursor: first.nextCursor as string,
    });
    expect(await failure(foreign)).toMatchObject({ status: 422 });
  });
});

test("whoami names the address and the workspace", async () => {
  const { status, body } = await w.ask("GET", "/v1/workflows/workers/whoami");
  expect(status).toBe(200);
  expect(body).toEqual({ engine: "sirocco", scheduler_url: w.server.url, namespace: w.workspace, tls: false });
});
