/** The worker API: refusals before any write, and the isolation of workspaces. */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Batch, NewEvent } from "../../shared/protocol/history.ts";
import { MAX_HISTORY_EVENTS, MAX_PAYLOAD_BYTES } from "../../shared/protocol/limits.ts";
import { type ActivityTask, WORKER_ROUTES, type WorkerOperation } from "../../shared/protocol/worker.ts";
import type { ScriptedWorker } from "./support/scripted-worker.ts";
import { failure, type World, world } from "./support/world.ts";

let w: World;
let worker: ScriptedWorker;
beforeAll(async () => {
  w = await world();
  worker = await w.worker("shop", [{ name: "orders", execution_timeout: null }]);
});
afterAll(() => w.close());

let executionId: string;
beforeEach(async () => {
  executionId = `w-${randomUUID()}`;
  await w.client.workflows.executeWorkflow({ workflowIdentifier: "orders", workflowExecutionRequest: { executionId } });
});

const retry = { max_attempts: 3, first_ms: 1000, factor: 2, max_ms: 1000, non_retryable: [] };
const scheduled = (
  activity: number,
  input: unknown = null,
  where: "queue" | `local:${string}` = `local:${worker.session}`,
) =>
  ({ kind: "activity_scheduled", activity, name: "charge", input: input as never, where, options: { retry } }) as const;
const timer = (n: number): NewEvent => ({ kind: "timer_started", timer: n, fire_at: w.clock.now() + 1 });
const big = "x".repeat(MAX_PAYLOAD_BYTES);

describe("requests", () => {
  test.each(Object.keys(WORKER_ROUTES) as WorkerOperation[])("%s wants a body of its own form", async (operation) => {
    expect(await worker.raw(operation, { nonsense: true })).toMatchObject({ status: 422, body: { code: "WF_1001" } });
  });

  test("to unknown calls are 404, with another method 405, without a key 401", async () => {
    expect((await w.ask("POST", "/v1/worker/nope", { body: {} })).status).toBe(404);
    expect((await w.ask("POST", "/v1/worker/poll/", { body: {} })).status).toBe(404);
    const get = await w.ask("GET", "/v1/worker/poll");
    expect([get.status, get.headers.get("allow")]).toEqual([405, "POST"]);
    expect((await w.ask("POST", "/v1/worker/poll", { body: {}, key: null })).status).toBe(401);
  });

  test("over 16 MB are refused unread", async () => {
    const answer = await w.ask("POST", "/v1/worker/append", {
      text: `{"items":[],"x":"${"x".repeat(17 * 1024 * 1024)}"}`,
    });
    expect(answer).toMatchObject({ status: 413, body: { code: "PAYLOAD_TOO_LARGE" } });
  });
});

describe("append", () => {
  test("answers each item separately", async () => {
    const one = await worker.claim(executionId);
    const item = { ...one.position, batch: one.batch([timer(1)]), taken: [] };
    const stale = { ...item, batch: { ...item.batch, append_id: randomUUID() } };
    const { results } = await worker.call("append", { items: [item, stale, item] });
    expect(results.map((r) => r.kind)).toEqual(["appended", "conflict", "appended"]); // the third repeats the first
  });

  test("refuses the events of a reset, which only the server records", async () => {
    const drive = await worker.claim(executionId);
    const task = { name: "charge", input: null, options: { retry }, scheduled_at: w.clock.now() };
    const forged: NewEvent[] = [
      { kind: "execution_reset", from: randomUUID(), reason: null, excluded: [] },
      { kind: "activity_restarted", activity: 1, task },
    ];
    const refusal = { kind: "refused", status: 422, detail: expect.stringContaining("only the server records") };
    for (const event of forged) {
      const item = { ...drive.position, batch: drive.batch([event]), taken: [] };
      expect((await worker.call("append", { items: [item] })).results).toMatchObject([refusal]);
    }
    const ended = { kind: "execution_terminated", reason: null, next_run: randomUUID() } as const;
    const rest = { taken: [], result: null, failure: null, carried: [], outbox: [] };
    const closing = await worker.call("close", { ...drive.position, batch: drive.batch([ended]), ...rest });
    expect(closing).toMatchObject(refusal);
    expect(await w.ports.executions.batches(drive.head, drive.head.run, 1)).toEqual([]);
  });

  test("answers the messages that have arrived meanwhile", async () => {
    const drive = await worker.claim(executionId);
    await w.client.workflows.executions.cancelWorkflowExecution({ executionId });
    // The wake-up request raised the fence: the next claim receives the messages.
    expect(await drive.tryAppend([timer(1)])).toEqual({ kind: "appended", messages: [], fenced: true });
    const again = await worker.claim(executionId);
    expect(again.messages).toHaveLength(1);
    expect(await again.tryAppend([timer(2)])).toMatchObject({ fenced: false, messages: [{ kind: "cancel" }] });
  });

  test.each([
    ["an input over the limit", () => scheduled(1, big), 413, "input of 'charge' has 2097154 bytes"],
    [
      "a result over the limit",
      () => ({ kind: "activity_completed", activity: 1, name: "charge", result: big }),
      413,
      "result of 'charge'",
    ],
    [
      "a failure over the limit",
      () => ({
        kind: "activity_failed",
        activity: 1,
        name: "charge",
        attempt: 1,
        reason: "failed",
        failure: { message: big },
      }),
      413,
      "failure of 'charge'",
    ],
    [
      "a closing event",
      () => ({ kind: "execution_completed", result: null }),
      422,
      "may only be the last event of a close",
    ],
    [
      "a custom event that clients could not read",
      () => ({ kind: "custom_task", event: "in_progress", task: "t", task_type: "todo", attributes: { payload: 7 } }),
      422,
      "could not be read by clients: attributes.payload",
    ],
  ] as [
    string,
    () => NewEvent,
    number,
    string,
  ][])("refuses %s and writes nothing", async (_, event, status, detail) => {
    const drive = await worker.claim(executionId);
    const refused = await drive.tryAppend([timer(1), event()]);
    expect(refused).toMatchObject({ kind: "refused", status, detail: expect.stringContaining(detail) });
    expect((await worker.call("read", { execution: executionId })).batches).toEqual([]);
  });

  test.each([
    ["microseconds", 1000],
    ["seconds", 0.001],
  ])("refuses times in %s", async (_, factor) => {
    const drive = await worker.claim(executionId);
    const batch = drive.batch([timer(1)], Math.round(w.clock.now() * factor));
    const { results } = await worker.call("append", { items: [{ ...drive.position, batch, taken: [] }] });
    expect(results).toMatchObject([
      { kind: "refused", status: 422, detail: expect.stringContaining("milliseconds since 1970") },
    ]);
  });

  test("refuses a batch that would take the history over 51,200 events; the run can still be closed", async () => {
    const drive = await worker.claim(executionId);
    const many = (n: number) => Array.from({ length: n }, (_, i) => timer(drive.tail + i));
    while (drive.tail + 10_000 <= MAX_HISTORY_EVENTS) await drive.append(many(10_000));
    await drive.append(many(MAX_HISTORY_EVENTS - drive.tail));
    const refused = await drive.tryAppend([timer(1)]);
    expect(refused).toMatchObject({ kind: "refused", status: 413, code: "HISTORY_FULL" });
    expect(refused.kind === "refused" && refused.detail).toContain("51201 events, the limit is 51200 events");
    await drive.close({ kind: "execution_failed", failure: { message: "too long" } }, { failure: "too long" });
    expect(await w.client.workflows.executions.getWorkflowExecution({ executionId })).toMatchObject({
      status: "FAILED",
    });
  });

  test("refuses a batch that would take the history over 50 MB; the run can still continue as new", async () => {
    const drive = await worker.claim(executionId);
    const heavy = (n: number) =>
      ({ kind: "activity_completed", activity: n, name: "a", result: "x".repeat(2_000_000) }) as const;
    let last = await drive.tryAppend([heavy(1)]);
    while (last.kind === "appended") last = await drive.tryAppend([heavy(drive.tail)]);
    expect(drive.tail).toBe(1 + 26);
    expect(last).toMatchObject({ kind: "refused", status: 413, code: "HISTORY_FULL" });
    expect(last.kind === "refused" && last.detail).toContain("the limit is 52428800 bytes");
    await drive.close({ kind: "execution_continued", run: randomUUID(), workflow: "orders", input: null });
    expect(await (await worker.claim(executionId)).tryAppend([timer(1)])).toMatchObject({ kind: "appended" });
  });
});

describe("close", () => {
  test("refuses outbox entries that name anything but children of the run", async () => {
    const drive = await worker.claim(executionId);
    const body = {
      ...drive.position,
      batch: drive.batch([{ kind: "execution_completed", result: null }]),
      taken: [],
      result: null,
      failure: null,
      carried: [],
    };
    const foreign = { kind: "terminate_child", execution: "other", parent_run: randomUUID(), child: 1 } as const;
    expect(await worker.call("close", { ...body, outbox: [foreign] })).toMatchObject({ kind: "refused", status: 422 });
    const parent = { execution: "p", chain: randomUUID(), run: randomUUID(), child: 1 };
    const tell = { kind: "tell_parent", parent, outcome: { kind: "completed", result: 1 } } as const;
    expect(await worker.call("close", { ...body, outbox: [tell] })).toMatchObject({ kind: "refused", status: 422 });
    expect(await worker.call("close", { ...body, outbox: [] })).toEqual({ kind: "closed" });
  });

  test("refuses a result over the limit", async () => {
    const drive = await worker.claim(executionId);
    const closing = drive.close({ kind: "execution_completed", result: big }, { result: big });
    await expect(closing).rejects.toThrow(/PAYLOAD_TOO_LARGE.*result of execution_completed/);
  });

  test("a claim of a closed or unknown execution answers closed", async () => {
    await worker.complete(executionId);
    for (const execution of [executionId, "nope"]) {
      expect(await worker.call("claim", { execution, session: worker.session })).toEqual({ kind: "closed" });
    }
    expect(await worker.raw("read", { execution: "nope" })).toMatchObject({ status: 404, body: { code: "WF_1100" } });
  });
});

describe("tasks", () => {
  async function drain(): Promise<void> {
    for (let tasks = await worker.poll(); tasks.length > 0; tasks = await worker.poll()) {
      await worker.call("finish", { receipts: tasks.map((t) => t.receipt) });
    }
  }

  test("a poll waits for a task, an extended lease keeps it, and after an expired lease it is delivered again", async () => {
    await drain();
    const waiting = worker.poll("workflow", 60_000);
    await w.client.workflows.executeWorkflow({
      workflowIdentifier: "orders",
      workflowExecutionRequest: { executionId: `${executionId}-2` },
    });
    const [task] = await waiting;
    expect(task).toMatchObject({ attempt: 1, task: { kind: "workflow", execution: `${executionId}-2` } });
    await w.clock.advance(20_000);
    expect(await worker.call("extend", { receipts: [task!.receipt], lease_ms: 30_000 })).toEqual({ lost: [] });
    await w.clock.advance(29_000);
    expect(await worker.poll()).toEqual([]);
    await w.clock.advance(2_000);
    expect((await worker.poll())[0]).toMatchObject({ attempt: 2 });
    expect(await worker.call("extend", { receipts: [task!.receipt], lease_ms: 30_000 })).toEqual({
      lost: [task!.receipt],
    });
    await worker.heartbeat();
  });

  const pollAndClaim = async () =>
    (await worker.call("poll", { ...worker.who, queue: "workflow", max: 10, wait_ms: 0, claim: true })).deliveries;

  test("of an execution that nobody has claimed come with its claim, and its messages, to a poll that asks for that", async () => {
    await drain();
    await w.client.workflows.executeWorkflow({
      workflowIdentifier: "orders",
      workflowExecutionRequest: { executionId: `${executionId}-3`, input: { n: 3 } },
    });
    await w.client.workflows.executions.cancelWorkflowExecution({ executionId: `${executionId}-3` });
    const [delivery] = await pollAndClaim();
    const { claimed } = delivery!;
    expect(claimed).toMatchObject({
      kind: "claimed",
      head: { fence: 2, owner: worker.session, input: { n: 3 }, wake_pending: false },
      batches: [],
      messages: [{ kind: "cancel" }],
      fenced: false,
    });
    const { execution, run, chain, fence } = claimed!.head;
    const batch = { first: 2, events: [{ ...timer(1), id: 2, at: w.clock.now() }], append_id: randomUUID() };
    const item = { execution, run, chain, fence, batch: batch as Batch, taken: [] };
    expect((await worker.call("append", { items: [item] })).results).toMatchObject([
      { kind: "appended", fenced: false },
    ]);
    // Delivered again, it is for its receiver to claim: it may have a view of the execution.
    await w.clock.advance(31_000);
    await worker.heartbeat();
    const again = (await pollAndClaim()).find(({ task }) => task.execution === `${executionId}-3`);
    expect(again).toMatchObject({ attempt: 2 });
    expect(again).not.toHaveProperty("claimed");
    expect((await worker.claim(`${executionId}-3`)).head.fence).toBeGreaterThan(2);
  });

  test("of a start that is not on the disk yet leave with their claim, and those of an earlier start wait for the disk", async () => {
    await drain();
    const start = (id: string, more: object = {}) => {
      const body = { execution_id: id, wait_for_result: true, timeout_seconds: 60, ...more };
      return w.ask("POST", "/v1/workflows/orders/execute", { body });
    };
    const claiming = (wait_ms: number) =>
      worker.call("poll", { ...worker.who, queue: "workflow", max: 10, wait_ms, claim: true });
    const disk = Promise.withResolvers<void>();
    const early = claiming(60_000);
    await delay(100);
    vi.spyOn(w.ports, "durable").mockImplementation(() => disk.promise);
    const results = [start(`${executionId}-4`)];
    const [first] = (await early).deliveries; // nothing is durable
    expect(first!.claimed!.head).toMatchObject({ execution: `${executionId}-4`, fence: 2 });
    results.push(start(`${executionId}-5`)); // no poll waits for it
    await delay(100);
    const answered: string[] = [];
    const [later, byKey] = [0, 60_000].map((wait_ms) =>
      claiming(wait_ms).then(({ deliveries }) => answered.push(...deliveries.map(({ task }) => task.execution))),
    );
    await delay(100);
    results.push(start(`${executionId}-6`, { idempotency_key: `${executionId}-6` })); // this run could begin again
    await delay(200);
    expect(answered).toEqual([]);
    vi.restoreAllMocks();
    disk.resolve();
    await Promise.all([later, byKey]);
    expect(answered.sort()).toEqual([`${executionId}-5`, `${executionId}-6`]);
    for (const n of [4, 5, 6]) await worker.complete(`${executionId}-${n}`);
    expect((await Promise.all(results)).map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  test("of an execution that the session owns come with its claim to a poll that asks for that: with a signal at once, with a request to cancel once the disk has both", async () => {
    const poke = { name: "poke", input_schema: {} };
    const own = await w.worker("listeners", [{ name: "listens", signals: [poke], execution_timeout: null }]);
    const id = `${executionId}-listens`;
    await w.client.workflows.executeWorkflow({
      workflowIdentifier: "listens",
      workflowExecutionRequest: { executionId: id },
    });
    await own.call("finish", { receipts: (await own.poll()).map(({ receipt }) => receipt) });
    const drive = await own.claim(id);
    await drive.append([timer(1)]);
    const poll = (more: object) =>
      own.call("poll", { ...own.who, queue: "workflow", max: 10, wait_ms: 60_000, ...more });
    const signalled = (n: number) =>
      w.ask("POST", `/v1/workflows/executions/${id}/signals`, { body: { name: "poke", input: { n } } });
    const disk = Promise.withResolvers<void>();
    const waiting = poll({ claim: true, claim_again: true });
    await delay(100);
    vi.spyOn(w.ports, "durable").mockImplementation(() => disk.promise);
    const sending = signalled(1);
    const [delivery] = (await waiting).deliveries;
    expect(delivery).toMatchObject({
      claimed: { head: { owner: own.session }, batches: [], messages: [{ name: "poke" }] },
      claimed_after: 2,
    });
    expect(delivery!.claimed!.head.fence).toBeGreaterThan(drive.head.fence + 1);
    expect(await Promise.race([sending, delay(200, "the sender waits")])).toBe("the sender waits");
    const cancelled = poll({ claim: true, claim_again: true });
    const cancelling = w.ask("POST", `/v1/workflows/executions/${id}/cancel`);
    const both = Promise.race([cancelled, cancelling, delay(200, "nobody is answered")]);
    expect(await both).toBe("nobody is answered");
    vi.restoreAllMocks();
    disk.resolve();
    expect((await sending).status).toBe(202);
    expect((await cancelling).status).toBeLessThan(300);
    const [told] = (await cancelled).deliveries;
    expect(told!.claimed!.messages).toMatchObject([{ name: "poke" }, { kind: "cancel" }]);
    await own.call("finish", { receipts: [told!.receipt] });
    await own.call("finish", { receipts: [delivery!.receipt] });
    // An older worker has not asked for such claims, and would take the batches for the whole log.
    const older = poll({ claim: true });
    await signalled(2);
    expect((await older).deliveries).toEqual([expect.not.objectContaining({ claimed: expect.anything() })]);
    await own.complete(id);
  });

  test("come without a claim to a poll that does not ask for it, and where the input is long", async () => {
    await drain();
    for (const [id, input] of [
      ["short", "x"],
      ["long", "x".repeat(70_000)],
    ] as const) {
      const executionRequest = { executionId: `${executionId}-${id}`, input: { input } };
      await w.client.workflows.executeWorkflow({
        workflowIdentifier: "orders",
        workflowExecutionRequest: executionRequest,
      });
    }
    const plain = await worker.poll();
    expect(plain.map((d) => d.claimed)).toEqual([undefined, undefined]);
    await worker.call("extend", { receipts: plain.map((d) => d.receipt), lease_ms: 0 });
    const claimed = (await pollAndClaim()).map((d) => d.claimed?.head.execution);
    expect(claimed).toEqual([`${executionId}-short`, undefined]);
  });

  test("are finished by the close of their run, and not by one that is refused", async () => {
    await drain();
    await w.client.workflows.executeWorkflow({
      workflowIdentifier: "orders",
      workflowExecutionRequest: { executionId: `${executionId}-4` },
    });
    const [delivery] = await worker.poll();
    const old = await worker.claim(`${executionId}-4`);
    const drive = await worker.claim(`${executionId}-4`);
    const finish = [delivery!.receipt];
    const end = { kind: "execution_completed", result: null } as const;
    const rest = { taken: [], failure: null, outbox: [], carried: [], finish };
    expect(await worker.call("close", { ...old.position, batch: old.batch([end]), ...rest })).toEqual({
      kind: "fenced",
    });
    expect(await worker.call("extend", { receipts: finish, lease_ms: 30_000 })).toEqual({ lost: [] });
    const body = { ...drive.position, batch: drive.batch([end]), ...rest };
    expect(await worker.call("close", body)).toEqual({ kind: "closed" });
    expect(await worker.call("close", body)).toEqual({ kind: "closed" }); // repeated, because its answer was lost
    expect(await worker.call("extend", { receipts: finish, lease_ms: 30_000 })).toEqual({ lost: finish });
    await w.clock.advance(31_000);
    await worker.heartbeat();
    expect((await worker.poll()).map(({ task }) => task.execution)).not.toContain(`${executionId}-4`);
    await drain();
  });

  test("are not delivered to a poll whose caller has disconnected", async () => {
    await drain();
    const leaving = new AbortController();
    const gone = fetch(`${w.server.url}/v1/worker/poll`, {
      method: "POST",
      headers: { authorization: `Bearer ${w.key}` },
      body: JSON.stringify({ ...worker.who, queue: "workflow", max: 1, wait_ms: 60_000 }),
      signal: leaving.signal,
    });
    await w.ask("GET", "/health");
    leaving.abort();
    await expect(gone).rejects.toThrow();
    await w.ask("GET", "/health");
    await w.client.workflows.executeWorkflow({ workflowIdentifier: "orders", workflowExecutionRequest: {} });
    expect(await worker.poll()).toMatchObject([{ attempt: 1 }]);
  });
});

describe("sessions", () => {
  test("are dead after 25 s without a heartbeat, after a clean stop, and if they are unknown", async () => {
    const two = await w.worker("shop", [{ name: "orders", execution_timeout: null }], { name: "two" });
    const unknown = randomUUID();
    const ask = () => worker.call("sessions", { deployment: "shop", ids: [worker.session, two.session, unknown] });
    await worker.heartbeat();
    const dies = w.clock.now() + 25_000;
    expect(await ask()).toEqual({ dead: [unknown], dies_at: { [worker.session]: dies, [two.session]: dies } });
    await w.clock.advance(25_000);
    await worker.heartbeat();
    expect((await ask()).dead).toEqual([unknown]);
    await w.clock.advance(1);
    expect((await ask()).dead.toSorted()).toEqual([two.session, unknown].toSorted());
    await worker.stop();
    expect((await ask()).dead).toContain(worker.session);
    expect(await worker.heartbeat()).toMatchObject({ all_active: false });
    await worker.register([{ name: "orders", execution_timeout: null }]);
    expect(await worker.heartbeat()).toMatchObject({ all_active: true });
  });
});

describe("queued activities", () => {
  test("are shown as started once, pass heartbeat details to the next attempt, and report their outcome", async () => {
    const drive = await worker.claim(executionId);
    await drive.append([scheduled(1, { n: 1 }, "queue")]);
    const [delivery] = await worker.poll("activity");
    expect(delivery?.task).toMatchObject({ kind: "activity", execution: executionId, activity: 1, input: { n: 1 } });
    const { run, chain } = drive.head;
    const ref = { execution: executionId, run, chain, activity: 1 };
    const queued = { name: "charge", input: { n: 1 }, first_attempt: 1 };
    expect(await worker.call("begun", { execution: executionId, run, activities: [1, 2] })).toEqual({ begun: [] });
    expect(await worker.call("begin", { ...ref, attempt: 1, queued })).toEqual({
      wanted: true,
      heartbeat_details: null,
      cancel_requested: false,
      tracing: { root_chain: chain },
    });
    expect(await worker.call("begun", { execution: executionId, run, activities: [1, 2] })).toEqual({ begun: [1] });
    expect(await worker.call("beat", { ...ref, attempt: 1, details: { page: 7 } })).toMatchObject({ wanted: true });
    expect(await worker.call("beat", { ...ref, attempt: 1 })).toMatchObject({ wanted: true });
    const failed = { message: "503" };
    await worker.call("retrying", { ...ref, attempt: 1, name: "charge", failure: failed, retry_at: w.clock.now() });
    expect(await worker.call("begin", { ...ref, attempt: 2, queued })).toMatchObject({
      heartbeat_details: { page: 7 },
    });
    await worker.call("outcome", { ...ref, attempt: 2, outcome: { kind: "completed", result: "paid" } });
    const again = await worker.claim(executionId);
    expect(again.messages).toMatchObject([{ kind: "activity", activity: 1, outcome: { result: "paid" } }]);
    const { events } = await w.client.workflows.events.getWorkflowEvents({ workflowExecId: executionId });
    expect(events.map((e) => e.eventType)).toEqual([
      "WORKFLOW_EXECUTION_STARTED",
      "ACTIVITY_TASK_STARTED",
      "ACTIVITY_TASK_RETRYING",
    ]);
    expect(events[1]?.attributes).toMatchObject({ taskId: "1", activityName: "charge", input: { value: [{ n: 1 }] } });
  });

  test("are superseded once a later attempt has begun, and their heartbeats are not stored", async () => {
    const drive = await worker.claim(executionId);
    await drive.append([scheduled(1, null, "queue"), { kind: "activity_cancel_requested", activity: 1 }]);
    const { run, chain } = drive.head;
    const ref = { execution: executionId, run, chain, activity: 1 };
    const queued = { name: "charge", input: null, first_attempt: 1 };
    await worker.call("begin", { ...ref, attempt: 1, queued });
    await worker.call("beat", { ...ref, attempt: 1, details: "kept" });
    expect(await worker.call("begin", { ...ref, attempt: 2 })).toMatchObject({ heartbeat_details: "kept" });
    const superseded = { wanted: false, cancel_requested: false, superseded: true };
    expect(await worker.call("beat", { ...ref, attempt: 1, details: "dropped" })).toEqual(superseded);
    expect(await worker.call("beat", { ...ref, attempt: 1 })).toEqual(superseded);
    expect(await worker.call("begin", { ...ref, attempt: 1, queued })).toMatchObject(superseded);
    expect(await worker.call("begin", { ...ref, attempt: 2 })).toMatchObject({
      wanted: true,
      heartbeat_details: "kept",
    });
  });

  test("that a worker does not register are delivered again after a pause, as the attempt that has not begun, while their run is open", async () => {
    const drive = await worker.claim(executionId);
    await drive.append([scheduled(1, null, "queue")]);
    const ours = async () => (await worker.poll("activity")).filter((d) => d.task.execution === executionId);
    const [delivery] = await ours();
    const task = delivery!.task as ActivityTask;
    const { execution, run, chain, activity } = task;
    const queued = { name: task.name, input: task.input, first_attempt: 1 };
    await worker.call("begin", { execution, run, chain, activity, attempt: 2, queued });
    expect(await worker.call("pass", { task, attempt: 3 })).toEqual({ at: w.clock.now() + 1_000 });
    await worker.call("finish", { receipts: [delivery!.receipt] });
    expect(await ours()).toEqual([]);
    await w.clock.advance(1_000);
    const [again] = await ours();
    expect(again).toMatchObject({ attempt: 1, task: { ...task, first_attempt: 3, passed: 1 } });
    await w.client.workflows.executions.terminateWorkflowExecution({ executionId });
    expect(await worker.call("pass", { task, attempt: 3 })).toEqual({ at: null });
    await worker.call("finish", { receipts: [again!.receipt] });
    await w.clock.advance(1_000);
    expect(await ours()).toEqual([]);
  });

  test("that a worker does not register keep the number of the attempt that has not begun, however often they were delivered", async () => {
    const drive = await worker.claim(executionId);
    await drive.append([scheduled(1, null, "queue")]);
    const ours = async () => (await worker.poll("activity")).filter((d) => d.task.execution === executionId);
    const [delivery] = await ours();
    const task = delivery!.task as ActivityTask;
    const { execution, run, chain, activity } = task;
    await worker.call("pass", { task, attempt: 3 });
    await worker.call("finish", { receipts: [delivery!.receipt] });
    await w.clock.advance(1_000);
    const [again] = await ours();
    expect(again).toMatchObject({ task: { first_attempt: 1, passed: 1 } });
    const queued = { name: task.name, input: task.input, first_attempt: 1 };
    await worker.call("begin", { execution, run, chain, activity, attempt: 2, queued });
    expect(await worker.call("pass", { task, attempt: 1 })).toEqual({ at: null, superseded: true });
    await worker.call("finish", { receipts: [again!.receipt] });
    await w.clock.advance(5_000);
    expect(await ours()).toEqual([]);
  });

  test("that no worker registers end when they are cancelled", async () => {
    const drive = await worker.claim(executionId);
    await drive.append([scheduled(1, null, "queue"), { kind: "activity_cancel_requested", activity: 1 }]);
    const [delivery] = (await worker.poll("activity")).filter((d) => d.task.execution === executionId);
    expect(await worker.call("pass", { task: delivery!.task as ActivityTask, attempt: 1 })).toEqual({ at: null });
    await worker.call("finish", { receipts: [delivery!.receipt] });
    const { messages } = await worker.claim(executionId);
    expect(messages).toMatchObject([
      { kind: "activity", activity: 1, attempt: 1, outcome: { kind: "failed", reason: "cancelled" } },
    ]);
  });

  test("learn that their cancellation was requested, and that their run has closed", async () => {
    const drive = await worker.claim(executionId);
    await drive.append([scheduled(1, null, "queue"), { kind: "activity_cancel_requested", activity: 1 }]);
    const { run, chain } = drive.head;
    const ref = { execution: executionId, run, chain, activity: 1, attempt: 1 };
    expect(await worker.call("beat", ref)).toEqual({ wanted: true, cancel_requested: true });
    await w.client.workflows.executions.terminateWorkflowExecution({ executionId });
    expect(await worker.call("beat", ref)).toEqual({ wanted: false, cancel_requested: false });
    expect(await worker.call("begin", ref)).toMatchObject({ wanted: false });
    expect(await worker.call("outcome", { ...ref, outcome: { kind: "completed", result: 1 } })).toEqual({});
  });

  test("a result over 2 MB is refused", async () => {
    const { run, chain } = (await worker.claim(executionId)).head;
    const ref = { execution: executionId, run, chain, activity: 1, attempt: 1 };
    const answer = await worker.raw("outcome", { ...ref, outcome: { kind: "completed", result: big } });
    expect(answer).toMatchObject({ status: 413, body: { code: "PAYLOAD_TOO_LARGE" } });
  });

  test("progress that clients could not read, or of too many bytes, is refused", async () => {
    const { run } = (await worker.claim(executionId)).head;
    const event = (value: unknown) => ({
      event: "started",
      task: "t",
      task_type: "token",
      attributes: { payload: { type: "json", value, encoding_options: null } },
      at: w.clock.now(),
    });
    const publish = (events: unknown[]) =>
      worker.raw("publish", {
        execution: executionId,
        run,
        activity: 1,
        activity_name: "a",
        publish_id: randomUUID(),
        events,
      });
    expect(await publish([event(1), { ...event(1), attributes: {} }])).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ["body", "events", 1] }] },
    });
    expect(await publish([event(big)])).toMatchObject({ status: 413 });
    const half = event("x".repeat(1_100_000));
    expect(await publish([half, half])).toMatchObject({ status: 413 });
    expect(await publish([half])).toMatchObject({ status: 200 });
  });
});

describe("another workspace", () => {
  test("cannot read, claim, write, close or extend ours", async () => {
    const { key } = await w.newKey();
    const stranger = await w.worker("shop", [{ name: "orders" }], { key, name: "stranger" });
    const drive = await worker.claim(executionId);
    await drive.append([scheduled(1, null, "queue"), timer(1)]);
    const [task] = await worker.poll("activity");
    const { run, chain } = drive.head;
    const ref = { execution: executionId, run, chain, activity: 1, attempt: 1 };

    expect(await stranger.poll()).toEqual([]);
    expect(await stranger.poll("activity")).toEqual([]);
    expect(await stranger.call("claim", { execution: executionId, session: stranger.session })).toEqual({
      kind: "closed",
    });
    expect((await stranger.raw("read", { execution: executionId })).status).toBe(404);
    const batch = drive.batch([timer(2)]);
    const { results } = await stranger.call("append", { items: [{ ...drive.position, batch, taken: [] }] });
    expect(results).toEqual([{ kind: "conflict" }]);
    const park = { execution: executionId, run, fence: drive.head.fence, due_at: null, effects_done_through: 1 };
    expect(await stranger.call("park", { items: [park] })).toEqual({ parked: [false] });
    const end = drive.batch([{ kind: "execution_completed", result: null }]);
    const close = { ...drive.position, batch: end, taken: [], result: null, failure: null, outbox: [], carried: [] };
    expect(await stranger.call("close", close)).toEqual({ kind: "conflict" });

    expect(await stranger.call("extend", { receipts: [task!.receipt], lease_ms: 0 })).toEqual({
      lost: [task!.receipt],
    });
    await stranger.call("finish", { receipts: [task!.receipt] });
    expect(await worker.call("extend", { receipts: [task!.receipt], lease_ms: 30_000 })).toEqual({ lost: [] });

    expect(await stranger.call("begin", ref)).toMatchObject({ wanted: false });
    expect(await stranger.call("beat", { ...ref, details: "foreign" })).toMatchObject({ wanted: false });
    expect(await stranger.call("begun", { execution: executionId, run, activities: [1] })).toEqual({ begun: [] });
    expect(await stranger.call("pass", { task: task!.task as ActivityTask, attempt: 1 })).toEqual({ at: null });
    await stranger.call("outcome", { ...ref, outcome: { kind: "completed", result: "foreign" } });
    await stranger.call("retrying", { ...ref, name: "charge", failure: { message: "x" }, retry_at: 1 });
    const payload = { type: "json", value: 1, encoding_options: null };
    const event = { event: "started", task: "t", task_type: "x", attributes: { payload }, at: 1 } as const;
    const publish = {
      execution: executionId,
      run,
      activity: 1,
      activity_name: "a",
      publish_id: randomUUID(),
      events: [event],
    };
    expect((await stranger.raw("publish", publish)).status).toBe(404);
    expect(await stranger.call("sessions", { deployment: "shop", ids: [worker.session] })).toMatchObject({
      dead: [worker.session],
    });

    expect((await worker.call("begin", ref)).heartbeat_details).toBeNull();
    expect((await worker.claim(executionId)).messages).toEqual([]);
    expect(await drive.tryAppend([timer(2)])).toMatchObject({ kind: "appended" });
    const { events } = await w.client.workflows.events.getWorkflowEvents({ workflowExecId: executionId });
    expect(events).toHaveLength(1);
  });

  test("cannot answer our queries", async () => {
    const { key } = await w.newKey();
    const stranger = await w.worker("shop", [{ name: "orders" }], { key, name: "stranger" });
    await worker.register([{ name: "orders", execution_timeout: null, queries: [{ name: "q", input_schema: {} }] }]);
    const asking = failure(
      w.client.workflows.executions.queryWorkflowExecution({ executionId, queryInvocationBody: { name: "q" } }),
    );
    let query: string | undefined;
    while (query === undefined) {
      for (const { task } of await worker.poll("workflow", 60_000)) if (task.kind === "query") query = task.query;
    }
    await stranger.call("answer", { query, answer: { kind: "result", result: "false" } });
    await w.clock.advance(30_000);
    expect(await asking).toMatchObject({ status: 504 });
  });
});
