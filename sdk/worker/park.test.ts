import { expect, test } from "vitest";
import type { Clock } from "../../shared/lib/clock.ts";
import { Parking } from "./park.ts";
import { ServerClock } from "./server-clock.ts";

/** An execution with a timer of its workflow that is due in 20 s, while local activities run. */
function parked() {
  let now = 1_000_000;
  let armings = 0;
  const armed = new Set<number>();
  const clock: Clock = {
    now: () => now,
    at: (at) => {
      armings += 1;
      armed.add(at);
      return () => armed.delete(at);
    },
  };
  const serverClock = new ServerClock(clock);
  const host = {
    serverClock,
    worker: { clock, session: "s" },
    sessions: { diesAt: () => null },
    leases: { finish() {} },
    park: async () => true,
  };
  const due = now + 20_000;
  const state = { closed: false, started: { deadline: null }, timers: new Map([[1, due]]), activities: new Map() };
  const view = { isOwner: true, head: {}, bug: null, inbox: new Map(), effectsDoneThrough: 0, state } as never;
  const parking = new Parking(host as never, "e", () => {});
  parking.claimed(now);
  const pass = (ms: number) => {
    now += ms;
  };
  return { serverClock, parking, view, due, pass, now: () => now, armed: () => [...armed], armings: () => armings };
}

test("the timer of an execution stays from step to step", async () => {
  const { parking, view, pass, due, armed, armings } = parked();
  for (let i = 0; i < 5; i++) {
    await parking.rest(view, true);
    pass(1_000);
  }
  expect([armed(), armings()]).toEqual([[due], 1]);
});

test("it follows a correction of the server's time", async () => {
  const { parking, view, pass, due, now, serverClock, armed } = parked();
  await parking.rest(view, true);
  pass(1_000);
  serverClock.synchronise(now() + 15_000, now());
  await parking.rest(view, true);
  expect(armed()).toEqual([due - 15_000]);
});

test("it ends with the last activity that runs here", async () => {
  const { parking, view, armed } = parked();
  await parking.rest(view, true);
  await parking.rest(view, false);
  expect(armed()).toEqual([]);
});
