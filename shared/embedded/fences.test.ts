import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { batchOf, completed, headOf, newRef } from "../../test/contract/subject.ts";
import { embedded } from "../server/embedded.ts";

const folder = mkdtempSync(join(tmpdir(), "sirocco-fences-"));
const stores: { close(): void }[] = [];
afterEach(() => {
  for (const store of stores.splice(0)) store.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function opened(name: string) {
  const store = embedded({ file: join(folder, name) });
  stores.push(store);
  return store;
}

const LIMIT = 1e9;
const batch = batchOf(2, 1, [completed]);
const claiming = { dueAt: 9, keepAfter: 0, bytes: 1_000_000, again: true };
const again = (session: string) => ({ ...claiming, session, deployment: headOf(newRef(), 1).deployment });

test("FENCE-1, CLAIM-6: a claim that a crash has lost writes nothing, and nobody else gets its fence", async () => {
  const before = opened("before");
  const { executions } = before;
  const ref = newRef();
  const head = headOf(ref, 1);
  await executions.create(head, []);
  const first = (await executions.claim(ref, { dueAt: 9, session: "A" }))!;
  await executions.park(ref, { run: head.run, fence: first.fence, dueAt: null, effectsDoneThrough: 1 });
  await before.durable();
  for (const end of ["", "-wal"]) copyFileSync(join(folder, `before${end}`), join(folder, `after${end}`));
  await executions.requestWake(ref, head.chain, 20);
  const lost = (await executions.claimWoken!(ref, again("A")))!.head;

  const after = opened("after").executions;
  expect(await after.head(ref)).toMatchObject({ fence: first.fence, due_at: null });
  expect(await after.putBatch(ref, head.run, batch, LIMIT, lost.fence)).toEqual({ kind: "fenced" });
  expect(await after.batches(ref, head.run, 1)).toEqual([]);
  const park = { run: head.run, fence: lost.fence, dueAt: null, effectsDoneThrough: 1 };
  expect(await after.park(ref, park)).toBe(false);
  // A batch of a former owner is written; the end of the log is known since, and does not hide the lost claim.
  expect(await after.putBatch(ref, head.run, batch, LIMIT, first.fence)).toEqual({ kind: "written" });
  expect(await after.putBatch(ref, head.run, { ...batch, first: 3 }, LIMIT, lost.fence)).toEqual({ kind: "fenced" });
  await after.requestWake(ref, head.chain, 20);
  const other = (await after.claim(ref, { dueAt: 9, session: "B" }))!;
  expect(other.fence).toBeGreaterThan(lost.fence);
  expect(await after.park(ref, park)).toBe(false);
});

test("FENCE-3: a batch of a lost claim is refused also once a later claim has passed its fence, unless it is there", async () => {
  const before = opened("passed");
  const { executions } = before;
  const ref = newRef();
  const head = headOf(ref, 1);
  await executions.create(head, []);
  await executions.claim(ref, { dueAt: 9, session: "A" });
  const woken = async () => {
    await executions.requestWake(ref, head.chain, 20);
    return (await executions.claimWoken!(ref, again("A")))!.head.fence;
  };
  const kept = await woken();
  expect(await executions.putBatch(ref, head.run, batch, LIMIT, kept)).toEqual({ kind: "written" });
  await before.durable();
  for (const end of ["", "-wal"]) copyFileSync(join(folder, `passed${end}`), join(folder, `later${end}`));
  const lost = await woken();

  const after = opened("later").executions;
  // Of the claim that the crash has not lost: as before.
  expect(await after.putBatch(ref, head.run, { ...batch, first: 3, append_id: "a" }, LIMIT, kept)).toEqual({
    kind: "written",
  });
  const { fence } = (await after.claim(ref, { dueAt: 9, session: "B" }))!;
  await after.park(ref, { run: head.run, fence, dueAt: null, effectsDoneThrough: 3 });
  const last = { ...batch, first: 4, append_id: "b" };
  expect(await after.putBatch(ref, head.run, last, LIMIT, lost)).toEqual({ kind: "fenced" });
  expect(await after.putBatch(ref, head.run, batch, LIMIT, kept)).toMatchObject({ kind: "taken", by: batch });
  expect(await after.putBatch(ref, head.run, last, LIMIT, fence)).toEqual({ kind: "written" });
});

test("FENCE-3: a claim of a later process than those that an older copy of the file knows is lost as well", async () => {
  const before = opened("copied");
  const ref = newRef();
  const head = headOf(ref, 1);
  await before.executions.create(head, []);
  await before.executions.claim(ref, { dueAt: 9, session: "A" });
  await before.durable();
  for (const end of ["", "-wal"]) copyFileSync(join(folder, `copied${end}`), join(folder, `restored${end}`));
  for (let n = 0; n < 2; n++) {
    stores.pop()!.close();
    opened("copied");
  }
  const { executions } = stores.at(-1) as ReturnType<typeof opened>;
  await executions.requestWake(ref, head.chain, 20);
  const later = (await executions.claimWoken!(ref, again("A")))!.head.fence;
  const restored = opened("restored").executions;
  expect(await restored.putBatch(ref, head.run, batch, LIMIT, later)).toEqual({ kind: "fenced" });
});

test("FENCE-3: only the claims that come with later tasks have odd fences", async () => {
  const { executions } = opened("odd");
  const ref = newRef();
  const head = headOf(ref, 1);
  await executions.create(head, []);
  const fences = [(await executions.claim(ref, { dueAt: 9, session: "A" }))!.fence];
  for (let n = 0; n < 3; n++) {
    await executions.requestWake(ref, head.chain, 20);
    fences.push((await executions.head(ref))!.fence);
    const woken = (await executions.claimWoken!(ref, again("A")))!.head.fence;
    expect(woken % 2).toBe(1);
    expect(woken).toBeGreaterThan(fences.at(-1)!);
    fences.push((await executions.claim(ref, { dueAt: 9, session: "A" }))!.fence);
  }
  expect(fences.map((fence) => fence % 2)).toEqual(fences.map(() => 0));
  expect(fences).toEqual([...fences].sort((a, b) => a - b));
});

test("FENCE-1: a wake-up whose claim was lost raises the fence beyond it", async () => {
  const before = opened("woken");
  const ref = newRef();
  const head = headOf(ref, 1);
  await before.executions.create(head, []);
  const { fence } = (await before.executions.claim(ref, { dueAt: 9, session: "A" }))!;
  await before.durable();
  for (const end of ["", "-wal"]) copyFileSync(join(folder, `woken${end}`), join(folder, `again${end}`));
  const lost = (await before.executions.claim(ref, { dueAt: 9, session: "A" }))!;
  const after = opened("again").executions;
  expect(lost.fence).toBeGreaterThan(fence);
  await after.requestWake(ref, head.chain, 20);
  expect((await after.head(ref))!.fence).toBeGreaterThan(lost.fence);
});

test("FENCE-2: claims wait for the disk until it has the count of the process", async () => {
  const store = opened("counted");
  expect(store.executions.givesFencesOnce!()).toBe(false);
  await store.durable();
  expect(store.executions.givesFencesOnce!()).toBe(true);
});
