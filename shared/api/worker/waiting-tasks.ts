/**
 * Tasks of queued activities that go back to the queue: for another worker, or because they have grown old. Imported at the first use:
 * most attempts begin where their task was received.
 */
import type { Millis } from "../../protocol/history.ts";
import type { ActivityTask, WorkerAnswer, WorkerBody } from "../../protocol/worker.ts";
import { type RequestContext, refTo } from "../request-context.ts";
import { isOpen, outcome, runOf } from "./activities.ts";
import { endOfSession } from "./sticky.ts";

/** A worker that registers the activity may poll a moment later, or only after the next rollout, in hours. */
const FIRST_PASS_MS: Millis = 1_000;
const LONGEST_PASS_MS: Millis = 60_000;
/**
 * Jitter: with equal pauses the worker that passes the task on, which polls again at once, would each time be the one that
 * has polled longest when the task returns. It would receive the task for ever, and other workers never.
 */
const GOLDEN = (Math.sqrt(5) - 1) / 2;
const pauseOf = (passed: number): Millis =>
  Math.round(Math.min(LONGEST_PASS_MS, FIRST_PASS_MS * 2 ** passed) * (1 - ((passed * GOLDEN) % 1) / 2));

/** The task of a session is for one worker: the others pass it on so often at once, as no queue can deliver it to that one. */
const QUICK_PASSES = 20;

/** Sends a task that the worker does not register back to the queue, after a pause. `at`: when; null: it is no longer needed. */
export async function pass(context: RequestContext, body: WorkerBody<"pass">): Promise<WorkerAnswer<"pass">> {
  const { ports, workspace } = context;
  const { task } = body;
  const next = await waiting(context, body, body.held ? "its release" : "a worker that registers it");
  if ("over" in next) return next.superseded ? { at: null, superseded: true } : { at: null };
  const { attempt, deployment } = next;
  const { passed = 0, run, activity } = task;
  const { session: prefer = null } = task.options;
  if (prefer !== null) {
    const failure = await endOfSession(context, task, body.session);
    if (failure) {
      const { execution, chain } = task;
      const ended = { kind: "failed", reason: failure.reason, failure: failure.why } as const;
      // Lost was the attempt before this one, if there was one: an outcome of it that has come meanwhile counts.
      const last = failure.reason === "lost" ? Math.max(1, attempt - 1) : attempt;
      await outcome(context, { execution, run, chain, activity, attempt: last, outcome: ended });
      return { at: null };
    }
  }
  const pause = prefer !== null && passed < QUICK_PASSES && !body.held ? 0 : pauseOf(passed);
  const at = ports.clock.now() + pause;
  const key = `activity#${run}#${activity}#${attempt}#${passed + 1}`;
  const { permit: _, ...rest } = task; // a permit is for the first delivery of its task
  const again = { ...rest, first_attempt: attempt, passed: passed + 1 };
  await ports.tasks.send({ workspace, deployment, queue: "activity" }, again, { at, key, prefer });
  return { at };
}

/**
 * The attempt of a task that waits on, and its deployment. `over`: no attempt is wanted any more. An activity whose
 * cancellation was requested ends here: no worker enters it.
 */
export async function waiting(
  context: RequestContext,
  { task, attempt: delivered }: { task: ActivityTask; attempt: number },
  what: string,
): Promise<{ attempt: number; deployment: string } | { over: true; superseded?: true }> {
  const head = await runOf(context, task);
  if (!isOpen(head)) return { over: true };
  const { name, execution, run, chain, activity } = task;
  const latest = await context.ports.activities.status({ ref: refTo(context, execution), run, activity });
  if (latest.attempt > delivered) return { over: true, superseded: true };
  // Deliveries that were lost before a worker began do not count as attempts.
  const attempt = Math.max(task.first_attempt, Math.min(delivered, latest.attempt + 1));
  if (!latest.cancelRequested) return { attempt, deployment: head.deployment };
  const failure = { type: "Cancelled", message: `${name} was cancelled while it waited for ${what}` };
  const ended = { kind: "failed", reason: "cancelled", failure } as const;
  await outcome(context, { execution, run, chain, activity, attempt, outcome: ended });
  return { over: true };
}

/** Sends a task that has grown old anew: a queue on AWS deletes a message 14 days after it was sent. */
export async function renew(context: RequestContext, body: WorkerBody<"renew">): Promise<WorkerAnswer<"renew">> {
  const { ports, workspace } = context;
  const { task, attempt } = body;
  const head = await runOf(context, task);
  if (!isOpen(head)) return { wanted: false };
  const { execution, run, activity } = task;
  const latest = await ports.activities.status({ ref: refTo(context, execution), run, activity });
  if (latest.attempt > attempt) return { wanted: false, superseded: true };
  const { permit: _, ...rest } = task;
  const again = { ...rest, first_attempt: attempt, renewed_at: ports.clock.now() };
  const key = `activity#${run}#${activity}#${attempt}#renewed`;
  await ports.tasks.send({ workspace, deployment: head.deployment, queue: "activity" }, again, { key });
  return { wanted: true };
}
