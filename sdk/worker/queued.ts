/**
 * Activities that wait in the deployment's queue. The task's lease is the attempt's lease; a retry is the same task made
 * visible again after the back-off, and its deliveries count the attempts; the outcome is a message to the execution.
 * The lease is given up only after the server has the outcome.
 */
import { afterFailure } from "../../shared/core/retry.ts";
import type { ActivityOutcome } from "../../shared/protocol/messages.ts";
import type { Delivery, Task } from "../../shared/protocol/worker.ts";
import { type Attempt, startAttempt } from "./attempt.ts";
import type { Hub } from "./hub.ts";

type ActivityTask = Extract<Task, { kind: "activity" }>;

export class QueuedActivities {
  readonly #hub: Hub;
  readonly #running = new Map<string, Attempt>();

  constructor(hub: Hub) {
    this.#hub = hub;
  }

  get running(): number {
    return this.#running.size;
  }

  async run(delivery: Delivery, task: ActivityTask): Promise<void> {
    const { receipt } = delivery;
    const { leases, worker } = this.#hub;
    leases.hold(receipt, () => this.#running.get(receipt)?.cancel("its lease was lost: another worker runs it now"));
    this.#hub.promiseAnyway();
    const slot = this.#hub.enter();
    if (slot) await slot;
    const began = worker.clock.now();
    try {
      const attempt = task.first_attempt + delivery.attempt - 1;
      const { execution, run, chain, activity } = task;
      const ref = { execution, run, chain, activity, attempt };
      const { max_attempts } = task.options.retry;
      if (max_attempts > 0 && attempt > max_attempts) {
        const message = `attempt ${attempt - 1} was lost with its worker, and it was the last`;
        const failure = { type: "WorkerLost", message };
        await worker.transport.call("outcome", { ...ref, outcome: { kind: "failed", reason: "lost", failure } });
        return leases.finish(receipt);
      }
      const limit = task.options.schedule_to_start_ms;
      if (attempt === 1 && limit !== undefined && this.#hub.now() > task.scheduled_at + limit) {
        const failure = { type: "Timeout", message: `no worker began ${task.name} within ${limit} ms` };
        await worker.transport.call("outcome", {
          ...ref,
          outcome: { kind: "failed", reason: "schedule_to_start", failure },
        });
        return leases.finish(receipt);
      }
      const queued = { name: task.name, input: task.input, first_attempt: task.first_attempt };
      const begun = await worker.transport.call("begin", { ...ref, queued });
      if (!begun.wanted) return leases.finish(receipt);
      const handle = startAttempt(worker, {
        ref,
        workflow: task.workflow,
        name: task.name,
        input: task.input,
        options: task.options,
        scheduledAt: this.#hub.local(task.scheduled_at),
        lastHeartbeat: begun.heartbeat_details,
      });
      this.#running.set(receipt, handle);
      if (begun.cancel_requested) handle.cancel("cancellation was requested");
      await this.#report(receipt, task, attempt, await handle.outcome);
    } catch (error) {
      worker.log.error(`activity ${task.name} could not be reported; it will be delivered again`, { error });
      await leases.release(receipt, 1_000).catch(() => {});
    } finally {
      this.#running.delete(receipt);
      this.#hub.leave(worker.clock.now() - began);
    }
  }

  async #report(receipt: string, task: ActivityTask, attempt: number, outcome: ActivityOutcome): Promise<void> {
    const { leases, worker } = this.#hub;
    const { execution, run, chain, activity } = task;
    const ref = { execution, run, chain, activity, attempt };
    if (outcome.kind === "failed") {
      const now = this.#hub.now();
      const next = afterFailure({
        options: task.options,
        attempt,
        scheduledAt: task.scheduled_at,
        cancelRequested: false,
        reason: outcome.reason,
        failure: outcome.failure,
        now,
      });
      if (next.kind === "retry") {
        const body = { ...ref, name: task.name, failure: outcome.failure, retry_at: next.at };
        await worker.transport.call("retrying", body);
        return leases.release(receipt, next.at - this.#hub.now());
      }
      await worker.transport.call("outcome", { ...ref, outcome: { ...outcome, reason: next.reason } });
    } else {
      await worker.transport.call("outcome", { ...ref, outcome });
    }
    leases.finish(receipt);
  }

  abandonAll(): void {
    for (const handle of this.#running.values()) handle.abandon();
    this.#running.clear();
  }
}
