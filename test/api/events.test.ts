/** Stored events in pages, and the histories of executions and runs. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Drive, ScriptedWorker } from "./support/scripted-worker.ts";
import { failure, type World, world } from "./support/world.ts";

let w: World;
let worker: ScriptedWorker;
let parent: Drive;
const retry = { max_attempts: 3, first_ms: 1000, factor: 2, max_ms: 1000, non_retryable: [] };
const TYPES = ["WORKFLOW_EXECUTION_STARTED", "ACTIVITY_TASK_STARTED", "ACTIVITY_TASK_COMPLETED"];

beforeAll(async () => {
  w = await world();
  worker = await w.worker("shop", [{ name: "orders", display_name: "Orders" }, { name: "returns" }]);
  await w.client.workflows.executeWorkflow({
    workflowIdentifier: "orders",
    workflowExecutionRequest: { executionId: "parent", input: { a: 1 } },
  });
  parent = await worker.claim("parent");
  for (let n = 1; n <= 10; n++) {
    await parent.append([
      {
        kind: "activity_scheduled",
        activity: n,
        name: "charge",
        input: n,
        where: `local:${worker.session}`,
        options: { retry },
      },
      { kind: "activity_completed", activity: n, name: "charge", result: { n } },
    ]);
  }
  await parent.append([
    {
      kind: "child_scheduled",
      child: 1,
      workflow: "returns",
      execution: "child",
      input: { b: 2 },
      on_parent_close: "abandon",
    },
  ]);
});
afterAll(() => w.close());

const list = (request: object) => w.client.workflows.events.getWorkflowEvents(request);

describe("the list of events", () => {
  test("gives the title of the workflow, and one chain_run_id to an execution and its children", async () => {
    const { body } = await w.ask("GET", "/v1/workflows/events/list?root_workflow_exec_id=parent");
    const { events } = body as {
      events: { event_type: string; chain_run_id: string; attributes: Record<string, unknown> }[];
    };
    const [root, child] = events.filter((e) => e.event_type === "WORKFLOW_EXECUTION_STARTED");
    expect([root!.attributes.display_name, child!.attributes.display_name]).toEqual(["Orders", null]);
    expect(new Set(events.map((e) => e.chain_run_id))).toEqual(new Set([parent.head.chain]));
  });

  test("of an execution is in order, and its pages are full and repeat nothing", async () => {
    const types: string[] = [];
    const ids = new Set<string>();
    let cursor: string | undefined;
    const sizes: number[] = [];
    do {
      const page = await list({ workflowExecId: "parent", limit: 6, ...(cursor && { cursor }) });
      sizes.push(page.events.length);
      for (const event of page.events) {
        types.push(String(event.eventType));
        ids.add(event.eventId);
      }
      cursor = page.nextCursor ?? undefined;
    } while (cursor);
    expect(sizes).toEqual([6, 6, 6, 3]);
    expect(ids.size).toBe(21);
    expect(types).toEqual([TYPES[0], ...Array.from({ length: 10 }, () => TYPES.slice(1)).flat()]);
  });

  test("a page that ends exactly with the last event has no cursor", async () => {
    expect((await list({ workflowExecId: "parent", limit: 21 })).nextCursor).toBeNull();
    expect((await list({ workflowExecId: "parent", limit: 20 })).nextCursor).toEqual(expect.any(String));
  });

  test("is narrowed by root, execution and run, and knows nothing of unknown ones", async () => {
    const of = async (request: object) => (await list({ limit: 1000, ...request })).events;
    expect(await of({ rootWorkflowExecId: "parent" })).toHaveLength(22);
    expect(await of({ rootWorkflowExecId: "parent", workflowExecId: "child" })).toHaveLength(1);
    expect(await of({ workflowRunId: parent.head.run })).toHaveLength(21);
    expect(await of({ workflowExecId: "nope" })).toEqual([]);
    expect(await of({})).toHaveLength(22);
    const [child] = await of({ workflowExecId: "child" });
    expect(child).toMatchObject({
      parentWorkflowExecId: "parent",
      rootWorkflowExecId: "parent",
      workflowName: "returns",
    });
  });

  test("without arguments has the server's own page of 100", async () => {
    expect((await w.client.workflows.events.getWorkflowEvents()).events).toHaveLength(22);
    expect((await w.client.events.getWorkflowEvents()).events).toHaveLength(22);
  });

  test("refuses a cursor that is malformed or of another query", async () => {
    const { nextCursor } = await list({ workflowExecId: "parent", limit: 2 });
    for (const cursor of ["junk", "WzFd", `${nextCursor}x`]) {
      const refused = await failure(list({ workflowExecId: "parent", cursor }));
      expect(refused).toMatchObject({ status: 422, body: { detail: [{ loc: ["query", "cursor"] }] } });
    }
    const other = await failure(list({ workflowExecId: "child", cursor: nextCursor }));
    expect(other).toMatchObject({ status: 422, body: { detail: [{ msg: expect.stringContaining("another query") }] } });
    expect((await list({ workflowExecId: "parent", limit: 7, cursor: nextCursor })).events).toHaveLength(7);
  });

  test.each([0, 1001])("refuses a limit of %i", async (limit) => {
    expect((await w.ask("GET", `/v1/workflows/events/list?limit=${limit}`)).status).toBe(422);
  });
});

describe("the history", () => {
  type History = { events: ({ id: number; kind: string } & Record<string, unknown>)[] };
  const history = async (executionId: string, decodePayloads = true) =>
    (await w.client.workflows.executions.getWorkflowExecutionHistory({ executionId, decodePayloads })) as History;

  test("has every recorded event from the first on, numbered without a gap", async () => {
    const { events } = await history("parent");
    expect(events.map((e) => e.id)).toEqual(Array.from({ length: 22 }, (_, i) => i + 1));
    expect(events[0]).toMatchObject({ kind: "execution_started", workflow: "orders", input: { a: 1 } });
    expect(events.at(-1)).toMatchObject({ kind: "child_scheduled", execution: "child" });
  });

  test("of a run is that run's, of an execution the latest run's", async () => {
    await w.client.workflows.executeWorkflow({
      workflowIdentifier: "orders",
      workflowExecutionRequest: { executionId: "two-runs" },
    });
    const first = await worker.claim("two-runs");
    await first.close({ kind: "execution_continued", run: first.head.run, workflow: "orders", input: { round: 2 } });
    const { run } = (await worker.claim("two-runs")).head;
    const ofRun = async (runId: string) => (await w.client.workflows.runs.getRunHistory({ runId })) as History;
    expect((await ofRun(first.head.run)).events.map((e) => e.kind)).toEqual([
      "execution_started",
      "execution_continued",
    ]);
    expect((await ofRun(run)).events).toMatchObject([{ kind: "execution_started", input: { round: 2 } }]);
    expect(await history("two-runs")).toEqual(await ofRun(run));
  });

  test("shows what was only base64 decoded, and leaves what a codec has closed", async () => {
    const plain = { b64payload: Buffer.from('{"x":1}').toString("base64"), encoding_options: [], empty: false };
    const secret = { b64payload: "c2VjcmV0", encoding_options: ["encrypted"], empty: false };
    for (const [execution_id, input] of Object.entries({ plain, secret })) {
      await w.ask("POST", "/v1/workflows/orders/execute", { body: { execution_id, input } });
    }
    expect((await history("plain")).events[0]?.input).toEqual({ x: 1 });
    expect((await history("plain", false)).events[0]?.input).toEqual({ x: 1 });
    expect((await history("secret")).events[0]?.input).toEqual(secret);
  });

  test("of something unknown is 404", async () => {
    expect(await failure(history("nope"))).toMatchObject({ status: 404, body: { code: "WF_1100" } });
    const run = w.client.workflows.runs.getRunHistory({ runId: "nope" });
    expect(await failure(run)).toMatchObject({ status: 404, body: { code: "WF_1100" } });
  });
});
