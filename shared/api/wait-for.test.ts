import { expect, test } from "vitest";
import { ManualClock } from "../../test/contract/manual-clock.ts";
import { waitFor } from "./wait-for.ts";

function waiting(look: () => Promise<string | undefined>, o: { signal?: AbortSignal; ms?: number } = {}) {
  const clock = new ManualClock();
  const wakers = new Set<() => void>();
  const change = (until: number, signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const done = () => {
        cancel();
        wakers.delete(done);
        resolve();
      };
      const cancel = clock.at(until, done);
      wakers.add(done);
      signal.addEventListener("abort", done);
    });
  const signal = o.signal ?? new AbortController().signal;
  const found = waitFor({ clock, until: clock.now() + (o.ms ?? 1000), signal, change, look });
  return { clock, wakers, found, wake: () => [...wakers].forEach((fn) => void fn()) };
}

test("a value that is already there is found without waiting", async () => {
  const { found, wakers } = waiting(async () => "here");
  expect(await found).toBe("here");
  expect(wakers.size).toBe(0);
});

test("a change between the look and the wait ends the wait", async () => {
  let value: string | undefined;
  let looks = 0;
  const w = waiting(async () => {
    const seen = value;
    looks += 1;
    await null;
    if (looks === 1) {
      value = "changed"; // after the look has read the old value
      w.wake();
    }
    return seen;
  });
  expect(await w.found).toBe("changed");
  expect(w.wakers.size).toBe(0);
});

test("a wake-up without a change goes on waiting, and the wait ends when the time is up", async () => {
  const w = waiting(async () => undefined);
  await w.clock.advance(10);
  w.wake();
  await w.clock.advance(989);
  expect(w.wakers.size).toBe(1);
  await w.clock.advance(1);
  expect(await w.found).toBeUndefined();
  expect(w.wakers.size).toBe(0);
});

test("an abort by the caller ends the wait at once", async () => {
  const leaving = new AbortController();
  const w = waiting(async () => undefined, { signal: leaving.signal });
  await w.clock.advance(10);
  leaving.abort();
  expect(await w.found).toBeUndefined();
  expect(w.wakers.size).toBe(0);
});

test("a look that fails ends the subscription and the wait", async () => {
  const w = waiting(async () => {
    throw new Error("the store is unavailable");
  });
  await expect(w.found).rejects.toThrow("the store is unavailable");
  expect(w.wakers.size).toBe(0);
});
