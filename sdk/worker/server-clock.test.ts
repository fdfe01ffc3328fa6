import { expect, test } from "vitest";
import { ServerClock } from "./server-clock.ts";

test.each([-3_600_000, 3_600_000])("setting the machine's clock by %d ms leaves the server's time as it is", (by) => {
  let passed = 1_000;
  let set = 0;
  const clock = new ServerClock({ now: () => passed + set, steady: () => passed, at: () => () => {} });
  clock.synchronise(500_000, passed);
  set = by;
  passed += 2_000;
  expect(clock.now()).toBe(502_000);
  // A time of the server in five seconds is a time of the machine's clock in five seconds, as it is set now.
  expect(clock.toLocal(507_000)).toBe(passed + set + 5_000);
});

test("an answer corrects the server's time only where it proves it wrong, however slow it was", () => {
  let steady = 1_000;
  const clock = new ServerClock({ now: () => steady, steady: () => steady, at: () => () => {} });
  clock.synchronise(501_000, steady);
  expect(clock.now()).toBe(501_000);
  const sent = steady;
  steady += 4_000;
  clock.synchronise(501_100, sent); // read 100 ms after the call was sent, and answered 3.9 s later
  expect(clock.now()).toBe(505_000);
  clock.synchronise(509_000, sent); // the server is ahead by 4 s at least
  expect(clock.now()).toBe(509_000);
  clock.synchronise(503_000, steady); // and this one by no more than 498 s
  expect(clock.now()).toBe(503_000);
});
