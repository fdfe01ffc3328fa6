/** Functions on machines with wrong clocks share one installation in the emulator (AWSCLOCK-1 to AWSCLOCK-3). */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sessions } from "../../shared/api/worker/presence.ts";
import { askTime, type ServiceClock } from "../../shared/aws/service-clock.ts";
import { claim } from "../../shared/engine/claim.ts";
import { realClock } from "../../shared/lib/clock.ts";
import type { Clock } from "../../shared/ports.ts";
import { liveWorkers } from "../../shared/routing/liveness.ts";
import type { Aws } from "../../shared/server/aws.ts";
import { begun, bench, definition, uuid } from "../contract/subject.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { cannotRun, type Installation, install } from "./account.ts";

const HOUR = 3_600_000;
const settings = { livenessMs: 3_000, sessionTimeoutMs: 3_000, claimTimeoutMs: 60_000 };

describeUnless(cannotRun)("functions whose machines' clocks are wrong", () => {
  let on: Installation;
  beforeAll(async () => {
    on = await install({ feed: false });
  });
  afterAll(() => on?.end());

  /** A function whose clock is wrong by `ahead`, and can be set. */
  async function functionWith(ahead: number): Promise<Aws & { set(by: number): Promise<void> }> {
    let wrong = ahead;
    const clock: Clock = {
      now: () => Date.now() + wrong,
      steady: () => realClock.steady!() + ahead,
      at: (at, fn) => realClock.at(at - wrong, fn),
    };
    const ports = on.adapter({ machineClock: clock, settings });
    const ask = () => askTime(ports.clock as ServiceClock, ports.clients.dynamo, on.tables.executions);
    await ask();
    return {
      ...ports,
      async set(by) {
        wrong += by;
        await ask();
      },
    };
  }
  const all = () => Promise.all([0, -HOUR, HOUR].map(functionWith));
  const dead = async (ports: Aws, workspace: string, id: string) =>
    (await sessions({ ports, workspace } as never, { deployment: "shop", ids: [id] })).dead.length === 1;

  test("agree when a worker is live, and when it is dead", async () => {
    const functions = await all();
    for (const one of functions) {
      const worker = { workspace: uuid(), deployment: "shop", worker: "w", session: uuid() };
      await one.registry.register({ ...worker, definitions: [definition("orders")], now: one.clock.now() });
      await one.set(HOUR);
      await one.registry.beat({ ...worker, now: one.clock.now() });
      const { workspace, session } = worker;
      const seen = () =>
        Promise.all(
          functions.map(async (f) => [await liveWorkers(f, workspace, "shop"), await dead(f, workspace, session)]),
        );
      expect(await seen()).toEqual([
        [1, false],
        [1, false],
        [1, false],
      ]);
      // More than the limit and the difference of their times.
      await delay(5_500);
      expect(await seen()).toEqual([
        [0, true],
        [0, true],
        [0, true],
      ]);
    }
  }, 60_000);

  test("set due times by the same time", async () => {
    for (const one of await all()) {
      const head = await begun(bench({ ports: one, pass: delay as never }));
      await one.set(-2 * HOUR);
      const claimed = await claim(one, head, { session: uuid() });
      if (claimed.kind !== "claimed") throw new Error("not claimed");
      expect(Math.abs(claimed.now - Date.now())).toBeLessThan(2_500);
      expect(Math.abs(claimed.head.due_at! - Date.now() - settings.claimTimeoutMs)).toBeLessThan(2_500);
    }
  });

  test("let the lease of a task end by the time of the queue", async () => {
    const [right, back, ahead] = await all();
    const queue = { workspace: uuid(), deployment: "shop", queue: "workflow" } as const;
    const worker = { workspace: queue.workspace, deployment: "shop", worker: "w", session: uuid() };
    await right!.registry.register({ ...worker, definitions: [definition("orders")], now: right!.clock.now() });
    for (const one of [back!, ahead!]) {
      await one.tasks.send(queue, { kind: "workflow", execution: uuid() }, { at: one.clock.now() });
      const [taken] = await right!.tasks.receive(queue, { session: "s", max: 1, waitMs: 5_000 });
      expect(taken).toMatchObject({ attempt: 1 });
      expect(await one.tasks.extend(queue.workspace, [taken!.receipt], 2_000)).toEqual([]);
      const [again] = await right!.tasks.receive(queue, { session: "s", max: 1, waitMs: 6_000 });
      expect(again).toMatchObject({ attempt: 2 });
      await right!.tasks.finish(queue.workspace, [again!.receipt]);
    }
  }, 60_000);
});
