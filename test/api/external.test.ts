/** The call by which a worker sends a message of one execution to another (SENDING-1 to SENDING-3). */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ports } from "../../shared/ports.ts";
import type { WorkerBody } from "../../shared/protocol/worker.ts";
import type { Drive, ScriptedWorker } from "./support/scripted-worker.ts";
import { ENGINES, type World } from "./support/world.ts";

describe.each(ENGINES)("on %s", (_, create) => {
  let w: World<Ports>;
  let shop: ScriptedWorker;
  let bank: ScriptedWorker;
  const by = { type: "object", properties: { by: { type: "string" } }, required: ["by"], additionalProperties: false };
  beforeAll(async () => {
    w = await create();
    shop = await w.worker("shop", [{ name: "orders", execution_timeout: null }]);
    const handlers = {
      signals: [{ name: "approve", input_schema: by }],
      queries: [{ name: "status", input_schema: {} }],
    };
    bank = await w.worker("bank", [{ name: "accounts", execution_timeout: null, ...handlers }]);
  });
  afterAll(() => w.close());

  let count = 0;
  async function running(worker: ScriptedWorker, workflowIdentifier: string): Promise<Drive> {
    const executionId = `x-${count++}`;
    await w.client.workflows.executeWorkflow({ workflowIdentifier, workflowExecutionRequest: { executionId } });
    const drive = await worker.claim(executionId);
    await drive.park();
    for (const { receipt } of await worker.poll()) await worker.call("finish", { receipts: [receipt] });
    return drive;
  }
  type Message = WorkerBody<"message">["message"];
  const approve: Message = { kind: "signal", name: "approve", input: { by: "shop" } };
  const sent = (from: Drive, to: string, message: Message, activity = 1) => ({
    execution: from.head.execution,
    run: from.head.run,
    activity,
    to,
    message,
  });

  test("a signal and a cancel request reach an execution of another deployment, each once however often they are sent", async () => {
    const from = await running(shop, "orders");
    const to = (await running(bank, "accounts")).head.execution;
    const cancel: Message = { kind: "cancel", reason: null };
    for (let i = 0; i < 2; i++) {
      expect(await shop.call("message", sent(from, to, approve))).toEqual({ kind: "sent" });
      expect(await shop.call("message", sent(from, to, cancel, 2))).toEqual({ kind: "sent" });
    }
    expect(await shop.call("message", sent(from, to, approve, 3))).toEqual({ kind: "sent" });
    const { messages } = await bank.claim(to);
    const { execution, run } = from.head;
    expect(messages).toMatchObject([
      { id: `signal#${run}:1`, kind: "signal", name: "approve", input: { by: "shop" } },
      { id: `cancel#${run}:2`, kind: "cancel", reason: `cancelled by execution '${execution}'` },
      { id: `signal#${run}:3` },
    ]);
  });

  test("a message to a child reaches no other execution that has its id (SENDING-4)", async () => {
    const from = await running(shop, "orders");
    const { execution } = (await running(bank, "accounts")).head;
    const status: Message = { kind: "query", name: "status", input: {} };
    for (const message of [approve, status, { kind: "cancel", reason: null } as const]) {
      expect(await shop.call("message", { ...sent(from, execution, message), child: 1 })).toEqual({
        kind: "refused",
        reason: "NOT_FOUND",
        detail: `Child 1 does not run under the id '${execution}', which another execution has.`,
      });
    }
    expect((await bank.claim(execution)).messages).toEqual([]);
  });

  test("a query is answered by a worker of the other deployment", async () => {
    const from = await running(shop, "orders");
    const to = (await running(bank, "accounts")).head.execution;
    const answer = shop.call("message", sent(from, to, { kind: "query", name: "status", input: { deep: true } }));
    const task = await bank.answerQuery({ kind: "result", result: { sum: 3 } });
    expect(task).toMatchObject({ execution: to, name: "status", input: { deep: true } });
    expect(await w.waitingFor(answer)).toEqual({ kind: "answered", result: { sum: 3 } });
    const refused = shop.call("message", sent(from, to, { kind: "query", name: "status", input: null }));
    await bank.answerQuery({ kind: "failure", status: 424, failure: { message: "not now" } });
    expect(await w.waitingFor(refused)).toMatchObject({ kind: "refused", reason: "HANDLER_FAILED" });
  });

  test("each refusal says why as a word and in a sentence", async () => {
    const from = await running(shop, "orders");
    const to = (await running(bank, "accounts")).head.execution;
    const refusal = (body: WorkerBody<"message">) => shop.call("message", body);
    const nobody = await refusal(sent(from, "nobody", approve));
    expect(nobody).toEqual({
      kind: "refused",
      reason: "NOT_FOUND",
      detail: "There is no execution 'nobody' in this workspace.",
    });
    const unknown = await refusal(sent(from, to, { ...approve, name: "approved" } as Message));
    expect(unknown).toMatchObject({ reason: "NO_HANDLER", detail: expect.stringContaining("'approve'") });
    const wrong = await refusal(sent(from, to, { ...approve, input: { by: 1 } } as Message));
    expect(wrong).toMatchObject({ reason: "INVALID_INPUT", detail: expect.stringContaining("body.input.by") });
    await bank.complete(to, {});
    for (const message of [
      approve,
      { kind: "cancel", reason: "late" },
      { kind: "query", name: "status", input: null },
    ]) {
      expect(await refusal(sent(from, to, message as Message))).toMatchObject({ reason: "NOT_RUNNING" });
    }
  });

  test("a key that is limited to deployments changes nothing elsewhere, and may ask", async () => {
    const limited = { workspace: w.workspace, name: "shop's", rights: ["work"], deployments: ["shop"] } as const;
    const { key } = await w.newKey(limited as never);
    const worker = await w.worker("shop", [{ name: "orders", execution_timeout: null }], { key, name: "w2" });
    const from = await running(shop, "orders");
    const own = (await running(shop, "orders")).head.execution;
    const to = await running(bank, "accounts");
    const { execution } = to.head;
    expect(await worker.call("message", sent(from, execution, approve))).toMatchObject({ reason: "FORBIDDEN" });
    expect(await worker.call("message", sent(from, execution, { kind: "cancel", reason: null }))).toMatchObject({
      reason: "FORBIDDEN",
    });
    expect(await worker.call("message", sent(from, "nobody", approve))).toMatchObject({ reason: "NOT_FOUND" });
    expect(await worker.call("message", sent(from, own, { kind: "cancel", reason: null }))).toEqual({ kind: "sent" });
    expect((await bank.claim(execution)).messages).toEqual([]);
    // A message in the name of an execution of another deployment.
    expect(await worker.raw("message", sent(to, own, approve))).toMatchObject({ status: 403 });
  });

  test("what is no message is refused with its place", async () => {
    const from = await running(shop, "orders");
    const ask = (over: object) => shop.raw("message", { ...sent(from, "x", approve), ...over });
    expect((await ask({ to: "no spaces" })).status).toBe(422);
    expect((await ask({ activity: 0 })).status).toBe(422);
    expect((await ask({ message: { kind: "update", name: "set", input: null } })).status).toBe(422);
    expect((await ask({ run: randomUUID().slice(1) })).status).toBe(422);
  });
});
