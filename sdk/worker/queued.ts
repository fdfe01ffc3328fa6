/**
 * Activities from the deployment's queue. The lease of the task is the lease of the attempt. For a retry the worker makes
 * the same task visible again after the back-off, so that its deliveries count the attempts. The worker reports the
 * outcome as a message to the execution, and gives the lease up only after the server has it.
 *
 * A task whose execution is held is passed on in the same way (HOLD-4).
 *
 * A worker that does not have the activity or cannot decode its input (ENCODING-6), or whose session another one has to run it, passes it on: the server sends a copy of the task that becomes visible a little
 * later, and whose first delivery is the attempt that has not begun; then the worker finishes this task. (A delivery that
 * is merely handed back would count as an attempt.) A crash between the two leaves both tasks, as a repeated send does.
 */

import { afterFailure } from "../../shared/core/retry.ts";
import { steadyOf } from "../../shared/lib/clock.ts";
import type { AttemptEnd, Failure, Millis } from "../../shared/protocol/history.ts";
import { MAX_PERMIT_SLACK_MS, MAX_TASK_AGE_MS } from "../../shared/protocol/limits.ts";
import type { ActivityOutcome } from "../../shared/protocol/messages.ts";
import type { ActivityTask, Delivery, PermitResult, WorkerAnswer, WorkerBody } from "../../shared/protocol/worker.ts";
import { payloadBytes } from "../json.ts";
import { ownNames } from "../runtime/message.ts";
import { SESSION_ACTIVITY } from "../runtime/session.ts";
import { Attempt } from "./attempt.ts";
import { Batcher } from "./batcher.ts";
import { undecodedInput } from "./encoding.ts";
import type { WorkerHost } from "./host.ts";
import { mayBeOneItem } from "./transport.ts";

/** Between two warnings that this worker lacks the same activity. */
const WARN_AGAIN_MS: Millis = 60_000;

/** The slot of one attempt. */
class Slot {
  readonly #host: WorkerHost;
  #began: Millis | null = null;

  constructor(host: WorkerHost) {
    this.#host = host;
  }

  async enter(): Promise<void> {
    const { slots, worker } = this.#host;
    slots.reserve();
    const waiting = slots.acquire();
    if (waiting) await waiting;
    this.#began = steadyOf(worker.clock);
  }

  leave(): void {
    if (this.#began === null) return;
    this.#host.slots.release(steadyOf(this.#host.worker.clock) - this.#began);
    this.#began = null;
  }
}

type PermitItem = WorkerBody<"permit">["items"][number];
type PermitAnswer =
  | { readonly kind: "granted"; readonly permit: Permit }
  | Exclude<PermitResult, { readonly kind: "granted" }>;

/** A permit of a rate limit, in times of the steady clock. */
class Permit {
  readonly from: Millis;
  readonly until: Millis;
  /** Its time runs since then. */
  readonly usable: Millis;

  constructor(from: Millis, until: Millis, usable: Millis) {
    this.from = from;
    this.until = until;
    this.usable = usable;
  }

  /**
   * The server read its clock as `now` at some time between the call and its answer. Whenever that was, its `at` has come once
   * so much time has passed since the answer, and its `until` is still to come while so much has not passed since the call.
   */
  static of(
    { at, until }: { readonly at: Millis; readonly until: Millis },
    { now, sent, answered }: { readonly now: Millis; readonly sent: Millis; readonly answered: Millis },
  ): Permit {
    return new Permit(answered + at - now, sent + until - now, sent + Math.max(0, at - now));
  }
}

/**
 * How long this worker needs from the beginning of a permit to the call of the function: the largest of the last few. A worker that is
 * slower than `MAX_PERMIT_SLACK_MS` loses permits until it is faster.
 */
class PermitNeed {
  #ms: Millis = 0;

  used(ms: Millis): void {
    this.#ms = Math.min(MAX_PERMIT_SLACK_MS, Math.max(ms, this.#ms * 0.9));
  }

  /** Permits are to be good for so long. */
  get slackMs(): Millis {
    return Math.min(MAX_PERMIT_SLACK_MS, Math.ceil(1.5 * this.#ms));
  }
}

export class QueuedActivities {
  readonly #host: WorkerHost;
  readonly #running = new Map<string, Attempt>();
  #underWay = 0;
  /** When the worker last warned that it lacks the activity of this name. */
  readonly #warnedAt = new Map<string, Millis>();

  readonly #permits: Batcher<PermitItem, PermitAnswer>;
  #permitNeed = new PermitNeed();
  #abandoned = false;

  constructor(host: WorkerHost) {
    this.#host = host;
    this.#permits = new Batcher<PermitItem, PermitAnswer>(
      async (items) => {
        const { clock, transport } = host.worker;
        const sent = steadyOf(clock);
        const { results, now } = await transport.call("permit", { items });
        host.serverClock.synchronise(now, sent);
        const answered = steadyOf(clock);
        return results.map((result) =>
          result.kind === "granted" ? { kind: "granted", permit: Permit.of(result, { now, sent, answered }) } : result,
        );
      },
      { maxCalls: 1, weigh: payloadBytes, mayBeOneItem }, // one call at a time: what waits for it shares one write
    );
  }

  get running(): number {
    return this.#underWay;
  }

  run(delivery: Delivery, task: ActivityTask): Promise<void> {
    const { activities, session } = this.#host.worker;
    const mine = (task.options.session ?? session) === session;
    const unread = undecodedInput(task.input, `the input of activity "${task.name}"`);
    return mine && activities.has(task.name) && !unread
      ? this.#run(delivery, task)
      : this.#passOn(delivery, task, unread);
  }

  async #passOn(delivery: Delivery, task: ActivityTask, unread: Error | null): Promise<void> {
    const { receipt } = delivery;
    const { leases, worker } = this.#host;
    leases.holdAttempt(receipt);
    this.#underWay += 1;
    try {
      const attempt = await this.#attemptOf(delivery, task);
      if (!(await this.#reportIfOver(task, attempt))) {
        // The server ends an activity of this session that its worker does not have.
        const lacks = !worker.activities.has(task.name);
        const mayWarn = unread !== null || task.options.session === undefined;
        const body = { task, attempt, ...(lacks && { session: worker.session }) };
        const { at, superseded } = await worker.transport.call("pass", body);
        if (superseded) return leases.forget(receipt);
        if (at !== null && mayWarn) this.#warnMissing(task, at, unread);
      }
      leases.finish(receipt);
    } catch (error) {
      worker.log.error(`activity ${task.name} could not be handed back; it will be delivered again`, { error });
      await leases.release(receipt, 1_000).catch(() => {});
    } finally {
      this.#underWay -= 1;
    }
  }

  #warnMissing({ name, execution }: ActivityTask, at: Millis, unread: Error | null): void {
    const { activities, clock, deployment, log } = this.#host.worker;
    const now = clock.now();
    if (now < (this.#warnedAt.get(name) ?? Number.NEGATIVE_INFINITY) + WARN_AGAIN_MS) return;
    this.#warnedAt.set(name, now);
    const seconds = Math.max(1, Math.round((at - this.#host.serverClock.now()) / 1000));
    const back = `handed back for another worker, seen again in ${seconds} s`;
    log.warn(
      unread
        ? `${unread.message}: ${back}`
        : name === SESSION_ACTIVITY
          ? `this worker has no sticky activity, so onOneWorker() cannot choose it: ${back}; add one to runWorker({ activities })`
          : `this worker has no activity '${name}' (it has: ${ownNames(activities).join(", ")}): ${back}; add it to runWorker({ activities })`,
      { deployment, execution },
    );
  }

  async #run(delivery: Delivery, task: ActivityTask): Promise<void> {
    const { receipt } = delivery;
    const { leases, worker } = this.#host;
    const slot = new Slot(this.#host);
    const lease = { lost: false };
    leases.holdAttempt(receipt, () => {
      lease.lost = true;
      this.#running.get(receipt)?.cancel("its lease was lost: another worker runs it now");
    });
    this.#underWay += 1;
    if (task.options.rate_limit === undefined) await slot.enter();
    try {
      const { execution, run, chain, activity } = task;
      const attempt = await this.#attemptOf(delivery, task);
      const ref = { execution, run, chain, activity, attempt };
      if (await this.#reportIfOver(task, attempt)) return leases.finish(receipt);
      if (this.#isOld(task)) {
        const { superseded } = await worker.transport.call("renew", { task, attempt });
        return superseded ? leases.forget(receipt) : leases.finish(receipt);
      }
      const { name, input, args, first_attempt } = task;
      const queued = { name, input, ...(args && { args }), first_attempt };
      // A permit is good for one attempt: a delivery after a failed attempt asks anew.
      let permit = delivery.attempt === 1 && task.permit ? this.#permitOf(task.permit) : null;
      let begun: WorkerAnswer<"begin">;
      for (;;) {
        if (task.options.rate_limit !== undefined) {
          const went = await this.#permitted(slot, permit, task, attempt);
          if (went === "superseded") return leases.forget(receipt);
          if (went === "finished") return leases.finish(receipt);
          permit = went;
        }
        if (this.#abandoned) return;
        begun = await worker.transport.call("begin", { ...ref, session: worker.session, queued, may_be_held: true });
        if (begun.held) {
          const { superseded } = await worker.transport.call("pass", { task, attempt, held: true });
          return superseded ? leases.forget(receipt) : leases.finish(receipt);
        }
        if (begun.superseded) return leases.forget(receipt);
        if (!begun.wanted) return leases.finish(receipt);
        if (lease.lost) return;
        // RATE-1: the permit must still be good when the function is called, and `begin` may have taken long.
        if (permit === null || this.#isGood(permit)) break;
        slot.leave();
        permit = null;
      }
      const running = new Attempt(this.#host, {
        ref,
        workflow: task.workflow,
        name,
        input,
        args,
        options: task.options,
        scheduledAt: task.scheduled_at,
        trace: begun.tracing,
      });
      this.#running.set(receipt, running);
      const ending = running.run(begun.heartbeat_details);
      if (begun.cancel_requested) running.cancel("cancellation was requested");
      const outcome = await ending;
      // If a later attempt has begun, its failure counts and not ours. A result always counts.
      if (running.superseded) leases.forget(receipt);
      if ((lease.lost || running.superseded) && outcome.kind === "failed") return;
      await this.#report(receipt, task, attempt, outcome);
    } catch (error) {
      worker.log.error(`activity ${task.name} could not be reported; it will be delivered again`, { error });
      await leases.release(receipt, 1_000).catch(() => {});
    } finally {
      this.#underWay -= 1;
      this.#running.delete(receipt);
      slot.leave();
    }
  }

  /**
   * Waits, without a slot, until the rate limit lets the attempt begin, and enters a slot. `finished`: the server has sent the
   * task again, or no attempt is wanted any more.
   */
  async #permitted(
    slot: Slot,
    first: Permit | null,
    task: ActivityTask,
    attempt: number,
  ): Promise<Permit | "finished" | "superseded"> {
    const { clock } = this.#host.worker;
    for (let permit = first; ; permit = null) {
      if (permit === null) {
        const slack = this.#permitNeed.slackMs;
        const answer = await this.#permits.offer({ task, attempt, ...(slack > 0 && { slack_ms: slack }) });
        if (answer.kind === "later") return "finished";
        if (answer.kind === "over") return answer.superseded ? "superseded" : "finished";
        permit = answer.permit;
      }
      for (let left = 1; left > 0; ) {
        left = permit.from - steadyOf(clock);
        if (left > 0) await new Promise<void>((ok) => void clock.at(clock.now() + left, ok));
      }
      await slot.enter();
      if (this.#abandoned || this.#isGood(permit)) return permit;
      slot.leave();
    }
  }

  /** The permit that came with a task. */
  #permitOf({ at, until }: { at: Millis; until: Millis }): Permit {
    const { serverClock, worker } = this.#host;
    const now = steadyOf(worker.clock);
    const ahead = serverClock.now() - now;
    return new Permit(at - ahead, until - ahead, Math.max(now, at - ahead));
  }

  #isGood(permit: Permit): boolean {
    const now = steadyOf(this.#host.worker.clock);
    this.#permitNeed.used(now - permit.usable);
    return now <= permit.until;
  }

  /**
   * The number of this attempt. Deliveries count the attempts, but a delivery that was lost on its way was none: as long
   * as no worker has begun the activity, it has its last attempt left.
   */
  async #attemptOf(delivery: Delivery, task: ActivityTask): Promise<number> {
    const attempt = task.first_attempt + delivery.attempt - 1;
    const { max_attempts } = task.options.retry;
    if (max_attempts === 0 || attempt <= max_attempts) return attempt;
    const { execution, run, activity } = task;
    const { begun } = await this.#host.worker.transport.call("begun", { execution, run, activities: [activity] });
    return begun.includes(activity) ? attempt : max_attempts;
  }

  #isOld(task: ActivityTask): boolean {
    return this.#host.serverClock.now() - (task.renewed_at ?? task.scheduled_at) > MAX_TASK_AGE_MS;
  }

  /** True: the attempt must not begin, and the execution has a message with the end of the activity. */
  async #reportIfOver(task: ActivityTask, attempt: number): Promise<boolean> {
    const ending = this.#overBefore(task, attempt);
    if (!ending) return false;
    const { execution, run, chain, activity } = task;
    const { attempt: last, ...outcome } = ending;
    const ref = { execution, run, chain, activity, attempt: last };
    await this.#host.worker.transport.call("outcome", { ...ref, outcome: { kind: "failed", ...outcome } });
    return true;
  }

  /** How the activity has ended before this attempt; null = the attempt may begin. */
  #overBefore(task: ActivityTask, attempt: number): { attempt: number; reason: AttemptEnd; failure: Failure } | null {
    const { options, name } = task;
    const { max_attempts } = options.retry;
    if (max_attempts > 0 && attempt > max_attempts) {
      // Reported for the last attempt: if the server has an outcome of that attempt already, it counts.
      const message = `attempt ${max_attempts} was lost with its worker, and it was the last`;
      return { attempt: max_attempts, reason: "lost", failure: { type: "WorkerLost", message } };
    }
    const passed = (limit: number | undefined) =>
      limit !== undefined && this.#host.serverClock.now() >= task.scheduled_at + limit;
    const timeout = (message: string): Failure => ({ type: "Timeout", message });
    if (passed(options.schedule_to_close_ms)) {
      const message = `${name} did not end within ${options.schedule_to_close_ms} ms of being scheduled`;
      return { attempt, reason: "schedule_to_close", failure: timeout(message) };
    }
    if (attempt === 1 && passed(options.schedule_to_start_ms)) {
      const message = `no worker began ${name} within ${options.schedule_to_start_ms} ms`;
      return { attempt, reason: "schedule_to_start", failure: timeout(message) };
    }
    return null;
  }

  async #report(receipt: string, task: ActivityTask, attempt: number, outcome: ActivityOutcome): Promise<void> {
    const { leases, worker } = this.#host;
    const { execution, run, chain, activity } = task;
    const ref = { execution, run, chain, activity, attempt };
    if (outcome.kind === "failed") {
      const now = this.#host.serverClock.now();
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
        const { superseded } = await worker.transport.call("retrying", body);
        if (superseded) return leases.forget(receipt);
        return leases.release(receipt, next.at - this.#host.serverClock.now());
      }
      const ended = { ...ref, outcome: { ...outcome, reason: next.reason } };
      if ((await worker.transport.call("outcome", ended)).superseded) return leases.forget(receipt);
    } else {
      await worker.transport.call("outcome", { ...ref, outcome });
    }
    leases.finish(receipt);
  }

  /** Attempts whose functions may still return a result. */
  get busy(): number {
    return (
      this.running -
      this.#running
        .values()
        .filter((attempt) => attempt.givenUp)
        .toArray().length
    );
  }

  askToStop(): void {
    for (const attempt of this.#running.values()) attempt.askToStop();
  }

  abandonAll(): void {
    this.#abandoned = true;
    for (const attempt of this.#running.values()) attempt.abandon();
    this.#running.clear();
  }
}
