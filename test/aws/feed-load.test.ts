/** The feed under load, over tables in memory with counted units: what a reader and the writer cost as the feed grows. */
import { expect, test } from "vitest";
import type { RequestContext } from "../../shared/api/request-context.ts";
import { streamExecution } from "../../shared/api/streams.ts";
import type { NewEvent } from "../../shared/protocol/history.ts";
import type { Change } from "../../shared/server/aws.ts";
import { ManualClock } from "../contract/manual-clock.ts";
import { batchOf, begun, bench, headOf, newRef } from "../contract/subject.ts";
import { memoryAws } from "../support/memory-aws.ts";

const done = (activity: number): NewEvent => ({ kind: "activity_completed", activity, name: "charge", result: null });

test("the stream of a quiet execution costs the same in the tenth minute beside busy ones as in the first", async () => {
  const clock = new ManualClock();
  const writer = memoryAws({ clock });
  const reader = writer.another();
  const b = bench({ ports: writer.ports, pass: (ms) => clock.advance(ms) });
  const quiet = await begun(b);
  const busy = await begun(b, newRef(quiet.workspace));
  const feed = async (ref: typeof quiet, only: (sk: string) => boolean = () => true) => {
    const changes = writer.changesOf(ref).filter(({ image }) => only(image.sk!.S!));
    expect(await writer.ports.feedChanges(changes)).toEqual([]);
  };
  await feed(quiet);
  await feed(busy);
  const gone = new AbortController();
  const context = { ports: reader.ports, workspace: quiet.workspace, signal: gone.signal } as unknown as RequestContext;
  const frames = (await streamExecution(context, quiet.execution, undefined)) as AsyncIterable<unknown>;
  const seen: unknown[] = [];
  const streaming = (async () => {
    for await (const frame of frames) seen.push(frame);
  })();
  await expect.poll(() => seen.length).toBeGreaterThan(0); // else the first minute may pass before the stream has begun
  const minutes: number[] = [];
  let next = 2;
  for (let minute = 0; minute < 10; minute++) {
    reader.clients.meter.take();
    for (let second = 0; second < 60; second++) {
      const { kind } = await writer.ports.executions.putBatch(
        busy,
        busy.run,
        batchOf(
          next,
          clock.now(),
          Array.from({ length: 20 }, (_, i) => done(next + i)),
        ),
        1e9,
      );
      expect(kind).toBe("written");
      const sk = String(next).padStart(8, "0");
      await feed(busy, (key) => key.endsWith(sk));
      next += 20;
      await clock.advance(1_000);
    }
    minutes.push(reader.clients.meter.take().readUnits);
  }
  gone.abort();
  await clock.advance(2_000);
  await streaming;
  expect(seen.filter((frame) => (frame as { kind?: string }).kind !== "keep-alive")).toHaveLength(1);
  expect(minutes.at(-1)).toBeLessThanOrEqual(1.2 * minutes[1]!);
});

/** Batches of a hundred records, as a shard delivers them: of runs with ten records each. */
function* records(n: number, workspace: (run: number) => string, at: (i: number) => number): Generator<Change[]> {
  for (let i = 0; i < n; i += 100) {
    yield Array.from({ length: 100 }, (_, j) => {
      const record = i + j;
      const run = Math.floor(record / 100) * 10 + (record % 10);
      const first = 2 + Math.floor((record % 100) / 10);
      const batch = { first, append_id: `${record}`, events: [{ id: first, at: at(record), ...done(first) }] };
      const image = {
        pk: { S: `${workspace(run)}#x-${run}` },
        sk: { S: `LOG#run-${run}#${String(first).padStart(8, "0")}` },
        n: { N: "1" },
        batch: { S: JSON.stringify(batch) },
      };
      return { id: String(record), at: at(record), image };
    });
  }
}

/** Takes all batches and answers, for each, its processor time in ms and its units. */
async function taken(
  on: ReturnType<typeof memoryAws>,
  clock: ManualClock,
  batches: Iterable<Change[]>,
  stepMs: number,
) {
  const costs: { cpu: number; reads: number; writes: number }[] = [];
  for (const batch of batches) {
    on.clients.meter.take();
    const before = process.cpuUsage();
    expect(await on.ports.feedChanges(batch)).toEqual([]);
    const { user, system } = process.cpuUsage(before);
    const { readUnits: reads, writeUnits: writes } = on.clients.meter.take();
    costs.push({ cpu: (user + system) / 1_000, reads, writes });
    await clock.advance(stepMs);
  }
  return costs;
}
/** Facts of the runs, which the writer reads once for each. */
function putHeads(
  on: ReturnType<typeof memoryAws>,
  clock: ManualClock,
  runs: number,
  workspace: (run: number) => string,
) {
  const heads = Array.from({ length: runs }, (_, run) => {
    const ref = { workspace: workspace(run), execution: `x-${run}` };
    return headOf(ref, clock.now(), { run: `run-${run}` });
  });
  return Promise.all(heads.map((head) => on.ports.executions.create(head, [])));
}
const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

test.each([
  ["at 1,000 records a second", 0],
  ["an hour behind", 3_600_000],
])(
  "the writer's cost of a batch stays the same over 100,000 records %s",
  async (_, lag) => {
    const clock = new ManualClock();
    const on = memoryAws({ clock });
    await putHeads(on, clock, 10_000, () => "busy");
    const from = clock.now();
    const costs = await taken(
      on,
      clock,
      records(
        100_000,
        () => "busy",
        (i) => from - lag + i,
      ),
      100,
    );
    const [early, late] = [costs.slice(100, 300), costs.slice(-200)];
    expect(Math.max(...late.map((c) => c.reads))).toBeLessThanOrEqual(Math.max(...early.map((c) => c.reads)));
    expect(Math.max(...late.map((c) => c.writes))).toBeLessThanOrEqual(10);
    expect(median(late.map((c) => c.cpu))).toBeLessThan(5 * median(early.map((c) => c.cpu)));
    const last = await on.ports.feed.last("busy");
    expect(last).toBe(100_000);
    // Delivered again, the last thousand add nothing.
    for (const batch of [
      ...records(
        100_000,
        () => "busy",
        (i) => from - lag + i,
      ),
    ].slice(-10))
      expect(await on.ports.feedChanges(batch)).toEqual([]);
    expect(await on.ports.feed.last("busy")).toBe(last);
  },
  120_000,
);

test("a writer that begins an hour behind a large feed reads a bounded part of it, once", async () => {
  const clock = new ManualClock();
  const on = memoryAws({ clock });
  await putHeads(on, clock, 1_000, () => "busy");
  const from = clock.now();
  const batches = [
    ...records(
      10_000,
      () => "busy",
      (i) => from - 3_600_000 + i,
    ),
  ];
  await taken(on, clock, batches, 100);
  const late = on.another();
  const costs = await taken(late, clock, batches.slice(-20), 100);
  expect(costs[0]!.reads).toBeGreaterThan(0);
  expect(Math.max(...costs.slice(1).map((c) => c.reads))).toBeLessThan(costs[0]!.reads / 2);
  expect(await late.ports.feed.last("busy")).toBe(10_000);
});

test("two hundred workspaces in turn cost no more than a fresh one each", async () => {
  const clock = new ManualClock();
  const on = memoryAws({ clock });
  const workspace = (run: number) => `w-${run % 200}`;
  await putHeads(on, clock, 2_000, workspace);
  const from = clock.now();
  const costs = await taken(
    on,
    clock,
    records(20_000, workspace, (i) => from + i),
    100,
  );
  const reads = costs.map((c) => c.reads);
  expect(Math.max(...reads.slice(-50))).toBeLessThanOrEqual(Math.max(...reads.slice(20, 70)));
});

test("a record that an operator hands in late is appended once, though later ones of its run are in the feed", async () => {
  const clock = new ManualClock();
  const on = memoryAws({ clock });
  await putHeads(on, clock, 10, () => "busy");
  const from = clock.now();
  const [batch] = [
    ...records(
      100,
      () => "busy",
      (i) => from + i,
    ),
  ];
  const [left, ...rest] = batch!;
  expect(await on.ports.feedChanges(rest)).toEqual([]);
  expect(await on.ports.feed.last("busy")).toBe(99);
  for (let tries = 0; tries < 2; tries++) expect(await on.ports.feedChanges([left!], { late: true })).toEqual([]);
  expect(await on.ports.feed.last("busy")).toBe(100);
});
