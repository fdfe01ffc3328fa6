import { expect, test } from "vitest";
import { begun, uuid } from "./subject.ts";
import type { Contract } from "./suite.ts";

export const activitiesContract: Contract = (of) => {
  const a = () => of().ports.activities;

  test("of the activities asked for, those begun are told", async () => {
    const head = await begun(of());
    expect(await a().begun(head, head.run, [1, 2, 3])).toEqual([]);
    await a().begin(head, head.run, 2);
    await a().begin(head, head.run, 2);
    await a().begin(head, head.run, 9);
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

  test("a request to cancel stays, and is of that activity alone", async () => {
    const head = await begun(of());
    expect(await a().cancelRequested(head, head.run, 1)).toBe(false);
    await a().requestCancel(head, head.run, 1);
    await a().requestCancel(head, head.run, 1);
    expect(await a().cancelRequested(head, head.run, 1)).toBe(true);
    expect(await a().cancelRequested(head, head.run, 2)).toBe(false);
    expect(await a().cancelRequested(head, uuid(), 1)).toBe(false);
  });

  test("the facts of an activity do not disturb each other", async () => {
    const head = await begun(of());
    await a().beat(head, head.run, 1, 1, "details", of().now());
    await a().requestCancel(head, head.run, 1);
    await a().begin(head, head.run, 1);
    expect(await a().lastBeat(head, head.run, 1)).toBe("details");
    expect(await a().cancelRequested(head, head.run, 1)).toBe(true);
    expect(await a().begun(head, head.run, [1])).toEqual([1]);
  });
};
