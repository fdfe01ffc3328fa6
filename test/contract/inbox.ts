import { expect, test } from "vitest";
import { begun, claimed, closed, newRef, signal, uuid } from "./subject.ts";
import type { Contract } from "./suite.ts";

export const inboxContract: Contract = (of) => {
  test("messages are answered in the order in which they were put, whatever their times and ids", async () => {
    const { ports, now } = of();
    const ref = newRef();
    const at = now();
    for (const m of [signal("b", at), signal("later", at + 2), signal("a", at), signal("set-back", at - 3_600_000)]) {
      await ports.executions.putMessage(ref, "chain", m);
    }
    const inbox = await ports.executions.inbox(ref, "chain");
    expect(inbox.map((m) => m.id)).toEqual(["signal#b", "signal#later", "signal#a", "signal#set-back"]);
    expect(inbox.map((m) => m.seq)).toEqual(inbox.map((m) => m.seq).toSorted((x, y) => x - y));
    expect(new Set(inbox.map((m) => m.seq)).size).toBe(4);
  });

  test("a message that is put again keeps its place; numbers of removed messages are not used again", async () => {
    const { ports, now } = of();
    const ref = newRef();
    const put = (id: string) => ports.executions.putMessage(ref, "chain", signal(id, now()));
    const inbox = () => ports.executions.inbox(ref, "chain");
    await put("a");
    await put("b");
    await put("a");
    const [a, b] = await inbox();
    expect([a!.id, b!.id]).toEqual(["signal#a", "signal#b"]);
    await ports.executions.removeMessages(ref, "chain", ["signal#a", "signal#b"]);
    await put("c");
    expect((await inbox())[0]!.seq).toBeGreaterThan(b!.seq);
  });

  test("of messages put one after the other by many senders at once, each sender's stay in its order", async () => {
    const { ports, now } = of();
    const ref = newRef();
    const sender = async (name: string) => {
      for (let n = 0; n < 5; n++) await ports.executions.putMessage(ref, "chain", signal(`${name}-${n}`, now()));
    };
    await Promise.all(["x", "y", "z"].map(sender));
    const ids = (await ports.executions.inbox(ref, "chain")).map((m) => m.id);
    for (const name of ["x", "y", "z"]) {
      expect(ids.filter((id) => id.startsWith(`signal#${name}`))).toEqual(
        Array.from({ length: 5 }, (_, n) => `signal#${name}-${n}`),
      );
    }
  });

  test("a message reads back whole", async () => {
    const { ports, now } = of();
    const ref = newRef();
    const message = {
      id: "activity#r#1#2",
      kind: "activity",
      run: uuid(),
      activity: 1,
      attempt: 2,
      outcome: {
        kind: "failed",
        reason: "failed",
        failure: { message: "m", type: "T", cause: { message: "deeper", details: { n: [1] } } },
      },
      sent_at: now(),
    } as const;
    await ports.executions.putMessage(ref, "chain", message);
    expect(await ports.executions.inbox(ref, "chain")).toMatchObject([message]);
  });

  test("of two messages with one id the first is kept", async () => {
    const { ports, now } = of();
    const ref = newRef();
    await ports.executions.putMessage(ref, "chain", signal("one", now(), "first"));
    await ports.executions.putMessage(ref, "chain", signal("one", now() + 1, "second"));
    expect(await ports.executions.inbox(ref, "chain")).toMatchObject([{ input: "first" }]);
  });

  test("each chain, execution and workspace has an inbox of its own", async () => {
    const { ports, now } = of();
    const ref = newRef();
    await ports.executions.putMessage(ref, "one", signal("m", now()));
    expect(await ports.executions.inbox(ref, "two")).toEqual([]);
    expect(await ports.executions.inbox(newRef(ref.workspace), "one")).toEqual([]);
    expect(await ports.executions.inbox({ ...ref, workspace: uuid() }, "one")).toEqual([]);
  });

  test("a removal deletes the given messages of that chain only; removing twice or nothing is harmless", async () => {
    const { ports, now } = of();
    const ref = newRef();
    for (const chain of ["one", "two"]) {
      for (const id of ["a", "b"]) await ports.executions.putMessage(ref, chain, signal(id, now()));
    }
    await ports.executions.removeMessages(ref, "one", ["signal#a", "signal#never"]);
    await ports.executions.removeMessages(ref, "one", ["signal#a"]);
    await ports.executions.removeMessages(ref, "one", []);
    expect((await ports.executions.inbox(ref, "one")).map((m) => m.id)).toEqual(["signal#b"]);
    expect(await ports.executions.inbox(ref, "two")).toHaveLength(2);
  });

  test("DECIDE-9: updates are refused under the fence alone: the message goes, and its sender finds the refusal once", async () => {
    const b = of();
    const { executions } = b.ports;
    const head = await claimed(b, await begun(b));
    const update = (id: string) =>
      ({ id: `update#${id}`, kind: "update", name: "set", input: 1, sent_at: b.now() }) as const;
    for (const id of ["a", "b", "c"]) await executions.putMessage(head, head.chain, update(id));
    const refused = ["a", "b", "never"].map((id) => ({
      id: `update#${id}`,
      status: 422,
      failure: { type: "Odd", message: `no ${id}`, details: [{ path: [0] }] },
    }));
    const p = { run: head.run, chain: head.chain, fence: head.fence, refused };
    expect(await executions.refuseUpdates(head, { ...p, fence: head.fence - 1 })).toBe(false);
    expect(await executions.refuseUpdates(head, { ...p, run: uuid() })).toBe(false);
    expect(await executions.inbox(head, head.chain)).toHaveLength(3);
    expect(await executions.takeRefusal(head, "update#a")).toBeNull();
    expect(await executions.refuseUpdates(head, p)).toBe(true);
    expect((await executions.inbox(head, head.chain)).map((m) => m.id)).toEqual(["update#c"]);
    expect(await executions.takeRefusal(newRef(head.workspace), "update#a")).toBeNull();
    expect(await executions.takeRefusal(head, "update#a")).toEqual(refused[0]);
    expect(await executions.takeRefusal(head, "update#a")).toBeNull();
    expect(await executions.takeRefusal(head, "update#never")).toBeNull();
    expect(await executions.head(head)).toEqual(head);
    // Repeated by a worker that had no answer: nothing is there any more.
    expect(await executions.refuseUpdates(head, p)).toBe(true);
    await closed(b, head);
    expect(await executions.refuseUpdates(head, p)).toBe(false);
    expect(await executions.takeRefusal(head, "update#b")).toEqual(refused[1]);
  });

  test("an inbox of hundreds of messages is read whole", async () => {
    const { ports, now } = of();
    const ref = newRef();
    const text = "x".repeat(3_000); // together more than one page of a key-value store
    const ids = Array.from({ length: 400 }, (_, i) => String(i).padStart(3, "0"));
    for (const id of ids) await ports.executions.putMessage(ref, "chain", signal(id, now(), text));
    expect(await ports.executions.inbox(ref, "chain")).toHaveLength(400);
    await ports.executions.removeMessages(
      ref,
      "chain",
      ids.map((id) => `signal#${id}`),
    );
    expect(await ports.executions.inbox(ref, "chain")).toEqual([]);
  });

  test("a requested wake-up sets the due time, is pending, and raises the fence", async () => {
    const b = of();
    const { executions } = b.ports;
    const head = await claimed(b, await begun(b));
    const now = b.now();
    expect(await executions.requestWake(head, head.chain, now)).toEqual({ kind: "requested" });
    const woken = await executions.head(head);
    expect(woken).toEqual({ ...head, due_at: now, wake_pending: true, fence: expect.any(Number) });
    expect(woken!.fence).toBeGreaterThan(head.fence);
  });

  test("a second wake-up is refused while one is pending, and the head is answered unchanged", async () => {
    const b = of();
    const head = await begun(b);
    const requested = await b.ports.executions.requestWake(head, head.chain, b.now() + 5);
    expect(requested).toEqual({ kind: "refused", head });
    expect(await b.ports.executions.head(head)).toEqual(head);
  });

  test("a wake-up for another chain, a final head, or no head is refused", async () => {
    const b = of();
    const head = await claimed(b, await begun(b));
    expect(await b.ports.executions.requestWake(head, uuid(), b.now())).toEqual({ kind: "refused", head });
    const final = await closed(b, head);
    expect(await b.ports.executions.requestWake(head, head.chain, b.now())).toEqual({ kind: "refused", head: final });
    expect(await b.ports.executions.requestWake(newRef(), uuid(), b.now())).toEqual({ kind: "refused", head: null });
    expect(await b.ports.executions.head(head)).toEqual(final);
  });

  test("of many wake-ups at once one is written, and all others find it pending", async () => {
    const b = of();
    const head = await claimed(b, await begun(b));
    const requests = await Promise.all(
      Array.from({ length: 6 }, () => b.ports.executions.requestWake(head, head.chain, b.now())),
    );
    expect(requests.filter((m) => m.kind === "requested")).toHaveLength(1);
    const woken = await b.ports.executions.head(head);
    expect(woken!.fence).toBeGreaterThan(head.fence);
    for (const m of requests) if (m.kind === "refused") expect(m.head).toEqual(woken);
  });
};
