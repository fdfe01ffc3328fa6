/** The machine's clock is set while workers hold leases and send heartbeats. */
import { expect, test } from "vitest";
import { ManualClock } from "../../test/contract/manual-clock.ts";
import { definition, uuid, workflowTask } from "../../test/contract/subject.ts";
import { waitFor } from "../api/wait-for.ts";
import type { Clock } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { isLive } from "../routing/liveness.ts";
import { embedded } from "../server/embedded.ts";

const HOUR = 3_600_000;

/** A clock that can be set, over one that passes. */
function settable() {
  const passing = new ManualClock();
  let ahead = 0;
  const clock: Clock = {
    now: () => passing.now() + ahead,
    steady: () => passing.now(),
    at: (at: Millis, fn: () => void) => passing.at(at - ahead, fn),
  };
  const set = (by: Millis) => {
    ahead += by;
  };
  return { clock, pass: (ms: Millis) => passing.advance(ms), set };
}

const queue = { workspace: "w", deployment: "d", queue: "workflow" } as const;

for (const [how, by] of [
  ["back", -HOUR],
  ["ahead", HOUR],
] as const) {
  test(`set ${how} by an hour, a lease ends and a delayed task comes when so much time has passed`, async () => {
    const { clock, pass, set } = settable();
    const store = embedded({ clock });
    const take = () => store.tasks.receive(queue, { session: "s", max: 10, waitMs: 0 });
    await store.tasks.send(queue, workflowTask("held"));
    await store.tasks.send(queue, workflowTask("later"), { at: clock.now() + 20_000 });
    expect(await take()).toMatchObject([{ task: { execution: "held" } }]);
    const waiting = store.tasks.receive(queue, { session: "t", max: 1, waitMs: 25_000 });
    await pass(10_000);
    set(by);
    expect(await take()).toEqual([]);
    await pass(10_001);
    expect(await waiting).toMatchObject([{ task: { execution: "later" } }]);
    await pass(store.settings.leaseMs - 20_000);
    expect(await take()).toMatchObject([{ task: { execution: "held" }, attempt: 2 }]);
    store.close();
  });

  test(`set ${how} by an hour, a silent worker is dead after the same silence, and one that beats stays live`, async () => {
    const { clock, pass, set } = settable();
    const store = embedded({ clock });
    const at = (worker: string) => ({ workspace: "w", deployment: "d", worker, session: uuid() });
    const [silent, beating] = [at("silent"), at("beating")];
    for (const w of [silent, beating]) {
      await store.registry.register({ ...w, definitions: [definition("orders")], now: clock.now() });
    }
    set(by);
    const live = async () =>
      (await store.registry.workers("w"))
        .filter((w) => isLive(store, w))
        .map((w) => w.name)
        .sort();
    expect(await live()).toEqual(["beating", "silent"]);
    await pass(store.settings.livenessMs - 1_000);
    expect(await live()).toEqual(["beating", "silent"]);
    await store.registry.beat({ ...beating, now: clock.now() });
    await pass(2_000);
    expect(await live()).toEqual(["beating"]);
    store.close();
  });
}

test("leases of a process whose clock was ahead end in time after a restart", async () => {
  const { clock, pass } = settable();
  const store = embedded({ clock });
  await store.tasks.send(queue, workflowTask("held"));
  await store.tasks.receive(queue, { session: "s", max: 1, waitMs: 0 });
  store.database.run("UPDATE tasks SET visible_at = visible_at + ?", HOUR);
  const { EmbeddedTasks } = await import("./tasks.ts");
  const reopened = new EmbeddedTasks(store.database, clock, store.settings.leaseMs, uuid);
  await pass(120_001);
  expect(await reopened.receive(queue, { session: "s", max: 1, waitMs: 0 })).toMatchObject([{ attempt: 2 }]);
  store.close();
});

test("a wait ends after its time although the clock was set back meanwhile", async () => {
  const { clock, pass, set } = settable();
  let looks = 0;
  const waiting = waitFor({
    look: async () => void looks++,
    change: (until, signal) =>
      new Promise((resolve) => {
        const cancel = clock.at(until, resolve);
        signal.addEventListener("abort", cancel);
      }),
    clock,
    until: clock.now() + 10_000,
    signal: new AbortController().signal,
  });
  await pass(5_000);
  set(-HOUR);
  await pass(5_001);
  expect(await waiting).toBeUndefined();
  expect(looks).toBeGreaterThan(0);
});
