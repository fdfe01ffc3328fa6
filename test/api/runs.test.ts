/** The list of runs: every filter, both orders, pages that are always full. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { headOf } from "../contract/subject.ts";
import type { ScriptedWorker } from "./support/scripted-worker.ts";
import { failure, type World, world } from "./support/world.ts";

let w: World;
let worker: ScriptedWorker;
let start: number;
let ann: Awaited<ReturnType<World["newKey"]>>;

beforeAll(async () => {
  w = await world();
  start = w.clock.now();
  ann = await w.newKey({ workspace: w.workspace, name: "ann" });
  worker = await w.worker("shop", [
    {
      name: "orders",
      display_name: "Incoming Orders",
      execution_timeout: null,
      search_keys: ["customer.id", "region"],
    },
    { name: "returns", execution_timeout: null },
    { name: "hidden", execution_timeout: null, is_technical: true },
  ]);
  const other = await w.worker("lab", [{ name: "tests", execution_timeout: null }]);
  // r-0 … r-9, one second apart: orders and returns in turn; every third one completes at once.
  for (let n = 0; n < 10; n++) {
    const client = n === 4 ? ann.client : w.client;
    await client.workflows.executeWorkflow({
      workflowIdentifier: n % 2 === 0 ? "orders" : "returns",
      workflowExecutionRequest: { executionId: `r-${n}`, input: { customer: { id: `C-${n}` }, region: "eu-west" } },
    });
    if (n % 3 === 0) await worker.complete(`r-${n}`);
    await w.clock.advance(1000);
  }
  await w.client.workflows.executeWorkflow({
    workflowIdentifier: "hidden",
    workflowExecutionRequest: { executionId: "h" },
  });
  await w.clock.advance(1000);
  await w.client.workflows.executeWorkflow({
    workflowIdentifier: "tests",
    workflowExecutionRequest: { executionId: "t" },
  });
  await (await other.claim("t")).close({ kind: "execution_failed", failure: { message: "x" } }, { failure: "x" });
  await w.clock.advance(1000);
  const parent = await worker.claim("r-1");
  await parent.append([
    {
      kind: "child_scheduled",
      child: 1,
      workflow: "orders",
      execution: "r-1-child",
      input: null,
      on_parent_close: "abandon",
    },
  ]);
});
afterAll(() => w.close());

const at = (seconds: number) => new Date(start + seconds * 1000);
const pages = (request: object) => w.client.workflows.runs.listRuns(request);
async function ids(request: object): Promise<string[]> {
  const list: string[] = [];
  for await (const page of await pages(request)) list.push(...page.result.executions.map((e) => e.executionId));
  return list;
}
const ALL = ["r-1-child", "t", "h", "r-9", "r-8", "r-7", "r-6", "r-5", "r-4", "r-3", "r-2", "r-1", "r-0"];
const sorted = (list: string[]) => list.toSorted();

describe("filters", () => {
  test.each([
    ["none", {}, ALL],
    ["workflow by name", { workflowIdentifier: "returns" }, ["r-9", "r-7", "r-5", "r-3", "r-1"]],
    ["an unknown workflow", { workflowIdentifier: "nope" }, []],
    ["one status", { status: "COMPLETED" }, ["r-9", "r-6", "r-3", "r-0"]],
    ["several statuses", { status: ["COMPLETED", "FAILED"] }, ["t", "r-9", "r-6", "r-3", "r-0"]],
    ["a status that no run ever has", { status: "RETRYING_AFTER_ERROR" }, []],
    ["deployment", { deploymentName: "lab" }, ["t"]],
    ["whole tree", { rootExecutionId: "r-1" }, ["r-1-child", "r-1"]],
    ["search by id", { search: "R-1" }, ["r-1-child", "r-1"]],
    ["search by workflow name", { search: "ETURN" }, ["r-9", "r-7", "r-5", "r-3", "r-1"]],
    ["search by title", { search: "incoming" }, ["r-1-child", "r-8", "r-6", "r-4", "r-2", "r-0"]],
    ["search for a character that is a wildcard of LIKE", { search: "r_1" }, []],
    ["user", { userId: "ann" }, ["r-4"]],
    ["an unknown user", { userId: "bob" }, []],
    ["without internal ones", { includeInternal: false }, ALL.filter((id) => id !== "h")],
    ["tags that no workflow has", { workflowTags: ["a"] }, []],
    ["a search key", { searchKey: ["customer.id:C-2"] }, ["r-2"]],
    ["the beginning of a search key, not marked as one", { searchKey: ["customer.id:C-"] }, []],
    ["several search keys", { searchKey: ["customer.id^=C-", "region:eu-west"], status: "COMPLETED" }, ["r-6", "r-0"]],
    ["a search key that no run has", { searchKey: ["region:asia"] }, []],
    [
      "all together",
      { workflowIdentifier: "orders", status: "RUNNING", deploymentName: "shop", search: "r-" },
      ["r-1-child", "r-8", "r-4", "r-2"],
    ],
  ])("%s", async (_, request, expected) => {
    expect(await ids(request)).toEqual(expected);
  });

  test("workflow by id", async () => {
    const { workflow } = await w.client.workflows.getWorkflow({ workflowIdentifier: "tests" });
    expect(await ids({ workflowIdentifier: workflow.id })).toEqual(["t"]);
  });

  test("`current` is the caller", async () => {
    const list = await ann.client.workflows.runs.listRuns({ userId: "current" });
    expect(list.result.executions.map((e) => e.executionId)).toEqual(["r-4"]);
  });

  test("bounds of the start are inclusive", async () => {
    expect(await ids({ startTimeAfter: at(3), startTimeBefore: at(5) })).toEqual(["r-5", "r-4", "r-3"]);
    expect(await ids({ startTimeAfter: new Date(start + 8001), startTimeBefore: at(9) })).toEqual(["r-9"]);
  });

  test("bounds of the end exclude open runs", async () => {
    expect(await ids({ endTimeAfter: at(3) })).toEqual(["t", "r-9", "r-6", "r-3"]);
    expect(await ids({ endTimeBefore: at(6) })).toEqual(["r-6", "r-3", "r-0"]);
  });

  test.each([
    ["status=NOPE", "status"],
    ["start_time_after=yesterday", "start_time_after"],
    ["page_size=0", "page_size"],
    ["page_size=1001", "page_size"],
    ["sort_by=name", "sort_by"],
    ["search_key=nocolon", "search_key"],
    ["search_key=a:1&search_key=b:1&search_key=c:1&search_key=d:1", "search_key"],
    ["next_page_token=junk", "next_page_token"],
  ])("%s is refused by name", async (query, field) => {
    const { status, body } = await w.ask("GET", `/v1/workflows/runs?${query}`);
    expect(status).toBe(422);
    expect((body.detail as { loc: unknown[] }[])[0]?.loc.slice(0, 2)).toEqual(["query", field]);
  });
});

describe("order", () => {
  test("by start, either way", async () => {
    expect(await ids({ order: "asc" })).toEqual(ALL.toReversed());
  });

  test("by end: open runs sort as if they ended last", async () => {
    const order = await ids({ sortBy: "end_time", order: "asc" });
    expect(order.slice(0, 5)).toEqual(["r-0", "r-3", "r-6", "r-9", "t"]);
    expect(sorted(order)).toEqual(sorted(ALL));
    expect((await ids({ sortBy: "end_time" })).slice(-5)).toEqual(["t", "r-9", "r-6", "r-3", "r-0"]);
  });
});

describe("pages", () => {
  test.each([
    1, 2, 3, 5, 12, 13, 14,
  ])("of %i are full until the last, repeat no run and skip none", async (pageSize) => {
    const sizes: number[] = [];
    const seen: string[] = [];
    for await (const page of await pages({ pageSize, status: ["RUNNING", "COMPLETED", "FAILED"] })) {
      sizes.push(page.result.executions.length);
      seen.push(...page.result.executions.map((e) => e.executionId));
    }
    expect(seen).toEqual(ALL);
    expect(sizes.slice(0, -1).every((size) => size === pageSize)).toBe(true);
  });

  test("with a filter are full as well", async () => {
    const first = await pages({ pageSize: 3, status: "COMPLETED" });
    expect(first.result.executions).toHaveLength(3);
    expect(first.result.nextPageToken).toEqual(expect.any(String));
    const second = await first.next();
    expect(second?.result.executions.map((e) => e.executionId)).toEqual(["r-0"]);
    expect(second?.result.nextPageToken).toBeNull();
  });

  test("a run that starts between two pages does not change the later pages", async () => {
    const first = await pages({ pageSize: 7 });
    await w.client.workflows.executeWorkflow({
      workflowIdentifier: "tests",
      workflowExecutionRequest: { executionId: "late" },
    });
    const second = await first.next();
    expect(second?.result.executions.map((e) => e.executionId)).toEqual(ALL.slice(7));
    await w.client.workflows.executions.terminateWorkflowExecution({ executionId: "late" });
  });

  test("a token of other filters or another order is refused", async () => {
    const { result } = await pages({ pageSize: 2 });
    const nextPageToken = result.nextPageToken as string;
    for (const other of [{ order: "asc" as const }, { status: "RUNNING" as const }, { sortBy: "end_time" as const }]) {
      expect(await failure(pages({ pageSize: 2, ...other, nextPageToken }))).toMatchObject({
        status: 422,
        body: { detail: [{ loc: ["query", "next_page_token"] }] },
      });
    }
  });
});

test("the older path of the list answers the same, with page tokens of its own", async () => {
  const { body } = await w.ask("GET", "/v1/workflows/executions?page_size=2");
  const { body: same } = await w.ask("GET", "/v1/workflows/runs?page_size=2");
  expect(body).toEqual({ ...(same as object), next_page_token: expect.any(String) });
});

test("a call without arguments and one with empty ones list the same", async () => {
  const { result } = await w.client.workflows.runs.listRuns();
  expect(result.executions).toEqual((await pages({})).result.executions);
  expect(result.executions[0]).not.toHaveProperty("result");
});

test("a run is read by its id, with its result and its search keys", async () => {
  const { executions } = (await pages({ search: "r-6" })).result;
  const run = await w.client.workflows.runs.getRun({ runId: executions[0]?.runId as string });
  expect(run).toMatchObject({ executionId: "r-6", status: "COMPLETED", totalDurationMs: 0 });
  expect(run.searchKeys).toEqual({ "customer.id": "C-6", region: "eu-west" });
  const unknown = w.client.workflows.runs.getRun({ runId: w.ports.uuid() });
  expect(await failure(unknown)).toMatchObject({ status: 404, body: { code: "WF_1100" } });
});

describe("counts", () => {
  const counts = async (query = "") => {
    const { status, body } = await w.ask("GET", `/v1/workflows/runs/counts${query}`);
    expect(status).toBe(200);
    return body.counts as { status: string; count: number; more: boolean }[];
  };
  const listed = async (query: string) =>
    ((await w.ask("GET", `/v1/workflows/runs?page_size=1000${query}`)).body.executions as { status: string }[]).map(
      (run) => run.status,
    );

  test.each([
    "",
    "&workflow_identifier=orders",
    "&deployment_name=lab",
    "&user_id=ann",
    "&search_key=region:eu-west",
    "&search=r-1",
    "&include_internal=false",
    "&workflow_identifier=nobody",
  ])("are those of the list with the same filters: %s", async (query) => {
    const statuses = await listed(query);
    for (const { status, count, more } of await counts(`?${query.slice(1)}`)) {
      expect([status, count, more]).toEqual([status, statuses.filter((each) => each === status).length, false]);
    }
    expect((await counts(`?${query.slice(1)}`)).reduce((sum, { count }) => sum + count, 0)).toBe(statuses.length);
  });

  test("name only the statuses that were asked for, also where none has them", async () => {
    const only = await counts("?status=TIMED_OUT&status=RUNNING");
    expect(only.map(({ status }) => status)).toEqual(["RUNNING", "TIMED_OUT"]);
    expect(only[1]).toEqual({ status: "TIMED_OUT", count: 0, more: false });
  });

  test("stop at a thousand or where the request says, and say that there are more", async () => {
    const { workspace, key } = await w.newKey();
    for (let n = 0; n < 1001; n++) {
      await w.ports.executions.create(headOf({ workspace, execution: `many-${n}` }, w.clock.now()), []);
    }
    const { body } = await w.ask("GET", "/v1/workflows/runs/counts?status=RUNNING", { key });
    expect(body.counts).toEqual([{ status: "RUNNING", count: 1000, more: true }]);
    const upTo = async (n: number) =>
      (await w.ask("GET", `/v1/workflows/runs/counts?status=RUNNING&up_to=${n}`, { key })).body.counts;
    expect(await upTo(7)).toEqual([{ status: "RUNNING", count: 7, more: true }]);
    expect(await upTo(1001)).toEqual([{ status: "RUNNING", count: 1001, more: false }]);
    expect(await upTo(10_000)).toEqual([{ status: "RUNNING", count: 1001, more: false }]);
    expect((await w.ask("GET", "/v1/workflows/runs/counts?up_to=10001", { key })).status).toBe(422);
  });
});

test("a search for a text with a character that no id and no title has finds nothing, and a job by it acts on nothing", async () => {
  const execution_id = `n-${randomUUID()}`;
  await w.ask("POST", "/v1/workflows/orders/execute", { body: { execution_id, input: {} } });
  for (const search of ["\0", `${execution_id}\0`, "\0n-", "n-\0", "%\0", "\u0007"]) {
    const found = await w.ask("GET", `/v1/workflows/runs?search=${encodeURIComponent(search)}`);
    expect([search, found.status, found.body.executions]).toEqual([search, 200, []]);
    const counts = await w.ask("GET", `/v1/workflows/runs/counts?search=${encodeURIComponent(search)}`);
    expect((counts.body.counts as { count: number }[]).every(({ count }) => count === 0)).toBe(true);
    const job = await w.ask("POST", "/v1/workflows/jobs", { body: { action: "terminate", filter: { search } } });
    expect(job.status).toBe(201);
    await w.ports.sweep(1_000);
    expect((await w.ask("GET", `/v1/workflows/jobs/${job.body.job_id}`)).body).toMatchObject({ total: 0 });
  }
  expect((await w.ask("GET", `/v1/workflows/executions/${execution_id}`)).body).toMatchObject({ status: "RUNNING" });
});
