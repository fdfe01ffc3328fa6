/**
 * What a process that dies leaves behind, at each point between deciding and knowing the result, and what two that race
 * for one schedule make of it: each due time starts one execution and has one line in the log.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Ports } from "../../../shared/ports.ts";
import { pause, trigger } from "../../../shared/schedule/rules/index.ts";
import { change, recover, scheduleClosed, wakeSchedule } from "../../../shared/schedule/service/index.ts";
import { turnOfTheLoop } from "../../contract/manual-clock.ts";
import { HOUR, MINUTE, SECOND, type Stage, stage } from "./stage.ts";

let s: Stage;
beforeEach(async () => {
  s = await stage({ timerOff: true });
});
afterEach(() => s.close());

const id = "s";
const key = () => ({ workspace: s.workspace, schedule: id });
const create = (schedule: object) =>
  s.schedules.scheduleWorkflow({
    workflowIdentifier: "orders",
    scheduleId: id,
    schedule: { input: {}, intervals: [{ every: "PT1H" }], ...schedule },
  });
const state = async () => (await s.ports.schedules.get(key()))!.state;
const executions = async () =>
  (await s.client.workflows.runs.listRuns({ order: "asc" })).result.executions.map(({ executionId }) => executionId);

/** The ports of a process that dies at the `nth` call of a method: that call and everything after it never ends. */
function dying(
  port: "schedules" | "executions",
  method: keyof Ports["schedules"] | keyof Ports["executions"],
  nth = 1,
  when = "before",
) {
  const died = Promise.withResolvers<void>();
  let dead = false;
  let calls = 0;
  const never = new Promise<never>(() => {});
  const wrap = (name: "schedules" | "executions") =>
    new Proxy(s.ports[name], {
      get(target, property) {
        const real = Reflect.get(target, property) as (...args: unknown[]) => Promise<unknown>;
        return async (...args: unknown[]) => {
          if (dead) return never;
          const mine = name === port && property === method && ++calls === nth;
          if (mine && when === "after") await real.apply(target, args);
          if (!mine) return real.apply(target, args);
          dead = true;
          died.resolve();
          return never;
        };
      },
    });
  const ports: Ports = { ...s.ports, schedules: wrap("schedules"), executions: wrap("executions") } as Ports;
  return { ports, died: died.promise };
}

/** Wakes the schedule in a process that dies on the way. */
async function dieWaking(...at: Parameters<typeof dying>): Promise<void> {
  const process = dying(...at);
  void wakeSchedule(process.ports, key());
  await process.died;
  await turnOfTheLoop();
}

describe("a process dies while a due time is handled", () => {
  const points: [string, Parameters<typeof dying>][] = [
    ["before anything is written", ["schedules", "replace", 1]],
    ["after the decision was written, before the start", ["executions", "create", 1]],
    ["after the start, before it was rung or known", ["executions", "create", 1, "after"]],
    ["before the result is written", ["schedules", "replace", 2]],
    ["after the result was written, before the next time is armed", ["schedules", "arm", 1]],
  ];
  for (const [title, point] of points) {
    test(`${title}: whoever restarts starts it once, at once`, async () => {
      await create({ policy: { overlap: 6 } });
      await s.clock.advance(HOUR);
      await dieWaking(...point);
      await recover(s.ports);
      await wakeSchedule(s.ports, key());
      expect(await executions()).toEqual(["s-20270115T090000Z"]);
      expect(await s.told(id)).toEqual(["started@3600"]);
      expect(
        (await s.ports.schedules.due(Number.MAX_SAFE_INTEGER, 9)).map(({ wakeAt }) => s.seconds(new Date(wakeAt))),
      ).toEqual([7200]);
    });

    test(`${title}: without a restart another wake-up does it after some seconds`, async () => {
      await create({ policy: { overlap: 6 } });
      await s.clock.advance(HOUR);
      await dieWaking(...point);
      s.ports.timer.start();
      await s.pass(30 * SECOND);
      expect(await executions()).toEqual(["s-20270115T090000Z"]);
      expect(await s.told(id)).toEqual(["started@3600"]);
    });
  }

  test("a death while one of many starts leaves the others for the next process, each once", async () => {
    await create({ policy: { overlap: 6 } });
    await s.clock.advance(30 * HOUR);
    await dieWaking("executions", "create", 17, "after");
    expect((await executions()).length).toBeLessThan(30);
    await recover(s.ports);
    expect(await executions()).toHaveLength(30);
    expect((await s.told(id)).every((told) => told.startsWith("started"))).toBe(true);
    expect(await s.log(id)).toHaveLength(30);
  });

  test("a death between the end of a run and the start of the one that waits for it", async () => {
    await create({ policy: { overlap: 3 } });
    s.ports.timer.start();
    await s.pass(2 * HOUR);
    s.ports.timer.stop();
    const [first] = await executions();
    const told = { kind: "tell_schedule", schedule: id, status: "COMPLETED", failure: null } as const;
    const process = dying("executions", "create", 1);
    void scheduleClosed(process.ports, { workspace: s.workspace, execution: first! }, told);
    await process.died;
    expect(await executions()).toHaveLength(1);
    await scheduleClosed(s.ports, { workspace: s.workspace, execution: first! }, told); // the sweeper tells again
    await recover(s.ports);
    expect(await executions()).toEqual(["s-20270115T090000Z", "s-20270115T100000Z"]);
  });

  test("a death before an active run is asked to stop: it is asked by the next process", async () => {
    await create({ policy: { overlap: 5 } });
    s.ports.timer.start();
    await s.pass(HOUR);
    s.ports.timer.stop();
    await s.clock.advance(HOUR);
    await dieWaking("executions", "close", 1);
    await recover(s.ports);
    const runs = await s.client.workflows.runs.listRuns({ order: "asc" });
    expect(runs.result.executions.map((run) => run.status)).toEqual(["TERMINATED", "RUNNING"]);
  });
});

describe("two at once", () => {
  /** Ports whose first `get` of a schedule waits for `resume`. */
  function paused(): { ports: Ports; reached: Promise<void>; resume: () => void } {
    const reached = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const { schedules } = s.ports;
    const get: typeof schedules.get = async (k) => {
      const found = await schedules.get(k);
      reached.resolve();
      await gate.promise;
      return found;
    };
    const ports = { ...s.ports, schedules: Object.assign(Object.create(schedules), { get }) as typeof schedules };
    for (const name of ["replace", "arm", "putLog"] as const) {
      Object.assign(ports.schedules, { [name]: schedules[name].bind(schedules) });
    }
    return { ports, reached: reached.promise, resume: gate.resolve };
  }

  test("two wakers of one due time start one execution and write one line", async () => {
    await create({ policy: { overlap: 6 } });
    await s.clock.advance(HOUR);
    const slow = paused();
    const late = wakeSchedule(slow.ports, key());
    await slow.reached;
    await wakeSchedule(s.ports, key());
    slow.resume();
    await late;
    expect(await executions()).toEqual(["s-20270115T090000Z"]);
    expect(await s.told(id)).toEqual(["started@3600"]);
  });

  test("a pause that comes between a waker's reading and its writing wins", async () => {
    await create({});
    await s.clock.advance(HOUR);
    const slow = paused();
    const late = wakeSchedule(slow.ports, key());
    await slow.reached;
    await change(s.ports, key(), (before, now) => pause(before, now, "stop"));
    slow.resume();
    await late;
    expect(await executions()).toEqual([]);
    expect(await s.told(id)).toEqual(["paused@3600"]);
  });

  test("a delete between a waker's reading and its writing: nothing starts and nothing comes back", async () => {
    await create({});
    await s.clock.advance(HOUR);
    const slow = paused();
    const late = wakeSchedule(slow.ports, key());
    await slow.reached;
    await s.schedules.unscheduleWorkflow({ scheduleId: id });
    slow.resume();
    await late;
    expect(await executions()).toEqual([]);
    expect(await s.ports.schedules.get(key())).toBeNull();
  });

  test("thirty triggers at one instant are thirty runs, whoever loses how often", async () => {
    await create({ policy: { overlap: 6 } });
    await Promise.all(Array.from({ length: 30 }, () => change(s.ports, key(), (before, now) => trigger(before, now))));
    expect(new Set(await executions()).size).toBe(30);
    expect((await s.log(id)).map(({ seq }) => seq)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    expect((await state()).active).toHaveLength(30);
  });

  test("an end that is told twice, or of a run that is unknown, changes nothing", async () => {
    await create({});
    s.ports.timer.start();
    await s.pass(HOUR);
    s.ports.timer.stop();
    await s.shop.complete("s-20270115T090000Z");
    const before = await state();
    const told = { kind: "tell_schedule", schedule: id, status: "FAILED", failure: "late" } as const;
    for (const execution of ["s-20270115T090000Z", "stranger"]) {
      await scheduleClosed(s.ports, { workspace: s.workspace, execution }, told);
    }
    await scheduleClosed(s.ports, { workspace: s.workspace, execution: "x" }, { ...told, schedule: "gone" });
    expect(await state()).toEqual(before);
  });
});

test("a store that fails while a run is to start is tried again, and the request that asked is not failed", async () => {
  await create({});
  const { executions: real } = s.ports;
  let failures = 2;
  const failing = Object.assign(Object.create(real), {
    create: async (...args: Parameters<typeof real.create>) => {
      if (failures-- > 0) throw new Error("throttled");
      return real.create(...args);
    },
  }) as typeof real;
  const ports = { ...s.ports, executions: failing };
  await change(ports, key(), (before, now) => trigger(before, now));
  expect(await executions()).toEqual([]);
  for (let i = 0; i < 4; i++) {
    await s.clock.advance(SECOND);
    await wakeSchedule(ports, key());
  }
  expect(await executions()).toHaveLength(1);
  expect(s.lines.filter(({ level }) => level === "error")).toHaveLength(2);
  await s.clock.advance(MINUTE);
});
