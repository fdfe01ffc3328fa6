import { expect, test } from "vitest";
import { ManualClock } from "../../test/contract/manual-clock.ts";
import { Timers } from "./timers.ts";

/** Timers on a clock that the test moves, and the times at which each has fired. */
function timers() {
  const clock = new ManualClock(0);
  let armed = 0;
  const counted = {
    now: () => clock.now(),
    at: (at: number, fn: () => void) => {
      armed += 1;
      return clock.at(at, fn);
    },
  };
  const fired: string[] = [];
  const all = new Timers(counted);
  const after = (ms: number, name: string) => all.after(ms, () => fired.push(`${name} ${clock.now()}`));
  return { clock, all, after, fired, armed: () => armed };
}

test("each fires once at its time, in the order of the times", async () => {
  const { clock, after, fired } = timers();
  after(300, "c");
  after(100, "a");
  after(200, "b");
  after(100, "d");
  await clock.advance(99);
  expect(fired).toEqual([]);
  await clock.advance(1_000);
  expect(fired).toEqual(["a 100", "d 100", "b 200", "c 300"]);
});

test("a later timer takes none of the process, and follows the one before it", async () => {
  const { clock, after, fired, armed } = timers();
  after(10, "a");
  after(300, "b");
  expect(armed()).toBe(1);
  await clock.advance(300);
  expect(fired).toEqual(["a 10", "b 300"]);
});

test("one that was cancelled does not fire, though it is due at the time of the one that cancels it", async () => {
  const { clock, all, after, fired } = timers();
  let cancel = () => {};
  all.after(50, () => cancel());
  cancel = after(50, "a");
  const early = after(10, "b");
  after(80, "c");
  early();
  await clock.advance(100);
  expect(fired).toEqual(["c 80"]);
});

test("a timer that fires may begin another", async () => {
  const { clock, all, after, fired } = timers();
  all.after(10, () => after(5, "a"));
  after(100, "b");
  await clock.advance(100);
  expect(fired).toEqual(["a 15", "b 100"]);
});

test("the owner ends all, and may begin new ones", async () => {
  const { clock, all, after, fired } = timers();
  after(10, "a");
  after(20, "b");
  all.cancelAll();
  await clock.advance(50);
  after(10, "c");
  await clock.advance(50);
  expect(fired).toEqual(["c 60"]);
});

test("a machine's clock that is set does not change how long a timer takes", async () => {
  const clock = new ManualClock(1_000_000);
  let set = 0;
  const fired: string[] = [];
  const passed = () => clock.now() - 1_000_000;
  const machine = {
    now: () => clock.now() + set,
    steady: () => clock.now(),
    at: (at: number, fn: () => void) => clock.at(at - set, fn),
  };
  const all = new Timers(machine);
  all.after(10, () => fired.push(`a ${passed()}`));
  all.after(100, () => fired.push(`b ${passed()}`));
  set = -500_000;
  await clock.advance(200);
  expect(fired).toEqual(["a 10", "b 100"]);
});

test("one that throws keeps no other from firing", async () => {
  const { clock, all, after, fired } = timers();
  all.after(5, () => {
    throw new Error("a fault");
  });
  after(5, "a");
  after(9, "b");
  await expect(clock.advance(5)).rejects.toThrow("a fault");
  await clock.advance(20);
  expect(fired).toEqual(["a 5", "b 9"]);
});
