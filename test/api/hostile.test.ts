/** Callers that send what they may not, or do not read what they asked for. */
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startServer } from "../../cli/server/index.ts";
import { createKey, DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { type Embedded, embedded } from "../../shared/server/embedded.ts";
import { batchOf, begun, bench, LIMIT, newRef, uuid } from "../contract/subject.ts";

let store: Embedded;
let server: Awaited<ReturnType<typeof startServer>>;
let key: string;
let readOnly: string;

beforeAll(async () => {
  store = embedded();
  server = await startServer({ ports: store, version: "1.0.0", port: 0, stalledMs: 200 });
  ({ key } = await createKey(store, { workspace: DEFAULT_WORKSPACE, name: "admin" }));
  ({ key: readOnly } = await createKey(store, { workspace: DEFAULT_WORKSPACE, name: "reader", rights: ["read"] }));
});
afterAll(async () => {
  await server.close();
  store.close();
});

/** Sends the head of a request that announces a body, and answers the status without having sent any of it. */
function statusWithoutBody(path: string, headers: Record<string, string>): Promise<number> {
  const socket = connect(server.port, "127.0.0.1");
  const lines = Object.entries({ host: "localhost", "content-length": "1000000", ...headers }).map(
    ([k, v]) => `${k}: ${v}`,
  );
  socket.write(`POST ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
  return new Promise((resolve, reject) => {
    let text = "";
    socket.on("data", (part) => {
      text += part;
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1])));
  });
}

test.each([
  "/v1/workflows/orders/execute",
  "/v1/worker/append",
])("POST %s without an accepted key is refused before its body is sent, and the connection ends", async (path) => {
  expect(await statusWithoutBody(path, {})).toBe(401);
  expect(await statusWithoutBody(path, { authorization: "Bearer wrong-key" })).toBe(401);
  expect(await statusWithoutBody(path, { authorization: `Bearer ${readOnly}` })).toBe(403);
});

test("a body is read as it comes, whole or in parts, and the connection takes the next request", async () => {
  const socket = connect(server.port, "127.0.0.1");
  let received = "";
  const ended = new Promise((resolve) => socket.on("close", resolve));
  socket.on("data", (part) => {
    received += part;
  });
  const answers = async (n: number) => {
    while (received.split("HTTP/1.1 ").length <= n) await new Promise((resolve) => socket.once("data", resolve));
  };
  const head = (rest: string, last = "") =>
    `POST /v1/workflows/nobodys/execute HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\n${last}${rest}\r\n\r\n`;
  const sized = (body: string, last?: string) => `${head(`content-length: ${body.length}`, last)}${body}`;
  const body = JSON.stringify({ input: { text: "x".repeat(100) } });
  const long = JSON.stringify({ input: { text: "x".repeat(100_000) } });
  socket.write(sized(body));
  await answers(1);
  socket.write(sized(body).slice(0, -50)); // the rest follows when the server has read the head
  await fetch(`${server.url}/health`);
  socket.write(body.slice(-50));
  await answers(2);
  socket.write(`${head("transfer-encoding: chunked")}0\r\n\r\n`);
  await answers(3);
  socket.write(sized(body) + sized("{]") + sized(long, "connection: close\r\n")); // without waiting for answers
  await ended;
  expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual(
    [404, 404, 422, 404, 422, 404].map((status) => `HTTP/1.1 ${status}`),
  );
  expect(received).toContain("the request has no body");
});

test("a caller that disconnects in the middle of its body is no failure of the server", async () => {
  const socket = connect(server.port, "127.0.0.1");
  socket.write(
    `POST /v1/workflows/orders/execute HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`,
  );
  socket.destroy();
  const { status } = await fetch(`${server.url}/health`);
  expect(status).toBe(200);
});

test.each([
  "history",
  "stream",
])("a caller that does not read the %s that it asked for loses its connection", async (what) => {
  const b = bench({ ports: store, pass: async () => {} });
  const head = await begun(b, newRef(DEFAULT_WORKSPACE));
  for (let i = 0; i < 20; i++) {
    const event = { kind: "activity_completed", activity: 1, name: "a", result: "x".repeat(1_000_000) } as const;
    await store.executions.putBatch(head, head.run, batchOf(2 + i, b.now(), [event]), 100 * LIMIT);
  }
  const socket = connect(server.port, "127.0.0.1");
  socket.pause();
  socket.write(
    `GET /v1/workflows/executions/${head.execution}/${what} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\n\r\n`,
  );
  await expect.poll(() => socketsOf(socket.localPort ?? 0), { interval: 5 }).toBe(1);
  // The client sees the end of the connection only behind what it has not read; the server closes its side at once.
  await expect.poll(() => socketsOf(socket.localPort!), { timeout: 20_000 }).toBe(0);
  socket.destroy();
});

/** Connections of the server from this port of a client. */
function socketsOf(port: number): number {
  const open = (process as unknown as { _getActiveHandles(): { remotePort?: number; localPort?: number }[] })
    ._getActiveHandles()
    .filter((handle) => handle.remotePort === port && handle.localPort === server.port);
  return open.length;
}

test("an answer to a question that nobody asked is dropped, and one that comes in time is not", async () => {
  const [workspace, query] = [uuid(), uuid()];
  const answer = (n: number) => ({ kind: "result", result: { n } }) as const;
  await store.answers.put(workspace, query, answer(1));
  expect(await store.answers.wait(workspace, query, store.clock.now())).toBeNull();
  await store.answers.open(workspace, query);
  const waiting = store.answers.wait(workspace, query, store.clock.now() + 30_000);
  await store.answers.put(workspace, query, answer(2));
  expect(await waiting).toEqual(answer(2));
});

test("a page of large events ends after some megabytes, and its cursor leads on to the rest", async () => {
  const b = bench({ ports: store, pass: async () => {} });
  const head = await begun(b, newRef(DEFAULT_WORKSPACE));
  for (let i = 0; i < 12; i++) {
    const event = { kind: "activity_completed", activity: 1, name: "a", result: "x".repeat(1_000_000) } as const;
    await store.executions.putBatch(head, head.run, batchOf(2 + i, b.now(), [event]), 100 * LIMIT);
  }
  const sizes: number[] = [];
  let cursor: string | null = null;
  do {
    const query = `workflow_exec_id=${head.execution}&limit=1000${cursor ? `&cursor=${cursor}` : ""}`;
    const answer = await fetch(`${server.url}/v1/workflows/events/list?${query}`, {
      headers: { authorization: `Bearer ${key}` },
    });
    const body = (await answer.json()) as { events: unknown[]; next_cursor: string | null };
    expect(body).toMatchObject({ events: expect.any(Array) });
    sizes.push(body.events.length);
    cursor = body.next_cursor;
  } while (cursor);
  expect(sizes.reduce((a, n) => a + n, 0)).toBe(13);
  expect(Math.max(...sizes)).toBeLessThan(7);
});
