/**
 * One second of 10,000 steps in one workspace, over tables in memory: what each partition of each table and index is asked
 * for, beside the 1,000 write units and 3,000 read units a second that DynamoDB allows a partition.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { FEED_UNITS, LIMITS, rowOf, STEPS_A_RUN } from "../../bench/scale.ts";
import { append } from "../../shared/engine/append.ts";
import { claim } from "../../shared/engine/claim.ts";
import { close } from "../../shared/engine/close.ts";
import { start } from "../../shared/engine/start.ts";
import { forEachConcurrent } from "../../shared/lib/for-each-concurrent.ts";
import { overriding } from "../../shared/lib/overriding.ts";
import { routeToWorkflow } from "../../shared/routing/client-start.ts";
import type { Change } from "../../shared/server/aws.ts";
import { ManualClock } from "../contract/manual-clock.ts";
import { batchOf, completed, definition, newRef, scheduled, startOf, uuid } from "../contract/subject.ts";
import { MEMORY_TABLES, memoryAws } from "../support/memory-aws.ts";
import type { PartitionUnits } from "../support/memory-dynamo.ts";

const RUNS = 1_000;

/** The records of a second, as the shards of the change stream deliver them: in batches of `size`, each run in order. */
function* batches(changes: readonly Change[][], size: number): Generator<Change[]> {
  let batch: Change[] = [];
  for (const of of changes) {
    for (const change of of) {
      batch.push(change);
      if (batch.length === size) {
        yield batch;
        batch = [];
      }
    }
  }
  if (batch.length > 0) yield batch;
}

async function second() {
  const clock = new ManualClock();
  const on = memoryAws({ clock });
  // A process reads the holds of a workspace once in five seconds (HOLD-6), for all its claims.
  const ports = { ...on.ports, registry: overriding(on.ports.registry, { knownHolds: async () => [] }) };
  const workspace = uuid();
  await ports.registry.register({
    ...{ workspace, deployment: "shop", worker: "w", session: uuid() },
    ...{ definitions: [definition("orders")], activities: ["charge"], now: clock.now() },
  });
  const refs = Array.from({ length: RUNS }, () => newRef(workspace));
  const records: Change[][] = refs.map(() => []);
  for (const table of Object.values(MEMORY_TABLES)) on.clients.takeUnits(table);
  await forEachConcurrent(25, [...refs.entries()], async ([i, ref]) => {
    await routeToWorkflow(ports, workspace, "orders", undefined);
    await start(ports, { ...startOf(ref), workflow: "orders" });
    records[i]!.push(...on.changesOf(ref)); // the head as it is before its first claim
    const claimed = await claim(ports, ref, { session: uuid() });
    if (claimed.kind !== "claimed") throw new Error("the execution is closed");
    const { head } = claimed;
    const { run, chain, fence } = head;
    for (let n = 1; n < STEPS_A_RUN; n++) {
      const events = [{ ...scheduled(n), where: "local:s" as const }];
      const batch = batchOf(1 + n, clock.now(), events);
      await append(ports, ref, { run, chain, fence, batch, taken: [], look: false });
    }
    const batch = batchOf(1 + STEPS_A_RUN, clock.now(), [completed]);
    const end = { result: null, failure: null, outbox: [], carried: [] };
    expect((await close(ports, ref, { run, chain, fence, batch, taken: [], ...end })).kind).toBe("closed");
    records[i]!.push(...on.changesOf(ref).filter(({ image }) => image.sk!.S!.startsWith("LOG#")));
  });
  return { clock, on, workspace, records };
}

const indexOf = (units: readonly [string, PartitionUnits][], index: string) =>
  units.filter(([name]) => name.startsWith(`${index} `)).map(([, { writes }]) => writes);
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const perRun = (what: string) => LIMITS.find((limit) => limit.what === what)!.perRun * RUNS;

test.each([
  100, 500,
] as const)("10,000 steps in a second stay below the limits of every partition, with %i records in a batch of the feed", async (size) => {
  const { on, records, workspace } = await second();
  const executions = on.clients.takeUnits(MEMORY_TABLES.executions);
  const registry = on.clients.takeUnits(MEMORY_TABLES.registry);
  const consumer = on.another();
  on.clients.takeUnits(MEMORY_TABLES.feed);
  let appends = 0;
  for (const batch of batches(records, size)) {
    expect(await consumer.ports.feedChanges(batch)).toEqual([]);
    appends += 1;
  }
  const feed = on.clients.takeUnits(MEMORY_TABLES.feed);
  for (const [name, { writes, reads }] of [...executions, ...registry, ...feed]) {
    expect(writes, name).toBeLessThan(1_000);
    expect(reads, name).toBeLessThan(3_000);
  }
  // What docs/scale.md reckons with.
  expect(sum(indexOf(executions, "due"))).toBe(perRun("index `due`, a shard"));
  expect(sum(indexOf(executions, "runs"))).toBe(perRun("index `runs`, a shard"));
  expect(sum(indexOf(executions, "table"))).toBe(perRun("*Executions*, the table"));
  expect(Math.max(...registry.map(([, { reads }]) => reads))).toBe(perRun("*Registry*, a workspace"));
  const events = feed.find(([name]) => name === `table ${workspace}`)![1].writes;
  expect(events / RUNS).toBeCloseTo(FEED_UNITS[size], 1);
  // A transaction with the counts of starts and closes conflicts with another one: so few appends are as good as few units.
  expect(appends).toBe(Math.ceil((RUNS * (STEPS_A_RUN + 1)) / size));
}, 120_000);

test.each(LIMITS.map((limit) => [limit.what, limit] as const))("docs/scale.md has the row of %s", (_, limit) => {
  expect(readFileSync(new URL("../../docs/scale.md", import.meta.url), "utf8")).toContain(rowOf(limit));
});
