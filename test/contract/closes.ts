import { expect, test } from "vitest";
import { claim } from "../../shared/engine/claim.ts";
import { close } from "../../shared/engine/close.ts";
import { send } from "../../shared/engine/send.ts";
import { terminate } from "../../shared/engine/terminate.ts";
import type { NewEvent } from "../../shared/protocol/history.ts";
import { batchOf, begun, claimed, completed, finalOf, headOf, LIMIT, newRef, scheduled, uuid } from "./subject.ts";
import type { Contract } from "./suite.ts";

export const closeContract: Contract = (of) => {
  test("a close of the owner changes batch, head and run together and raises the fence", async () => {
    const b = of();
    const head = await claimed(b, await begun(b));
    const batch = batchOf(2, b.now(), [completed]);
    const next = finalOf(head, b.now(), { due_at: b.now(), outbox: [], fence: 999 });
    const p = { run: head.run, fence: head.fence, batch, next };
    expect(await b.ports.executions.close(head, p)).toEqual({ kind: "closed" });
    expect(await b.ports.executions.head(head)).toEqual({ ...next, fence: head.fence + 1, cost: expect.any(Object) });
    expect(await b.ports.executions.batches(head, head.run, 1)).toEqual([batch]);
    expect(await b.ports.executions.run(head.workspace, head.run)).toMatchObject({
      status: "COMPLETED",
      closed_at: next.closed_at,
      result: next.result,
    });
  });

  test("a close with an old fence changes nothing and answers the present head", async () => {
    const b = of();
    const head = await claimed(b, await begun(b));
    await b.ports.executions.requestWake(head, head.chain, b.now());
    const requested = await b.ports.executions.head(head);
    const p = {
      run: head.run,
      fence: head.fence,
      batch: batchOf(2, b.now(), [completed]),
      next: finalOf(head, b.now()),
    };
    expect(await b.ports.executions.close(head, p)).toEqual({ kind: "fenced", head: requested });
    expect(await b.ports.executions.head(head)).toEqual(requested);
    expect(await b.ports.executions.batches(head, head.run, 1)).toEqual([]);
    expect(await b.ports.executions.run(head.workspace, head.run)).toMatchObject({ status: "RUNNING" });
  });

  test("a close without a fence succeeds whichever session owns the fence", async () => {
    const b = of();
    const head = await begun(b);
    await claimed(b, head);
    const batch = batchOf(2, b.now(), [{ kind: "execution_terminated", reason: null }]);
    const next = finalOf(head, b.now(), { status: "TERMINATED" });
    expect(await b.ports.executions.close(head, { run: head.run, fence: null, batch, next })).toEqual({
      kind: "closed",
    });
    expect(await b.ports.executions.head(head)).toMatchObject({ status: "TERMINATED", fence: head.fence + 2 });
  });

  test("a close at a taken position changes nothing", async () => {
    const b = of();
    const head = await claimed(b, await begun(b));
    const other = batchOf(2, b.now(), [scheduled(1)]);
    await b.ports.executions.putBatch(head, head.run, other, LIMIT);
    const p = {
      run: head.run,
      fence: head.fence,
      batch: batchOf(2, b.now(), [completed]),
      next: finalOf(head, b.now()),
    };
    expect(await b.ports.executions.close(head, p)).toEqual({ kind: "conflict" });
    expect(await b.ports.executions.head(head)).toEqual(head);
    expect(await b.ports.executions.batches(head, head.run, 1)).toEqual([other]);
  });

  test("a close of another run, a final head or no head is `fenced`", async () => {
    const b = of();
    const head = await claimed(b, await begun(b));
    const batch = batchOf(2, b.now(), [completed]);
    const next = finalOf(head, b.now());
    const lost = await b.ports.executions.close(head, { run: uuid(), fence: null, batch, next });
    expect(lost).toEqual({ kind: "fenced", head });
    await b.ports.executions.close(head, { run: head.run, fence: head.fence, batch, next });
    const final = await b.ports.executions.head(head);
    const again = await b.ports.executions.close(head, {
      run: head.run,
      fence: null,
      batch: batchOf(3, b.now(), [completed]),
      next,
    });
    expect(again).toEqual({ kind: "fenced", head: final });
    const unknown = newRef();
    const none = await b.ports.executions.close(unknown, { run: uuid(), fence: null, batch, next: headOf(unknown, 1) });
    expect(none).toEqual({ kind: "fenced", head: null });
    expect(await b.ports.executions.batches(head, head.run, 1)).toHaveLength(1);
  });

  test("of many closes at once one succeeds, and the log ends once", async () => {
    const b = of();
    const head = await claimed(b, await begun(b));
    const attempts = Array.from({ length: 6 }, (_, i) =>
      b.ports.executions.close(head, {
        run: head.run,
        fence: i % 2 === 0 ? head.fence : null,
        batch: batchOf(2, b.now(), [completed]),
        next: finalOf(head, b.now()),
      }),
    );
    const done = await Promise.all(attempts);
    expect(done.filter((d) => d.kind === "closed")).toHaveLength(1);
    expect(await b.ports.executions.batches(head, head.run, 1)).toHaveLength(1);
  });

  test("a run that one worker has driven from its first claim to its end has a whole log", async () => {
    const b = of();
    const { executions } = b.ports;
    const head = await claimed(b, await begun(b, newRef(), { run: b.ports.uuid(), deadline: b.now() + 3_600_000 }));
    const one = batchOf(2, b.now(), [scheduled(1), scheduled(2)]);
    const two = batchOf(4, b.now(), [scheduled(3)]);
    const last = batchOf(5, b.now(), [scheduled(4), completed]);
    for (const batch of [one, two]) await executions.putBatch(head, head.run, batch, LIMIT);
    const { run, chain, fence } = head;
    const call = { run, chain, fence, batch: last, taken: [], result: { ok: true }, failure: null };
    const request = { ...call, outbox: [], carried: [] };
    expect(await close(b.ports, head, request)).toEqual({ kind: "closed" });
    expect(await close(b.ports, head, request), "repeated").toEqual({ kind: "closed" });
    const other = { ...request, batch: batchOf(5, b.now(), [completed]) };
    expect(await close(b.ports, head, other)).toEqual({ kind: "conflict" });
    const whole = async () => {
      expect(await executions.batches(head, run, 1)).toEqual([one, two, last]);
      expect(await executions.batches(head, run, 4)).toEqual([last]);
      expect(await executions.batches(head, run, 5)).toEqual([]);
      const part = async (from: number, order: "asc" | "desc", events = 100) =>
        (await executions.part(head, run, { from, order, events, bytes: LIMIT })).map(({ first }) => first);
      expect(await part(1, "asc")).toEqual([2, 4, 5]);
      expect(await part(2, "asc", 3)).toEqual([2, 4]);
      expect(await part(6, "asc")).toEqual([5]);
      expect(await part(7, "asc")).toEqual([]);
      expect(await part(9, "desc")).toEqual([5, 4, 2]);
      expect(await part(9, "desc", 1)).toEqual([5]);
      expect(await part(4, "desc")).toEqual([4, 2]);
    };
    await whole();
    const late = batchOf(5, b.now(), [scheduled(9)]);
    expect(await executions.putBatch(head, run, late, LIMIT)).toEqual({ kind: "taken", by: last });
    expect(await executions.create(headOf(head, b.now()), ["COMPLETED"])).toEqual({ kind: "created" });
    await whole();
    const next = await claimed(b, head);
    expect(next.run).not.toBe(run);
    expect(await executions.batches(head, next.run, 1)).toEqual([]);
  });

  test("continue-as-new closes the old run and opens the new one in one transaction", async () => {
    const b = of();
    const head = await claimed(b, await begun(b));
    const run = uuid();
    const now = b.now();
    const batch = batchOf(2, now, [{ kind: "execution_continued", run, workflow: head.workflow, input: { n: 2 } }]);
    const next = {
      ...head,
      run,
      continued_from: head.run,
      input: { n: 2 },
      started_at: now,
      due_at: now,
      wake_pending: true,
      effects_done_through: 1,
      carried: ["signal#1"],
    };
    expect(await b.ports.executions.close(head, { run: head.run, fence: head.fence, batch, next })).toEqual({
      kind: "closed",
    });
    expect(await b.ports.executions.head(head)).toEqual({ ...next, fence: head.fence + 1, cost: expect.any(Object) });
    expect(await b.ports.executions.run(head.workspace, head.run)).toMatchObject({
      status: "CONTINUED_AS_NEW",
      closed_at: now,
      input: head.input,
    });
    expect(await b.ports.executions.run(head.workspace, run)).toMatchObject({
      status: "RUNNING",
      closed_at: null,
      input: { n: 2 },
      continued_from: head.run,
    });
    expect(await b.ports.executions.batches(head, run, 1)).toEqual([]);
    const first = batchOf(2, now, [scheduled(1)]);
    expect(await b.ports.executions.putBatch(head, run, first, LIMIT)).toEqual({ kind: "written" });
  });

  test("continue-as-new keeps the inbox: the chain is the same", async () => {
    const b = of();
    const head = await claimed(b, await begun(b));
    const message = { id: "cancel#1", kind: "cancel" as const, reason: null, sent_at: b.now() };
    await b.ports.executions.putMessage(head, head.chain, message);
    const run = uuid();
    const batch = batchOf(2, b.now(), [{ kind: "execution_continued", run, workflow: head.workflow, input: null }]);
    const next = { ...head, run, continued_from: head.run };
    await b.ports.executions.close(head, { run: head.run, fence: head.fence, batch, next });
    expect(await b.ports.executions.inbox(head, head.chain)).toMatchObject([message]);
  });

  test("runs that continue at once begin ten at a time and then one every 6 s, and messages do not hasten them", async () => {
    const b = of();
    let now = b.now();
    const clock = Object.assign(Object.create(b.ports.clock), { now: () => now });
    const ports = { ...b.ports, clock };
    const head = await begun(b);
    const lookOnce = () => claim(ports, head, { session: "A" });
    const continueOnce = async (events = 1) => {
      const taken = await lookOnce();
      if (taken.kind !== "claimed") return taken.kind;
      const { run, chain, fence } = taken.head;
      const notes: NewEvent[] = Array.from({ length: events - 1 }, (_, i) => ({ kind: "patched", patch: `p${i}` }));
      const batch = batchOf(2, now, [
        ...notes,
        { kind: "execution_continued", run, workflow: head.workflow, input: {} },
      ]);
      const ending = { taken: [], result: null, failure: null, outbox: [], carried: [] };
      return (await close(ports, head, { run, chain, fence, batch, ...ending })).kind;
    };
    for (let run = 1; run <= 10; run++) expect(await continueOnce()).toBe("closed");
    const quick = await continueOnce();
    expect(quick).toBe("closed");
    expect(await lookOnce()).toEqual({ kind: "later" });
    expect(await b.ports.executions.head(head)).toMatchObject({ due_at: now + 6_000, wake_pending: false });
    const message = { id: "cancel#1", kind: "cancel" as const, reason: null, sent_at: now };
    expect((await send(ports, head, message)).kind).toBe("accepted");
    now += 5_999;
    expect(await lookOnce()).toEqual({ kind: "later" });
    now += 1;
    expect(await lookOnce()).toMatchObject({ kind: "claimed", messages: [{ id: "cancel#1" }] });
    // The long run does not count, and neither does a wait that comes from a clock that was set back.
    expect(await continueOnce(1_000)).toBe("closed");
    expect((await lookOnce()).kind).toBe("claimed");
    expect(await continueOnce()).toBe("closed");
    expect((await lookOnce()).kind).toBe("later");
    now -= 3_600_000;
    expect((await lookOnce()).kind).toBe("claimed");
  });

  test("whatever run a worker names as the next one, the server makes its id: no other run is touched", async () => {
    const b = of();
    const workspace = uuid();
    const other = await begun(b, newRef(workspace));
    const stranger = await begun(b);
    for (const named of ["its own", other.run, stranger.run]) {
      const head = await claimed(b, await begun(b, newRef(workspace)));
      const run = named === "its own" ? head.run : named;
      const batch = batchOf(2, b.now(), [{ kind: "execution_continued", run, workflow: head.workflow, input: null }]);
      const p = {
        run: head.run,
        chain: head.chain,
        fence: head.fence,
        batch,
        taken: [],
        result: null,
        failure: null,
        outbox: [],
        carried: [],
      };
      expect(await close(b.ports, head, p)).toEqual({ kind: "closed" });
      const next = await b.ports.executions.head(head);
      expect(next).toMatchObject({ status: "RUNNING", continued_from: head.run });
      expect([head.run, other.run, stranger.run]).not.toContain(next!.run);
      expect(await b.ports.executions.batches(head, head.run, 1)).toMatchObject([{ events: [{ run: next!.run }] }]);
      expect((await terminate(b.ports, head, { kind: "terminated", reason: null })).kind).toBe("closed");
    }
    expect(await b.ports.executions.head(other)).toEqual(other);
    expect(await b.ports.executions.head(stranger)).toEqual(stranger);
  });
};
