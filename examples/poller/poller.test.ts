import { testEnvironment } from "@sirocco/sdk/testing";
import { expect, test } from "vitest";
import { ask, poller, stop, take } from "./workflows.ts";

test("it continues in new runs, loses no item, takes none twice, and ends by the signal", async () => {
  await using env = await testEnvironment({ workflows: [poller], activities: [ask, take] });
  env.stub(ask, async ({ since }) => ({ items: [`item-${since}`], next: since + 1 }));
  const items: string[] = [];
  env.stub(take, async ({ item }) => {
    items.push(item);
  });
  const run = await env.start(poller, { since: 0, polls_a_run: 5 });
  await env.advance("18m");
  await run.signal(stop);
  const { taken } = (await run.result()) as { taken: number };
  expect(taken).toBeGreaterThan(15);
  expect(items).toEqual(Array.from({ length: taken }, (_, n) => `item-${n}`));
  const first = (await run.history())[0];
  expect(first).toMatchObject({ kind: "execution_started", input: { since: expect.any(Number) } });
  expect((first as unknown as { input: { since: number } }).input.since).toBeGreaterThan(9);
});
