/** Workflow code that never comes to rest: it is stopped where it asks for something, and kept away from workers for a while. */
import { expect, test } from "vitest";
import { activity, on, query, signal, sleep, waitUntil, workflow } from "../index.ts";
import { environment } from "../testing/environment.ts";

const item = signal("item");
const count = query("count");
const good = workflow({ name: "good" }, async () => "fine");
/** It forgets to take out what it has handled. */
const forgetful = workflow({ name: "forgetful", handlers: [item, count], timeout: null }, async () => {
  const items: unknown[] = [];
  let handled = 0;
  on(item, (x) => void items.push(x));
  on(count, () => handled);
  for (;;) {
    await waitUntil(() => items.length > 0);
    handled += 1;
  }
});

test("a loop that awaits only what has resolved is reported, quarantined, tried again later, and stops nobody else", async () => {
  await using env = await environment({ workflows: [forgetful, good], workers: 2 });
  const run = await env.start(forgetful, {});
  await run.signal(item);
  const failures = async () => (await run.history()).filter(({ kind }) => kind === "workflow_task_failed");
  expect(await failures()).toMatchObject([
    { failure: { type: "BlockedLoopError", message: expect.stringContaining('workflow "forgetful" ran for 2.') } },
  ]);
  expect(await (await env.start(good, {})).result()).toBe("fine");
  await expect(run.query(count)).rejects.toThrow(/424.*does not replay.*ran for/s);
  await env.killWorker();
  await env.advance("9m");
  expect(await failures()).toHaveLength(1);
  await env.advance("2m");
  expect(await failures()).toHaveLength(2);
  await env.advance("15m");
  expect(await failures()).toHaveLength(2);
}, 30_000);

test("conditions that let each other go for ever are found as well", async () => {
  const seesaw = workflow({ name: "seesaw", timeout: null }, async () => {
    let up = true;
    await sleep("1s");
    const side = async (mine: boolean) => {
      for (;;) {
        await waitUntil(() => up === mine);
        up = !mine;
      }
    };
    await Promise.all([side(true), side(false)]);
  });
  await using env = await environment({ workflows: [seesaw] });
  const run = await env.start(seesaw, {});
  await env.advance("2s");
  expect((await run.history()).at(-1)).toMatchObject({
    kind: "workflow_task_failed",
    failure: { type: "BlockedLoopError" },
    quarantined: seesaw.hash,
  });
}, 30_000);

test("an execution that was there when workers died is tried in quarantine, and goes on when its code comes to rest", async () => {
  const gate = Promise.withResolvers<string>();
  const long = activity({ name: "long", timeout: "1h", retry: { maxAttempts: 0 } }, () => gate.promise);
  const innocent = workflow({ name: "innocent", timeout: null }, () => long());
  await using env = await environment({ workflows: [innocent], activities: [long] });
  const run = await env.start(innocent, {});
  for (let death = 1; death <= 3; death++) {
    await env.killWorker();
    await env.addWorker();
    await env.advance("40s");
  }
  const notes = async () =>
    (await run.history()).flatMap((e) =>
      e.kind === "workflow_task_failed" ? [e.failure.type] : e.kind === "quarantine_ended" ? [e.kind] : [],
    );
  expect(await notes()).toEqual(["WorkerDied", "quarantine_ended"]);
  gate.resolve("done");
  expect(await run.result()).toBe("done");
});
