import { describe, expect, test } from "vitest";
import type { Millis } from "../protocol/history.ts";
import { ServiceClock } from "./service-clock.ts";

const HOUR = 3_600_000;
const START = 1_800_000_000_000;

/** A machine in a world with a true time. */
function machine(skew: Millis) {
  let passed = 0;
  let set = skew;
  let stood = 0;
  const timers: { at: Millis; fn: () => void }[] = [];
  const clock = new ServiceClock({
    now: () => START + passed + set,
    steady: () => START + passed + skew - stood,
    at(at, fn) {
      timers.push({ at: at - set, fn });
      return () => {};
    },
  });
  return {
    clock,
    timers,
    real: () => START + passed,
    /** By how much the time is wrong. */
    wrong: () => Math.abs(clock.now() - (START + passed)),
    pass: (ms: Millis) => {
      passed += ms;
    },
    set: (by: Millis) => {
      set += by;
    },
    freeze: (ms: Millis) => {
      passed += ms;
      stood += ms;
    },
    /** A request of DynamoDB that takes `ms` there and as long back. */
    ask: (ms: Millis = 5) => {
      const sent = clock.steady();
      passed += ms;
      const second = Math.floor((START + passed) / 1_000) * 1_000;
      passed += ms;
      clock.observe(second, sent);
    },
  };
}

describe.each([0, -HOUR, HOUR])("on a machine whose clock is wrong by %d ms", (skew) => {
  test("the first answer of DynamoDB corrects the time", () => {
    const m = machine(skew);
    expect(m.clock.isInDoubt).toBe(true);
    m.ask();
    expect(m.clock.isInDoubt).toBe(false);
    expect(m.wrong()).toBeLessThan(1_500);
  });

  test.each([-HOUR, HOUR])("setting the clock by %d ms changes nothing, but the time is asked for", (by) => {
    const m = machine(skew);
    m.ask();
    m.set(by);
    expect(m.wrong()).toBeLessThan(1_500);
    expect(m.clock.isInDoubt).toBe(true);
    m.ask();
    expect(m.clock.isInDoubt).toBe(false);
    expect(m.wrong()).toBeLessThan(1_500);
  });

  test("a process whose steady clock stood still asks for the time", () => {
    const m = machine(skew);
    m.ask();
    m.freeze(600_000);
    expect(m.clock.isInDoubt).toBe(true);
    m.ask();
    expect(m.wrong()).toBeLessThan(1_500);
  });
});

test("answers do not move a time that is right, wherever in the second they come", () => {
  const m = machine(0);
  for (let i = 0; i < 500; i++) {
    m.ask(1 + (i % 40));
    m.pass(37);
    expect(m.wrong()).toBe(0);
  }
});

test("an answer that took longer than two seconds says nothing", () => {
  const m = machine(HOUR);
  m.ask(1_100);
  expect(m.clock.isInDoubt).toBe(true);
  expect(m.wrong()).toBe(HOUR);
});

test("a timer waits for as long as it was set for, whatever the machine's clock says", () => {
  const m = machine(-HOUR);
  m.ask();
  m.clock.at(m.clock.now() + 10_000, () => {});
  expect(m.timers[0]!.at - m.real()).toBe(10_000);
});
