import { expect, test } from "vitest";
import { nextTurn, pause } from "./turns.ts";

const TASKS = 20;
const CHUNKS = 4;

/** Longer than half of what one iteration of the event loop gives to such work. */
function chunk(): void {
  for (const end = performance.now() + 3; performance.now() < end; );
}

test("work of many callers takes turns: an iteration of the event loop holds few chunks of it, and nobody is passed over", async () => {
  let turn = 0;
  let working = true;
  const counted = (async () => {
    for (; working; turn++) await nextTurn();
  })();
  const inTurn: number[] = [];
  const done = Array<number>(TASKS).fill(0);
  let furthestAhead = 0;
  await nextTurn();
  await Promise.all(
    done.map(async (_, task) => {
      await pause();
      for (let i = 0; i < CHUNKS; i++) {
        chunk();
        inTurn[turn] = (inTurn[turn] ?? 0) + 1;
        done[task]! += 1;
        await pause();
        furthestAhead = Math.max(furthestAhead, Math.max(...done) - Math.min(...done));
      }
    }),
  );
  working = false;
  await counted;
  expect(done).toEqual(Array(TASKS).fill(CHUNKS));
  // All began in the first iteration, where nothing says yet that there are many.
  const first = inTurn.findIndex((n) => n > 0);
  expect(Math.max(...Array.from(inTurn.slice(first + 1), (n) => n ?? 0))).toBeLessThanOrEqual(4);
  expect(furthestAhead).toBeLessThan(CHUNKS);
});
