/** Open questions to people over all executions: a real worker asks, the official client answers, and the list follows. */
import { Mistral } from "@mistralai/mistralai";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import * as z from "zod";
import {
  continueAsNew,
  on,
  type RunningWorker,
  signal,
  startWorker,
  waitForInput,
  waitUntil,
  workflow,
} from "../../sdk/index.ts";
import { createKey, DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { MOST_OPEN } from "../../shared/core/human-inputs.ts";
import type { ResponseOf } from "../../shared/protocol/routes.ts";
import { QUIET, type TestServer, testServer } from "../support/test-server.ts";

type Page = ResponseOf<"listInputs">;

const Approval = z.object({ ok: z.boolean() });
const asks = workflow({ name: "asks", interactive: true, input: z.object({ label: z.string() }) }, async ({ label }) =>
  waitForInput(Approval, { label, timeout: "1h" }),
);
const two = workflow({ name: "two", interactive: true }, async () => {
  const [a, b] = await Promise.all([waitForInput(Approval, { label: "a" }), waitForInput(Approval, { label: "b" })]);
  return { a: a.ok, b: b.ok };
});
const many = workflow({ name: "many", interactive: true }, async () => {
  await Promise.all(Array.from({ length: MOST_OPEN + 5 }, (_, n) => waitForInput(Approval, { label: `n${n}` })));
});
const over = signal("over", z.object({}));
const renews = workflow(
  { name: "renews", interactive: true, input: z.object({ label: z.string() }), handlers: [over] },
  async ({ label }) => {
    let again = false;
    on(over, () => {
      again = true;
    });
    await Promise.race([waitForInput(Approval, { label }), waitUntil(() => again)]);
    return continueAsNew({ label: "second run" });
  },
);

let server: TestServer;
let worker: RunningWorker;
let client: Mistral;

beforeAll(async () => {
  server = await testServer();
  const { url, key } = server;
  worker = await startWorker({
    url,
    apiKey: key,
    deployment: "desk",
    workflows: [asks, two, many, renews],
    log: QUIET,
  });
  client = new Mistral({ serverURL: url, apiKey: key });
});
afterAll(async () => {
  await worker.stop();
  await server.close();
});

const start = (workflowIdentifier: string, executionId: string, input: object = {}) =>
  client.workflows.executeWorkflow({ workflowIdentifier, workflowExecutionRequest: { executionId, input } });
async function list(query = "", key = server.key): Promise<Page> {
  const answer = await fetch(`${server.url}/v1/workflows/inputs${query}`, {
    headers: { authorization: `Bearer ${key}` },
  });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Page;
}
const labels = async (query = "") => (await list(query)).inputs.map(({ label }) => label);
const submit = (executionId: string, task_id: string) =>
  client.workflows.executions.updateWorkflowExecution({
    executionId,
    updateInvocationBody: { name: "__submit_input", input: { task_id, input: { ok: true } } },
  });

test("a question is listed with all that an answer needs, and the official client answers it", async () => {
  const began = Date.now();
  await start("asks", "q-1", { label: "May this be paid?" });
  await vi.waitFor(async () => expect(await labels()).toEqual(["May this be paid?"]));
  const { inputs, next_cursor } = await list();
  const run = await client.workflows.executions.getWorkflowExecution({ executionId: "q-1" });
  const [input] = inputs;
  expect(next_cursor).toBeNull();
  expect(input).toEqual({
    task_id: expect.any(String),
    label: "May this be paid?",
    input_schema: expect.objectContaining({ type: "object", required: ["ok"] }),
    workflow_name: "asks",
    deployment_name: "desk",
    execution_id: "q-1",
    run_id: run.runId,
    since: expect.any(String),
    until: expect.any(String),
    answer: {
      href: "/v1/workflows/executions/q-1/updates",
      name: "__submit_input",
      input: { task_id: input!.task_id },
    },
    links: [
      { rel: "answer", href: "/v1/workflows/executions/q-1/updates" },
      { rel: "execution", href: "/v1/workflows/executions/q-1" },
      { rel: "explain", href: "/v1/workflows/executions/q-1/explain" },
    ],
  });
  const hours = (Date.parse(input!.until!) - Date.parse(input!.since)) / 3_600_000;
  expect(hours).toBeCloseTo(1, 1); // the timer counts from the start of the run
  expect(Date.parse(input!.since)).toBeGreaterThanOrEqual(began - 1_000);
  await submit("q-1", input!.task_id);
  await vi.waitFor(async () => expect(await labels()).toEqual([]));
});

test("each of several questions of one execution is listed until it is answered", async () => {
  await start("two", "q-2");
  await vi.waitFor(async () => expect(await labels()).toEqual(["a", "b"]));
  const [a] = (await list()).inputs;
  expect(a!.until).toBeNull();
  await submit("q-2", a!.task_id);
  await vi.waitFor(async () => expect(await labels()).toEqual(["b"]));
  await client.workflows.executions.terminateWorkflowExecution({ executionId: "q-2" });
  expect(await labels()).toEqual([]);
});

test("pages go on where the last one ended, also inside an execution; a workflow is a filter", async () => {
  await start("two", "q-3");
  await vi.waitFor(async () => expect(await labels()).toHaveLength(2));
  await start("asks", "q-4", { label: "c" });
  await vi.waitFor(async () => expect(await labels()).toEqual(["a", "b", "c"]));
  const seen: (string | null)[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page = await list(`?limit=1${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    seen.push(...page.inputs.map(({ label }) => label));
    cursor = page.next_cursor;
  }
  expect(seen).toEqual(["a", "b", "c"]);
  expect(await labels("?workflow_name=asks")).toEqual(["c"]);
  expect(await labels("?workflow_name=nothing")).toEqual([]);
  const refused = await fetch(`${server.url}/v1/workflows/inputs?cursor=x`, {
    headers: { authorization: `Bearer ${server.key}` },
  });
  expect(refused.status).toBe(422);
  for (const executionId of ["q-3", "q-4"])
    await client.workflows.executions.terminateWorkflowExecution({ executionId });
});

test("a run that continues as new gives up its questions", async () => {
  await start("renews", "q-5", { label: "first run" });
  await vi.waitFor(async () => expect(await labels()).toEqual(["first run"]));
  await client.workflows.executions.signalWorkflowExecution({
    executionId: "q-5",
    signalInvocationBody: { name: "over", input: {} },
  });
  await vi.waitFor(async () => expect(await labels()).toEqual(["second run"]));
  await client.workflows.executions.terminateWorkflowExecution({ executionId: "q-5" });
});

test("a reset run waits for what its copy waits for, and asks again after a reset to the start", async () => {
  await start("two", "q-6");
  await vi.waitFor(async () => expect(await labels()).toEqual(["a", "b"]));
  const { inputs } = await list();
  const reset = async (body: object) => {
    const answer = await fetch(`${server.url}/v1/workflows/executions/q-6/reset`, {
      method: "POST",
      headers: { authorization: `Bearer ${server.key}`, "content-type": "application/json" },
      body: JSON.stringify({ exclude_updates: true, ...body }),
    });
    expect(answer.status).toBe(204);
  };
  await submit("q-6", inputs[0]!.task_id);
  await vi.waitFor(async () => expect(await labels()).toEqual(["b"]));
  await reset({ to: "last_decision" }); // on the answer to the first question, which is part of the copy
  const copied = await vi.waitFor(async () => {
    const { inputs: left } = await list();
    expect(left.map(({ label }) => label)).toEqual(["b"]);
    expect(left[0]!.run_id).not.toBe(inputs[0]!.run_id);
    return left[0]!;
  });
  await submit("q-6", copied.task_id);
  await vi.waitFor(async () => expect(await labels()).toEqual([]));
  await reset({ to: "start" });
  await vi.waitFor(async () => expect(await labels()).toEqual(["a", "b"]));
  await client.workflows.executions.terminateWorkflowExecution({ executionId: "q-6" });
});

test("an execution with more questions than its head keeps is listed from its history", async () => {
  await start("many", "q-7");
  const all = Array.from({ length: MOST_OPEN + 5 }, (_, n) => `n${n}`);
  await vi.waitFor(async () => expect(await labels("?limit=100")).toEqual(all));
  const { inputs } = await list("?limit=100");
  await submit("q-7", inputs.at(-1)!.task_id);
  await vi.waitFor(async () => expect(await labels("?limit=100")).toEqual(all.slice(0, -1)));
  await client.workflows.executions.terminateWorkflowExecution({ executionId: "q-7" });
  await vi.waitFor(async () => expect(await labels()).toEqual([]));
});

test("a key that may only read lists them and may not answer; another workspace has none; no worker is asked", async () => {
  await start("asks", "q-8", { label: "d" });
  await vi.waitFor(async () => expect(await labels()).toEqual(["d"]));
  await worker.stop();
  const reader = await createKey(server.ports, { workspace: DEFAULT_WORKSPACE, name: "reader", rights: ["read"] });
  const { inputs } = await list("", reader.key);
  expect(inputs.map(({ label }) => label)).toEqual(["d"]);
  const answer = await fetch(server.url + inputs[0]!.answer.href, {
    method: "POST",
    headers: { authorization: `Bearer ${reader.key}`, "content-type": "application/json" },
    body: JSON.stringify({ name: "__submit_input", input: { task_id: inputs[0]!.task_id, input: { ok: true } } }),
  });
  expect(answer.status).toBe(403);
  const other = await createKey(server.ports, { workspace: crypto.randomUUID(), name: "other" });
  expect((await list("", other.key)).inputs).toEqual([]);
});
