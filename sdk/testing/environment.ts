/**
 * The whole engine in memory with a virtual clock: API, store, worker and runtime are those of production, in one process,
 * and time moves only when the test says so. The rules are TESTENV-1 and TESTENV-2 (`time.ts`), TESTENV-3 (`workers.ts`), TESTENV-4
 * (`blocked.ts`), TESTENV-5 (`runs-at-once.ts`).
 */

import { DEFAULT_WORKSPACE } from "../../shared/api/auth.ts";
import { decodedBody, decodedWithin, encodedBody } from "../../shared/encoding/http.ts";
import type { EncodingOptions } from "../../shared/encoding/options.ts";
import { type Duration, milliseconds } from "../../shared/lib/duration.ts";
import type { HistoryEvent, Millis } from "../../shared/protocol/history.ts";
import type { Activity, AnyActivity } from "../activity.ts";
import { yieldToEventLoop } from "../determinism/real.ts";
import { toJson } from "../json.ts";
import type { ActivityContext } from "../runtime/activity.ts";
import type { Log } from "../runtime/log.ts";
import { byName, checkNotEmpty, codecOf } from "../worker/options.ts";
import { warnOfDeterminism } from "../worker/run.ts";
import type { AnyWorkflow, Workflow } from "../workflow/define.ts";
import { hosted } from "../workflow/hosted.ts";
import { type StandIn, TestActivities } from "./activities.ts";
import { onBlocked } from "./blocked.ts";
import type { ApiAnswer, Driver } from "./driver.ts";
import { TestExecution } from "./execution.ts";
import type { Internals } from "./internals.ts";
import { MAX_RUNS_AT_ONCE } from "./runs-at-once.ts";
import { type TestSchedules, testSchedules } from "./schedules.ts";
import { VirtualTime } from "./time.ts";
import { TestWorkers } from "./workers.ts";
import { DEPLOYMENT, World } from "./world.ts";

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
  /** So many runs of one execution may follow each other by continue-as-new without time moving. Default 50. */
  readonly maxRunsAtOnce?: number;
  readonly resources?: Record<string, unknown>;
  /**
   * Of the workers, and of the test as their client: payloads are encoded on their way and in the engine, the test sees plain
   * values. Default: none.
   */
  readonly encoding?: EncodingOptions;
  /** Default: warnings and errors of workers and server go to the console. */
  readonly log?: Log;
}

/** What a worker warns of in production is seen in tests too; the rest would bury their output. */
const warnings: Log = {
  debug: () => {},
  info: () => {},
  warn: (message, fields) => console.warn(message, fields ?? {}),
  error: (message, fields) => console.error(message, fields ?? {}),
};

export const testEnvironment = (options: TestOptions): Promise<TestEnvironment> => environment(options);

/** `testEnvironment`, with hooks that are not for users. */
export async function environment(options: TestOptions, internals: Internals = {}): Promise<TestEnvironment> {
  const log = options.log ?? warnings;
  const { start = new Date("2026-01-01T00:00:00Z"), maxRunsAtOnce = MAX_RUNS_AT_ONCE } = options;
  const world = await World.create(start, log, { settings: internals.settings ?? {}, maxRunsAtOnce });
  internals.engine?.(world.engine);
  const activities = new TestActivities([...byName("activity", options.activities ?? []).values()]);
  const { maxConcurrentActivities } = options;
  const limits = { ...(maxConcurrentActivities === undefined ? {} : { maxConcurrentActivities }), ...internals.limits };
  checkNotEmpty(options);
  const named = byName("workflow", options.workflows);
  const workflows = new Map([...named].map(([name, workflow]) => [name, hosted(workflow)]));
  warnOfDeterminism(options, log);
  const codec = codecOf(options.encoding);
  const codecFor = (n: number) => (internals.encoding ? codecOf(internals.encoding(n)) : codec);
  const config = { workflows, resources: options.resources ?? {}, log, limits, codec: codecFor };
  const workers = new TestWorkers(world, activities, config, internals);
  const { during, end } = unlessBlocked();
  const time = new VirtualTime(world, () => workers.runningActivities, options.activityPatienceMs ?? 1_000);
  for (let i = 0; i < (options.workers ?? 1); i++) await workers.add();
  return new TestEnvironment({
    driver: {
      api: (method, target, body) =>
        during(async () => {
          const request = { method, path: target.split("?")[0]!, body };
          const sent = await encodedBody(codec, request, async () => DEFAULT_WORKSPACE);
          const answer = await time.during(world.request(method, target, sent));
          return { ...answer, body: await decodedBody(codec, answer.body) };
        }),
      untilIdle: () => during(() => time.untilIdle()),
      next: () => during(() => time.next()),
      mayRun: (name) => activities.mayRun(name),
      history: (execution) =>
        during(async () => (await decodedWithin(codec, await world.history(execution))) as HistoryEvent[]),
    },
    activities,
    workers,
    now: () => world.clock.now(),
    advanceTo: (at) => during(() => time.advanceTo(at)),
    close() {
      end();
      world.close();
    },
  });
}

/** TESTENV-4: calls under way, and later ones, fail with the error of workflow code that was stopped. */
function unlessBlocked() {
  let blocked: Error | null = null;
  const underWay = new Set<(error: Error) => void>();
  const end = onBlocked((bug) => {
    blocked = bug;
    for (const fail of underWay) fail(bug);
  });
  const during = <T>(work: () => Promise<T>): Promise<T> =>
    new Promise((ok, fail) => {
      if (blocked) return fail(blocked);
      underWay.add(fail);
      const ended = () => underWay.delete(fail);
      work().then(ok, fail).finally(ended);
    });
  return { during, end };
}

/** Interfaces instead of the classes behind them: the published declarations must not reach the server's. */
interface Parts {
  readonly driver: Driver;
  readonly activities: TestActivities;
  readonly workers: { add(): Promise<void>; killOldest(): void; killAll(): void };
  now(): Millis;
  advanceTo(at: Millis): Promise<void>;
  close(): void;
}

export class TestEnvironment {
  /** Schedules that start executions as time moves on. */
  readonly schedules: TestSchedules;
  readonly #parts: Parts;
  readonly #driver: Driver;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#driver = parts.driver;
    this.schedules = testSchedules(this.#driver, DEPLOYMENT);
  }

  get now(): Date {
    return new Date(this.#parts.now());
  }

  /** Starts an execution; runs it until it waits for time or a message, or ends. */
  async start<In, Out>(
    workflow: Workflow<In, Out>,
    input: In,
    options: { id?: string } = {},
  ): Promise<TestExecution<Out>> {
    const id = options.id ? { execution_id: options.id } : {};
    const body = {
      input: toJson(input ?? {}, `the input of workflow "${workflow.name}"`),
      deployment_name: DEPLOYMENT,
      ...id,
    };
    const answer = await this.api("POST", `/v1/workflows/${encodeURIComponent(workflow.name)}/execute`, body);
    if (answer.status !== 200) throw new Error(`'${workflow.name}' was not started: ${JSON.stringify(answer.body)}`);
    await this.untilIdle();
    return new TestExecution((answer.body as { execution_id: string }).execution_id, this.#driver, workflow);
  }

  /** A handle on an execution that the test did not start itself, such as a child or a scheduled one. */
  execution(id: string): TestExecution<unknown> {
    return new TestExecution(id, this.#driver);
  }

  /** Moves time on, through every due moment in between. */
  async advance(by: Duration): Promise<void> {
    await this.#parts.advanceTo(this.#parts.now() + milliseconds(by, "advance"));
  }

  /** Runs everything that can run without time moving. */
  untilIdle(): Promise<void> {
    return this.#driver.untilIdle();
  }

  /** From now on `fn` runs in place of the activity's function. Its input and its result are checked as before. */
  stub<In, Out>(activity: Activity<In, Out>, fn: (input: In, ctx: ActivityContext) => Out | Promise<Out>): void {
    this.#parts.activities.replace(activity, fn as StandIn);
  }

  /** The next `times` (default 1) attempts of the activity throw `error`; later ones work again. */
  failNext(activity: AnyActivity, error: Error, times = 1): void {
    this.#parts.activities.fail(activity, error, times);
  }

  /**
   * Kills the oldest worker as SIGKILL would. Other workers, or one added later, take over its executions when its leases
   * have run out.
   */
  async killWorker(): Promise<void> {
    this.#parts.workers.killOldest();
  }

  async addWorker(): Promise<void> {
    await this.#parts.workers.add();
    await this.untilIdle();
  }

  /** How many attempts of the activity have entered its function. */
  attempts(activity: AnyActivity): number {
    return this.#parts.activities.attempts(activity);
  }

  /** Answers `{status, body}` of any API call; time moves on until it is answered. */
  api(method: string, target: string, body?: unknown): Promise<ApiAnswer> {
    return this.#driver.api(method, target, body);
  }

  async close(): Promise<void> {
    this.#parts.workers.killAll();
    await yieldToEventLoop();
    this.#parts.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
