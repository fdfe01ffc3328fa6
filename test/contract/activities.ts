import { expect, test } from "vitest";
import { begun, uuid } from "./subject.ts";
import type { Contract } from "./suite.ts";

export const activitiesContract: Contract = (of) => {
  const a = () => of().ports.activities;

  test("of the activities asked for, those begun from the queue are told", async () => {
    const head = await begun(of());
    expect(await a().begun(head, head.run, [1, 2, 3])).toEqual([]);
    await a().begin(head, head.run, 2, 1, { queued: true });
    await a().begin(head, head.run, 2, 1, { queued: true });
    await a().begin(head, head.run, 9, 4, { queued: true });
    await a().begin(head, head.run, 3, 2, { queued: false });
    expect(await a().begun(head, head.run, [1, 2, 3])).toEqual([2]);
    expect(await a().begun(head, uuid(), [2])).toEqual([]);
    expect(await a().begun(head, head.run, [])).toEqual([]);
  });

  test("the details of the last heartbeat are kept, whatever attempt gave them", async () => {
    const head = await begun(of());
    expect(await a().lastBeat(head, head.run, 1)).toBeNull();
    await a().beat(head, head.run, 1, 1, { done: [1, 2], text: "ü" }, of().now());
    expect(await a().lastBeat(head, head.run, 1)).toEqual({ done: [1, 2], text: "ü" });
    await a().beat(head, head.run, 1, 2, 7, of().now());
    expect(await a().lastBeat(head, head.run, 1)).toBe(7);
    expect(await a().lastBeat(head, head.run, 2)).toBeNull();
    expect(await a().lastBeat(head, uuid(), 1)).toBeNull();
    await a().beat(head, head.run, 1, 2, null, of().now());
    expect(await a().lastBeat(head, head.run, 1)).toBeNull();
  });

  test("of an attempt that another has followed no heartbeat is kept, and it is told so", async () => {
    const head = await begun(of());
    expect(await a().beat(head, head.run, 1, 1, "first", of().now())).toBe(true);
    expect(await a().begin(head, head.run, 1, 2, { queued: false })).toBe(true);
    expect(await a().lastBeat(head, head.run, 1)).toBe("first");
    expect(await a().beat(head, head.run, 1, 1, "late", of().now())).toBe(false);
    expect(await a().lastBeat(head, head.run, 1)).toBe("first");
    expect(await a().beat(head, head.run, 1, 2, "second", of().now())).toBe(true);
    expect(await a().beat(head, head.run, 1, 1, "later", of().now())).toBe(false);
    expect(await a().lastBeat(head, head.run, 1)).toBe("second");
    expect((await a().standing(head, head.run, 1)).attempt).toBe(2);
  });

  test("a heartbeat of a later attempt counts as its beginning", async () => {
    const head = await begun(of());
    expect((await a().standing(head, head.run, 1)).attempt).toBe(0);
    expect(await a().beat(head, head.run, 1, 3, "third", of().now())).toBe(true);
    expect((await a().standing(head, head.run, 1)).attempt).toBe(3);
    expect(await a().begin(head, head.run, 1, 2, { queued: true })).toBe(false);
    expect(await a().begin(head, head.run, 1, 3, { queued: true })).toBe(true);
    expect(await a().beat(head, head.run, 1, 2, "second", of().now())).toBe(false);
    expect(await a().lastBeat(head, head.run, 1)).toBe("third");
  });

  test("a request to cancel stays, and is of that activity alone", async () => {
    const head = await begun(of());
    expect((await a().standing(head, head.run, 1)).cancelRequested).toBe(false);
    await a().requestCancel(head, head.run, 1);
    await a().requestCancel(head, head.run, 1);
    expect((await a().standing(head, head.run, 1)).cancelRequested).toBe(true);
    expect((await a().standing(head, head.run, 2)).cancelRequested).toBe(false);
    expect((await a().standing(head, uuid(), 1)).cancelRequested).toBe(false);
  });

  test("the facts of an activity do not disturb each other", async () => {
    const head = await begun(of());
    await a().beat(head, head.run, 1, 1, "details", of().now());
    await a().requestCancel(head, head.run, 1);
    await a().begin(head, head.run, 1, 1, { queued: true });
    expect(await a().lastBeat(head, head.run, 1)).toBe("details");
    expect((await a().standing(head, head.run, 1)).cancelRequested).toBe(true);
    expect(await a().begun(head, head.run, [1])).toEqual([1]);
  });
};
