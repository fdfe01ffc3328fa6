/** Executions that signal, query and cancel each other, in workers of the SDK: parent and child, and across deployments. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import {
  CancelledError,
  executionInfo,
  externalExecution,
  MessageError,
  on,
  query,
  type RunningWorker,
  signal,
  start,
  startWorker,
  waitUntil,
  workflow,
} from "../../sdk/index.ts";
import type { Ports } from "../../shared/ports.ts";
import { ENGINES, type World } from "./support/world.ts";

const take = signal("take", z.object({ items: z.int() }));
const left = query("left", z.int());
const empty = signal("empty", z.object({ shelf: z.string() }));
const lock = signal("lock", z.object({ by: z.string() }));

const shelf = workflow({ name: "shelf", handlers: [take, left], timeout: null }, async () => {
  let items = 10;
  on(take, (taken) => {
    items -= taken.items;
  });
  on(left, () => items);
  await waitUntil(() => items === 0);
  await externalExecution(executionInfo().parent!.execution).signal(empty, { shelf: executionInfo().execution });
});

/** Runs in the other deployment until it is cancelled. */
const guard = workflow({ name: "guard", handlers: [lock, left], timeout: null }, async () => {
  const locks: string[] = [];
  on(lock, ({ by }) => locks.push(by));
  on(left, () => locks.length);
  try {
    await waitUntil(() => false);
  } catch (error) {
    if (error instanceof CancelledError) return { locks };
    throw error;
  }
  return { locks };
});

const shop = workflow({ name: "shop", handlers: [empty], timeout: null }, async () => {
  const told: string[] = [];
  on(empty, (message) => told.push(message.shelf));
  const child = start(shelf, {}, { id: "shelf-1" });
  const full = await child.query(left);
  await child.signal(take, { items: full });
  await waitUntil(() => told.length > 0);
  const outside = externalExecution("guard-1");
  await outside.signal(lock, { by: "shop" });
  const locks = await outside.query(left);
  await outside.cancel("the shop is closed");
  const nobody = await externalExecution("nobody")
    .signal(lock, { by: "shop" })
    .catch((error: unknown) => (error instanceof MessageError ? error.reason : "another error"));
  return { full, told, locks, nobody };
});

describe.each(ENGINES)("on %s", (_, create) => {
  let w: World<Ports>;
  const workers: RunningWorker[] = [];
  beforeAll(async () => {
    w = await create();
    const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
    const worker = (deployment: string, workflows: Parameters<typeof startWorker>[0]["workflows"]) =>
      startWorker({ deployment, workflows, url: w.server.url, apiKey: w.key, name: deployment, log });
    workers.push(await worker("shop", [shop, shelf]), await worker("security", [guard]));
  });
  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
    await w.close();
  });

  test("a parent and its child, and executions of two deployments, reach each other", async () => {
    const begin = (name: string, execution_id: string) =>
      w.ask("POST", `/v1/workflows/${name}/execute`, { body: { execution_id, input: {} } });
    expect((await begin("guard", "guard-1")).status).toBe(200);
    expect((await begin("shop", "shop-1")).status).toBe(200);
    const closed = async (id: string) => {
      for (;;) {
        const { body } = await w.ask("GET", `/v1/workflows/executions/${id}`);
        if (body.status !== "RUNNING") return body;
        await new Promise((ok) => setTimeout(ok, 10));
      }
    };
    expect(await w.waitingFor(closed("shop-1"))).toMatchObject({
      status: "COMPLETED",
      result: { full: 10, told: ["shelf-1"], locks: 1, nobody: "NOT_FOUND" },
    });
    expect(await w.waitingFor(closed("guard-1"))).toMatchObject({ status: "COMPLETED", result: { locks: ["shop"] } });
  }, 60_000);
});
