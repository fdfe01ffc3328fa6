/** PARTS-1 to PARTS-3, FLOW-1: a poll that is answered in parts, as it goes over the wire. */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import * as z from "zod";
import { startWorker, workflow } from "../../sdk/index.ts";
import { httpTransport } from "../../sdk/worker/http-transport.ts";
import { createApi, DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import type { Ports } from "../../shared/ports.ts";
import { type PollPart, WORKER_ROUTES, type WorkerBody } from "../../shared/protocol/worker.ts";
import { QUIET, type TestServer, testServer } from "../support/test-server.ts";

let server: TestServer;
beforeEach(async () => {
  server = await testServer();
});
afterEach(() => server.close());

const SESSION = randomUUID();
const queue = { workspace: DEFAULT_WORKSPACE, deployment: "shop", queue: "workflow" } as const;
const task = (execution: string) => ({ kind: "workflow", execution }) as const;
const send = (...executions: string[]) =>
  Promise.all(executions.map((execution) => server.ports.tasks.send(queue, task(execution))));
const bodyOf = (o: Partial<WorkerBody<"poll">> = {}): WorkerBody<"poll"> => ({
  deployment: "shop",
  worker: "one",
  session: SESSION,
  queue: "workflow",
  max: 10,
  wait_ms: 20_000,
  parts: true,
  ...o,
});
const post = (key: string, body: unknown) => ({
  method: "POST",
  target: WORKER_ROUTES.poll.path,
  headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
  body: JSON.stringify(body),
});
const names = (part: PollPart) => part.deliveries.map((d) => d.task.execution);

/** A poll over HTTP: its lines as they arrive. */
async function poll(o: Partial<WorkerBody<"poll">> = {}) {
  const { headers, target, body } = post(server.key, bodyOf(o));
  const req = request(server.url + target, { method: "POST", headers });
  req.on("error", () => {});
  const answer = await new Promise<IncomingMessage>((ok) => req.on("response", ok).end(body));
  answer.on("error", () => {});
  const lines = createInterface(answer)[Symbol.asyncIterator]();
  const next = async () => {
    const { done, value } = await lines.next();
    return done ? null : (JSON.parse(value) as PollPart);
  };
  return { answer, next, leave: () => req.destroy() };
}

test("the head and an empty line leave at once, each task as it comes, and the last one says that it is the last", async () => {
  const p = await poll({ max: 3 });
  expect(p.answer.headers).toMatchObject({
    "content-type": "application/x-ndjson",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
  });
  expect(await p.next()).toEqual({ deliveries: [] });
  await send("a");
  expect(names((await p.next())!)).toEqual(["a"]);
  await send("b");
  expect(names((await p.next())!)).toEqual(["b"]);
  await send("c");
  const last = (await p.next())!;
  expect([names(last), last.end]).toEqual([["c"], true]);
  expect(await p.next()).toBeNull();
});

test("a poll whose time is over ends with a line that says so", async () => {
  const p = await poll({ wait_ms: 20 });
  await p.next();
  expect(await p.next()).toEqual({ deliveries: [], end: true });
  expect(await p.next()).toBeNull();
});

test("POLL-1: the worker ends the poll, also between two parts", async () => {
  const p = await poll();
  await p.next();
  await send("a");
  await p.next();
  const end = { ...bodyOf({ max: 0, wait_ms: 0 }), parts: undefined };
  const api = createApi(server.ports, { version: "1", url: server.url });
  expect((await api.handle({ ...post(server.key, end), signal: new AbortController().signal })).status).toBe(200);
  expect(await p.next()).toEqual({ deliveries: [], end: true });
  await send("b");
  expect(await server.ports.tasks.receive(queue, { session: "s", max: 9, waitMs: 0 })).toHaveLength(1);
});

test("CLAIM-1: a part has the claim of a new execution if the worker asks for it", async () => {
  const who = { deployment: "shop", worker: "one", session: randomUUID() };
  const transport = httpTransport({ url: server.url, apiKey: server.key });
  const definitions = [{ name: "orders", input_schema: {} }] as never;
  await transport.call("register", { ...who, definitions, activities: [], sdk: "t/1" });
  const p = await poll({ session: who.session, claim: true });
  await p.next();
  const headers = { authorization: `Bearer ${server.key}`, "content-type": "application/json" };
  await fetch(`${server.url}/v1/workflows/orders/execute`, { method: "POST", headers, body: "{}" });
  const [delivery] = (await p.next())!.deliveries;
  expect(delivery?.claimed?.head).toMatchObject({ owner: who.session });
  p.leave();
  transport.close();
});

test("PARTS-2: a task that comes after the caller has gone stays in the queue", async () => {
  const received = vi.spyOn(server.ports.tasks, "receiveInParts");
  const p = await poll();
  const gone = () => received.mock.calls[0]![1].signal?.aborted;
  await p.next();
  p.leave();
  await vi.waitFor(() => expect(gone()).toBe(true));
  await send("a");
  expect(await server.ports.tasks.receive(queue, { session: "t", max: 1, waitMs: 0 })).toMatchObject([{ attempt: 1 }]);
});

/** The lines of a poll as the door of the server reads them. */
async function chunks(signal: AbortSignal, o: Partial<WorkerBody<"poll">> = {}) {
  const api = createApi(server.ports, { version: "1", url: server.url });
  const answer = await api.handle({ ...post(server.key, bodyOf(o)), signal });
  if (answer.kind !== "stream") throw new Error(`answered ${answer.body}`);
  return (answer.chunks as AsyncIterable<string>)[Symbol.asyncIterator]();
}
const next = () => server.ports.tasks.receive(queue, { session: "t", max: 1, waitMs: 0 });

test("PARTS-2: the tasks of a line that could not be written are handed back at once", async () => {
  const lines = await chunks(new AbortController().signal);
  await lines.next();
  await send("a");
  expect((await lines.next()).value).toContain('"execution":"a"');
  expect(await next()).toEqual([]);
  await lines.return?.();
  expect(await next()).toMatchObject([{ attempt: 2 }]);
});

test("PARTS-2: so are those whose line is not durable before the caller has gone", async () => {
  const leaving = new AbortController();
  const lines = await chunks(leaving.signal);
  await lines.next();
  const waiting = Promise.withResolvers<void>();
  const durable = vi.spyOn(server.ports, "durable").mockReturnValue(waiting.promise);
  const line = lines.next();
  await send("a");
  await vi.waitFor(() => expect(durable).toHaveBeenCalled());
  leaving.abort();
  durable.mockRestore();
  waiting.resolve();
  expect(await line).toEqual({ done: true, value: undefined });
  expect(await next()).toMatchObject([{ attempt: 2 }]);
});

test("DISPATCH-1: no line leaves before its lease is durable", async () => {
  const lines = await chunks(new AbortController().signal);
  await lines.next();
  const waiting = Promise.withResolvers<void>();
  const durable = vi.spyOn(server.ports, "durable").mockReturnValue(waiting.promise);
  let isWritten = false;
  const line = lines.next().then(() => {
    isWritten = true;
  });
  await send("a");
  await vi.waitFor(() => expect(durable).toHaveBeenCalled());
  await new Promise(setImmediate);
  expect(isWritten).toBe(false);
  waiting.resolve();
  await line;
  await lines.return?.();
});

test("PARTS-2: while a line waits for its reader, further tasks go to other workers", async () => {
  const lines = await chunks(new AbortController().signal);
  await lines.next();
  await send("a");
  await lines.next(); // and no more: the reader is slow
  await send("b");
  expect(await next()).toMatchObject([{ attempt: 1, task: task("b") }]);
  await lines.return?.();
});

test("PARTS-3: a trial ends after its time without tasks, and ends no poll of the session", async () => {
  const open = await chunks(new AbortController().signal);
  await open.next();
  const waiting = open.next();
  const p = await poll({ max: 0, wait_ms: 30 });
  expect(await p.next()).toEqual({ deliveries: [] });
  expect(await p.next()).toEqual({ deliveries: [], end: true });
  await send("a");
  expect((await waiting).value).toContain('"execution":"a"');
  await open.return?.();
});

test("a server whose queues cannot do it answers in one piece", async () => {
  const tasks = { receive: server.ports.tasks.receive.bind(server.ports.tasks) } as unknown as Ports["tasks"];
  const api = createApi({ ...server.ports, tasks }, { version: "1", url: server.url });
  await send("a");
  const answer = await api.handle({ ...post(server.key, bodyOf()), signal: new AbortController().signal });
  expect(answer).toMatchObject({ kind: "body", status: 200 });
});

test("a key that may not work is refused before the first line", async () => {
  const api = createApi(server.ports, { version: "1", url: server.url });
  const answer = await api.handle({ ...post("no-key", bodyOf()), signal: new AbortController().signal });
  expect(answer).toMatchObject({ kind: "body", status: 401 });
});

const greeter = workflow({ name: "greeter", input: z.object({ name: z.string() }) }, async ({ name }) => `Hi ${name}`);

/** A worker at this address, and a run after another until `done`. */
async function runs(url: string, done: (runs: number) => boolean): Promise<void> {
  const worker = await startWorker({
    url,
    apiKey: server.key,
    deployment: "shop",
    workflows: [greeter],
    log: QUIET,
  });
  const headers = { authorization: `Bearer ${server.key}`, "content-type": "application/json" };
  const body = JSON.stringify({ input: { name: "Ada" }, wait_for_result: true });
  for (let n = 0; !done(n); n++) {
    const answer = await fetch(`${server.url}/v1/workflows/greeter/execute`, { method: "POST", headers, body });
    expect(await answer.json()).toMatchObject({ result: { result: "Hi Ada" } });
  }
  await worker.stop();
}

test("FLOW-1: a worker soon polls in parts, and then needs a poll for ten runs", async () => {
  const inParts = vi.spyOn(server.ports.tasks, "receiveInParts");
  const polls = vi.spyOn(server.ports.tasks, "receive");
  let since = 0;
  let plain = 0;
  await runs(server.url, (n) => {
    if (inParts.mock.calls.length === 0) {
      since = n;
      plain = polls.mock.calls.length;
    }
    return n - since > 50;
  });
  expect(polls.mock.calls.length).toBe(plain);
  expect(inParts.mock.calls.length).toBeLessThanOrEqual(7);
});

test("FLOW-1: behind a proxy that buffers answers a worker does not poll in parts", async () => {
  let trials = 0;
  const proxy = createServer(async (req, res) => {
    const body = await text(req);
    const headers = { authorization: req.headers.authorization!, "content-type": "application/json" };
    const answer = await fetch(server.url + req.url, { method: "POST", headers, body }).catch(() => null);
    if (!answer) return res.destroy();
    const whole = await answer.text();
    if (answer.headers.get("content-type") === "application/x-ndjson") trials += 1;
    res.writeHead(answer.status, { "content-type": answer.headers.get("content-type")! }).end(whole);
  });
  await new Promise<void>((ok) => proxy.listen(0, "127.0.0.1", ok));
  const inParts = vi.spyOn(server.ports.tasks, "receiveInParts");
  let since = 0;
  await runs(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, (n) => {
    if (trials === 0) since = n;
    return n - since > 20;
  });
  expect(trials).toBe(1);
  expect(inParts).not.toHaveBeenCalled();
  proxy.closeAllConnections();
  proxy.close();
});
