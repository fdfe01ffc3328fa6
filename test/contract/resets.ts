import { expect, test } from "vitest";
import { claim } from "../../shared/engine/claim.ts";
import { reset, wasReset } from "../../shared/engine/reset.ts";
import type { Head } from "../../shared/protocol/head.ts";
import { tailOf } from "../../shared/protocol/history.ts";
import { batchOf, begun, claimed, closed, headOf, LIMIT, newRef, scheduled, uuid } from "./subject.ts";
import type { Contract } from "./suite.ts";

/** The head of a run that begins with a copy of the events of `head` up to `through`. */
function resetOf(head: Head, at: number, through: number): Head {
  return {
    ...head,
    status: "RUNNING",
    run: uuid(),
    due_at: at + 60_000,
    wake_pending: true,
    effects_done_through: through,
    outbox: [],
    result: null,
    failure: null,
    started_at: at,
    closed_at: null,
    reset: { from: head.run, at, origins: [{ run: head.run, through }], began_at: head.started_at },
  };
}
const terminated = (next: Head) => ({ kind: "execution_terminated", reason: "reset", next_run: next.run }) as const;

export const resetContract: Contract = (of) => {
  test("a close with the head of a prepared run ends one run and begins the other with the prepared batches", async () => {
    const b = of();
    const head = await claimed(b, await begun(b));
    const one = batchOf(2, b.now(), [scheduled(1)]);
    await b.ports.executions.putBatch(head, head.run, one, LIMIT);
    const next = resetOf(head, b.now(), 2);
    const two = batchOf(3, b.now(), [{ kind: "execution_reset", from: head.run, reason: null, excluded: [] }]);
    const bytes = await b.ports.executions.prepare(next, [one]);
    expect(await b.ports.executions.prepare(next, [two])).toBeGreaterThan(bytes);
    expect(await b.ports.executions.run(head.workspace, next.run)).toBeNull();
    expect(await b.ports.executions.head(head)).toEqual(head);
    const batch = batchOf(3, b.now(), [terminated(next)]);
    expect(await b.ports.executions.close(head, { run: head.run, fence: null, batch, next })).toEqual({
      kind: "closed",
    });
    expect(await b.ports.executions.head(head)).toEqual({ ...next, fence: head.fence + 1, cost: expect.any(Object) });
    expect(await b.ports.executions.batches(head, next.run, 1)).toEqual([one, two]);
    expect(await b.ports.executions.batches(head, head.run, 1)).toEqual([one, batch]);
    const past = { status: "TERMINATED", failure: "reset", closed_at: batch.events[0]!.at };
    expect(await b.ports.executions.run(head.workspace, head.run)).toMatchObject(past);
    expect(await b.ports.executions.run(head.workspace, next.run)).toMatchObject({
      status: "RUNNING",
      reset: next.reset,
    });
    const third = batchOf(4, b.now(), [scheduled(2)]);
    expect(await b.ports.executions.putBatch(head, next.run, third, LIMIT)).toEqual({ kind: "written" });
    expect(await b.ports.executions.putBatch(head, next.run, third, LIMIT)).toEqual({ kind: "taken", by: third });
  });

  test("the bytes of a prepared log count against the limit of the history", async () => {
    const b = of();
    const head = await claimed(b, await begun(b));
    const next = resetOf(head, b.now(), 2);
    const bytes = await b.ports.executions.prepare(next, [batchOf(2, b.now(), [scheduled(1)])]);
    const batch = batchOf(2, b.now(), [terminated(next)]);
    await b.ports.executions.close(head, { run: head.run, fence: null, batch, next });
    const more = batchOf(3, b.now(), [scheduled(2)]);
    expect(await b.ports.executions.putBatch(head, next.run, more, bytes)).toMatchObject({ kind: "full" });
    expect(await b.ports.executions.putBatch(head, next.run, more, LIMIT)).toEqual({ kind: "written" });
  });

  test("a refused close leaves the prepared run without effect, and both runs can go on", async () => {
    const b = of();
    const head = await claimed(b, await begun(b));
    const next = resetOf(head, b.now(), 1);
    await b.ports.executions.prepare(next, [batchOf(2, b.now(), [scheduled(1)])]);
    const other = batchOf(2, b.now(), [scheduled(7)]);
    await b.ports.executions.putBatch(head, head.run, other, LIMIT);
    const batch = batchOf(2, b.now(), [terminated(next)]);
    expect(await b.ports.executions.close(head, { run: head.run, fence: null, batch, next })).toEqual({
      kind: "conflict",
    });
    expect(await b.ports.executions.head(head)).toEqual(head);
    const later = batchOf(3, b.now(), [terminated(next)]);
    expect(await b.ports.executions.close(head, { run: head.run, fence: null, batch: later, next })).toEqual({
      kind: "closed",
    });
  });

  test("a final head gives way to the head of a prepared run, and the past run stays as it ended", async () => {
    const b = of();
    const final = await closed(b, await begun(b));
    const next = resetOf(final, b.now(), 1);
    await b.ports.executions.prepare(next, [batchOf(2, b.now(), [scheduled(1)])]);
    expect(await b.ports.executions.reopen(next, { run: final.run, fence: final.fence })).toBe(true);
    expect(await b.ports.executions.head(final)).toEqual({ ...next, fence: final.fence + 1, cost: expect.any(Object) });
    expect(await b.ports.executions.run(final.workspace, final.run)).toMatchObject({
      status: "COMPLETED",
      result: final.result,
      closed_at: final.closed_at,
    });
    expect(await b.ports.executions.reopen({ ...next, run: uuid() }, { run: final.run, fence: final.fence })).toBe(
      false,
    );
    const ended = await closed(b, (await b.ports.executions.head(final))!, 3);
    expect(ended).toMatchObject({ status: "COMPLETED", run: next.run });
    const { runs } = await b.eventually(async () => {
      const q = { workspace: final.workspace, sortBy: "start_time", order: "asc", limit: 10 } as const;
      const found = await b.ports.executions.runs(q);
      expect(found.runs).toHaveLength(2);
      return found;
    });
    expect(runs.map(({ run }) => run).sort()).toEqual([final.run, next.run].sort());
  });

  test("a reset that is repeated with its key is one reset, also after later runs, and is none of another key's", async () => {
    const b = of();
    const { executions } = b.ports;
    const again = (head: Head, token?: string) =>
      reset(b.ports, head, {
        run: head.run,
        target: { to: "start" },
        reason: null,
        excluded: [],
        ...(token !== undefined && { token }),
      });
    const open = await claimed(b, await begun(b));
    for (const head of [open, await closed(b, await begun(b))]) {
      const first = await again(head, "k");
      if (first.kind !== "reset") throw new Error(first.kind);
      expect(first.head).toMatchObject({ status: "RUNNING", reset: { from: head.run, token: "k" } });
      const second = await again(head, "k");
      expect(second).toMatchObject({ kind: "reset", head: { run: first.head.run, fence: first.head.fence } });
      for (const other of ["l", undefined]) expect(await again(head, other)).toMatchObject({ kind: "moved" });
      const happened = (token: string) => wasReset(b.ports, head, { run: head.run, token });
      expect([await happened("k"), await happened("l")]).toEqual([true, false]);
      // The new run continues as new, and that one is reset with a key of its own.
      const began = (await executions.head(head))!;
      const next: Head = { ...began, run: uuid(), continued_from: began.run, fence: began.fence + 1 };
      const event = { kind: "execution_continued", run: next.run, workflow: next.workflow, input: {} } as const;
      const batches = await executions.batches(began, began.run, 1);
      const batch = batchOf(tailOf(batches) + 1, b.now(), [event as never]);
      expect(await executions.close(began, { run: began.run, fence: null, batch, next })).toEqual({ kind: "closed" });
      expect(await again(next, "m")).toMatchObject({ kind: "reset", head: { reset: { from: next.run } } });
      const latest = (await executions.head(head))!;
      expect(await again(head, "k")).toMatchObject({ kind: "reset", head: { run: latest.run, fence: latest.fence } });
      expect(await again(next, "k")).toMatchObject({ kind: "moved" });
      expect([await happened("k"), await happened("m")]).toEqual([true, false]);
    }
  });

  test("a reset into another deployment moves the execution, and tasks of the old one do not claim it (RESET-6)", async () => {
    const b = of();
    const open = await claimed(b, await begun(b));
    for (const head of [open, await closed(b, await begun(b))]) {
      const into = { deployment: `${head.deployment}-v2`, registration: uuid() };
      const target = { to: "start" } as const;
      const done = await reset(b.ports, head, { target, reason: null, excluded: [], into });
      expect(done).toMatchObject({ kind: "reset", head: into });
      expect(await b.ports.executions.run(head.workspace, head.run)).toMatchObject({ deployment: head.deployment });
      const session = uuid();
      expect(await claim(b.ports, head, { session, deployment: head.deployment })).toMatchObject({ kind: "closed" });
      const taken = await claim(b.ports, head, { session, deployment: into.deployment });
      expect(taken).toMatchObject({ kind: "claimed", head: { ...into, chain: head.chain } });
    }
  });

  test("a running head, a due one, one of another fence or run, and none at all do not give way", async () => {
    const b = of();
    const head = await begun(b);
    const outbox = [{ kind: "cancel_child" as const, execution: "c", parent_run: uuid(), child: 1 }];
    const due = await closed(b, await begun(b), 2, { due_at: b.now(), outbox });
    const final = await closed(b, await begun(b));
    const tries: [Head, { run: string; fence: number }][] = [
      [head, head],
      [due, due],
      [final, { run: final.run, fence: final.fence - 1 }],
      [final, { run: uuid(), fence: final.fence }],
      [headOf(newRef(), b.now()), { run: uuid(), fence: 1 }],
    ];
    for (const [found, seen] of tries) {
      const before = await b.ports.executions.head(found);
      const next = resetOf(found, b.now(), 1);
      expect(await b.ports.executions.reopen(next, seen)).toBe(false);
      expect(await b.ports.executions.head(found)).toEqual(before);
    }
  });

  test("of many resets of a closed run at once one succeeds", async () => {
    const b = of();
    const final = await closed(b, await begun(b));
    const tries = Array.from({ length: 5 }, async () => {
      const next = resetOf(final, b.now(), 1);
      await b.ports.executions.prepare(next, [batchOf(2, b.now(), [scheduled(1)])]);
      return b.ports.executions.reopen(next, final);
    });
    expect((await Promise.all(tries)).filter(Boolean)).toHaveLength(1);
  });

  test("the feed shows the start of the new run and what it records, and no copied event", async () => {
    const b = of();
    const head = await claimed(b, await begun(b));
    const local = { ...scheduled(1), where: "local:5f1c1d0e-0000-4000-8000-000000000000" } as ReturnType<
      typeof scheduled
    >;
    const next = resetOf(head, b.now(), 2);
    await b.ports.executions.prepare(next, [batchOf(2, b.now(), [local])]);
    const end = batchOf(2, b.now(), [terminated(next)]);
    await b.ports.executions.close(head, { run: head.run, fence: null, batch: end, next });
    const ended = await closed(b, (await b.ports.executions.head(head))!, 3);
    const scopes = [{ run: next.run }, { execution: ended.execution }, { root: ended.root }, {}];
    for (const scope of scopes) {
      const items = await b.eventually(async () => {
        const found = (await b.ports.feed.read(head.workspace, { after: 0, limit: 50, ...scope })).items;
        expect(found.at(-1)?.event.wire.event_type).toBe("WORKFLOW_EXECUTION_COMPLETED");
        return found;
      });
      const ofNext = items.filter(({ event }) => event.wire.workflow_run_id === next.run);
      expect(ofNext.map(({ event }) => event.wire.event_type)).toEqual([
        "WORKFLOW_EXECUTION_STARTED",
        "WORKFLOW_EXECUTION_COMPLETED",
      ]);
      const after = ofNext[0]!.sequence;
      const later = (await b.ports.feed.read(head.workspace, { after, limit: 50, ...scope })).items;
      expect(later.map(({ event }) => event.wire.event_type)).toEqual(["WORKFLOW_EXECUTION_COMPLETED"]);
    }
  });
};
