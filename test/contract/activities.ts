import { expect, test } from "vitest";
import type { ActivityKey } from "../../shared/ports.ts";
import type { Head } from "../../shared/protocol/head.ts";
import { begun, uuid } from "./subject.ts";
import type { Contract } from "./suite.ts";

export const activitiesContract: Contract = (of) => {
  const a = () => of().ports.activities;
  const key = (ref: Head, activity = 1): ActivityKey => ({ ref, run: ref.run, activity });
  const otherRun = (ref: Head): ActivityKey => ({ ref, run: uuid(), activity: 1 });
  const beat = (ref: Head, attempt: number, details: unknown) =>
    a().beat({ ...key(ref), attempt, details, now: of().now() });

  test("`begun` answers the activities of which an attempt from the queue has begun", async () => {
    const head = await begun(of());
    const { run } = head;
    expect(await a().begun({ ref: head, run, activities: [1, 2, 3] })).toEqual([]);
    await a().begin({ ...key(head, 2), attempt: 1, queued: true, now: of().now() });
    await a().begin({ ...key(head, 2), attempt: 1, queued: true, now: of().now() });
    await a().begin({ ...key(head, 9), attempt: 4, queued: true, now: of().now() });
    await a().begin({ ...key(head, 3), attempt: 2, queued: false, now: of().now() });
    expect(await a().begun({ ref: head, run, activities: [1, 2, 3] })).toEqual([2]);
    expect(await a().begun({ ref: head, run: uuid(), activities: [2] })).toEqual([]);
    expect(await a().begun({ ref: head, run, activities: [] })).toEqual([]);
  });

  test("the store keeps the details of the last heartbeat of any attempt", async () => {
    const head = await begun(of());
    expect(await a().lastBeat(key(head))).toBeNull();
    await beat(head, 1, { done: [1, 2], text: "ü" });
    expect(await a().lastBeat(key(head))).toEqual({ done: [1, 2], text: "ü" });
    await beat(head, 2, 7);
    expect(await a().lastBeat(key(head))).toBe(7);
    expect(await a().lastBeat(key(head, 2))).toBeNull();
    expect(await a().lastBeat(otherRun(head))).toBeNull();
    await beat(head, 2, null);
    expect(await a().lastBeat(key(head))).toBeNull();
  });

  test("the report of an activity has the latest attempt: its session, its heartbeat, its failure", async () => {
    const head = await begun(of());
    const failure = { message: "declined", type: "CardError" };
    const retryAt = of().now() + 5_000;
    expect(await a().report(key(head))).toBeNull();
    const session = uuid();
    await a().begin({ ...key(head), attempt: 1, queued: true, session, now: of().now() });
    expect(await a().report(key(head))).toEqual({ attempt: 1, session, beat: null, failed: null });
    const at = of().now();
    await beat(head, 1, { page: 3 });
    await a().failed({ ...key(head), attempt: 1, failure, retryAt, now: of().now() });
    const failed = { attempt: 1, failure, retryAt };
    expect(await a().report(key(head))).toEqual({ attempt: 1, session, beat: { at, details: { page: 3 } }, failed });
    await a().begin({ ...key(head), attempt: 2, queued: true, session, now: of().now() });
    await a().failed({ ...key(head), attempt: 1, failure, retryAt, now: of().now() });
    expect(await a().report(key(head))).toMatchObject({ attempt: 2, failed: null });
    expect(await a().report(otherRun(head))).toBeNull();
  });

  test("a heartbeat of an attempt before the latest is refused and not kept", async () => {
    const head = await begun(of());
    expect(await beat(head, 1, "first")).toBe(true);
    expect(await a().begin({ ...key(head), attempt: 2, queued: false, now: of().now() })).not.toBeNull();
    expect(await a().lastBeat(key(head))).toBe("first");
    expect(await beat(head, 1, "late")).toBe(false);
    expect(await a().lastBeat(key(head))).toBe("first");
    expect(await beat(head, 2, "second")).toBe(true);
    expect(await beat(head, 1, "later")).toBe(false);
    expect(await a().lastBeat(key(head))).toBe("second");
    expect((await a().status(key(head))).attempt).toBe(2);
  });

  test("a heartbeat of a later attempt counts as its beginning", async () => {
    const head = await begun(of());
    expect((await a().status(key(head))).attempt).toBe(0);
    expect(await beat(head, 3, "third")).toBe(true);
    expect((await a().status(key(head))).attempt).toBe(3);
    expect(await a().begin({ ...key(head), attempt: 2, queued: true, now: of().now() })).toBeNull();
    expect(await a().begin({ ...key(head), attempt: 3, queued: true, now: of().now() })).not.toBeNull();
    expect(await beat(head, 2, "second")).toBe(false);
    expect(await a().lastBeat(key(head))).toBe("third");
  });

  test("a request to cancel stays, and concerns that activity alone", async () => {
    const head = await begun(of());
    expect((await a().status(key(head))).cancelRequested).toBe(false);
    await a().requestCancel(key(head));
    await a().requestCancel(key(head));
    expect((await a().status(key(head))).cancelRequested).toBe(true);
    expect((await a().status(key(head, 2))).cancelRequested).toBe(false);
    expect((await a().status(otherRun(head))).cancelRequested).toBe(false);
  });

  test("heartbeat, cancellation and beginning of an activity do not overwrite each other", async () => {
    const head = await begun(of());
    await beat(head, 1, "details");
    await a().requestCancel(key(head));
    await a().begin({ ...key(head), attempt: 1, queued: true, now: of().now() });
    expect(await a().lastBeat(key(head))).toBe("details");
    expect((await a().status(key(head))).cancelRequested).toBe(true);
    expect(await a().begun({ ref: head, run: head.run, activities: [1] })).toEqual([1]);
  });
};
