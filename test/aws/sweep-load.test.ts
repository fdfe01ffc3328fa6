/** Rounds of the sweeper with a large backlog, over tables in memory with counted units and a clock that each entry moves. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readDue } from "../../shared/aws/due.ts";
import { Table } from "../../shared/aws/table.ts";
import { TaskBatcher } from "../../shared/aws/task-batcher.ts";
import { forEachConcurrent } from "../../shared/lib/for-each-concurrent.ts";
import { ManualClock } from "../contract/manual-clock.ts";
import { headOf } from "../contract/subject.ts";
import { MEMORY_TABLES, memoryAws } from "../support/memory-aws.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A look at an entry takes some time of the 50 s that a round has. */
class WorkingClock extends ManualClock {
  working = false;
  lookMs = 2;
  #spent = 0;
  restart(): void {
    this.#spent = 0;
  }
  override now(): number {
    if (this.working) this.#spent += this.lookMs;
    return super.now() + this.#spent;
  }
}

const sentTo = (sent: ReadonlyMap<string, string[]>, deployment: string): string[] =>
  [...sent].filter(([url]) => url.includes(deployment)).flatMap(([, bodies]) => bodies);

async function backlog(n: number) {
  const clock = new WorkingClock();
  const on = memoryAws({ clock });
  const due = (deployment: string, execution: string, dueAt: number) =>
    on.ports.executions.create(headOf({ workspace: "w", execution }, clock.now(), { due_at: dueAt, deployment }), []);
  for (let i = 0; i < n; i++) await due("dead", `dead-${i}`, clock.now() - HOUR - i);
  const round = async () => {
    clock.working = true;
    await on.ports.sweep(MINUTE, clock.now() + 50_000, { batcher: TaskBatcher });
    clock.working = false;
  };
  return { clock, on, due, round };
}

test("100,000 overdue executions of a dead deployment delay no timer of another by more than a round", async () => {
  const { clock, on, due, round } = await backlog(100_000);
  for (let minute = 0; minute < 2; minute++) {
    const names = Array.from({ length: 50 }, (_, i) => `alive-${minute}-${i}`);
    for (const [i, name] of names.entries()) await due("alive", name, clock.now() - 6_000 - i * 1_000);
    on.clients.sent.clear();
    await round();
    const woken = sentTo(on.clients.sent, "alive").join();
    expect(names.filter((name) => !woken.includes(name))).toEqual([]);
    await clock.advance(10_000);
  }
}, 300_000);

for (const who of ["the same process", "a new process"]) {
  test(`SWEEP-5: a timer that fell due while no round came wakes its execution with the next round, of ${who}`, async () => {
    const { clock, on, due, round } = await backlog(0);
    await due("alive", "alive", clock.now() + HOUR);
    await round();
    await clock.advance(2.7 * HOUR);
    on.clients.sent.clear();
    const sweeping = who === "a new process" ? on.another() : on;
    await sweeping.ports.sweep(MINUTE, clock.now() + 50_000, { batcher: TaskBatcher });
    expect(sentTo(sweeping.clients.sent, "alive").join()).toContain("alive");
    sweeping.clients.sent.clear();
    await clock.advance(MINUTE);
    await sweeping.ports.sweep(MINUTE, clock.now() + 50_000, { batcher: TaskBatcher });
    expect(sentTo(sweeping.clients.sent, "alive")).toEqual([]);
  });
}

test("a backlog that no round finishes is gone through in turn, and each entry gets its tasks", async () => {
  const { clock, on, round } = await backlog(8_000);
  clock.lookMs = 20; // 2,500 a round
  const seen = new Set<string>();
  const batches: number[] = [];
  for (let minute = 0; minute < 70; minute++) {
    on.clients.sent.clear();
    on.clients.meter.take();
    await round();
    const bodies = sentTo(on.clients.sent, "dead");
    batches.push(bodies.length / Math.max(1, on.clients.meter.take().sqs));
    for (const body of bodies) seen.add(body);
    await clock.advance(10_000);
  }
  expect(seen.size).toBe(8_000); // within an hour each, as its age grows by that
  expect(Math.max(...batches)).toBeGreaterThan(8); // ten to a call
}, 300_000);

test("after a round that stopped at its time, an invocation for each shard goes through the whole backlog", async () => {
  const { clock, on, due } = await backlog(8_000);
  clock.lookMs = 20; // 2,500 a round
  const events: number[] = [];
  const main = async () => {
    const sweepElsewhere = async (shard: number) => {
      if (shard === 3) throw new Error("Lambda has no concurrency left");
      events.push(shard);
    };
    clock.working = true;
    clock.restart();
    const { due: seen } = await on.ports.sweep(MINUTE, clock.now() + 50_000, { batcher: TaskBatcher, sweepElsewhere });
    clock.working = false;
    return seen;
  };
  const shards = async () => {
    const seen: number[] = [];
    for (const shard of events.splice(0)) {
      clock.working = true;
      clock.restart();
      const process = on.another(); // any process may get the event
      seen.push(await process.ports.sweepShard(shard, MINUTE, clock.now() + 50_000, { batcher: TaskBatcher }));
      clock.working = false;
    }
    return seen;
  };
  expect(await main()).toBeLessThan(3_000);
  expect(events).toEqual([]);
  await clock.advance(MINUTE);
  await due("alive", "alive-1", clock.now() - 6_000);
  on.clients.sent.clear();
  const own = await main();
  expect(events).toHaveLength(15);
  const seen = await shards();
  expect(own + seen.reduce((sum, n) => sum + n, 0)).toBeGreaterThanOrEqual(8_001);
  expect(sentTo(on.clients.sent, "alive").join()).toContain("alive-1");
}, 180_000);

test("SWEEP-5: what fell due while no round came, and the first round did not reach, is woken by the invocations for the shards", async () => {
  const { clock, on, due } = await backlog(400);
  const names = Array.from({ length: 30 }, (_, i) => `alive-${i}`);
  for (const name of names) await due("alive", name, clock.now());
  await clock.advance(2.7 * HOUR); // an outage
  clock.lookMs = 400; // 125 a round
  clock.working = true;
  const handed: number[] = [];
  const sweepElsewhere = async (shard: number) => {
    if (shard === 3) throw new Error("Lambda has no concurrency left");
    handed.push(shard);
  };
  const main = async () => {
    clock.restart();
    await on.ports.sweep(MINUTE, clock.now() + 50_000, { batcher: TaskBatcher, sweepElsewhere });
  };
  await main();
  expect(sentTo(on.clients.sent, "alive")).toEqual([]);
  await clock.advance(MINUTE);
  await main();
  for (const shard of handed) {
    clock.restart();
    await on.another().ports.sweepShard(shard, MINUTE, clock.now() + 50_000, { batcher: TaskBatcher });
  }
  const woken = sentTo(on.clients.sent, "alive").join();
  expect(names.filter((name) => !woken.includes(`"${name}"`))).toEqual([]);
});

test("the sweep of a shard goes on where the last one stopped, whichever process it runs in", async () => {
  const { clock, on } = await backlog(36_000);
  clock.lookMs = 40; // 1,250 a round, of some 2,250 in a shard
  const places: unknown[] = [];
  for (let round = 0; round < 2; round++) {
    clock.working = true;
    clock.restart();
    await on.another().ports.sweepShard(0, MINUTE, clock.now() + 50_000, { batcher: TaskBatcher });
    clock.working = false;
    places.push(on.clients.items(MEMORY_TABLES.executions).find((item) => item.pk!.S === "#sweep")?.reached?.S);
    await clock.advance(MINUTE);
  }
  expect(places).toEqual([expect.any(String), undefined]); // the second round came to the end
}, 180_000);

test("of each shard the reader takes what the answer needs and little more", async () => {
  const clock = new ManualClock();
  const on = memoryAws({ clock });
  for (let i = 0; i < 20_000; i++)
    await on.ports.executions.create(
      headOf({ workspace: "w", execution: `x-${i}` }, clock.now(), { due_at: clock.now() - i }),
      [],
    );
  on.clients.meter.take();
  const entries = await readDue(new Table(on.clients.dynamo, MEMORY_TABLES.executions), clock.now(), 1_000);
  expect(entries).toHaveLength(1_000);
  expect(entries.map((entry) => entry.dueAt)).toEqual(entries.map((_, i) => clock.now() - 19_999 + i));
  // An entry has 110 bytes, so 1,000 are 14 units of 4 KB at half the price; each page is rounded up.
  expect(on.clients.meter.take().readUnits).toBeLessThan(45);
});

test("a mass that is due at one moment is answered whole, and once", async () => {
  const clock = new ManualClock();
  const on = memoryAws({ clock });
  for (let i = 0; i < 3_000; i++)
    await on.ports.executions.create(headOf({ workspace: "w", execution: `x-${i}` }, clock.now()), []);
  const table = new Table(on.clients.dynamo, MEMORY_TABLES.executions);
  const entries = await readDue(table, clock.now(), 1_000);
  expect(new Set(entries.map((entry) => entry.execution)).size).toBe(3_000);
  expect(entries).toHaveLength(3_000);
  expect(await readDue(table, clock.now(), 1_000, entries.at(-1))).toEqual([]);
});

test("a round with nothing to do reads the units that docs/costs.md reckons with", async () => {
  const { on, round } = await backlog(0);
  const units = async () => {
    await round();
    return on.clients.meter.take().readUnits;
  };
  on.clients.meter.take();
  const [first, second] = [await units(), await units()];
  const [, inDocs = ""] = /43,200 runs, ([\d,]+) read units/.exec(readFileSync("docs/costs.md", "utf8")) ?? [];
  expect((43_200 * second).toLocaleString("en-US")).toBe(inDocs);
  expect(first - second).toBeLessThanOrEqual(1); // how many shards there have been, once a process
});

test("DUESHARDS-1: more shards, and less again: each execution that is due gets its task", async () => {
  const clock = new ManualClock();
  const first = memoryAws({ clock });
  const wide = memoryAws({ clock, dueShards: 64 }, first.clients);
  const again = memoryAws({ clock }, first.clients);
  const create = (on: typeof first, names: readonly string[]) =>
    forEachConcurrent(10, names, (execution) => {
      const dueAt = clock.now() - 6_000;
      const head = headOf({ workspace: "w", execution }, clock.now(), { due_at: dueAt, deployment: "shop" });
      return on.ports.executions.create(head, []).then(() => {});
    });
  const named = (prefix: string) => Array.from({ length: 60 }, (_, i) => `${prefix}-${i}`);
  const sentBy = async (on: typeof first) => {
    on.clients.sent.clear();
    await on.ports.sweep(MINUTE, clock.now() + 50_000, { batcher: TaskBatcher });
    return sentTo(on.clients.sent, "shop")
      .map((body) => (JSON.parse(body) as { execution: string }).execution)
      .sort();
  };
  const shards = () =>
    new Set(
      first.clients
        .items(MEMORY_TABLES.executions)
        .filter(({ sk }) => sk!.S === "HEAD")
        .map(({ due_shard }) => Number(due_shard!.S!.split("#")[1])),
    );
  await create(first, named("before"));
  expect(Math.max(...shards())).toBeLessThan(16);
  expect(await sentBy(first)).toEqual(named("before").sort());
  // Raised: what was there before, and what is new.
  await create(wide, named("wide"));
  expect(Math.max(...shards())).toBeGreaterThan(32);
  await clock.advance(MINUTE);
  expect(await sentBy(wide)).toEqual([...named("before"), ...named("wide")].sort());
  // Lowered: new entries lie in the first shards, and those of before are still found.
  await create(again, named("after"));
  await clock.advance(2 * MINUTE);
  expect(await sentBy(again)).toEqual(expect.arrayContaining([...named("wide"), ...named("after")]));
  // A claim writes the entry anew, in a shard of the present setting.
  for (const execution of named("wide"))
    await again.ports.executions.claim({ workspace: "w", execution }, { dueAt: clock.now(), session: "s" });
  expect(Math.max(...shards())).toBeLessThan(16);
});
