/** Poison: something stored of one execution on which every step fails. It holds up no other execution, and ends in quarantine. */
import { describe, expect, test } from "vitest";
import * as z from "zod";
import type { AppendItem, CloseItem, WorkerBody } from "../../shared/protocol/worker.ts";
import { activity, on, signal, waitUntil, workflow } from "../index.ts";
import { environment } from "../testing/environment.ts";
import { ServerFailed, type Transport } from "./transport.ts";

const poke = signal("poke");
const quick = activity({ name: "quick", input: z.object({ n: z.number() }) }, async ({ n }) => n);
const waits = workflow({ name: "waits", handlers: [poke], timeout: null }, async () => {
  let pokes = 0;
  on(poke, () => {
    pokes += 1;
  });
  await waitUntil(() => pokes === 1);
  return pokes;
});
const steps = workflow({ name: "steps" }, async () => (await quick({ n: 1 })) + (await quick({ n: 2 })));

describe("when the server fails at every batch of an execution", () => {
  test("others go on, and the execution is quarantined with the reason until it can be recorded", async () => {
    let poisonous = true;
    const wire = (inner: Transport): Transport => ({
      close: () => inner.close(),
      async call(operation, body, options) {
        const { items, closes = [] } = operation === "append" ? (body as WorkerBody<"append">) : { items: [] };
        const written = operation === "close" ? [body as CloseItem] : [...items, ...closes];
        const poisoned = written.some(({ batch }) => batch.events.some(({ kind }) => kind === "signal_received"));
        if (poisonous && poisoned) throw new ServerFailed(operation, "500 it broke");
        return inner.call(operation, body, options);
      },
    });
    const options = { workflows: [waits, steps], activities: [quick], maxConcurrentWorkflows: 2, workers: 2 };
    await using env = await environment(options, { wire });
    const bad = await Promise.all([1, 2, 3, 4, 5, 6].map(() => env.start(waits, {})));
    for (const run of bad) await run.signal(poke, {});
    for (let i = 0; i < 5; i++) expect(await (await env.start(steps, {})).result()).toBe(3);
    await env.advance("3m");
    for (const run of bad) {
      expect((await run.history()).at(-1)).toMatchObject({
        kind: "workflow_task_failed",
        failure: { type: "ServerFailed", message: "close: 500 it broke" },
        quarantined: waits.hash,
      });
    }
    poisonous = false;
    await env.advance("15m");
    for (const run of bad) expect(await run.result()).toBe(1);
  });
});

test("a log whose next position is taken although no read finds an event there is tried with growing waits", async () => {
  let appends = 0;
  let damaged = true;
  const wire = (inner: Transport): Transport => ({
    close: () => inner.close(),
    async call(operation, body, options) {
      const items = operation === "append" ? (body as unknown as { items: AppendItem[] }).items : [];
      if (!damaged || items.length === 0) return inner.call(operation, body, options);
      appends += 1;
      if (appends > 500) await new Promise(() => {});
      return { results: items.map(() => ({ kind: "conflict" })), now: 0 } as never;
    },
  });
  const quiet = { debug() {}, info() {}, warn() {}, error() {} };
  await using env = await environment({ workflows: [steps], activities: [quick], log: quiet }, { wire });
  const run = await env.start(steps, {});
  await env.advance("3m");
  expect(appends).toBeLessThan(200);
  damaged = false;
  await env.advance("20m");
  expect(await run.result()).toBe(3);
});

test("a stored signal that is nested too deep is recorded as ignored, and the next one is handled", async () => {
  let depth = 20_000;
  const wire = (inner: Transport): Transport => ({
    close: () => inner.close(),
    async call(operation, body, options) {
      const answer = await inner.call(operation, body, options);
      type Brought = { messages?: { kind: string; input: unknown }[] };
      const { deliveries = [], ...brought } = answer as Brought & { deliveries?: { claimed?: Brought }[] };
      const all = [brought, ...deliveries.map(({ claimed = {} }) => claimed)];
      for (const message of all.flatMap(({ messages = [] }) => messages)) {
        if (message.kind === "signal") for (let i = 0; i < depth; i++) message.input = { in: message.input };
      }
      return answer;
    },
  });
  await using env = await environment({ workflows: [waits] }, { wire });
  const run = await env.start(waits, {});
  await run.signal(poke, {});
  depth = 0;
  await run.signal(poke, {});
  expect(await run.result()).toBe(1);
  const ignored = "the input was nested deeper than 512 levels";
  const signals = (await run.history()).filter(({ kind }) => kind === "signal_received");
  expect(signals[0]).toMatchObject({ ignored, input: { dropped: ignored } });
  expect(signals).toHaveLength(2);
});
