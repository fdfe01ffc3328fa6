/** The cost of a run whose calls are served by several processes in turn, over tables in memory with counted units. */
import { expect, test } from "vitest";
import { unitsOf } from "../../bench/step-cost.ts";
import type { RequestContext } from "../../shared/api/request-context.ts";
import { append } from "../../shared/api/worker/append.ts";
import { close } from "../../shared/api/worker/close.ts";
import { claim } from "../../shared/api/worker/drive.ts";
import { start } from "../../shared/engine/start.ts";
import { overriding } from "../../shared/lib/overriding.ts";
import type { WorkerAnswer } from "../../shared/protocol/worker.ts";
import { routeToWorkflow } from "../../shared/routing/client-start.ts";
import { ManualClock } from "../contract/manual-clock.ts";
import { batchOf, begun, bench, completed, definition, newRef, scheduled, startOf, uuid } from "../contract/subject.ts";
import { memoryAws } from "../support/memory-aws.ts";

const STEPS = 50;
const local = (n: number) => ({ ...scheduled(n), where: "local:s" as const });

async function run(instances: number, handsBack: boolean) {
  const clock = new ManualClock();
  const first = memoryAws({ clock });
  const all = [first, ...Array.from({ length: instances - 1 }, () => first.another())];
  const b = bench({ ports: first.ports, pass: async () => {} });
  const ref = newRef();
  await begun(b, ref, { deadline: clock.now() + 3_600_000 });
  const context = (i: number) =>
    ({ ports: all[i % instances]!.ports, workspace: ref.workspace }) as unknown as RequestContext;
  for (const { clients } of all) clients.meter.take();
  const claimed = (await claim(context(0), { execution: ref.execution, session: b.ports.uuid() })) as Extract<
    WorkerAnswer<"claim">,
    { kind: "claimed" }
  >;
  const { run, chain, fence } = claimed.head;
  let { upto } = claimed;
  for (const { clients } of all) clients.meter.take();
  for (let i = 0; i < STEPS; i++) {
    const batch = batchOf(2 + i, clock.now(), [local(1 + i)]);
    const item = { execution: ref.execution, run, chain, fence, batch, taken: [], look: false };
    const sent = handsBack && upto !== undefined ? { ...item, upto } : item;
    const { results } = await append(context(i), { items: [sent] }, 1_000_000);
    expect(results[0]!.kind).toBe("appended");
    upto = (results[0] as { upto?: string }).upto;
  }
  const used = all.map(({ clients }) => clients.meter.take());
  return {
    reads: used.reduce((sum, { readUnits }) => sum + readUnits, 0),
    calls: used.reduce((sum, { dynamo }) => sum + dynamo, 0),
    items: first.clients.items("executions").filter((item) => item.sk!.S!.startsWith("LOG#")),
  };
}

test.each([
  1, 2, 5,
])("a step is one write and no read, with calls served by %i processes in turn", async (instances) => {
  const { reads, calls } = await run(instances, true);
  expect({ reads, calls }).toEqual({ reads: 0, calls: STEPS });
});

/** Units of a run from its start to its close, whose calls are served by these many processes in turn. */
async function unitsOfRun(steps: number, instances: number, closing: "alone" | "joined" = "alone") {
  const clock = new ManualClock();
  const first = memoryAws({ clock });
  const all = [first, ...Array.from({ length: instances - 1 }, () => first.another())].map(({ ports, clients }) => ({
    clients,
    // A process reads the holds of a workspace once in five seconds (HOLD-6), for all its claims.
    ports: { ...ports, registry: overriding(ports.registry, { knownHolds: async () => [] }) },
  }));
  const workspace = uuid();
  const who = { workspace, deployment: "shop", worker: "w", session: uuid() };
  await first.ports.registry.register({ ...who, definitions: [definition("orders")], now: clock.now() });
  let turn = 0;
  const next = () => ({ ports: all[turn++ % instances]!.ports, workspace }) as unknown as RequestContext;
  // A process keeps the definitions that it has read.
  for (const { ports } of all) await routeToWorkflow(ports, workspace, "orders", undefined);
  await clock.advance(6_000); // and knows for five seconds which deployments are active
  for (const { clients } of all) clients.meter.take();
  const ref = newRef(workspace);
  const { ports } = next();
  await routeToWorkflow(ports, workspace, "orders", undefined);
  await start(ports, { ...startOf(ref), workflow: "orders" });
  const claimed = await claim(next(), { execution: ref.execution, session: who.session });
  if (claimed.kind !== "claimed") throw new Error("not claimed");
  const { run, chain, fence } = claimed.head;
  let { upto } = claimed;
  const body = () => ({ execution: ref.execution, run, chain, fence, taken: [], ...(upto !== undefined && { upto }) });
  for (let n = 1; n <= steps; n++) {
    const batch = batchOf(1 + n, clock.now(), [local(n)]);
    const { results } = await append(next(), { items: [{ ...body(), batch, look: false }] }, 1_000_000);
    upto = (results[0] as { upto?: string }).upto;
  }
  const batch = batchOf(2 + steps, clock.now(), [completed]);
  const end = { result: { ok: true }, failure: null, outbox: [], carried: [] };
  const item = { ...body(), batch, ...end };
  const closed =
    closing === "alone"
      ? await close(next(), item, 1_000_000)
      : (await append(next(), { items: [], closes: [item] }, 1_000_000)).closed![0]!;
  expect(closed.kind).toBe("closed");
  const used = all.map(({ clients }) => clients.meter.take());
  const sum = (of: "readUnits" | "writeUnits") => used.reduce((total, one) => total + one[of], 0);
  return { writes: sum("writeUnits"), reads: sum("readUnits") };
}

test.each(
  [1, 10, 100].flatMap((steps) => [1, 2].map((instances) => [steps, instances] as const)),
)("a run of %i steps uses the units that docs/costs.md reckons with, served by %i processes in turn", async (steps, instances) => {
  expect(await unitsOfRun(steps, instances)).toEqual(unitsOf(steps));
});

test("a close that travels with others uses the same units, with what the worker hands back (LOG-6)", async () => {
  expect(await unitsOfRun(10, 2, "joined")).toEqual(unitsOf(10));
});

test("what the worker hands back writes the same items as what a process reads", async () => {
  const [told, read] = [await run(2, true), await run(2, false)];
  expect(read.reads).toBeGreaterThan(0);
  const facts = (items: typeof told.items) =>
    items.map(({ bytes, ttl, n, retries }) => JSON.stringify({ bytes, ttl, n, retries })).sort();
  expect(facts(told.items)).toEqual(facts(read.items));
});

test("what is not of its form, or of another place, is not believed", async () => {
  const clock = new ManualClock();
  const on = memoryAws({ clock });
  const b = bench({ ports: on.ports, pass: async () => {} });
  const ref = newRef();
  const head = await begun(b, ref);
  const other = on.another();
  const context = { ports: other.ports, workspace: ref.workspace } as unknown as RequestContext;
  const { run, chain, fence } = head;
  for (const [i, upto] of ["7 700 - 0 0", "nonsense", "1 2", "0 0 0"].entries()) {
    const batch = batchOf(2 + i, clock.now(), [local(1 + i)]);
    const item = { execution: ref.execution, run, chain, fence, batch, taken: [], look: false, upto };
    const { results } = await append(context, { items: [item] }, 1_000_000);
    expect(results[0]!.kind, upto).toBe("appended");
  }
  const bytes = on.clients
    .items("executions")
    .filter((item) => item.sk!.S!.startsWith("LOG#"))
    .map((item) => Number(item.bytes!.N));
  expect(Math.max(...bytes)).toBeLessThan(4_000);
});
