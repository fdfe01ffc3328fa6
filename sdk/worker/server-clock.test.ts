import { expect, test } from "vitest";
import { ServerClock } from "./server-clock.ts";

test.each([-3_600_000, 3_600_000])("setting the machine's clock by %d ms leaves the server's time as it is", (by) => {
  let passed = 1_000;
  let set = 0;
  const clock = new ServerClock({ now: () => passed + set, steady: () => passed, at: () => () => {} });
  clock.synchronise(500_000);
  set = by;
  passed += 2_000;
  expect(clock.now()).toBe(502_000);
  // A time of the server in five seconds is a time of the machine's clock in five seconds, as it is set now.
  expect(clock.toLocal(507_000)).toBe(passed + set + 5_000);
});
