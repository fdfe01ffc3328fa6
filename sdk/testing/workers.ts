/**
 * The workers of a test.
 *
 * TESTENV-3. A killed worker stops as a killed process does: none of its calls goes out or is answered any more, it releases
 *     no task, and its session dies when its heartbeats would have been missed.
 */
import { randomUUID } from "node:crypto";
import type { PayloadCodec } from "../../shared/encoding/codec.ts";
import { WorkerEncoding } from "../worker/encoding.ts";
import type { WorkerLimits } from "../worker/room.ts";
import type { WorkerContext } from "../worker/types.ts";
import { Worker } from "../worker/worker.ts";
import type { TestActivities } from "./activities.ts";
import type { Internals } from "./internals.ts";
import { severable } from "./transport.ts";
import { DEPLOYMENT, LEASE_MS, type World } from "./world.ts";

const LIMITS: WorkerLimits = { maxConcurrentActivities: 100, maxConcurrentWorkflows: 200, cachedExecutions: 1000 };

export type WorkerConfig = Pick<WorkerContext, "workflows" | "resources" | "log"> & {
  readonly limits: Partial<WorkerLimits>;
  /** Of worker `n`, counted from 1. */
  readonly codec: (n: number) => PayloadCodec;
};

interface Member {
  readonly worker: Worker;
  /** Calls of activities that have not ended. */
  readonly running: ReadonlySet<object>;
  /** Cuts the worker off from the engine. */
  cut(): void;
}

export class TestWorkers {
  readonly #world: World;
  readonly #activities: TestActivities;
  readonly #config: WorkerConfig;
  readonly #hooks: Internals;
  /** The living workers, oldest first. */
  #members: Member[] = [];
  #added = 0;

  constructor(world: World, activities: TestActivities, config: WorkerConfig, hooks: Internals) {
    this.#world = world;
    this.#activities = activities;
    this.#config = config;
    this.#hooks = hooks;
  }

  /** Calls of activities under way in living workers. */
  get runningActivities(): readonly object[] {
    return this.#members.flatMap(({ running }) => [...running]);
  }

  async add(): Promise<void> {
    this.#added += 1;
    const n = this.#added;
    const { wire, skewMs = 0, runs = () => true, flags } = this.#hooks;
    const { clock, transport } = this.#world;
    const { workflows, resources, log, limits, codec } = this.#config;
    const running = new Set<object>();
    const own = severable(wire ? wire(transport, n) : transport);
    const activities = this.#activities.all
      .filter((activity) => runs(activity.name, n))
      .map((activity) => [activity.name, this.#activities.intercepted(activity, running)] as const);
    const context: WorkerContext = {
      transport: own,
      clock: { now: () => clock.now() + skewMs, at: (at, fn) => clock.at(at - skewMs, fn) },
      log,
      session: randomUUID(),
      deployment: DEPLOYMENT,
      uuid: randomUUID,
      workflows,
      activities: new Map(activities),
      limits: { ...LIMITS, ...limits },
      resources,
      deterministic: true,
      failOnAnyError: false,
      encoding: new WorkerEncoding(codec(n), log),
      ...(flags ? { flags: flags(n) } : {}),
      ...(this.#hooks.abortAtShutdown && { abortAtShutdown: this.#hooks.abortAtShutdown }),
    };
    const worker = new Worker(context, `worker-${n}`);
    await worker.start();
    this.#hooks.worker?.(worker);
    this.#members.push({ worker, running, cut: own.cut });
  }

  /** Kills the oldest worker (TESTENV-3). */
  killOldest(): void {
    const member = this.#members.shift();
    if (!member) throw new Error("there is no worker left to kill");
    kill(member);
    const { clock } = this.#world;
    clock.at(clock.now() + LEASE_MS - 1, () => this.#world.endSession(member.worker.session));
  }

  killAll(): void {
    for (const member of this.#members) kill(member);
    this.#members = [];
  }
}

function kill({ worker, cut }: Member): void {
  cut();
  worker.kill();
}
