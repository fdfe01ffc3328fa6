/** Updates that a validator refuses: a caller who repeats one for ever gets its answer and does not fill the history. */
import { afterAll, beforeAll, expect, test } from "vitest";
import * as z from "zod";
import { on, type RunningWorker, startWorker, update, WorkflowError, waitUntil, workflow } from "../../sdk/index.ts";
import { DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { RECORDED_REFUSALS } from "../../shared/protocol/limits.ts";
import { QUIET, type TestServer, testServer } from "../support/test-server.ts";

const book = update("book", z.object({ seats: z.number() }), z.number());
const hall = workflow({ name: "hall", handlers: [book], timeout: null }, async () => {
  let left = 3;
  on(
    book,
    ({ seats }) => {
      left -= seats;
      return left;
    },
    {
      validate: ({ seats }) => {
        if (seats > left) throw new WorkflowError(`${left} seats are left`);
      },
    },
  );
  await waitUntil(() => left === 0);
  return "full";
});

let server: TestServer;
let worker: RunningWorker;
beforeAll(async () => {
  server = await testServer();
  worker = await startWorker({
    url: server.url,
    apiKey: server.key,
    workflows: [hall],
    deployment: "shop",
    log: QUIET,
  });
});
afterAll(async () => {
  await worker.stop();
  await server.close();
});

test("DECIDE-9: each of many refused updates is answered, the history records the first, and a good one is accepted", async () => {
  const call = async (path: string, body?: unknown) => {
    const answer = await fetch(`${server.url}/v1/workflows/${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${server.key}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json().catch(() => null)) as Record<string, never> };
  };
  expect(await call("hall/execute", { execution_id: "h" })).toMatchObject({ status: 200 });
  const ask = (seats: number) => call("executions/h/updates", { name: "book", input: { seats } });
  const refusedWith = (left: number) => ({ status: 422, body: { detail: [{ msg: `${left} seats are left` }] } });
  const most = RECORDED_REFUSALS + 50;
  for (let asked = 0; asked < most; asked += 50) {
    for (const answer of await Promise.all(Array.from({ length: 50 }, () => ask(7))))
      expect(answer).toMatchObject(refusedWith(3));
  }
  expect(await ask(2)).toMatchObject({ status: 200, body: { result: 1 } });
  const mixed = await Promise.all([ask(2), ask(2), ask(1), ask(2)]);
  for (const i of [0, 1]) expect(mixed[i]).toMatchObject(refusedWith(1));
  expect(mixed[2]).toMatchObject({ status: 200, body: { result: 0 } });
  // The last one may find the run closed.
  expect([409, 422]).toContain(mixed[3]!.status);
  const ref = { workspace: DEFAULT_WORKSPACE, execution: "h" };
  const head = (await server.ports.executions.head(ref))!;
  const history = (await server.ports.executions.batches(ref, head.run, 0)).flatMap(({ events }) => events);
  expect(history.filter(({ kind }) => kind === "update_rejected")).toHaveLength(RECORDED_REFUSALS);
  expect(history.length).toBeLessThan(RECORDED_REFUSALS + 20);
});
