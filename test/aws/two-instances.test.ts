/** The cost of a run whose calls are served by several processes in turn, over tables in memory with counted units. */
import { expect, test } from "vitest";
import type { RequestContext } from "../../shared/api/request-context.ts";
import { append } from "../../shared/api/worker/append.ts";
import { claim } from "../../shared/api/worker/drive.ts";
import type { WorkerAnswer } from "../../shared/protocol/worker.ts";
import { ManualClock } from "../contract/manual-clock.ts";
import { batchOf, begun, bench, newRef, scheduled } from "../contract/subject.ts";
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
