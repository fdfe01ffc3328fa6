import { expect, test } from "vitest";
import { LocalWorkers } from "./local-workers.ts";

/** How many turns the event loop is kept from sleeping, each of an eighth of a millisecond. */
function made() {
  let now = 0;
  let next: (() => void) | null = null;
  const workers = new LocalWorkers({
    processors: 2,
    now: () => now,
    inNextTurn: (fn) => {
      next = fn;
    },
  });
  const turns = () => {
    for (let n = 0; ; n++) {
      const fn = next;
      next = null;
      if (!fn) return n;
      now += 0.125;
      fn();
    }
  };
  return { workers, turns };
}

test("the server stays awake after the answer to a worker on this machine (AWAKE-1)", () => {
  const { workers, turns } = made();
  for (const address of ["127.0.0.1", "::1", "::ffff:127.0.0.1"]) {
    const call = workers.begin("/v1/worker/append", address)!;
    expect(turns()).toBe(0);
    call.sent(700);
    expect(turns()).toBe(4);
    call.end();
  }
});

test("it does so neither for other machines nor for other requests", () => {
  const { workers } = made();
  for (const address of ["10.0.0.7", "::ffff:10.0.0.7", "fe80::1", undefined])
    expect(workers.begin("/v1/worker/append", address)).toBeNull();
  expect(workers.begin("/v1/workflows/w/execute", "127.0.0.1")).toBeNull();
});

test("it sleeps while many calls are under way (AWAKE-2)", () => {
  const { workers, turns } = made();
  const calls = Array.from({ length: 5 }, () => workers.begin("/v1/worker/append", "127.0.0.1")!);
  calls[0]!.sent(700);
  expect(turns()).toBe(0);
  calls[0]!.end();
  calls[1]!.sent(700);
  expect(turns()).toBe(4);
});
