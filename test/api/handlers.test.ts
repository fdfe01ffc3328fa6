/** Signals, queries, updates, cancel and terminate. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WorkerBody } from "../../shared/protocol/worker.ts";
import type { Drive, ScriptedWorker } from "./support/scripted-worker.ts";
import { failure, type World, world } from "./support/world.ts";

let w: World;
let worker: ScriptedWorker;
const by = { type: "object", properties: { by: { type: "string" } }, required: ["by"], additionalProperties: false };
const nothing = { type: "object", properties: {} };
const definitions = [
  {
    name: "orders",
    execution_timeout: null,
    signals: [
      { name: "approve", input_schema: by },
      { name: "poke", input_schema: nothing },
    ],
    queries: [{ name: "status", input_schema: nothing }],
    updates: [{ name: "set", input_schema: by }],
  },
  { name: "mute", execution_timeout: null },
];
beforeAll(async () => {
  w = await world();
  worker = await w.worker("shop", definitions);
});
afterAll(() => w.close());

let count = 0;
/** A running execution, driven once and parked. */
async function running(workflowIdentifier = "orders"): Promise<string> {
  const executionId = `x-${count++}`;
  await w.client.workflows.executeWorkflow({ workflowIdentifier, workflowExecutionRequest: { executionId } });
  await (await worker.claim(executionId)).park();
  for (const { receipt } of await worker.poll()) await worker.call("finish", { receipts: [receipt] });
  return executionId;
}
async function closed(): Promise<string> {
  const executionId = await running();
  await worker.complete(executionId, { done: true });
  return executionId;
}

const { signal, query, update, cancel, terminate } = {
  signal: (executionId: string, name: string, input?: Record<string, unknown>) =>
    w.client.workflows.executions.signalWorkflowExecution({ executionId, signalInvocationBody: { name, input } }),
  query: (executionId: string, name: string, input?: Record<string, unknown>) =>
    w.client.workflows.executions.queryWorkflowExecution({ executionId, queryInvocationBody: { name, input } }),
  update: (executionId: string, name: string, input?: Record<string, unknown>) =>
    w.client.workflows.executions.updateWorkflowExecution({ executionId, updateInvocationBody: { name, input } }),
  cancel: (executionId: string) => w.client.workflows.executions.cancelWorkflowExecution({ executionId }),
  terminate: (executionId: string) => w.client.workflows.executions.terminateWorkflowExecution({ executionId }),
};
const all = { signal, query, update };
const first = { signal: "approve", query: "status", update: "set" } as const;

describe.each(["signal", "query", "update"] as const)("a %s", (kind) => {
  const input = kind === "query" ? {} : { by: "me" };

  test("of an unknown execution is 404", async () => {
    expect(await failure(all[kind]("nope", first[kind], input))).toMatchObject({
      status: 404,
      body: { code: "WF_1100" },
    });
  });

  test("of a closed execution is 409 with its status", async () => {
    const refused = await failure(all[kind](await closed(), first[kind], input));
    expect(refused).toMatchObject({ status: 409, body: { code: "WF_1102", status: "COMPLETED" } });
  });

  test("of a name that the workflow does not have is 404 and names those it has", async () => {
    const refused = await failure(all[kind](await running(), "nope", input));
    expect(refused).toMatchObject({ status: 404, body: { code: "WF_1100" } });
    expect(refused.body.detail).toContain(`has no ${kind} 'nope'. It has '${first[kind]}'`);
    const none = await failure(all[kind](await running("mute"), "nope", input));
    expect(none.body.detail).toMatch(/It has no (signals|queries|updates) at all/);
  });

  test("over 2 MB is 413", async () => {
    const refused = await failure(all[kind](await running(), first[kind], { by: "x".repeat(2 * 1024 * 1024) }));
    expect(refused).toMatchObject({ status: 413, body: { code: "PAYLOAD_TOO_LARGE" } });
  });
});

describe.each(["signal", "update"] as const)("a %s", (kind) => {
  test("whose input does not fit is refused with the places, and reaches no inbox", async () => {
    const executionId = await running();
    const refused = await failure(all[kind](executionId, first[kind], { by: 7, more: 1 }));
    expect(refused).toMatchObject({ status: 422, name: "HTTPValidationError", body: { code: "WF_1001" } });
    expect((refused.body.detail as { loc: unknown }[]).map((d) => d.loc)).toEqual(
      expect.arrayContaining([
        ["body", "input", "by"],
        ["body", "input", "more"],
      ]),
    );
    expect((await worker.claim(executionId)).messages).toEqual([]);
  });
});

describe("signals", () => {
  test("are accepted with 202, enqueue a workflow task, and are in the inbox in order", async () => {
    const executionId = await running();
    expect(await signal(executionId, "approve", { by: "ann" })).toEqual({ message: "Signal accepted" });
    await w.clock.advance(1);
    await signal(executionId, "poke");
    expect((await worker.poll()).map((d) => d.task)).toEqual([{ kind: "workflow", execution: executionId }]);
    const { messages } = await worker.claim(executionId);
    expect(messages).toMatchObject([
      { kind: "signal", name: "approve", input: { by: "ann" } },
      { kind: "signal", name: "poke", input: null },
    ]);
  });

  test("with an encoded input are stored unchanged, extra keys included", async () => {
    const executionId = await running();
    const input = { b64payload: "AAAA", encoding_options: ["encrypted"], nonce: "n" };
    const answer = await w.ask("POST", `/v1/workflows/executions/${executionId}/signals`, {
      body: { name: "approve", input },
    });
    expect(answer.status).toBe(202);
    expect((await worker.claim(executionId)).messages).toMatchObject([{ input }]);
  });

  test("to a continued run are checked against the workflow it continues as", async () => {
    const executionId = await running();
    const drive = await worker.claim(executionId);
    await drive.close({ kind: "execution_continued", run: w.ports.uuid(), workflow: "mute", input: null });
    expect(await failure(signal(executionId, "approve", { by: "me" }))).toMatchObject({ status: 404 });
  });
});

describe("queries", () => {
  const asked = (answer: WorkerBody<"answer">["answer"]) => worker.answerQuery(answer);

  test("are answered by a worker and leave no event in the history", async () => {
    const executionId = await running();
    const answering = asked({ kind: "result", result: { step: 4 } });
    expect(await query(executionId, "status", { verbose: true })).toEqual({ queryName: "status", result: { step: 4 } });
    expect(await answering).toMatchObject({ execution: executionId, name: "status", input: { verbose: true } });
    const history = await w.client.workflows.executions.getWorkflowExecutionHistory({ executionId });
    expect((history as { events: unknown[] }).events).toHaveLength(1);
  });

  test("may be answered with null", async () => {
    const executionId = await running();
    const answering = asked({ kind: "result", result: null });
    expect(await query(executionId, "status")).toEqual({ queryName: "status", result: null });
    await answering;
  });

  test.each([
    [424, 424, "HANDLER_FAILED"],
    [500, 424, "HANDLER_FAILED"],
    [404, 404, "WF_1100"],
    [422, 422, "WF_1001"],
  ])("whose handler fails with %i are answered %i", async (status, expected, code) => {
    const executionId = await running();
    const answering = asked({ kind: "failure", status, failure: { message: "not so" } });
    const refused = await failure(query(executionId, "status"));
    expect(refused).toMatchObject({ status: expected, body: { code } });
    expect(JSON.stringify(refused.body.detail)).toContain("not so");
    await answering;
  });

  test("whose answer is over 2 MB are 413", async () => {
    const executionId = await running();
    const answering = asked({ kind: "result", result: "x".repeat(2 * 1024 * 1024) });
    expect(await failure(query(executionId, "status"))).toMatchObject({ status: 413 });
    await answering;
  });

  test("without an answer in 30 s are refused with 504, which counts the live workers", async () => {
    const executionId = await running();
    const waiting = failure(query(executionId, "status"));
    const [delivery] = await worker.poll("workflow", 60_000);
    expect(delivery?.task).toMatchObject({ kind: "query", expires_at: w.clock.now() + 30_000 });
    await w.clock.advance(30_000);
    const refused = await waiting;
    expect(refused).toMatchObject({ status: 504, body: { code: "WF_1103" } });
    expect(refused.body.detail).toContain("Deployment 'shop' has 1 live worker.");
    await worker.call("finish", { receipts: [delivery!.receipt] });
  });

  test("whose worker died are answered by another worker, which receives the task 10 s later", async () => {
    const executionId = await running();
    const other = await w.worker("shop", definitions, { name: "other" });
    const waiting = query(executionId, "status");
    const [lost] = await worker.poll("workflow", 60_000);
    expect(lost!.task.kind).toBe("query");
    const answering = other.answerQuery({ kind: "result", result: { step: 5 } });
    await w.clock.advance(9_000);
    await w.clock.advance(1_000);
    expect(await waiting).toEqual({ queryName: "status", result: { step: 5 } });
    expect(await answering).toMatchObject({ execution: executionId });
    await worker.call("finish", { receipts: [lost!.receipt] });
    await w.clock.advance(20_000);
    expect(await other.poll("workflow")).toEqual([]); // the task of an answered query is not sent again
    await other.stop();
    await worker.register(definitions); // its session has died: the clock moved by a minute in these tests
  });

  test("answered after the caller has gone are accepted without effect", async () => {
    expect(await worker.call("answer", { query: w.ports.uuid(), answer: { kind: "result", result: 1 } })).toEqual({});
  });
});

describe("updates", () => {
  /** Sends an update and claims the execution until the update is in its inbox. */
  async function takenIn(
    executionId: string,
  ): Promise<{ drive: Drive; id: string; answer: ReturnType<typeof update> }> {
    const answer = update(executionId, "set", { by: "me" });
    answer.catch(() => {});
    let drive: Drive;
    do {
      for (const { receipt } of await worker.poll("workflow", 60_000))
        await worker.call("finish", { receipts: [receipt] });
      drive = await worker.claim(executionId);
    } while (drive.messages.length === 0);
    return { drive, id: drive.messages[0]!.id, answer };
  }

  test("answer what the handler returns once that is recorded", async () => {
    const { drive, id, answer } = await takenIn(await running());
    await drive.append([{ kind: "update_accepted", message: id, name: "set", input: { by: "me" } }], [id]);
    await drive.append([{ kind: "update_completed", message: id, name: "set", result: [1, 2] }]);
    expect(await answer).toEqual({ updateName: "set", result: [1, 2] });
  });

  test("may be answered with null", async () => {
    const { drive, id, answer } = await takenIn(await running());
    await drive.append([
      { kind: "update_accepted", message: id, name: "set", input: null },
      { kind: "update_completed", message: id, name: "set", result: null },
    ]);
    expect(await answer).toEqual({ updateName: "set", result: null });
  });

  test.each([
    [undefined, 424, "HANDLER_FAILED"],
    [404, 404, "WF_1100"],
    [422, 422, "WF_1001"],
    [200, 424, "HANDLER_FAILED"],
  ])("whose handler fails with %s are answered %i", async (status, expected, code) => {
    const { drive, id, answer } = await takenIn(await running());
    await drive.append([
      { kind: "update_accepted", message: id, name: "set", input: null },
      { kind: "update_failed", message: id, name: "set", failure: { message: "too late" }, ...(status && { status }) },
    ]);
    const refused = await failure(answer);
    expect(refused).toMatchObject({ status: expected, body: { code } });
    expect(JSON.stringify(refused.body.detail)).toContain("too late");
  });

  test("that the workflow rejects are refused with its problems in their places", async () => {
    const { drive, id, answer } = await takenIn(await running());
    const details = [{ path: ["by"], code: "custom", message: "nobody of that name" }];
    await drive.append([
      { kind: "update_rejected", message: id, name: "set", status: 422, failure: { message: "bad", details } },
    ]);
    expect((await failure(answer)).body.detail).toEqual([
      { loc: ["body", "input", "by"], msg: "nobody of that name", type: "custom" },
    ]);
  });

  test("not taken in before the run continues as new are answered by the next run", async () => {
    const executionId = await running();
    const drive = await worker.claim(executionId);
    const { answer, id } = await takenIn(executionId);
    expect(drive.messages).toEqual([]);
    const again = await worker.claim(executionId);
    await again.close({ kind: "execution_continued", run: w.ports.uuid(), workflow: "orders", input: null });
    const next = await worker.claim(executionId);
    expect(next.messages.map((m) => m.id)).toEqual([id]);
    await next.append([
      { kind: "update_accepted", message: id, name: "set", input: null },
      { kind: "update_completed", message: id, name: "set", result: "second run" },
    ]);
    expect(await answer).toMatchObject({ result: "second run" });
  });

  test("whose execution closes before the answer are refused with its status", async () => {
    const accepted = await takenIn(await running());
    await accepted.drive.append([{ kind: "update_accepted", message: accepted.id, name: "set", input: null }]);
    await accepted.drive.close({ kind: "execution_completed", result: null });
    expect(await failure(accepted.answer)).toMatchObject({ status: 424, body: { code: "HANDLER_FAILED" } });
    const executionId = await running();
    const untaken = await takenIn(executionId);
    await terminate(executionId);
    expect(await failure(untaken.answer)).toMatchObject({
      status: 409,
      body: { code: "WF_1102", status: "TERMINATED" },
    });
  });

  test("that no worker takes in are refused with 504 after a minute", async () => {
    const waiting = takenIn(await running());
    const { answer } = await waiting;
    await w.clock.advance(60_000);
    const refused = await failure(answer);
    expect(refused).toMatchObject({ status: 504, body: { code: "WF_1103" } });
    expect(refused.body.detail).toMatch(/executions\/x-\d+\/explain says what the execution waits for/);
    await worker.heartbeat();
    const held = await takenIn(await running());
    await w.ask("POST", "/v1/holds", { body: { workflow_name: "orders" } });
    await w.clock.advance(60_000);
    expect((await failure(held.answer)).body.detail).toContain("An operator holds the execution");
    await w.ask("POST", "/v1/holds/release", { body: { workflow_name: "orders" } });
    await worker.heartbeat();
  });
});

describe("cancel and terminate", () => {
  test("cancel is 204 and puts a message into the inbox of the running execution", async () => {
    const executionId = await running();
    const raw = await w.ask("POST", `/v1/workflows/executions/${executionId}/cancel`);
    expect(raw.status).toBe(204);
    expect(await cancel(executionId)).toBeUndefined();
    expect(await w.client.workflows.executions.getWorkflowExecution({ executionId })).toMatchObject({
      status: "RUNNING",
    });
    const { messages } = await worker.claim(executionId);
    expect(messages.map((m) => m.kind)).toEqual(["cancel", "cancel"]);
  });

  test("terminate is 204 and closes the execution at once", async () => {
    const executionId = await running();
    expect(await terminate(executionId)).toBeUndefined();
    const ended = await w.client.workflows.executions.getWorkflowExecution({ executionId });
    expect(ended).toMatchObject({ status: "TERMINATED", result: null });
    expect(ended.endTime).not.toBeNull();
  });

  test.each([
    ["cancel", cancel],
    ["terminate", terminate],
  ])("%s of an unknown execution is 404, of a closed one 409 with its status", async (_, end) => {
    expect(await failure(end("nope"))).toMatchObject({ status: 404, body: { code: "WF_1100" } });
    expect(await failure(end(await closed()))).toMatchObject({ status: 409, body: { status: "COMPLETED" } });
  });
});
