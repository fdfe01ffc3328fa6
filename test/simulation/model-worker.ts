/** The model worker: a process that polls, sends heartbeats, extends leases and runs activities. */

import type { Transport } from "../../sdk/worker/transport.ts";
import type { ServedVersion } from "../../sdk/worker/types.ts";
import { afterFailure } from "../../shared/core/retry.ts";
import { versionDeployment } from "../../shared/protocol/ids.ts";
import type { ActivityOutcome } from "../../shared/protocol/messages.ts";
import type { Delivery, Task, WorkerAnswer } from "../../shared/protocol/worker.ts";
import { definition } from "../contract/subject.ts";
import { ModelExecution } from "./model-execution.ts";
import { PROGRAMS, perform } from "./programs.ts";
import { DEPLOYMENT } from "./server.ts";
import type { StartWorker } from "./simulate.ts";
import type { Process, World } from "./world.ts";

export class ModelWorker {
  readonly world: World;
  readonly process: Process;
  readonly transport: Transport;
  readonly session: string;
  readonly clock: { now(): number };
  readonly errors: unknown[];
  readonly hearsToTheEnd: boolean;
  readonly deployment: string;
  readonly #version: ServedVersion | null;
  readonly #pinned: boolean;
  readonly #executions = new Map<string, ModelExecution>();
  readonly #leases = new Set<string>();
  readonly #diesAt = new Map<string, number>();
  #registered!: WorkerAnswer<"register">;

  /** `hearsToTheEnd`: false weakens the runtime of workflow code. `isVersion`: it is the worker of the process's version. */
  constructor(p: Parameters<StartWorker>[0], { hearsToTheEnd = true, isVersion = false } = {}) {
    this.hearsToTheEnd = hearsToTheEnd;
    const { version = null } = p;
    this.#version = isVersion ? version : null;
    this.#pinned = version !== null;
    this.deployment = this.#version ? versionDeployment(DEPLOYMENT, this.#version.name) : DEPLOYMENT;
    this.world = p.world;
    this.process = p.process;
    this.errors = p.errors;
    this.transport = p.network.transportOf(p.process, p.server);
    this.session = p.world.chance.uuid();
    this.clock = { now: () => p.world.now };
  }

  uuid(): string {
    return this.world.chance.uuid();
  }
  /** This worker leaves activities whose names begin with `far_` to the queue. */
  runs(name: string): boolean {
    return !name.startsWith("far_");
  }
  failed(execution: string, error: unknown): void {
    this.world.note(() => `${this.process.name}: ${execution}: ${error}`);
    this.#executions.delete(execution);
    if (!(error instanceof Error && error.name === "ServerUnreachable")) this.errors.push(error);
  }

  async run(): Promise<void> {
    const { deployment, process, session } = this;
    const worker = { deployment, worker: process.name, session };
    const register = () =>
      this.transport.call("register", {
        ...worker,
        ...(this.#version && { version: this.#version }),
        definitions: Object.keys(PROGRAMS).map((name) =>
          definition(name, { execution_timeout: null, ...(this.#pinned && { versioning: "pinned" }) }),
        ),
        activities: [],
        sdk: "model",
      });
    this.#registered = await register();
    const beat = async () => {
      for (;;) {
        await this.world.pause(this.process, this.#registered.heartbeat_ms);
        const beaten = this.transport.call("heartbeat", worker, { retry: false, timeoutMs: 10_000 });
        const isKnown = await beaten.then(
          ({ all_active }) => all_active,
          () => true,
        );
        if (!isKnown) await register().catch(() => {}); // as WORKER-2
      }
    };
    void beat();
    void this.#keepLeases();
    void this.#receive("workflow");
    void this.#receive("activity");
  }

  async #keepLeases(): Promise<void> {
    const lease_ms = this.#registered.lease_ms;
    for (;;) {
      await this.world.pause(this.process, lease_ms / 3);
      if (this.#leases.size === 0) continue;
      const receipts = [...this.#leases];
      const answer = await this.transport.call("extend", { receipts, lease_ms }, { retry: false }).catch(() => null);
      for (const receipt of answer?.lost ?? []) this.#leases.delete(receipt);
    }
  }

  async #receive(queue: "workflow" | "activity"): Promise<void> {
    const { deployment, process, session } = this;
    const claims = this.world.chance.oneOf([{}, { claim: true }, { claim: true, claim_again: true }] as const);
    const poll = { deployment, worker: process.name, session, queue, max: 10, wait_ms: 20_000, ...claims };
    for (;;) {
      try {
        const { deliveries } = await this.transport.call("poll", poll);
        for (const delivery of deliveries) {
          this.#leases.add(delivery.receipt);
          this.#work(delivery).catch((error) => this.failed(delivery.task.execution, error));
        }
      } catch {
        await this.world.pause(this.process, 1_000);
      }
    }
  }

  async #work(delivery: Delivery): Promise<void> {
    const { task, receipt } = delivery;
    try {
      if (task.kind === "workflow") await this.#executionOf(task.execution).deliver(delivery);
      else if (task.kind === "activity" && !(await this.#queued(delivery, task))) return;
      await this.transport.call("finish", { receipts: [receipt] });
    } finally {
      this.#leases.delete(receipt);
    }
  }
  #executionOf(execution: string): ModelExecution {
    const found = this.#executions.get(execution) ?? new ModelExecution(this, execution);
    this.#executions.set(execution, found);
    return found;
  }

  /** False: the queue delivers the task again. */
  async #queued(delivery: Delivery, task: Extract<Task, { kind: "activity" }>): Promise<boolean> {
    const { execution, run, chain, activity, name, input, options } = task;
    const attempt = task.first_attempt + delivery.attempt - 1;
    const ref = { execution, run, chain, activity, attempt };
    const queued = { name, input, first_attempt: task.first_attempt };
    if (!(await this.transport.call("begin", { ...ref, queued })).wanted) return true;
    const outcome = await this.perform(name, input, attempt);
    if (outcome.kind === "failed") {
      const { reason, failure } = outcome;
      const now = this.clock.now();
      const scheduledAt = task.scheduled_at;
      const next = afterFailure({ options, attempt, scheduledAt, cancelRequested: false, reason, failure, now });
      if (next.kind === "retry") {
        await this.transport.call("retrying", { ...ref, name, failure, retry_at: next.at });
        this.#leases.delete(delivery.receipt);
        await this.transport.call("extend", {
          receipts: [delivery.receipt],
          lease_ms: Math.max(0, next.at - this.clock.now()),
        });
        return false;
      }
    }
    await this.transport.call("outcome", { ...ref, outcome });
    return true;
  }

  async perform(name: string, input: unknown, attempt: number): Promise<ActivityOutcome> {
    const { chance } = this.world;
    await this.world.pause(
      this.process,
      chance.happens(0.1) ? chance.between(10_000, 90_000) : chance.between(1, 2_000),
    );
    const done = perform(name, input, attempt);
    if ("value" in done) return { kind: "completed", result: done.value as never };
    return { kind: "failed", reason: "failed", failure: { message: done.error, non_retryable: done.final } };
  }

  async askSessions(ids: string[]): Promise<WorkerAnswer<"sessions">> {
    const answer = await this.transport.call("sessions", { deployment: this.deployment, ids });
    for (const [id, at] of Object.entries(answer.dies_at)) this.#diesAt.set(id, at);
    for (const id of answer.dead) this.#diesAt.delete(id);
    return answer;
  }
  diesAt(session: string): number | null {
    return this.#diesAt.get(session) ?? null;
  }
}
