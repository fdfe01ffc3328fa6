import { expect, test } from "vitest";
import { batchOf, begun, closed, LIMIT, newRef, scheduled, uuid } from "./subject.ts";
import type { Contract } from "./suite.ts";

export const logContract: Contract = (of) => {
  test("a batch is written at the position after the last, and read back whole and in order", async () => {
    const b = of();
    const head = await begun(b);
    const one = batchOf(2, b.now(), [scheduled(1), scheduled(2)]);
    const two = batchOf(4, b.now() + 1, [{ kind: "timer_started", timer: 1, fire_at: b.now() + 9 }]);
    expect(await b.ports.executions.putBatch(head, head.run, one, LIMIT)).toEqual({ kind: "written" });
    expect(await b.ports.executions.putBatch(head, head.run, two, LIMIT)).toEqual({ kind: "written" });
    expect(await b.ports.executions.batches(head, head.run, 1)).toEqual([one, two]);
    expect(await b.ports.executions.batches(head, head.run, 2)).toEqual([two]);
    expect(await b.ports.executions.batches(head, head.run, 3)).toEqual([two]);
    expect(await b.ports.executions.batches(head, head.run, 4)).toEqual([]);
  });

  test("a part of the log begins at any event, goes in either order, and ends at its events or bytes", async () => {
    const b = of();
    const head = await begun(b);
    const one = batchOf(2, b.now(), [scheduled(1), scheduled(2)]);
    const two = batchOf(4, b.now(), [scheduled(3), scheduled(4), scheduled(5)]);
    const three = batchOf(7, b.now(), [scheduled(6)]);
    for (const batch of [one, two, three]) await b.ports.executions.putBatch(head, head.run, batch, LIMIT);
    const part = (from: number, order: "asc" | "desc", events = 100, bytes = LIMIT) =>
      b.ports.executions.part(head, head.run, { from, order, events, bytes });
    expect(await part(1, "asc")).toEqual([one, two, three]);
    expect(await part(3, "asc")).toEqual([one, two, three]);
    expect(await part(4, "asc")).toEqual([two, three]);
    expect(await part(5, "asc")).toEqual([two, three]);
    expect(await part(7, "asc")).toEqual([three]);
    expect(await part(8, "asc")).toEqual([]);
    expect(await part(8, "desc")).toEqual([three, two, one]);
    expect(await part(6, "desc")).toEqual([two, one]);
    expect(await part(2, "desc")).toEqual([one]);
    expect(await part(1, "desc")).toEqual([]);
    expect(await part(2, "asc", 2)).toEqual([one]);
    expect(await part(2, "asc", 3)).toEqual([one, two]);
    expect(await part(9, "desc", 1)).toEqual([three]);
    expect(await part(2, "asc", 100, 1)).toEqual([one]);
    expect(await b.ports.executions.part(newRef(), head.run, { from: 2, order: "asc", events: 9, bytes: 9 })).toEqual(
      [],
    );
  });

  test("a write to the log does not change the head", async () => {
    const b = of();
    const head = await begun(b);
    await b.ports.executions.putBatch(head, head.run, batchOf(2, b.now(), [scheduled(1)]), LIMIT);
    expect(await b.ports.executions.head(head)).toEqual(head);
  });

  test("a write at a taken position writes nothing and answers the batch at that position", async () => {
    const b = of();
    const head = await begun(b);
    const one = batchOf(2, b.now(), [scheduled(1)]);
    const two = batchOf(3, b.now(), [scheduled(2)]);
    for (const batch of [one, two]) await b.ports.executions.putBatch(head, head.run, batch, LIMIT);
    const other = batchOf(2, b.now(), [scheduled(7), scheduled(8), scheduled(9)]);
    expect(await b.ports.executions.putBatch(head, head.run, other, LIMIT)).toEqual({ kind: "taken", by: one });
    expect(await b.ports.executions.batches(head, head.run, 1)).toEqual([one, two]);
  });

  test("a repeated write finds its own append id", async () => {
    const b = of();
    const head = await begun(b);
    const batch = batchOf(2, b.now(), [scheduled(1)]);
    await b.ports.executions.putBatch(head, head.run, batch, LIMIT);
    const again = await b.ports.executions.putBatch(head, head.run, batch, LIMIT);
    expect(again.kind === "taken" && again.by?.append_id).toBe(batch.append_id);
    expect(await b.ports.executions.batches(head, head.run, 1)).toEqual([batch]);
  });

  test("a write into the middle of a batch, or beyond the end, is refused without a batch", async () => {
    const b = of();
    const head = await begun(b);
    await b.ports.executions.putBatch(head, head.run, batchOf(2, b.now(), [scheduled(1), scheduled(2)]), LIMIT);
    for (const first of [3, 9]) {
      const put = await b.ports.executions.putBatch(head, head.run, batchOf(first, b.now(), [scheduled(5)]), LIMIT);
      expect(put).toEqual({ kind: "taken", by: null });
    }
    expect(await b.ports.executions.batches(head, head.run, 1)).toHaveLength(1);
  });

  test("a write to an unknown run, or a run of another workspace, is refused", async () => {
    const b = of();
    const head = await begun(b);
    const batch = batchOf(2, b.now(), [scheduled(1)]);
    const unknown = uuid();
    expect(await b.ports.executions.putBatch(newRef(), unknown, batch, LIMIT)).toEqual({ kind: "taken", by: null });
    expect(await b.ports.executions.batches(newRef(), unknown, 1)).toEqual([]);
    const elsewhere = { ...head, workspace: uuid() };
    expect(await b.ports.executions.putBatch(elsewhere, head.run, batch, LIMIT)).toEqual({ kind: "taken", by: null });
    expect(await b.ports.executions.batches(head, head.run, 1)).toEqual([]);
  });

  test("a write to a run of another execution is refused and changes nothing", async () => {
    const b = of();
    const head = await begun(b);
    const other = await begun(b, newRef(head.workspace));
    const batch = batchOf(2, b.now(), [scheduled(1)]);
    expect(await b.ports.executions.putBatch(other, head.run, batch, LIMIT)).toEqual({ kind: "taken", by: null });
    expect(await b.ports.executions.batches(head, head.run, 1)).toEqual([]);
    expect(await b.ports.executions.putBatch(head, head.run, batch, LIMIT)).toEqual({ kind: "written" });
  });

  test("another workspace cannot read the log of a run", async () => {
    const b = of();
    const head = await begun(b);
    await b.ports.executions.putBatch(head, head.run, batchOf(2, b.now(), [scheduled(1)]), LIMIT);
    expect(await b.ports.executions.batches({ ...head, workspace: uuid() }, head.run, 1)).toEqual([]);
  });

  test("of many writers at one position one wins, and all others are answered its batch", async () => {
    const b = of();
    const head = await begun(b);
    const batches = Array.from({ length: 8 }, (_, i) => batchOf(2, b.now(), [scheduled(i + 1)]));
    const puts = await Promise.all(batches.map((x) => b.ports.executions.putBatch(head, head.run, x, LIMIT)));
    const won = puts.findIndex((p) => p.kind === "written");
    expect(puts.filter((p) => p.kind === "written")).toHaveLength(1);
    for (const p of puts) if (p.kind === "taken") expect(p.by).toEqual(batches[won]);
    expect(await b.ports.executions.batches(head, head.run, 1)).toEqual([batches[won]]);
  });

  test("a batch that would make the history too large is refused with that size; a smaller one still fits", async () => {
    const b = of();
    const head = await begun(b);
    const large = { ...scheduled(1), input: { text: "x".repeat(3_000) } };
    const one = batchOf(2, b.now(), [large]);
    expect(await b.ports.executions.putBatch(head, head.run, one, 5_000)).toEqual({ kind: "written" });
    const two = batchOf(3, b.now(), [large]);
    const put = await b.ports.executions.putBatch(head, head.run, two, 5_000);
    expect(put.kind).toBe("full");
    if (put.kind === "full") expect(put.bytes).toBeGreaterThan(6_000);
    expect(await b.ports.executions.batches(head, head.run, 1)).toEqual([one]);
    const small = batchOf(3, b.now(), [scheduled(2)]);
    expect(await b.ports.executions.putBatch(head, head.run, small, 5_000)).toEqual({ kind: "written" });
  });

  test("a repeated write is recognised although the history is full by now", async () => {
    const b = of();
    const head = await begun(b);
    const batch = batchOf(2, b.now(), [scheduled(1)]);
    await b.ports.executions.putBatch(head, head.run, batch, LIMIT);
    expect(await b.ports.executions.putBatch(head, head.run, batch, 1)).toEqual({ kind: "taken", by: batch });
  });

  test("the log of a closed run can be read, and no batch follows its end", async () => {
    const b = of();
    const head = await begun(b);
    await closed(b, head);
    const log = await b.ports.executions.batches(head, head.run, 1);
    expect(log.at(-1)!.events.at(-1)).toMatchObject({ kind: "execution_completed", id: 2 });
    const late = await b.ports.executions.putBatch(head, head.run, batchOf(2, b.now(), [scheduled(1)]), LIMIT);
    expect(late).toMatchObject({ kind: "taken", by: log[0] });
  });

  test("a log of many large batches is read whole and in order", async () => {
    const b = of();
    const head = await begun(b);
    const text = "y".repeat(30_000); // together more than one page of a key-value store
    for (let i = 0; i < 60; i++) {
      const event = { ...scheduled(i + 1), input: { text } };
      await b.ports.executions.putBatch(head, head.run, batchOf(2 + i, b.now(), [event]), 1e9);
    }
    const firsts = (await b.ports.executions.batches(head, head.run, 1)).map((x) => x.first);
    expect(firsts).toEqual(Array.from({ length: 60 }, (_, i) => i + 2));
  });
};
