/** Functions on machines with wrong clocks share one installation in the emulator (AWSCLOCK-1 to AWSCLOCK-3). */
import { setTimeout as delay } from "node:timers/promises";
import { GetItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { Keys } from "../../shared/api/auth.ts";
import { createKey } from "../../shared/api/index.ts";
import { sessions } from "../../shared/api/worker/presence.ts";
import { headKey } from "../../shared/aws/keys.ts";
import { askTime, type ServiceClock } from "../../shared/aws/service-clock.ts";
import { keyItem } from "../../shared/aws/table.ts";
import { claim } from "../../shared/engine/claim.ts";
import { send } from "../../shared/engine/send.ts";
import { realClock } from "../../shared/lib/clock.ts";
import type { Clock } from "../../shared/ports.ts";
import { liveWorkers } from "../../shared/routing/liveness.ts";
import { create, wakeSchedule } from "../../shared/schedule/service/index.ts";
import type { Aws } from "../../shared/server/aws.ts";
import { registryKeys } from "../../shared/server/aws-operator.ts";
import { begun, bench, closed, definition, headOf, newRef, signal, uuid } from "../contract/subject.ts";
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
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  });

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

  test("take messages in by the order of their acknowledgements", async () => {
    const [right, back, ahead] = await all();
    const head = await begun(bench({ ports: right!, pass: delay as never }));
    for (const [i, one] of [ahead!, back!, right!, ahead!].entries())
      expect(await send(one, head, signal(String(i), one.clock.now()))).toMatchObject({ kind: "accepted" });
    const claimed = await claim(back!, head, { session: uuid() });
    if (claimed.kind !== "claimed") throw new Error("not claimed");
    expect(claimed.messages.map(({ id }) => id)).toEqual(["signal#0", "signal#1", "signal#2", "signal#3"]);
  });

  test("send tasks for what is due, as the sweeper, and for nothing else", async () => {
    for (const one of await all()) {
      const queue = { workspace: uuid(), deployment: "shop", queue: "workflow" } as const;
      const worker = { workspace: queue.workspace, deployment: "shop", worker: "w", session: uuid() };
      await one.registry.register({ ...worker, definitions: [definition("orders")], now: one.clock.now() });
      for (const [execution, dueAt] of [
        ["overdue", Date.now() - 10_000],
        ["in-30-minutes", Date.now() + HOUR / 2],
      ] as const)
        await one.executions.create(headOf({ ...queue, execution }, dueAt, { due_at: dueAt }), []);
      await one.set(-HOUR / 4);
      await one.sweep(60_000, one.clock.now() + 30_000);
      const sent = await one.tasks.receive(queue, { session: "s", max: 10, waitMs: 0 });
      expect(sent.map(({ task }) => "execution" in task && task.execution)).toEqual(["overdue"]);
    }
  }, 60_000);

  test("start what a schedule is due for, at its time", async () => {
    const functions = await all();
    const made = await Promise.all(
      functions.map(async (one) => {
        const workspace = uuid();
        const worker = { workspace, deployment: "shop", worker: "w", session: uuid() };
        await one.registry.register({ ...worker, definitions: [definition("orders")], now: one.clock.now() });
        const spec = { intervals: [{ every: "PT4S" }], policy: { overlap: 6 } };
        const schedule = `s-${uuid()}`;
        const of = { schedule_id: schedule, workflow_name: "orders", deployment_name: "shop", definition: spec };
        await create(one, workspace, of);
        return { workspace, schedule };
      }),
    );
    for (const key of made) {
      const { wakeAt } = (await functions[0]!.schedules.get(key))!;
      expect(wakeAt! - Date.now()).toBeLessThan(4_000 + 1_500);
      for (const one of functions) {
        const due = await one.schedules.due(one.clock.now() - 1_500, 1_000);
        expect(due.some(({ schedule }) => schedule === key.schedule)).toBe(false);
      }
    }
    await delay(6_000);
    for (const [i, key] of made.entries()) {
      const other = functions[(i + 1) % functions.length]!;
      const worker = { workspace: key.workspace, deployment: "shop", worker: "w", session: uuid() };
      await other.registry.register({ ...worker, definitions: [definition("orders")], now: other.clock.now() });
      await wakeSchedule(other, key);
      const [run] = (await other.schedules.get(key))!.state.recent;
      expect(Math.abs(run!.started_at - Date.now())).toBeLessThan(4_000);
      expect(Date.now() - run!.scheduled_at).toBeLessThan(30_000);
    }
  }, 60_000);

  test("let keys expire at the same time, also those that an operator makes on a machine with a wrong clock", async () => {
    const functions = await all();
    const { endpoint, region, credentials } = on.account;
    vi.stubEnv("AWS_ENDPOINT_URL", endpoint);
    vi.stubEnv("AWS_ACCESS_KEY_ID", credentials.accessKeyId);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", credentials.secretAccessKey);
    const keys: string[] = [];
    const make = async (ports: Parameters<typeof createKey>[0]) => {
      const { key, record } = await createKey(ports, { workspace: uuid(), name: "short", lastsMs: 6_000 });
      keys.push(key);
      return record;
    };
    for (const one of functions) await make(one);
    const now = Date.now.bind(Date);
    for (const wrong of [-HOUR, HOUR]) {
      vi.spyOn(Date, "now").mockImplementation(() => now() + wrong);
      const operator = await registryKeys({ table: on.tables.registry, region });
      const { createdAt } = await make(operator);
      vi.restoreAllMocks();
      expect(Math.abs(createdAt - Date.now())).toBeLessThan(2_500);
    }
    const seen = (one: Aws) =>
      Promise.all(keys.map(async (key) => "hash" in (await new Keys(one, null).authenticate(`Bearer ${key}`))));
    for (const one of functions) expect(await seen(one)).toEqual(keys.map(() => true));
    await delay(8_000);
    for (const one of functions) expect(await seen(one)).toEqual(keys.map(() => false));
  }, 60_000);

  test("give closed runs the same expiry", async () => {
    for (const one of await all()) {
      const b = bench({ ports: one, pass: delay as never });
      const head = await begun(b, newRef(), { deadline: Date.now() + HOUR });
      await one.set(HOUR);
      await closed(b, head);
      const Key = keyItem(headKey(head));
      const { Item } = await one.clients.dynamo.send(new GetItemCommand({ TableName: on.tables.executions, Key }));
      const expires = Number(Item!.ttl!.N) * 1_000;
      expect(Math.abs(expires - Date.now() - one.settings.retentionMs)).toBeLessThan(4_000);
    }
  });
});
