import { expect, test } from "vitest";
import type { Progress } from "../../shared/protocol/worker.ts";
import { ManualClock } from "../../test/contract/manual-clock.ts";
import { ProgressPublisher } from "./progress.ts";
import { Timers } from "./timers.ts";
import type { Transport } from "./transport.ts";

/** Of a publisher on a clock that the test moves: its calls, as the time of each and the marks of its events. */
function publisher() {
  const clock = new ManualClock(0);
  const calls: [at: number, marks: string][] = [];
  const transport: Transport = {
    call: (_, body) => {
      const { events } = body as unknown as { events: { mark: string }[] };
      calls.push([clock.now(), events.map(({ mark }) => mark).join("")]);
      return Promise.resolve({} as never);
    },
    close: () => {},
  };
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const progress = new ProgressPublisher({
    worker: { transport, log, uuid: () => "id" },
    of: { execution: "e", run: "r", activity: 1, activity_name: "a" },
    timers: new Timers(clock),
  });
  const say = (mark: string) => progress.publish({ mark } as unknown as Progress);
  return { clock, calls, progress, say };
}

test("progress after a quiet time is sent at once, with all of its turn", async () => {
  const { clock, calls, say } = publisher();
  say("a");
  say("b");
  await clock.advance(0);
  expect(calls).toEqual([[0, "ab"]]);
  await clock.advance(1_000);
  say("c");
  await clock.advance(0);
  expect(calls.slice(1)).toEqual([[1_000, "c"]]);
});

test("an attempt that reports all the time makes one call in 20 ms, and loses no event", async () => {
  const { clock, calls, progress, say } = publisher();
  for (const mark of "abcdefghijkl") {
    say(mark);
    await clock.advance(5);
  }
  await progress.flush();
  expect(calls).toEqual([
    [0, "a"],
    [20, "bcd"],
    [40, "efgh"],
    [60, "ijkl"],
  ]);
});
