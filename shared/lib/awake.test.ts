import { expect, test } from "vitest";
import { Awake } from "./awake.ts";

/** An event loop of which each turn takes an eighth of a millisecond. */
class Loop {
  now = 0;
  #next: (() => void) | null = null;
  readonly awake: Awake;

  constructor(processors = 2) {
    const inNextTurn = (fn: () => void) => {
      expect(this.#next).toBeNull();
      this.#next = fn;
    };
    this.awake = new Awake({ processors, now: () => this.now, inNextTurn });
  }

  /** How many turns pass before the thread sleeps. */
  turns(): number {
    for (let n = 0; ; n++) if (!this.turn()) return n;
  }

  turn(): boolean {
    const next = this.#next;
    this.#next = null;
    this.now += 0.125;
    next?.();
    return next !== null;
  }
}

test("a thread stays awake for half a millisecond after the last message (AWAKE-1)", () => {
  const loop = new Loop();
  expect(loop.turns()).toBe(0);
  loop.awake.sent(700, 2);
  for (let i = 0; i < 3; i++) loop.turn();
  loop.awake.sent(700, 2);
  expect(loop.turns()).toBe(4);
  expect(loop.turns()).toBe(0);
});

test("it sleeps where much goes on, and on a machine with one processor (AWAKE-2)", () => {
  const [one, many, long, mixed] = [new Loop(1), new Loop(), new Loop(), new Loop()];
  one.awake.sent(700, 2);
  many.awake.sent(700, 5);
  long.awake.sent(1_501, 2);
  for (let i = 0; i < 8; i++) mixed.awake.sent(10_000, 2);
  mixed.awake.sent(700, 2);
  for (const loop of [one, many, long, mixed]) expect(loop.turns()).toBe(0);
});

test("it sleeps more and more often where nothing comes, until something comes (AWAKE-3)", () => {
  const loop = new Loop();
  /** After how many messages it stayed awake. */
  const awakeAfter = (messages: number): number[] => {
    const after: number[] = [];
    for (let i = 1; i <= messages; i++) {
      loop.awake.sent(700, 2);
      if (loop.turns() > 0) after.push(i);
    }
    return after;
  };
  expect(awakeAfter(20)).toEqual([1, 2, 3, 4, 6, 9, 14]);
  awakeAfter(1_000);
  loop.awake.came(); // too late
  const rare = awakeAfter(650);
  expect(rare).toHaveLength(10);
  for (let i = rare.at(-1)! + 1; i <= 650 + 65; i++) loop.awake.sent(700, 2);
  loop.awake.came();
  loop.turns();
  expect(awakeAfter(4)).toEqual([1, 2, 3, 4]);
});
