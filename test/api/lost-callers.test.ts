/** Long polls of processes that have died: the task goes to another worker at once. */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { WORKER_ROUTES } from "../../shared/protocol/worker.ts";
import { type TestServer, testServer } from "../support/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

const TRIALS = 16;
const POLL = `const [url, key, body] = process.argv.slice(1);
fetch(url, { method: "POST", body, headers: { authorization: "Bearer " + key, "content-type": "application/json" } });`;

test("a task that comes right after the death of a process that polls is received by the next worker", async () => {
  const received = vi.spyOn(server.ports.tasks, "receive");
  const url = `${server.url}${WORKER_ROUTES.poll.path}`;
  const queues = Array.from({ length: TRIALS }, () => {
    const deployment = `shop-${randomUUID().slice(0, 8)}`;
    return { workspace: DEFAULT_WORKSPACE, deployment, queue: "workflow" } as const;
  });
  const children = queues.map(({ deployment, queue }) => {
    const body = { deployment, worker: "one", session: randomUUID(), queue, max: 1, wait_ms: 20_000 };
    return spawn(process.execPath, ["-e", POLL, url, server.key, JSON.stringify(body)], { stdio: "ignore" });
  });
  await expect.poll(() => received.mock.calls.length, { timeout: 20_000 }).toBe(TRIALS);
  for (const [i, queue] of queues.entries()) {
    const ended = once(children[i]!, "exit");
    children[i]!.kill("SIGKILL");
    await ended;
    await server.ports.tasks.send(queue, { kind: "workflow", execution: `e-${i}` });
  }
  const lost = new Set(queues);
  const look = async () => {
    for (const queue of lost) {
      const found = await server.ports.tasks.receive(queue, { session: "two", max: 1, waitMs: 0 });
      if (found.length > 0) lost.delete(queue);
    }
    return lost.size;
  };
  await expect.poll(look, { timeout: 5_000 }).toBe(0);
});
