/** The AWS adapter under faults: throttling, lost answers, stale indexes, several processes at once. */

import { QueryCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { append } from "../../shared/engine/append.ts";
import { claim } from "../../shared/engine/claim.ts";
import { close } from "../../shared/engine/close.ts";
import { park } from "../../shared/engine/park.ts";
import { send } from "../../shared/engine/send.ts";
import { start } from "../../shared/engine/start.ts";
import { sweep } from "../../shared/engine/sweep.ts";
import type { Executions, Ref } from "../../shared/ports.ts";
import { CLOSED_STATUSES } from "../../shared/protocol/status.ts";
import type { Aws } from "../../shared/server/aws.ts";
import {
  batchOf,
  begun,
  bench,
  claimed,
  closed,
  completed,
  finalOf,
  headOf,
  LIMIT,
  newRef,
  scheduled,
  signal,
  startOf,
  uuid,
} from "../contract/subject.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { cannotRun, type Installation, install } from "./account.ts";
import { type Fault, inject, random } from "./faults.ts";

let on: Installation;

/** A whole execution: start, steps, a signal, close. The SDK repeats each call whose answer is lost. */
async function runToEnd(ports: Aws, ref: Ref, steps: number): Promise<void> {
  const started = await start(ports, startOf(ref));
  expect(started.kind).toBe("started");
  const first = await claim(ports, ref, { session: uuid() });
  if (first.kind !== "claimed") throw new Error("the execution is closed");
  const { head } = first;
  for (let i = 0; i < steps; i++) {
    const at = ports.clock.now();
    const events = [{ ...scheduled(i + 1), where: "local:s" as const }];
    const batch = batchOf(2 + i, at, events);
    const done = await append(ports, ref, { run: head.run, chain: head.chain, fence: head.fence, batch, taken: [] });
    expect(done.kind).toBe("appended");
  }
  expect((await send(ports, ref, signal(uuid(), ports.clock.now()))).kind).toBe("accepted");
  const again = await claim(ports, ref, { session: uuid() });
  if (again.kind !== "claimed") throw new Error("the execution is closed");
  const [message] = again.messages;
  const at = ports.clock.now();
  const took = { kind: "signal_received", message: message!.id, name: "poke", input: null } as const;
  const parked = await park(ports, ref, {
    run: head.run,
    fence: again.head.fence,
    dueAt: at + 600_000,
    effectsDoneThrough: 1 + steps,
  });
  expect(parked).toBe(true);
  const ended = await close(ports, ref, {
    run: head.run,
    chain: head.chain,
    fence: again.head.fence,
    batch: batchOf(2 + steps, at, [took, completed]),
    taken: [message!.id],
    result: { ok: true },
    failure: null,
    outbox: [],
    carried: [],
  });
  expect(ended).toEqual({ kind: "closed" });
}

async function expectWhole(ports: Aws, ref: Ref, steps: number): Promise<void> {
  const head = await ports.executions.head(ref);
  expect(head).toMatchObject({ status: "COMPLETED", result: { ok: true }, due_at: null });
  const events = (await ports.executions.batches(ref, head!.run, 1)).flatMap((b) => b.events);
  expect(events.map((e) => e.id)).toEqual(Array.from({ length: steps + 2 }, (_, i) => i + 2));
  expect(events.filter((e) => e.kind === "activity_scheduled")).toHaveLength(steps);
  expect(events.filter((e) => e.kind === "signal_received")).toHaveLength(1);
  expect(await ports.executions.inbox(ref, head!.chain)).toEqual([]);
}

describeUnless(cannotRun)("the AWS adapter under faults", () => {
  beforeAll(async () => {
    on = await install();
  });
  afterAll(() => on?.end());

  test.each([
    1, 2, 3,
  ])("loses and duplicates nothing if a fifth of all requests are throttled or their answers lost (seed %i)", async (seed) => {
    const ports = on.adapter();
    const next = random(seed);
    const decide = (): Fault => {
      const x = next();
      return x < 0.1 ? "throttled" : x < 0.2 ? "answer lost" : undefined;
    };
    const counts = [inject(ports.clients.dynamo, decide), inject(ports.clients.sqs, decide)];
    const refs = Array.from({ length: 4 }, () => newRef());
    await Promise.all(refs.map((ref) => runToEnd(ports, ref, 5)));
    const calm = on.adapter();
    for (const ref of refs) await expectWhole(calm, ref, 5);
    const b = bench({ ports: calm, pass: (ms) => new Promise((ok) => setTimeout(ok, ms)) });
    for (const ref of refs) {
      // Five starts of local activities, and the start and the end of the execution, each once.
      await b.eventually(async () => {
        const items = (await calm.feed.read(ref.workspace, { after: 0, limit: 100 })).items;
        expect(items).toHaveLength(7);
      });
    }
    expect(counts.reduce((sum, c) => sum + c.throttled, 0)).toBeGreaterThan(0);
    expect(counts.reduce((sum, c) => sum + c.lost, 0)).toBeGreaterThan(0);
  }, 60_000);

  test("loses and duplicates no event of the feed if the feed's writes are throttled and their answers lost", async () => {
    const quiet = await install({ feed: false });
    try {
      const ports = quiet.adapter();
      const b = bench({ ports, pass: async () => {} });
      const head = await begun(b);
      const images = async () => {
        const items: Parameters<Aws["feedChanges"]>[0][number][] = [];
        const answer = await ports.clients.dynamo.send(
          new QueryCommand({
            TableName: quiet.tables.executions,
            KeyConditionExpression: "pk = :pk",
            ExpressionAttributeValues: { ":pk": { S: `${head.workspace}#${head.execution}` } },
          }),
        );
        for (const [i, image] of (answer.Items ?? []).entries()) items.push({ id: String(i), at: Date.now(), image });
        return items;
      };
      for (let i = 0; i < 20; i++) {
        const event = { kind: "activity_completed", activity: i, name: "a", result: i } as const;
        await ports.executions.putBatch(head, head.run, batchOf(2 + i, b.now(), [event]), LIMIT);
      }
      const all = await images();
      const writers = [quiet.adapter(), quiet.adapter()];
      for (const [i, writer] of writers.entries()) {
        const next = random(7 + i);
        inject(writer.clients.dynamo, () => (next() < 0.15 ? "throttled" : next() < 0.3 ? "answer lost" : undefined));
      }
      // Two consumers receive the same records in overlapping batches, as after a crash of one of them.
      for (let from = 0; from < all.length; from += 4) {
        const some = all.slice(Math.max(0, from - 3), from + 4);
        const failed = await Promise.all(writers.map((writer) => writer.feedChanges(some)));
        expect(failed).toEqual([[], []]);
      }
      const items = (await ports.feed.read(head.workspace, { after: 0, limit: 100 })).items;
      expect(items).toHaveLength(21);
      expect(new Set(items.map((i) => i.event.wire.event_id)).size).toBe(21);
      expect(items.map((i) => i.sequence)).toEqual(Array.from({ length: 21 }, (_, i) => i + 1));
    } finally {
      await quiet.end();
    }
  }, 60_000);

  test("writes nothing to a closed execution in a sweep over a stale index, and sends one task too many at most", async () => {
    const ports = on.adapter();
    const b = bench({ ports, pass: async () => {} });
    const ref = newRef();
    const head = await begun(b, ref, { due_at: b.now() - 60_000 });
    const stale = (await ports.executions.due(b.now(), 10_000)).filter((e) => e.execution === ref.execution);
    expect(stale).toHaveLength(1);
    await closed(b, head);
    const executions = { due: async () => stale, head: (r: Ref) => ports.executions.head(r) } as unknown as Executions;
    await sweep({ ...ports, executions }, 60_000);
    expect(await ports.executions.head(ref)).toMatchObject({ status: "COMPLETED", due_at: null });
    const queue = { workspace: ref.workspace, deployment: head.deployment, queue: "workflow" } as const;
    const woken = await ports.tasks.receive(queue, { session: "s", max: 10, waitMs: 500 });
    expect(woken.length).toBeLessThanOrEqual(1);
    for (const { task } of woken) {
      expect(await claim(ports, { ...ref, execution: task.execution }, { session: uuid() })).toEqual({
        kind: "closed",
      });
    }
  });

  test("lists runs as they are from a stale index, in full pages", async () => {
    const ports = on.adapter();
    const b = bench({ ports, pass: async () => {} });
    const workspace = uuid();
    const heads = [];
    for (let i = 0; i < 6; i++) heads.push(await begun(b, newRef(workspace), { started_at: b.now() - 100 + i }));
    const query = { workspace, sortBy: "start_time", order: "asc", limit: 2, statuses: ["RUNNING"] } as const;
    // The answers of the index before half of the runs closed.
    const before = new Map<string, unknown>();
    const stack = ports.clients.dynamo.middlewareStack;
    let stale = false;
    stack.add(
      (next) => async (args) => {
        const input = args.input as unknown as Record<string, unknown>;
        if (input.IndexName === undefined) return next(args);
        const key = JSON.stringify(input);
        if (stale && before.has(key)) return before.get(key) as never;
        const answer = await next(args);
        if (!stale) before.set(key, answer);
        return answer;
      },
      { step: "initialize", name: "staleIndex" },
    );
    expect((await ports.executions.runs(query)).runs).toHaveLength(2);
    stale = true;
    for (const i of [0, 2, 4]) await closed(b, heads[i]!);
    const page = await ports.executions.runs(query);
    expect(page.runs.map((r) => r.run)).toEqual([heads[1]!.run, heads[3]!.run]);
    expect(page.runs.every((r) => r.status === "RUNNING")).toBe(true);
    expect(page.next).not.toBeNull();
  });

  test("finds a run by its id in a process that has never seen it, whatever the version of the id", async () => {
    const ports = on.adapter();
    const b = bench({ ports, pass: async () => {} });
    const regular = await begun(b, newRef(), { run: ports.uuid() });
    const foreign = await begun(b, newRef(), { run: uuid() });
    for (const head of [regular, foreign]) {
      const other = on.adapter();
      expect(await other.executions.run(head.workspace, head.run)).toEqual(head);
      expect(await other.executions.run(uuid(), head.run)).toBeNull();
    }
    expect(await on.adapter().executions.run(regular.workspace, ports.uuid())).toBeNull();
    expect(await on.adapter().executions.run(regular.workspace, uuid())).toBeNull();
  });

  test("answers the batch at a taken position to a process whose memory of the log is old", async () => {
    const [one, two] = [on.adapter(), on.adapter()];
    const b = bench({ ports: one, pass: async () => {} });
    const head = await begun(b);
    const batches = [2, 3, 4].map((first) => batchOf(first, b.now(), [scheduled(first)]));
    expect(await one.executions.putBatch(head, head.run, batches[0]!, LIMIT)).toEqual({ kind: "written" });
    expect(await two.executions.batches(head, head.run, 1)).toEqual([batches[0]]);
    expect(await one.executions.putBatch(head, head.run, batches[1]!, LIMIT)).toEqual({ kind: "written" });
    const late = await two.executions.putBatch(head, head.run, batchOf(3, b.now(), [scheduled(9)]), LIMIT);
    expect(late).toEqual({ kind: "taken", by: batches[1] });
    const beyond = await two.executions.putBatch(head, head.run, batchOf(5, b.now(), [scheduled(9)]), LIMIT);
    expect(beyond).toEqual({ kind: "taken", by: null });
    expect(await two.executions.putBatch(head, head.run, batches[2]!, LIMIT)).toEqual({ kind: "written" });
    expect(await one.executions.batches(head, head.run, 1)).toEqual(batches);
  });

  test("starts one of six executions that use a closed id again, and the past run stays listed and readable", async () => {
    const ports = on.adapter();
    const b = bench({ ports, pass: (ms) => new Promise((ok) => setTimeout(ok, ms)) });
    const old = await closed(b, await begun(b));
    const others = Array.from({ length: 6 }, () => on.adapter());
    const puts = await Promise.all(
      others.map((other) => other.executions.create(headOf(old, b.now()), CLOSED_STATUSES)),
    );
    expect(puts.filter((p) => p.kind === "created")).toHaveLength(1);
    const head = await ports.executions.head(old);
    expect(head).toMatchObject({ status: "RUNNING", fence: old.fence + 1 });
    expect(await on.adapter().executions.run(old.workspace, old.run)).toMatchObject({ status: "COMPLETED" });
    expect(await ports.executions.batches(old, old.run, 1)).toHaveLength(1);
    await b.eventually(async () => {
      const q = { workspace: old.workspace, sortBy: "start_time", order: "asc", limit: 10 } as const;
      const runs = (await ports.executions.runs(q)).runs.map((r) => r.run);
      expect(runs.sort()).toEqual([old.run, head!.run].sort());
    });
  });

  test("loses no acknowledged message if a close and a wake-up request come at the same moment", async () => {
    const ports = on.adapter();
    const b = bench({ ports, pass: async () => {} });
    for (let i = 0; i < 10; i++) {
      const head = await claimed(b, await begun(b));
      const request = {
        run: head.run,
        fence: head.fence,
        batch: batchOf(2, b.now(), [completed]),
        next: finalOf(head, b.now()),
      };
      const [done, sent] = await Promise.all([
        ports.executions.close(head, request),
        send(ports, head, signal(uuid(), b.now())),
      ]);
      if (sent.kind === "accepted") {
        expect(done.kind).toBe("fenced");
        expect(await ports.executions.inbox(head, head.chain)).toHaveLength(1);
      } else {
        expect(done.kind).toBe("closed");
        expect(await ports.executions.inbox(head, head.chain)).toEqual([]);
      }
    }
  });
});
