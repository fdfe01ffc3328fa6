/** Log records over real HTTP: a scripted worker sends them, the official client reads them. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MAX_RUN_LOG_RECORDS } from "../../shared/protocol/limits.ts";
import type { LogRecord } from "../../shared/protocol/log-records.ts";
import { turnOfTheLoop } from "../contract/manual-clock.ts";
import { Frames } from "./support/frames.ts";
import type { Drive, ScriptedWorker } from "./support/scripted-worker.ts";
import { failure, type World, world } from "./support/world.ts";

let w: World;
let worker: ScriptedWorker;
beforeAll(async () => {
  w = await world();
  worker = await w.worker("shop", [{ name: "orders", execution_timeout: null }]);
});
afterAll(() => w.close());

let count = 0;
async function begin(over: Record<string, unknown> = {}, executionId = `l-${count++}`): Promise<Drive> {
  const body = { execution_id: executionId, input: {}, ...over };
  expect(await w.ask("POST", "/v1/workflows/orders/execute", { body })).toMatchObject({ status: 200 });
  return worker.claim(executionId);
}
const record = (body: string, over: Partial<LogRecord> = {}): LogRecord => ({
  at: w.clock.now(),
  level: "info",
  body,
  ...over,
});
const ship = (
  { head }: Pick<Drive, "head">,
  records: readonly LogRecord[],
  o: { dropped?: number; worker?: string; run?: string; id?: string } = {},
) =>
  worker.call("logs", {
    worker: o.worker ?? "w1",
    items: [
      {
        execution: head.execution,
        run: o.run ?? head.run,
        id: o.id ?? randomUUID(),
        records: [...records],
        dropped: o.dropped ?? 0,
      },
    ],
  });
const bodies = (results: readonly { body: string }[]) => results.map(({ body }) => body);
const search = (executionId: string, more: object = {}) =>
  w.client.workflows.executions.getWorkflowExecutionLogs({ executionId, ...more });
const ofDeployment = (more: object = {}) => w.client.workflows.deployments.getDeploymentLogs({ name: "shop", ...more });
const charge = { id: 3, name: "charge", attempt: 2 };

describe("the log records of an execution", () => {
  test("carry time, severity, ids and the ids of their span", async () => {
    const trace = "0af7651916cd43dd8448eb211c80319c";
    const drive = await begin({ traceparent: `00-${trace}-b7ad6b7169203331-01` });
    const { execution, run } = drive.head;
    const at = w.clock.now();
    await ship(drive, [
      record("begun"),
      record("charging", { level: "warn", attributes: { amount: "3" }, activity: charge }),
    ]);
    const { results, nextCursor } = await search(execution);
    expect(nextCursor).toBeNull();
    const ids = { execution_id: execution, run_id: run, root_execution_id: execution, workflow_name: "orders" };
    const common = { ...ids, deployment_name: "shop", worker_name: "w1" };
    expect(results).toEqual([
      {
        timestamp: new Date(at),
        traceId: trace,
        spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
        severityText: "INFO",
        body: "begun",
        logAttributes: common,
      },
      {
        timestamp: new Date(at),
        traceId: trace,
        spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
        severityText: "WARN",
        body: "charging",
        logAttributes: { amount: "3", ...common, activity_id: "3", activity_name: "charge", attempt: "2" },
      },
    ]);
    await drive.append([
      {
        kind: "activity_scheduled",
        activity: 3,
        name: "charge",
        input: null,
        where: `local:${worker.session}`,
        options: { retry: { max_attempts: 3, first_ms: 1, factor: 1, max_ms: 1, non_retryable: [] } },
      },
      {
        kind: "activity_attempt_failed",
        activity: 3,
        name: "charge",
        attempt: 1,
        reason: "failed",
        failure: { message: "x" },
        retry_at: at,
      },
      { kind: "activity_attempt_started", activity: 3, attempt: 2, where: `local:${worker.session}` },
    ]);
    const summary = await w.client.workflows.executions.getWorkflowExecutionTraceSummary({ executionId: execution });
    const { spanId, children = [] } = summary.spanTree!;
    expect([spanId, children[1]!.spanId]).toEqual(results.map((r) => r.spanId));
  });

  test("are found by run, activity and time", async () => {
    const drive = await begin();
    const { execution, run } = drive.head;
    const start = w.clock.now();
    await ship(drive, [record("a"), record("b", { at: start + 10, activity: charge })]);
    await ship(drive, [record("c", { at: start + 20 })]);
    expect(bodies((await search(execution, { activityId: "3" })).results)).toEqual(["b"]);
    expect(bodies((await search(execution, { runId: run })).results)).toEqual(["a", "b", "c"]);
    expect(bodies((await search(execution, { runId: randomUUID() })).results)).toEqual([]);
    const window = { after: new Date(start + 10), before: new Date(start + 20) };
    expect(bodies((await search(execution, window)).results)).toEqual(["b"]);
    expect(bodies((await search(execution, { order: "desc" })).results)).toEqual(["c", "b", "a"]);
  });

  test("come in pages, whose cursors keep the window and the order of the first", async () => {
    const drive = await begin();
    const { execution } = drive.head;
    const start = w.clock.now();
    for (let i = 0; i < 5; i++)
      await ship(
        drive,
        [0, 1, 2].map((n) => record(`${i}${n}`, { at: start + i })),
      );
    for (const order of ["asc", "desc"] as const) {
      const pages: string[][] = [];
      const first = { order, limit: 4, after: new Date(start + 1) };
      let page = await search(execution, first);
      pages.push(bodies(page.results));
      while (page.nextCursor) {
        page = await search(execution, { limit: 4, cursor: page.nextCursor });
        pages.push(bodies(page.results));
      }
      const all = [1, 2, 3, 4].flatMap((i) => [0, 1, 2].map((n) => `${i}${n}`));
      expect(pages.map((p) => p.length)).toEqual([4, 4, 4]);
      expect(pages.flat()).toEqual(order === "asc" ? all : all.toReversed());
    }
    const [page, other] = [await search(execution, { limit: 4 }), await begin()];
    expect(await failure(search(other.head.execution, { cursor: page.nextCursor }))).toMatchObject({ status: 422 });
    expect(await failure(search(execution, { cursor: page.nextCursor, activityId: "1" }))).toMatchObject({
      status: 422,
    });
  });

  test("are those of the latest start, with all its runs", async () => {
    const first = await begin();
    const { execution } = first.head;
    await ship(first, [record("of the first start")]);
    await first.close({ kind: "execution_completed", result: null });
    await ship(first, [record("late")]);
    expect(bodies((await search(execution)).results)).toEqual(["of the first start", "late"]);
    const again = await begin({ id_reuse_policy: "allow" }, execution);
    await ship(again, [record("of the second")]);
    expect(bodies((await search(execution)).results)).toEqual(["of the second"]);
    expect(bodies((await search(execution, { runId: first.head.run })).results)).toEqual([
      "of the first start",
      "late",
    ]);
    await again.close(
      { kind: "execution_continued", run: randomUUID(), workflow: "orders", input: null },
      { carried: [] },
    );
    const next = await worker.claim(execution);
    await ship(next, [record("of its next run")]);
    expect(bodies((await search(execution)).results)).toEqual(["of the second", "of its next run"]);
  });

  test("end with a record that says how many were dropped", async () => {
    const drive = await begin();
    const lines = Array.from({ length: 500 }, (_, i) => record(`${i}`));
    for (let n = 0; n < MAX_RUN_LOG_RECORDS; n += 500) expect(await ship(drive, lines)).toEqual({ full: [] });
    expect(await ship(drive, [record("over"), record("over")])).toEqual({ full: [drive.head.run] });
    await ship(drive, [], { dropped: 7 });
    const { results } = await search(drive.head.execution, { order: "desc", limit: 2 });
    expect(bodies(results)).toEqual(["9 log records were dropped: a run keeps at most 10000 records and 5 MB", "499"]);
    expect(results[0]).toMatchObject({ severityText: "WARN" });
  });

  test("are added once, however often the worker repeats its call", async () => {
    const drive = await begin();
    const id = randomUUID();
    await ship(drive, [record("once")], { id });
    await ship(drive, [record("once")], { id });
    expect(bodies((await search(drive.head.execution)).results)).toEqual(["once"]);
  });

  test("of a run that is not the execution's are not kept", async () => {
    const [one, other] = [await begin(), await begin()];
    await ship(one, [record("lie")], { run: other.head.run });
    await ship(one, [record("lie")], { run: randomUUID() });
    for (const { head } of [one, other]) expect((await search(head.execution)).results).toEqual([]);
  });

  test("are refused where they are too large, and nothing of the call is kept", async () => {
    const drive = await begin();
    const { execution, run } = drive.head;
    const item = (records: unknown[]) => ({ execution, run, id: randomUUID(), records, dropped: 0 });
    const send = (...items: unknown[]) => worker.raw("logs", { worker: "w1", items });
    const fine = item([record("fine")]);
    const large = item(Array.from({ length: 40 }, () => record("x".repeat(8_000))));
    expect(await send(fine, large)).toMatchObject({ status: 413 });
    const many = Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`a${i}`, ""]));
    expect(await send(fine, item([record("x", { attributes: many })]))).toMatchObject({ status: 422 });
    expect(await send(item([record("x".repeat(8_001))]))).toMatchObject({ status: 422 });
    expect(await send(item([record("x", { level: "fatal" as never })]))).toMatchObject({ status: 422 });
    expect((await search(execution)).results).toEqual([]);
  });

  test("of an unknown execution are 404, and a filter that is none is 422", async () => {
    expect(await failure(search("nobody"))).toMatchObject({ status: 404 });
    const drive = await begin();
    expect(await failure(search(drive.head.execution, { activityId: "three" }))).toMatchObject({ status: 422 });
    expect(await failure(search(drive.head.execution, { limit: 101 }))).toMatchObject({ status: 422 });
  });
});

describe("the log records of a deployment", () => {
  test("are those of all its executions, found by worker and workflow", async () => {
    await w.clock.advance(1_000);
    const start = w.clock.now();
    const [one, other] = [await begin(), await begin()];
    await ship(one, [record("x1")]);
    await ship(other, [record("x2")], { worker: "w2" });
    await ship(one, [record("x3", { at: start + 5 })]);
    const after = new Date(start);
    expect(bodies((await ofDeployment({ after })).results)).toEqual(["x1", "x2", "x3"]);
    expect(bodies((await ofDeployment({ after, workerName: "w2" })).results)).toEqual(["x2"]);
    expect(bodies((await ofDeployment({ after, workflowName: "orders", order: "desc" })).results)).toEqual([
      "x3",
      "x2",
      "x1",
    ]);
    expect(bodies((await ofDeployment({ after, workflowName: "returns" })).results)).toEqual([]);
    expect(bodies((await ofDeployment({ after, before: new Date(start + 5) })).results)).toEqual(["x1", "x2"]);
    const page = await ofDeployment({ after, limit: 2 });
    expect(bodies(page.results)).toEqual(["x1", "x2"]);
    expect(bodies((await ofDeployment({ cursor: page.nextCursor, limit: 2 })).results)).toEqual(["x3"]);
    const built = await w.ask("GET", "/v1/workflows/deployments/shop/logs?log_type=build");
    expect(built).toMatchObject({ status: 200, body: { results: [], next_cursor: null } });
  });

  test("are 404 if there is no such deployment", async () => {
    const none = w.client.workflows.deployments.getDeploymentLogs({ name: "nowhere" });
    expect(await failure(none)).toMatchObject({ status: 404 });
  });
});

describe("a stream of log records", () => {
  const path = (execution: string) => `/v1/workflows/executions/${execution}/logs/stream`;
  const next = async (frames: Frames) => {
    const frame = await frames.next();
    return frame && [frame.event, frame.data?.body];
  };

  test("shows stored records, then new ones, and ends some seconds after the execution", async () => {
    const drive = await begin();
    await ship(drive, [record("a")]);
    const frames = await Frames.open(w, path(drive.head.execution));
    expect(await next(frames)).toEqual(["log", "a"]);
    await ship(drive, [record("b")]);
    expect(await next(frames)).toEqual(["log", "b"]);
    await drive.close({ kind: "execution_completed", result: null });
    await ship(drive, [record("late")]);
    expect(await next(frames)).toEqual(["log", "late"]);
    const end = frames.next();
    await w.clock.advance(5_000);
    expect(await end).toBeUndefined();
  });

  test("is resumed after an id, without a gap and without a repetition", async () => {
    const drive = await begin();
    await ship(drive, [record("a"), record("b")]);
    await ship(drive, [record("c")]);
    const first = await Frames.open(w, path(drive.head.execution));
    await first.next();
    const { id } = (await first.next())!;
    const header = await Frames.open(w, path(drive.head.execution), { "last-event-id": id! });
    expect(await next(header)).toEqual(["log", "c"]);
    const query = await Frames.open(w, `${path(drive.head.execution)}?last_event_id=${id}&after=2999-01-01T00:00:00Z`);
    expect(await next(query)).toEqual(["log", "c"]);
    for (const bad of ["seven", "1", "1.2.3"]) {
      expect(await w.ask("GET", `${path(drive.head.execution)}?last_event_id=${bad}`)).toMatchObject({ status: 422 });
      expect(await w.ask("GET", path(drive.head.execution), { headers: { "last-event-id": bad } })).toMatchObject({
        status: 422,
      });
    }
  });

  test("reads with the official client, by its filters", async () => {
    const drive = await begin();
    await ship(drive, [record("a"), record("b", { activity: charge })]);
    await drive.close({ kind: "execution_completed", result: null });
    await w.clock.advance(5_000);
    const stream = await w.client.workflows.executions.streamWorkflowExecutionLogs({
      executionId: drive.head.execution,
      activityId: "3",
    });
    const seen: unknown[] = [];
    for await (const { event, id, data } of stream) seen.push([event, id, (data as { body: string }).body]);
    expect(seen).toEqual([["log", "1.1", "b"]]);
  });

  test("of a deployment goes on from execution to execution", async () => {
    await w.clock.advance(1_000);
    const after = new Date(w.clock.now()).toISOString();
    const stream = await Frames.open(
      w,
      `/v1/workflows/deployments/shop/logs/stream?after=${after}&workflow_name=orders`,
    );
    const [one, other] = [await begin(), await begin()];
    await ship(one, [record("s1")]);
    const first = (await stream.next())!;
    expect(first.data).toMatchObject({ body: "s1" });
    await ship(other, [record("s2")]);
    await turnOfTheLoop();
    expect(await next(stream)).toEqual(["log", "s2"]);
    const resumed = await Frames.open(w, "/v1/workflows/deployments/shop/logs/stream", { "last-event-id": first.id! });
    expect(await next(resumed)).toEqual(["log", "s2"]);
  });

  test("of an unknown execution or deployment is 404", async () => {
    expect(await w.ask("GET", path("nobody"))).toMatchObject({ status: 404 });
    expect(await w.ask("GET", "/v1/workflows/deployments/nowhere/logs/stream")).toMatchObject({ status: 404 });
  });
});

test("a page of long records is shorter than its limit, and its cursor leads to the rest", async () => {
  const deployment = await w.worker("wordy", [{ name: "wordy", execution_timeout: null }]);
  const texts: string[] = [];
  for (let n = 0; n < 4; n++) {
    const execution_id = `wordy-${n}`;
    const body = { execution_id, input: {} };
    expect(await w.ask("POST", "/v1/workflows/wordy/execute", { body })).toMatchObject({ status: 200 });
    const { head } = await deployment.claim(execution_id);
    for (let i = 0; i < 19; i++) {
      // As JSON each character takes six bytes.
      const attributes = Object.fromEntries(Array.from({ length: 18 }, (_, k) => [`k${k}`, "\u0001".repeat(2_000)]));
      texts.push(`${n} ${i}`);
      await ship({ head }, [record(`${n} ${i}`, { attributes })]);
      await w.clock.advance(1);
    }
  }
  const seen: string[] = [];
  let cursor = "";
  for (let pages = 0; pages < 20; pages++) {
    const page = await w.ask("GET", `/v1/workflows/deployments/wordy/logs?limit=100&order=asc&cursor=${cursor}`);
    expect(page.status).toBe(200);
    expect(Buffer.byteLength(JSON.stringify(page.body))).toBeLessThan(5_000_000);
    seen.push(...(page.body.results as { body: string }[]).map(({ body }) => body));
    if (page.body.next_cursor === null) break;
    cursor = String(page.body.next_cursor);
  }
  expect(seen).toEqual(texts);
});

test("records of a deployment are found by their times, also those after the server's clock was set back", async () => {
  const drive = await begin();
  const hour = 3_600_000;
  const names = ["before", "set back", "set back again", "caught up"];
  await w.clock.advance(5 * hour); // later than all records of other tests
  const start = w.clock.now();
  await ship(drive, [record(names[0]!)]);
  for (const name of names.slice(1, 3)) {
    w.clock.setBack(hour);
    await ship(drive, [record(name)]);
    await w.clock.advance(1_000);
  }
  await w.clock.advance(3 * hour);
  await ship(drive, [record(names[3]!)]);
  for (const order of ["asc", "desc"] as const) {
    const inOrder = (found: string[]) => (order === "asc" ? found : found.toReversed());
    const all = { after: new Date(start - 3 * hour), order };
    expect(bodies((await ofDeployment(all)).results)).toEqual(inOrder(names));
    expect(bodies((await ofDeployment({ ...all, before: new Date(start - hour / 2) })).results)).toEqual(
      inOrder(["set back", "set back again"]),
    );
    expect(bodies((await ofDeployment({ ...all, before: new Date(start - 1.5 * hour) })).results)).toEqual([
      "set back again",
    ]);
  }
});
