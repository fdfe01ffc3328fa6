import { expect, test } from "vitest";
import { embedded } from "./index.ts";

const queue = { workspace: "w", deployment: "d", queue: "workflow" } as const;

async function received(store: ReturnType<typeof embedded>, session: string, max: number): Promise<string[]> {
  const deliveries = await store.tasks.receive(queue, { session, max, waitMs: 0 });
  return deliveries.map(({ task }) => (task.kind === "workflow" ? task.execution : task.kind));
}

test("a session is handed the tasks that prefer it, then the oldest of the others, each once", async () => {
  const store = embedded();
  for (const [i, prefer] of ["other", "me", null, "me", "other"].entries()) {
    await store.tasks.send(queue, { kind: "workflow", execution: `${i}` }, { prefer });
  }
  expect(await received(store, "me", 3)).toEqual(["1", "3", "0"]);
  expect(await received(store, "me", 9)).toEqual(["2", "4"]);
  store.close();
});

test("handing out the first of twenty thousand waiting tasks costs no more than handing out the last", async () => {
  const store = embedded();
  for (let i = 0; i < 20_000; i++) {
    await store.tasks.send(queue, { kind: "workflow", execution: `${i}` }, { prefer: i % 2 ? "me" : null });
  }
  const began = performance.now();
  let n = 0;
  for (let got = await received(store, "me", 10); got.length > 0; got = await received(store, "me", 10))
    n += got.length;
  expect(n).toBe(20_000);
  expect(performance.now() - began).toBeLessThan(4_000); // a walk through the queue each time took ten seconds
  store.close();
});
