/**
 * A process dies at each point between reading a schedule and arming its timer, and two processes change one schedule at the
 * same time. In every case each due time starts one execution and has one entry in the log.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Ports } from "../../../shared/ports.ts";
import { pause, trigger } from "../../../shared/schedule/rules/index.ts";
import { change, scheduleClosed, wakeSchedule } from "../../../shared/schedule/service/index.ts";
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

/** Ports with other methods of executions. */
function withExecutions(ports: Ports, others: Partial<Ports["executions"]>): Ports {
  const executions = new Proxy(ports.executions, {
    get(target, name) {
      if (Object.hasOwn(others, name)) return Reflect.get(others, name);
      const real = Reflect.get(target, name);
      return typeof real === "function" ? real.bind(target) : real;
    },
  });
  return { ...ports, executions };
}

/** Ports of a store without one transaction for schedules and executions, as on AWS (CHANGE-2). The others have it (CHANGE-4). */
const apart = (ports: Ports) => withExecutions(ports, { createScheduled: undefined as never });

interface Point {
  readonly port: "schedules" | "executions";
  readonly method: keyof Ports["schedules"] | keyof Ports["executions"];
  readonly nth?: number;
  readonly when?: "before" | "after";
  readonly isApart?: boolean;
}

/** The ports of a process that dies at the `nth` call of a method: that call and all later calls never resolve. */
function dying({ port, method, nth = 1, when = "before", isApart = false }: Point) {
  const died = Promise.withResolvers<void>();
  let dead = false;
  let calls = 0;
  const never = new Promise<never>(() => {});
  const wrap = (name: "schedules" | "executions") =>
    new Proxy(s.ports[name], {
      get(target, property) {
        const real = Reflect.get(target, property) as (...args: unknown[]) => Promise<unknown>;
        if (isApart && property === "createScheduled") return undefined;
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

/** Wakes the schedule in a process that dies at the given call. */
async function dieWaking(at: Point): Promise<void> {
  const process = dying(at);
  void wakeSchedule(process.ports, key());
  await process.died;
  await turnOfTheLoop();
}

describe("a process dies while it handles a due time", () => {
  const isApart = true;
  const points: [string, Point][] = [
    ["before the first commit", { port: "schedules", method: "replace", isApart }],
    ["after the commit of the decision, before the start", { port: "executions", method: "create", isApart }],
    [
      "after the head of the execution was written, before its task was enqueued",
      { port: "executions", method: "create", when: "after", isApart },
    ],
    ["before the commit of the result", { port: "schedules", method: "replace", nth: 2, isApart }],
    ["after the commit of the result, before the timer is armed", { port: "schedules", method: "arm", isApart }],
    ["before the commit of decision and execution", { port: "executions", method: "createScheduled" }],
    [
      "after the commit of decision and execution, before its task was enqueued",
      { port: "executions", method: "createScheduled", when: "after" },
    ],
    ["after that commit and the task, before the timer is armed", { port: "schedules", method: "arm" }],
  ];
  for (const [title, point] of points) {
    test(`${title}: after a restart the run starts once, at once`, async () => {
      await create({ policy: { overlap: 6 } });
      await s.clock.advance(HOUR);
      await dieWaking(point);
      await s.ports.recoverSchedules();
      await wakeSchedule(s.ports, key());
      expect(await executions()).toEqual(["s-20270115T090000Z"]);
      expect(await s.outcomes(id)).toEqual(["started@3600"]);
      expect(
        (await s.ports.schedules.due(Number.MAX_SAFE_INTEGER, 9)).map(({ wakeAt }) => s.seconds(new Date(wakeAt))),
      ).toEqual([7200]);
    });

    test(`${title}: without a restart a later wake-up starts the run within 30 seconds`, async () => {
      await create({ policy: { overlap: 6 } });
      await s.clock.advance(HOUR);
      await dieWaking(point);
      s.ports.timer.start();
      await s.pass(30 * SECOND);
      expect(await executions()).toEqual(["s-20270115T090000Z"]);
      expect(await s.outcomes(id)).toEqual(["started@3600"]);
    });
  }

  test("a process dies while it starts thirty runs: the next process starts the rest, each once", async () => {
    await create({ policy: { overlap: 6 } });
    await s.clock.advance(30 * HOUR);
    await dieWaking({ port: "executions", method: "create", nth: 17, when: "after" });
    expect((await executions()).length).toBeLessThan(30);
    await s.ports.recoverSchedules();
    expect(await executions()).toHaveLength(30);
    expect((await s.outcomes(id)).every((outcome) => outcome.startsWith("started"))).toBe(true);
    expect(await s.log(id)).toHaveLength(30);
  });

  test.each<[string, Point]>([
    ["and the start of the waiting one", { port: "executions", method: "create", isApart }],
    ["and the commit with the start of the waiting one", { port: "executions", method: "createScheduled" }],
  ])("a process dies between the close of a run %s: the next process starts it", async (_, point) => {
    await create({ policy: { overlap: 3 } });
    s.ports.timer.start();
    await s.pass(2 * HOUR);
    s.ports.timer.stop();
    const [first] = await executions();
    const entry = { kind: "tell_schedule", schedule: id, status: "COMPLETED", failure: null } as const;
    const process = dying(point);
    void scheduleClosed(process.ports, { workspace: s.workspace, execution: first! }, entry);
    await process.died;
    expect(await executions()).toHaveLength(1);
    await scheduleClosed(s.ports, { workspace: s.workspace, execution: first! }, entry); // the sweeper repeats the outbox entry
    await s.ports.recoverSchedules();
    expect(await executions()).toEqual(["s-20270115T090000Z", "s-20270115T100000Z"]);
  });

  test("a process dies before it stops an active run: the next process stops it", async () => {
    await create({ policy: { overlap: 5 } });
    s.ports.timer.start();
    await s.pass(HOUR);
    s.ports.timer.stop();
    await s.clock.advance(HOUR);
    await dieWaking({ port: "executions", method: "close" });
    await s.ports.recoverSchedules();
    const runs = await s.client.workflows.runs.listRuns({ order: "asc" });
    expect(runs.result.executions.map((run) => run.status)).toEqual(["TERMINATED", "RUNNING"]);
  });
});

describe("two processes change one schedule", () => {
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

  test("two wake-ups for one due time start one execution and write one log entry", async () => {
    await create({ policy: { overlap: 6 } });
    await s.clock.advance(HOUR);
    const slow = paused();
    const late = wakeSchedule(slow.ports, key());
    await slow.reached;
    await wakeSchedule(s.ports, key());
    slow.resume();
    await late;
    expect(await executions()).toEqual(["s-20270115T090000Z"]);
    expect(await s.outcomes(id)).toEqual(["started@3600"]);
  });

  test("a pause between the read and the commit of a wake-up wins", async () => {
    await create({});
    await s.clock.advance(HOUR);
    const slow = paused();
    const late = wakeSchedule(slow.ports, key());
    await slow.reached;
    await change(s.ports, key(), (before, now) => pause(before, now, "stop"));
    slow.resume();
    await late;
    expect(await executions()).toEqual([]);
    expect(await s.outcomes(id)).toEqual(["paused@3600"]);
  });

  test("after a delete between the read and the commit of a wake-up nothing starts, and the schedule stays deleted", async () => {
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

  test("thirty triggers at one instant start thirty runs, however many conflicts they meet", async () => {
    await create({ policy: { overlap: 6 } });
    await Promise.all(Array.from({ length: 30 }, () => change(s.ports, key(), (before, now) => trigger(before, now))));
    expect(new Set(await executions()).size).toBe(30);
    expect((await s.log(id)).map(({ seq }) => seq)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    expect((await state()).active).toHaveLength(30);
  });

  test("a close that is reported twice, or for an unknown run or schedule, changes nothing", async () => {
    await create({});
    s.ports.timer.start();
    await s.pass(HOUR);
    s.ports.timer.stop();
    await s.shop.complete("s-20270115T090000Z");
    const before = await state();
    const entry = { kind: "tell_schedule", schedule: id, status: "FAILED", failure: "late" } as const;
    for (const execution of ["s-20270115T090000Z", "unknown"]) {
      await scheduleClosed(s.ports, { workspace: s.workspace, execution }, entry);
    }
    await scheduleClosed(s.ports, { workspace: s.workspace, execution: "x" }, { ...entry, schedule: "gone" });
    expect(await state()).toEqual(before);
  });
});

/** Ports on which the first calls of a method fail. */
function failing(method: "create" | "createScheduled", times: number): Ports {
  const { executions } = s.ports;
  const real = executions[method]!.bind(executions) as (...args: unknown[]) => Promise<unknown>;
  let left = times;
  const fails = async (...args: unknown[]) => {
    if (left-- > 0) throw new Error("throttled");
    return real(...args);
  };
  return withExecutions(s.ports, { [method]: fails });
}

test("when the store fails in the transaction of decision and start, the start is made after the decision", async () => {
  await create({});
  await change(failing("createScheduled", 1), key(), (before, now) => trigger(before, now));
  expect(await executions()).toHaveLength(1);
  expect(await s.outcomes(id)).toEqual(["started@0"]);
  expect(s.lines.filter(({ level }) => level === "error")).toHaveLength(1);
});

test("when the store fails during a start, the trigger succeeds and later wake-ups repeat the start", async () => {
  await create({});
  const ports = apart(failing("create", 2));
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
