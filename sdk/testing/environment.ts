/**
 * The whole engine in memory with a virtual clock: the same API, store, worker and runtime as in production, in one
 * process, with time that only moves when the test says so.
 *
 * TESTENV-1. Time stands still while anything is going on: it moves only when no call is under way, nothing waits for a commit
 *     and no timer is due. An activity that runs (a real promise) holds time too, for `activityPatienceMs` of real time;
 *     then it is taken to hang for good: it holds nothing any more, and its limits may run out.
 * TESTENV-2. Time moves from one due moment to the next, never past one.
 * TESTENV-3. A killed worker leaves as a killed process does: not one more call of it goes out or is answered, nothing is handed
 *     back, its session dies when its heartbeats would have been missed.
 */
import { randomUUID } from "node:crypto";
import { createKey, DEFAULT_WORKSPACE } from "../../shared/api/auth.ts";
import { createApi } from "../../shared/api/index.ts";
import { sweep } from "../../shared/engine/sweep.ts";
import { type Duration, milliseconds } from "../../shared/lib/duration.ts";
import type { Ports, Settings } from "../../shared/ports.ts";
import type { HistoryEvent, Millis } from "../../shared/protocol/history.ts";
import { wakeSchedule } from "../../shared/schedule/service/index.ts";
import { embedded } from "../../shared/server/embedded.ts";
import type { Activity, AnyActivity } from "../activity.ts";
import { realTime, yieldToEventLoop } from "../determinism/real.ts";
import type { ActivityContext } from "../runtime/activity.ts";
import type { Log } from "../runtime/log.ts";
import type { Transport } from "../worker/transport.ts";
import type { WorkerLimits } from "../worker/types.ts";
import { Worker } from "../worker/worker.ts";
import type { AnyWorkflow, Workflow } from "../workflow/define.ts";
import { VirtualClock } from "./clock.ts";
import { TestExecution } from "./execution.ts";
import { type TestSchedules, testSchedules } from "./schedules.ts";
import { inProcess, request, severable } from "./transport.ts";

/** Heartbeats need no repeating where nobody dies unasked. */
const NEVER: Millis = 1e13;
const LEASE: Millis = 30_000;
const CALM_TURNS = 4;

export interface TestOptions {
  readonly workflows: readonly AnyWorkflow[];
  readonly activities?: readonly AnyActivity[];
  /** Where the clock begins. Default 2026-01-01T00:00:00Z. */
  readonly start?: Date;
  /** Workers at the start. Default 1. */
  readonly workers?: number;
  /** How long a running activity holds time, in real milliseconds. Default 1000. */
  readonly activityPatienceMs?: number;
  /** Attempts of activities at a time in each worker. Default 100. */
  readonly maxConcurrentActivities?: number;
  readonly resources?: Record<string, unknown>;
  /** Default: silence. */
  readonly log?: Log;
}

/** For the tests of the worker itself. */
export interface Internals {
  /** Stands between a worker and the engine; `n` counts the workers from 1. */
  readonly wire?: (inner: Transport, n: number) => Transport;
  readonly settings?: Partial<Settings>;
  /** So far the clock of each worker goes ahead of the engine's, ms. */
  readonly skewMs?: Millis;
  readonly limits?: Partial<WorkerLimits>;
  /** The activities of worker `n`; default: all. */
  readonly runs?: (activity: string, n: number) => boolean;
  readonly worker?: (worker: Worker) => void;
  readonly engine?: (engine: Ports) => void;
}

type Stub = (input: never, ctx: ActivityContext) => unknown;

export interface TestEnvironment {
  readonly now: Date;
  /** Starts an execution; runs it until it waits for time, a message, or ends. */
  start<In, Out>(workflow: Workflow<In, Out>, input: In, options?: { id?: string }): Promise<TestExecution<Out>>;
  /** Schedules that start executions as time moves on. */
  readonly schedules: TestSchedules;
  /** An execution that something else started, such as a child or a schedule. */
  execution(id: string): TestExecution<unknown>;
  /** Moves time on, through every due moment in between. */
  advance(by: Duration): Promise<void>;
  /** Lets everything run that can run without time moving. */
  settle(): Promise<void>;
  /** From now on this function stands in for the activity's. It sees checked input; its result is checked too. */
  stub<In, Out>(activity: Activity<In, Out>, fn: (input: In, ctx: ActivityContext) => Out | Promise<Out>): void;
  /** The next `times` (default 1) attempts of the activity throw `error`, then it works again. */
  failNext(activity: AnyActivity, error: Error, times?: number): void;
  /** Kills a worker (default: the oldest) as SIGKILL would. Others, or one added later, take over in due time. */
  killWorker(): Promise<void>;
  addWorker(): Promise<void>;
  /** How often the activity's function was entered. */
  attempts(activity: AnyActivity): number;
  /** Answers `{status, body}` of any API call. */
  api(method: string, target: string, body?: unknown): Promise<{ status: number; body: unknown }>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** What a `TestExecution` needs of its environment. */
export interface Driver {
  api(method: string, target: string, body?: unknown): Promise<{ status: number; body: unknown }>;
  settle(): Promise<void>;
  /**
   * Moves to the next due moment; false: nothing will ever happen without a message, except that schedules go on and on.
   */
  next(): Promise<boolean>;
  history(id: string): Promise<HistoryEvent[]>;
}

export const testEnvironment = (options: TestOptions): Promise<TestEnvironment> => environment(options);

/** `testEnvironment`, and what its users have no business with. */
export async function environment(options: TestOptions, internals: Internals = {}): Promise<TestEnvironment> {
  const clock = new VirtualClock((options.start ?? new Date("2026-01-01T00:00:00Z")).getTime());
  const log = options.log ?? quiet;
  const engine = embedded({
    clock,
    log,
    settings: {
      heartbeatMs: NEVER,
      sessionTimeoutMs: NEVER,
      livenessMs: NEVER,
      leaseMs: LEASE,
      graceMs: 0,
      retentionMs: NEVER,
      ...internals.settings,
    },
  });
  internals.engine?.(engine);
  const api = createApi(engine, { version: "test", url: "http://test" });
  const { key } = await createKey(engine, { workspace: DEFAULT_WORKSPACE, name: "test" });
  const transport = inProcess(api, key, engine, DEFAULT_WORKSPACE);
  const deployment = "test";
  const patience = options.activityPatienceMs ?? 1_000;

  const stubs = new Map<string, Stub>();
  const failures = new Map<string, Error[]>();
  const entered = new Map<string, number>();
  const names = new Set((options.activities ?? []).map((a) => a.name));

  /** `calls`: the calls of its function that have not ended. */
  function intercepted(activity: AnyActivity, calls: Set<object>): AnyActivity {
    const fn = async (input: never, ctx: ActivityContext) => {
      calls.add(ctx);
      try {
        entered.set(activity.name, (entered.get(activity.name) ?? 0) + 1);
        const error = failures.get(activity.name)?.shift();
        if (error) throw error;
        return await (stubs.get(activity.name) ?? activity.fn)(input, ctx);
      } finally {
        calls.delete(ctx);
      }
    };
    return new Proxy(activity, { get: (target, name) => (name === "fn" ? fn : Reflect.get(target, name)) });
  }

  const known = (activity: AnyActivity) => {
    if (names.has(activity.name)) return;
    throw new TypeError(`activity '${activity.name}' is not among the activities of this environment`);
  };

  interface Seat {
    readonly worker: Worker;
    readonly calls: ReadonlySet<object>;
    cut(): void;
  }
  const seats: Seat[] = [];
  let hired = 0;
  const { skewMs = 0 } = internals;
  const addWorker = async () => {
    hired += 1;
    const calls = new Set<object>();
    const wire = severable(internals.wire ? internals.wire(transport, hired) : transport);
    const worker = new Worker(
      {
        transport: wire,
        clock: { now: () => clock.now() + skewMs, at: (at, fn) => clock.at(at - skewMs, fn) },
        log,
        session: randomUUID(),
        deployment,
        uuid: randomUUID,
        workflows: new Map(options.workflows.map((w) => [w.name, w])),
        activities: new Map(
          (options.activities ?? [])
            .filter((a) => internals.runs?.(a.name, hired) ?? true)
            .map((a) => [a.name, intercepted(a, calls)]),
        ),
        limits: {
          maxConcurrentActivities: options.maxConcurrentActivities ?? 100,
          maxConcurrentWorkflows: 200,
          cachedExecutions: 1000,
          ...internals.limits,
        },
        resources: options.resources ?? {},
        deterministic: true,
        failOnAnyError: false,
      },
      `worker-${hired}`,
    );
    await worker.start();
    internals.worker?.(worker);
    seats.push({ worker, calls, cut: wire.cut });
  };

  /** TESTENV-1. */
  const hanging = new WeakSet<object>();
  const settle = async () => {
    let calm = 0;
    let heldSince: number | null = null;
    while (calm < CALM_TURNS) {
      const ran = clock.moveTo(clock.now());
      await yieldToEventLoop();
      if (ran > 0 || transport.underWay > 0) {
        calm = 0;
        heldSince = null;
      } else calm += 1;
      if (calm < CALM_TURNS) continue;
      const holding = seats.flatMap((s) => [...s.calls]).filter((call) => !hanging.has(call));
      if (holding.length === 0) continue;
      heldSince ??= realTime();
      if (realTime() - heldSince < patience) {
        calm = 0;
        await new Promise<void>((ok) => setTimeout(ok, 1));
      } else for (const call of holding) hanging.add(call);
    }
    await engine.durable();
  };

  const soonest = (...times: (Millis | null | undefined)[]) =>
    Math.min(...times.map((t) => t ?? Number.POSITIVE_INFINITY));
  /** The next moment of a timer or an execution, at most `until`; without them, infinity. */
  const workDue = (until: Millis): Millis => {
    const sql = "SELECT MIN(due_at) AS at FROM heads WHERE due_at > ? AND due_at <= ?";
    return soonest(clock.next(), engine.database.one(sql, clock.now(), until)?.at as Millis | null);
  };
  /** TESTENV-2. The next moment at which anything is due, schedules included, at most `until`. */
  const dueBy = async (until: Millis): Promise<Millis | null> => {
    const [schedule] = await engine.schedules.due(until, 1);
    const at = soonest(workDue(until), schedule?.wakeAt);
    return at > until ? null : Math.max(clock.now(), at);
  };
  const step = async (at: Millis) => {
    clock.moveTo(at);
    await settle();
    if ((await engine.executions.due(clock.now(), 1)).length > 0) {
      await sweep(engine, 2); // whoever is due and was not rung
      await settle();
    }
    for (const key of await engine.schedules.due(clock.now(), 10_000)) {
      await wakeSchedule(engine, key);
      await settle();
    }
  };

  const driver: Driver = {
    api: (method, target, body) => during(request(api, key, method, target, body)),
    settle,
    async next() {
      await settle();
      if (workDue(Number.MAX_SAFE_INTEGER) >= NEVER) return false;
      await step((await dueBy(Number.MAX_SAFE_INTEGER))!);
      return true;
    },
    async history(id) {
      const answer = await request(api, key, "GET", `/v1/workflows/executions/${id}/history?decode_payloads=true`);
      return (answer.body as { events: HistoryEvent[] }).events;
    },
  };

  /** Keeps the engine going while something waits for it. */
  async function during<T>(promise: Promise<T>): Promise<T> {
    let done = false;
    const finish = () => {
      done = true;
    };
    promise.then(finish, finish);
    await settle();
    while (!done) {
      const at = await dueBy(Number.MAX_SAFE_INTEGER);
      if (at === null) await yieldToEventLoop();
      else await step(at);
    }
    return promise;
  }

  const kill = (seat: Seat) => {
    seat.cut();
    seat.worker.kill();
  };
  const close = async () => {
    for (const seat of seats) kill(seat);
    await yieldToEventLoop();
    engine.close();
  };

  for (let i = 0; i < (options.workers ?? 1); i++) await addWorker();

  return {
    get now() {
      return new Date(clock.now());
    },
    async start(workflow, input, o) {
      const body = { input: input ?? {}, deployment_name: deployment, ...(o?.id ? { execution_id: o.id } : {}) };
      const answer = await driver.api("POST", `/v1/workflows/${encodeURIComponent(workflow.name)}/execute`, body);
      if (answer.status !== 200) throw new Error(`'${workflow.name}' was not started: ${JSON.stringify(answer.body)}`);
      const { execution_id } = answer.body as { execution_id: string };
      await settle();
      return new TestExecution(execution_id, driver, workflow);
    },
    schedules: testSchedules(driver, deployment),
    execution: (id) => new TestExecution(id, driver),
    async advance(by) {
      const target = clock.now() + milliseconds(by, "advance");
      await settle();
      for (;;) {
        const at = await dueBy(target);
        if (at === null) break;
        await step(at);
      }
      await step(target);
    },
    settle,
    stub(activity, fn) {
      known(activity);
      stubs.set(activity.name, fn as Stub);
    },
    failNext(activity, error, times = 1) {
      known(activity);
      failures.set(activity.name, [...(failures.get(activity.name) ?? []), ...Array<Error>(times).fill(error)]);
    },
    attempts(activity) {
      known(activity);
      return entered.get(activity.name) ?? 0;
    },
    async killWorker() {
      const seat = seats.shift();
      if (!seat) throw new Error("there is no worker left to kill");
      kill(seat);
      const { session } = seat.worker;
      // TESTENV-3
      clock.at(clock.now() + LEASE - 1, () => {
        void engine.registry.leave({ workspace: DEFAULT_WORKSPACE, deployment, worker: "", session });
      });
    },
    async addWorker() {
      await addWorker();
      await settle();
    },
    api: driver.api,
    close,
    [Symbol.asyncDispose]: close,
  };
}
