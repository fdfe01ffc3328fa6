import { expect, test } from "vitest";
import { ManualClock } from "../../test/contract/manual-clock.ts";
import { PollBackoff } from "./poll-backoff.ts";

const ref = { workspace: "w", execution: "x" };

/** How long the next pauses are. */
async function pauses(clock: ManualClock, backoff: PollBackoff, n: number): Promise<number[]> {
  const lengths: number[] = [];
  for (let i = 0; i < n; i++) {
    const before = clock.now();
    let over = false;
    void backoff.waitForExecution(ref, before + 60_000).then(() => {
      over = true;
    });
    while (!over) await clock.advance(1);
    lengths.push(clock.now() - before);
  }
  return lengths;
}

test("the pauses of one wait grow up to a second", async () => {
  const clock = new ManualClock();
  const lengths = await pauses(clock, new PollBackoff(clock), 14);
  expect(lengths[0]).toBeLessThan(60);
  for (let i = 1; i < lengths.length; i++) expect(lengths[i]!).toBeGreaterThanOrEqual(lengths[i - 1]! - 1);
  expect(lengths.at(-1)!).toBeGreaterThan(900);
  expect(lengths.at(-1)!).toBeLessThan(1_010);
});

test("a change that was found, or a new wait, makes the pauses short again", async () => {
  const clock = new ManualClock();
  const backoff = new PollBackoff(clock);
  await pauses(clock, backoff, 12);
  backoff.reset("w#x");
  expect((await pauses(clock, backoff, 1))[0]).toBeLessThan(60);
  await pauses(clock, backoff, 12);
  await clock.advance(5_000);
  expect((await pauses(clock, backoff, 1))[0]).toBeLessThan(60);
});

test("a pause ends at its deadline or when it is aborted", async () => {
  const clock = new ManualClock();
  const backoff = new PollBackoff(clock);
  const off = new AbortController();
  off.abort();
  await backoff.waitForFeed("w", clock.now() + 1e6, off.signal);
  const until = clock.now() + 10;
  const waiting = backoff.waitForFeed("w", until);
  await clock.advance(11);
  await waiting;
  expect(clock.now()).toBeGreaterThanOrEqual(until);
});
