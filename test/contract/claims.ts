import { expect, test } from "vitest";
import type { Ref } from "../../shared/ports.ts";
import { begun, claimed, closed, newRef, uuid } from "./subject.ts";
import type { Contract } from "./suite.ts";

export const claimContract: Contract = (of) => {
  test("a claim answers the new head: due after the claim timeout, no pending wake-up, a new fence, owned by the session", async () => {
    const b = of();
    const head = await begun(b);
    const session = uuid();
    const dueAt = b.now() + 120_000;
    const got = await b.ports.executions.claim(head, { dueAt, session });
    expect(got).toEqual({ ...head, due_at: dueAt, wake_pending: false, fence: head.fence + 1, owner: session });
    expect(await b.ports.executions.head(head)).toEqual(got);
  });

  test("a claim keeps the due time of a start or a requested wake-up, unless that is too soon", async () => {
    const b = of();
    const now = b.now();
    const dueAt = now + 120_000;
    const head = await begun(b, newRef(), { due_at: now + 60_000 });
    let { fence } = head;
    const claim = async (ref: Ref) => {
      const got = await b.ports.executions.claim(ref, { dueAt, keepAfter: now + 50_000, session: uuid() });
      expect(got!.fence).toBeGreaterThan(fence);
      fence = got!.fence;
      return got;
    };
    const one = await claim(head);
    expect(one).toMatchObject({ due_at: now + 60_000, wake_pending: false });
    expect(await b.ports.executions.head(head)).toEqual(one);
    expect(await claim(head)).toMatchObject({ due_at: dueAt }); // no wake-up is pending now
    await b.ports.executions.requestWake(head, head.chain, now + 70_000);
    expect(await claim(head)).toMatchObject({ due_at: now + 70_000 });
    await b.ports.executions.requestWake(head, head.chain, now + 50_000);
    const last = await claim(head);
    expect(last).toMatchObject({ due_at: dueAt, wake_pending: false });
    expect(await b.ports.executions.head(head)).toEqual(last);
  });

  test("a second claim raises the fence over the first", async () => {
    const b = of();
    const head = await begun(b);
    const one = await claimed(b, head);
    const two = await claimed(b, head);
    expect(two.fence).toBeGreaterThan(one.fence);
    const parked = await b.ports.executions.park(head, {
      run: head.run,
      fence: one.fence,
      dueAt: null,
      effectsDoneThrough: 1,
    });
    expect(parked).toBe(false);
    expect(await b.ports.executions.head(head)).toEqual(two);
  });

  test("a claim for another deployment than that of the present run changes nothing", async () => {
    const b = of();
    const head = await begun(b, newRef(), { deployment: "v2" });
    const p = { dueAt: b.now() + 120_000, session: uuid() };
    expect(await b.ports.executions.claim(head, { ...p, deployment: "v1" })).toBeNull();
    expect(await b.ports.executions.head(head)).toEqual(head);
    expect(await b.ports.executions.claim(head, { ...p, deployment: "v2" })).toMatchObject({ fence: head.fence + 1 });
  });

  test("a final execution and an unknown one cannot be claimed", async () => {
    const b = of();
    const final = await closed(b, await begun(b));
    const p = { dueAt: b.now(), session: uuid() };
    expect(await b.ports.executions.claim(final, p)).toBeNull();
    expect(await b.ports.executions.claim(newRef(), p)).toBeNull();
    expect(await b.ports.executions.head(final)).toEqual(final);
  });

  test("a park of the owner sets due_at and effects_done_through, and nothing else", async () => {
    const b = of();
    const head = await claimed(b, await begun(b));
    const dueAt = b.now() + 5_000;
    expect(
      await b.ports.executions.park(head, { run: head.run, fence: head.fence, dueAt, effectsDoneThrough: 9 }),
    ).toBe(true);
    expect(await b.ports.executions.head(head)).toEqual({ ...head, due_at: dueAt, effects_done_through: 9 });
    expect(
      await b.ports.executions.park(head, { run: head.run, fence: head.fence, dueAt: null, effectsDoneThrough: 9 }),
    ).toBe(true);
    expect((await b.ports.executions.head(head))!.due_at).toBeNull();
  });

  test("a park after a requested wake-up, of another run, of a final or of no head is refused and changes nothing", async () => {
    const b = of();
    const { executions } = b.ports;
    const head = await claimed(b, await begun(b));
    const park = (p: { run?: string; fence?: number }) =>
      executions.park(head, { run: head.run, fence: head.fence, dueAt: null, effectsDoneThrough: 5, ...p });
    expect(await park({ run: uuid() })).toBe(false);
    expect(await park({ fence: head.fence + 1 })).toBe(false);
    expect(await executions.head(head)).toEqual(head);
    await executions.requestWake(head, head.chain, b.now());
    const requested = await executions.head(head);
    expect(await park({})).toBe(false);
    expect(await executions.head(head)).toEqual(requested);
    const final = await closed(b, requested!);
    expect(await park({ fence: final.fence })).toBe(false);
    expect(await executions.head(head)).toEqual(final);
    expect(await executions.park(newRef(), { run: uuid(), fence: 1, dueAt: null, effectsDoneThrough: 1 })).toBe(false);
  });

  test("due heads are listed up to a time, earliest first, with the fields that the sweeper reads", async () => {
    const b = of();
    const workspace = uuid();
    const now = b.now();
    const start = (dueAt: number, deadline: number | null = null) =>
      begun(b, newRef(workspace), { due_at: dueAt, deadline });
    const second = await start(now - 1_000);
    const first = await start(now - 2_000, now + 7);
    const edge = await start(now);
    await start(now + 1);
    const parked = await claimed(b, await start(now - 9_000));
    await b.ports.executions.park(parked, { run: parked.run, fence: parked.fence, dueAt: null, effectsDoneThrough: 1 });
    const final = await closed(b, await start(now - 500), 2, { due_at: now - 500 });
    await b.eventually(async () => {
      const due = (await b.ports.executions.due(now, 10_000)).filter((e) => e.workspace === workspace);
      const entry = (h: typeof first) => ({
        workspace,
        execution: h.execution,
        dueAt: h.due_at,
        deployment: h.deployment,
        deadline: h.deadline,
        status: h.status,
      });
      expect(due).toEqual([first, second, final, edge].map(entry));
    });
  });

  test("at most `limit` due entries are listed", async () => {
    const b = of();
    const workspace = uuid();
    for (let i = 0; i < 4; i++) await begun(b, newRef(workspace), { due_at: 1 + i });
    await b.eventually(async () => expect(await b.ports.executions.due(b.now(), 3)).toHaveLength(3));
  });

  test("clearing the outbox of a final head also removes its due time", async () => {
    const b = of();
    const outbox = [{ kind: "cancel_child" as const, execution: "c", parent_run: uuid(), child: 1 }];
    const final = await closed(b, await begun(b), 2, { outbox, due_at: b.now() });
    await b.ports.executions.clearOutbox(final, { run: final.run, status: final.status });
    expect(await b.ports.executions.head(final)).toEqual({ ...final, outbox: [], due_at: null });
  });

  test("clearing the outbox of a running head keeps its due time", async () => {
    const b = of();
    const outbox = [{ kind: "cancel_child" as const, execution: "c", parent_run: uuid(), child: 1 }];
    const head = await begun(b, newRef(), { outbox });
    await b.ports.executions.clearOutbox(head, { run: head.run, status: "RUNNING" });
    expect(await b.ports.executions.head(head)).toEqual({ ...head, outbox: [] });
  });

  test("clearing the outbox of another run, or with the status before the close, changes nothing", async () => {
    const b = of();
    const outbox = [{ kind: "cancel_child" as const, execution: "c", parent_run: uuid(), child: 1 }];
    const final = await closed(b, await begun(b), 2, { outbox, due_at: b.now() });
    await b.ports.executions.clearOutbox(final, { run: uuid(), status: final.status });
    await b.ports.executions.clearOutbox(final, { run: final.run, status: "RUNNING" });
    await b.ports.executions.clearOutbox(newRef(), { run: final.run, status: final.status });
    expect(await b.ports.executions.head(final)).toEqual(final);
  });
};
