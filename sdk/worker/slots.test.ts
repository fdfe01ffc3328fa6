import { expect, test } from "vitest";
import { ActivitySlots } from "./slots.ts";

/** Runs one attempt after another, each of which takes `ms`. */
function runAttempts(slots: ActivitySlots, count: number, ms: number): void {
  for (let i = 0; i < count; i++) {
    slots.reserve();
    slots.acquire();
    slots.release(ms);
  }
}

test("no more attempts can be reserved than there are slots, until attempts prove to be short", () => {
  const slots = new ActivitySlots(2);
  expect(slots).toMatchObject({ free: 2, reservable: 2 });
  slots.reserve();
  slots.reserve();
  expect(slots).toMatchObject({ free: 0, reservable: 0 });
  slots.cancelReservation();
  slots.cancelReservation();
  runAttempts(slots, 1, 1);
  expect(slots).toMatchObject({ free: 2, reservable: 8 });
  runAttempts(slots, 1, 1_000);
  expect(slots.reservable).toBe(2);
});

test("an attempt over the number of slots waits until another is released, in order", async () => {
  const slots = new ActivitySlots(1);
  const begun: string[] = [];
  for (let i = 0; i < 3; i++) slots.reserve();
  expect(slots.acquire()).toBeUndefined();
  const second = slots.acquire()!.then(() => begun.push("second"));
  const third = slots.acquire()!.then(() => begun.push("third"));
  slots.release(1);
  await second;
  expect(begun).toEqual(["second"]);
  slots.release(1);
  await third;
  expect(begun).toEqual(["second", "third"]);
  slots.release(1);
  expect(slots.free).toBe(1);
  expect(slots.acquire()).toBeUndefined();
});

test("the end of every reservation is announced, and a lack of slots only while attempts are long", () => {
  const slots = new ActivitySlots(1);
  const seen: string[] = [];
  slots.onFree(() => seen.push("free"));
  slots.onFull(() => seen.push("full"));
  slots.reserve();
  slots.cancelReservation();
  expect(seen).toEqual(["full", "free"]);
  runAttempts(slots, 1, 1);
  seen.length = 0;
  slots.reserve();
  slots.acquire();
  slots.release(1);
  expect(seen).toEqual(["free"]);
});
