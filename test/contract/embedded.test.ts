/** The contract on SQLite, in memory and in a file; then the guarantees of this adapter alone. */
import { describe, expect, test } from "vitest";
import { append } from "../../shared/engine/append.ts";
import { claim } from "../../shared/engine/claim.ts";
import { close } from "../../shared/engine/close.ts";
import { park } from "../../shared/engine/park.ts";
import { send } from "../../shared/engine/send.ts";
import { start } from "../../shared/engine/start.ts";
import type { NewEvent } from "../../shared/protocol/history.ts";
import type { embedded } from "../../shared/server/embedded.ts";
import { inFile, inMemory } from "./embedded-subject.ts";
import {
  batchOf,
  begun,
  bench,
  closed,
  completed,
  definition,
  LIMIT,
  newRef,
  scheduled,
  signal,
  startOf,
  uuid,
} from "./subject.ts";
import { contractSuite } from "./suite.ts";

contractSuite("embedded, in memory", async () => inMemory());
contractSuite("embedded, in a file", async () => inFile(), { reopens: true });

describe("embedded: retention", () => {
  test("what expires is gone with its events, and its numbers in the feed stay used after a restart", async () => {
    const made = inFile();
    const b = bench(made);
    const head = await begun(b);
    await b.ports.executions.putBatch(head, head.run, batchOf(2, b.now(), [scheduled(1), scheduled(2)]), LIMIT);
    const final = await closed(b, head, 4);
    const late = { id: "late", kind: "cancel", reason: null, sent_at: b.now() } as const;
    await b.ports.executions.putMessage(final, final.chain, late); // and its sender died
    const last = await b.ports.feed.last(head.workspace);
    const store = b.ports as ReturnType<typeof embedded>;
    await b.pass(store.settings.retentionMs + 1);
    await store.sweep(1_000);
    expect(await store.executions.head(final)).toBeNull();
    expect(await store.executions.run(final.workspace, final.run)).toBeNull();
    expect(await store.executions.batches(final, final.run, 1)).toEqual([]);
    expect(await store.executions.inbox(final, final.chain)).toEqual([]);
    expect((await store.feed.read(final.workspace, { after: 0, limit: 9 })).items).toEqual([]);
    await store.durable();
    const again = bench({ ...made, ports: await made.reopen() });
    await begun(again, newRef(head.workspace));
    const [item] = (await again.ports.feed.read(head.workspace, { after: 0, limit: 9 })).items;
    expect(item!.sequence).toBeGreaterThan(last);
    await made.end?.();
  });

  test("a final head whose outbox is not empty outlives its retention, and open executions are left alone", async () => {
    const made = inMemory();
    const b = bench(made);
    const open = await begun(b);
    const outbox = [{ kind: "tell_schedule" as const, schedule: "s", status: "COMPLETED" as const, failure: null }];
    const final = await closed(b, await begun(b), 2, { outbox, due_at: b.now() });
    const store = b.ports as ReturnType<typeof embedded>;
    await b.pass(store.settings.retentionMs + 1);
    const { expire } = await import("../../shared/embedded/retention.ts");
    const { Sequence } = await import("../../shared/embedded/sequence.ts");
    const { database, log } = store;
    const setAside = { has: () => false, add: () => {}, remove: () => {} };
    const r = { database, sequence: new Sequence(database), setAside, log, forgetHead: () => {} };
    await expire(r, b.now() - store.settings.retentionMs);
    expect(await store.executions.head(open)).not.toBeNull();
    expect(await store.executions.head(final)).not.toBeNull();
    await made.end?.();
  });
});

describe("embedded: the cost of an execution", () => {
  test.each([1, 10, 100])("with %i steps is the commits of its calls and the bytes of its rows", async (steps) => {
    const made = inMemory();
    const store = made.ports as ReturnType<typeof embedded>;
    store.database.run("CREATE TEMP TABLE written (bytes INTEGER)");
    for (const [table, event] of [
      ["heads", "INSERT"],
      ["heads", "UPDATE"],
      ["late_runs", "INSERT"],
      ["late_runs", "UPDATE OF body"],
      ["runs", "UPDATE OF body"],
      ["log", "INSERT"],
    ]) {
      const name = `${table}_${event!.slice(0, 6)}`;
      const insert = "INSERT INTO written VALUES (octet_length(new.body))";
      store.database.run(`CREATE TEMP TRIGGER ${name} AFTER ${event} ON ${table} BEGIN ${insert}; END`);
    }
    await store.durable();
    const { ref, count } = await costly(store, steps);
    expect((await store.executions.head(ref))!.cost).toEqual({
      worker_calls: steps + 6,
      tasks: 3,
      write_units: null,
      read_units: null,
      commits: count.commits,
      bytes_written: Number(store.database.one("SELECT sum(bytes) AS bytes FROM written")!.bytes),
    });
    await made.end?.();
  });

  /** Steps, a signal and a timer through the engine. Each call is a commit of its own, and so is each receipt of a task. */
  async function costly(ports: ReturnType<typeof embedded>, steps: number) {
    const ref = newRef();
    const before = ports.database.commits;
    const call = async <T>(work: Promise<T>): Promise<T> => {
      const answer = await work;
      await ports.durable();
      return answer;
    };
    const queue = { workspace: ref.workspace, deployment: "shop", queue: "workflow" } as const;
    const take = async () => {
      const [task] = await call(ports.tasks.receive(queue, { session: "s", max: 1, waitMs: 0 }));
      const answer = await call(claim(ports, ref, { session: "s" }));
      if (answer.kind !== "claimed") throw new Error("the execution is closed");
      return { ...answer, receipt: task!.receipt };
    };
    const rest = async ({ head, receipt }: Awaited<ReturnType<typeof take>>, dueAt: number | null) => {
      const { run, fence } = head;
      await call(park(ports, ref, { run, fence, dueAt, effectsDoneThrough: 1 }));
      await call(ports.tasks.finish(ref.workspace, [receipt]));
    };
    await call(start(ports, startOf(ref)));
    let owner = await take();
    const { run, chain } = owner.head;
    const put = (first: number, event: NewEvent, taken: string[] = []) => {
      const batch = batchOf(first, ports.clock.now(), [event]);
      return call(append(ports, ref, { run, chain, fence: owner.head.fence, batch, taken, look: false }));
    };
    for (let n = 1; n < steps; n++) await put(1 + n, { ...scheduled(n), where: "local:s" } as NewEvent);
    await rest(owner, null);
    await call(send(ports, ref, signal("s", ports.clock.now())));
    owner = await take();
    await put(1 + steps, { kind: "signal_received", message: "signal#s", name: "poke", input: null }, ["signal#s"]);
    await rest(owner, ports.clock.now());
    owner = await take();
    const last = { run, chain, fence: owner.head.fence, batch: batchOf(2 + steps, ports.clock.now(), [completed]) };
    const outcome = { taken: [], result: { ok: true }, failure: null, outbox: [], carried: [] };
    expect(await call(close(ports, ref, { ...last, ...outcome }))).toEqual({ kind: "closed" });
    await call(ports.tasks.finish(ref.workspace, [owner.receipt]));
    return { ref, count: { commits: ports.database.commits - before } };
  }
});

test("embedded: the silence of an outage kills no session; those that stay silent afterwards die in time", async () => {
  const made = inFile();
  const b = bench(made);
  const [workspace, session] = [uuid(), uuid()];
  const who = { workspace, deployment: "shop", worker: "w", session };
  await b.ports.registry.register({ ...who, definitions: [definition("orders")], now: b.now() });
  await b.ports.durable();
  await made.pass(600_000);
  const { registry } = await made.reopen();
  expect(await registry.heartbeats(workspace, [session, uuid()])).toEqual(new Map([[session, b.now()]]));
  const back = b.now();
  await made.pass(60_000);
  expect((await registry.heartbeats(workspace, [session])).get(session)).toBe(back);
  await made.end?.();
});
