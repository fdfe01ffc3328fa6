/** The contract on SQLite, in memory and in a file; then the guarantees of this adapter alone. */
import { describe, expect, test } from "vitest";
import type { embedded } from "../../shared/server/embedded.ts";
import { inFile, inMemory } from "./embedded-subject.ts";
import { batchOf, begun, bench, closed, definition, LIMIT, newRef, scheduled, uuid } from "./subject.ts";
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
    await expire({ database, sequence: new Sequence(database), setAside, log }, b.now() - store.settings.retentionMs);
    expect(await store.executions.head(open)).not.toBeNull();
    expect(await store.executions.head(final)).not.toBeNull();
    await made.end?.();
  });
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
