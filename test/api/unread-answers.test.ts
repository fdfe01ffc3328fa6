/** Callers that ask for much and do not read: the memory of the server is bounded, and it goes on for the others. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startServer } from "../../cli/server/index.ts";
import { createKey, DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { overriding } from "../../shared/lib/overriding.ts";
import type { HistoryEvent } from "../../shared/protocol/history.ts";
import { embedded } from "../../shared/server/embedded.ts";
import { headOf } from "../contract/subject.ts";

const MB = 1024 * 1024;
let reading = 0;
let readAtOnce = 0;
const store = embedded();
const executions = overriding(store.executions, {
  async batches(ref, run, after) {
    readAtOnce = Math.max(readAtOnce, ++reading);
    return store.executions.batches(ref, run, after).finally(() => reading--);
  },
});
const ports = overriding(store, { executions });
let server: Awaited<ReturnType<typeof startServer>>;
let key: string;
beforeAll(async () => {
  server = await startServer({ ports, version: "0.0.0", port: 0, maxUnsentBytes: 25 * MB });
  ({ key } = await createKey(ports, { workspace: DEFAULT_WORKSPACE, name: "tester" }));
  const ref = { workspace: DEFAULT_WORKSPACE, execution: "long" };
  const head = headOf(ref, Date.now());
  await ports.executions.create(head, []);
  for (let id = 2; id < 12; id++) {
    const input = "x".repeat(MB);
    const event: HistoryEvent = {
      kind: "signal_received",
      message: `signal#${id}`,
      name: "s",
      input,
      id,
      at: Date.now(),
    };
    await ports.executions.putBatch(ref, head.run, { first: id, events: [event], append_id: randomUUID() }, 1e9);
  }
  await ports.durable();
});
afterAll(async () => {
  await server.close(100);
  ports.close();
});

const path = "/v1/workflows/executions/long/history";
function asker(): Socket {
  const socket = connect(server.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${key}\r\n\r\n`);
  return socket;
}

test("of callers that do not read, the first lose their connections, and a caller that reads has its answer", async () => {
  const idle = Array.from({ length: 10 }, asker);
  const read = async () => {
    const answer = await fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${key}` } });
    return (await answer.text()).length;
  };
  expect(await read()).toBeGreaterThan(10 * MB);
  expect(readAtOnce).toBe(2); // ROOM-1
  // The reader came last, so all others had been answered: at most two answers of 10 MB wait for their callers.
  for (const socket of idle) socket.resume();
  const ended = await Promise.all(
    idle.map(async (socket) => {
      let bytes = 0;
      socket.on("data", (data) => {
        bytes += data.length;
        if (bytes > 10 * MB) socket.destroy();
      });
      await once(socket, "close");
      return bytes > 10 * MB;
    }),
  );
  expect(ended.filter(Boolean).length).toBeLessThanOrEqual(2);
});
