/**
 * Reports of workers about activities. The start, the retries and the progress of a queued activity go to the feed although
 * they are not history; its outcome is a message to the execution.
 */
import { presentBegin, presentProgress, presentRetry } from "../../core/present.ts";
import { shortened } from "../../core/retry.ts";
import { send } from "../../engine/send.ts";
import { invalidAt, notFound, payloadTooLarge, type Refusal } from "../../protocol/errors.ts";
import type { Head } from "../../protocol/head.ts";
import type { Millis } from "../../protocol/history.ts";
import { MAX_CUSTOM_EVENT_BATCH_BYTES, MAX_CUSTOM_EVENT_BYTES, RECORDED_ATTEMPTS } from "../../protocol/limits.ts";
import { messageId } from "../../protocol/messages.ts";
import type { ActivityRef, ActivityTask, WorkerAnswer, WorkerBody } from "../../protocol/worker.ts";
import { bytesOf, CHARACTERS_WITHIN_LIMIT, tooLarge } from "../payload.ts";
import { type RequestContext, refTo } from "../request-context.ts";
import { customTaskProblem } from "./custom-task.ts";

type RunRef = Pick<ActivityRef, "execution" | "run">;

/** The run, if it is one of this execution in the caller's workspace. */
async function runOf(context: RequestContext, ref: RunRef): Promise<Head | null> {
  const head = await context.ports.executions.run(context.workspace, ref.run);
  return head?.execution === ref.execution ? head : null;
}

const isOpen = (head: Head | null): head is Head => head?.status === "RUNNING";

const UNWANTED = { wanted: false, cancel_requested: false } as const;
/** A later attempt has begun: the worker shall stop this one, and only a result of it still counts. */
const SUPERSEDED = { ...UNWANTED, superseded: true } as const;

export async function begin(context: RequestContext, body: WorkerBody<"begin">): Promise<WorkerAnswer<"begin">> {
  const { ports } = context;
  const head = await runOf(context, body);
  if (!isOpen(head)) return { ...UNWANTED, heartbeat_details: null };
  const ref = refTo(context, body.execution);
  const { run, activity, attempt, queued, session } = body;
  const latest = await ports.activities.begin({
    ref,
    run,
    activity,
    attempt,
    queued: queued !== undefined,
    ...(session !== undefined && { session }),
  });
  if (!latest) return { ...SUPERSEDED, heartbeat_details: null };
  if (queued?.first_attempt === 1) {
    // An activity that began as local work was shown when it was scheduled. Idempotent: later attempts add no event.
    const { name, input, args } = queued;
    const shown = presentBegin(head, { activity, name, input, args, at: ports.clock.now() });
    await ports.feed.publish(ref, run, `begin#${activity}`, [shown]);
  }
  return {
    wanted: true,
    heartbeat_details: ((await ports.activities.lastBeat({ ref, run, activity })) ?? null) as never,
    cancel_requested: (await ports.activities.status({ ref, run, activity })).cancelRequested,
    tracing: { root_chain: head.root_chain, ...(head.trace !== undefined && { trace: head.trace }) },
  };
}

export async function beat(context: RequestContext, body: WorkerBody<"beat">): Promise<WorkerAnswer<"beat"> | Refusal> {
  const { ports } = context;
  const head = await runOf(context, body);
  if (!isOpen(head)) return UNWANTED;
  const ref = refTo(context, body.execution);
  const { run, activity, attempt, details } = body;
  if (details !== undefined) {
    const large = tooLarge("heartbeat details", details);
    if (large) return large;
    const kept = await ports.activities.beat({ ref, run, activity, attempt, details, now: ports.clock.now() });
    if (!kept) return SUPERSEDED;
  }
  const status = await ports.activities.status({ ref, run, activity });
  if (status.attempt > attempt) return SUPERSEDED;
  return { wanted: true, cancel_requested: status.cancelRequested };
}

export async function begun(context: RequestContext, body: WorkerBody<"begun">): Promise<WorkerAnswer<"begun">> {
  if (!(await runOf(context, body))) return { begun: [] };
  const { run, activities } = body;
  return { begun: await context.ports.activities.begun({ ref: refTo(context, body.execution), run, activities }) };
}

/** A later attempt has begun, so a failure of this one does not decide the activity. */
async function isSuperseded(
  context: RequestContext,
  { execution, run, activity, attempt }: ActivityRef,
): Promise<boolean> {
  const status = await context.ports.activities.status({ ref: refTo(context, execution), run, activity });
  return status.attempt > attempt;
}

/** Accepts an outcome also when the run has ended: the worker could do nothing about a refusal. */
export async function outcome(
  context: RequestContext,
  body: WorkerBody<"outcome">,
): Promise<WorkerAnswer<"outcome"> | Refusal> {
  const { run, chain, activity, attempt, outcome: result } = body;
  const large =
    result.kind === "completed"
      ? tooLarge("result of the activity", result.result)
      : tooLarge("failure", result.failure);
  if (large) return large;
  if (result.kind === "failed") {
    if (!isOpen(await runOf(context, body))) return {};
    if (await isSuperseded(context, body)) return { superseded: true };
  }
  const message = {
    id: messageId.activity(run, activity, attempt),
    kind: "activity",
    run,
    activity,
    attempt,
    outcome: result,
    sent_at: context.ports.clock.now(),
  } as const;
  await send(context.ports, refTo(context, body.execution), message, chain);
  return {};
}

/** Of retries without a limit clients see the first ones, then one at each doubling: the feed stays small for ever. */
const isShown = (attempt: number): boolean => attempt <= RECORDED_ATTEMPTS || Number.isInteger(Math.log2(attempt));

export async function retrying(
  context: RequestContext,
  body: WorkerBody<"retrying">,
): Promise<WorkerAnswer<"retrying">> {
  const { ports } = context;
  const head = await runOf(context, body);
  if (!isOpen(head)) return {};
  if (await isSuperseded(context, body)) return { superseded: true };
  const { run, activity, name, attempt, failure } = body;
  const ref = refTo(context, body.execution);
  await ports.activities.failed({ ref, run, activity, attempt, failure: shortened(failure), retryAt: body.retry_at });
  if (!isShown(attempt)) return {};
  const shown = presentRetry(head, { activity, name, attempt, failure, at: ports.clock.now() });
  await ports.feed.publish(ref, run, `retry#${activity}#${attempt}`, [shown]);
  return {};
}

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
  const next = await waiting(context, body, "a worker that registers it");
  if ("over" in next) return next.superseded ? { at: null, superseded: true } : { at: null };
  const { attempt, deployment } = next;
  const { passed = 0, run, activity } = task;
  const { session: prefer = null } = task.options;
  if (prefer !== null) {
    const { endOfSession } = await import("./sticky.ts");
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
  const pause = prefer !== null && passed < QUICK_PASSES ? 0 : pauseOf(passed);
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

export async function publish(
  context: RequestContext,
  body: WorkerBody<"publish">,
  characters: number,
): Promise<WorkerAnswer<"publish"> | Refusal> {
  const { ports } = context;
  const refused = progressProblem(body, characters);
  if (refused) return refused;
  const head = await runOf(context, body);
  if (!head) return notFound("run", body.run);
  if (!isOpen(head)) return {}; // the events of a closed run are complete: its streams have ended
  const activity = { id: body.activity, name: body.activity_name };
  const events = body.events.map((event) => presentProgress(head, event, activity, ports.uuid()));
  await ports.feed.publish(refTo(context, body.execution), body.run, `publish#${body.publish_id}`, events);
  return {};
}

function progressProblem(body: WorkerBody<"publish">, characters: number): Refusal | null {
  for (const [i, event] of body.events.entries()) {
    const why = customTaskProblem(event);
    if (why) return invalidAt(["body", "events", i], `clients could not read this event: ${why}`);
  }
  if (characters <= CHARACTERS_WITHIN_LIMIT) return null;
  const sizes = body.events.map((event) => bytesOf(event.attributes));
  const largest = Math.max(...sizes);
  if (largest > MAX_CUSTOM_EVENT_BYTES) return payloadTooLarge("custom event", MAX_CUSTOM_EVENT_BYTES, largest);
  const sum = sizes.reduce((a, b) => a + b, 0);
  return body.events.length > 1 && sum > MAX_CUSTOM_EVENT_BATCH_BYTES
    ? payloadTooLarge("batch of custom events", MAX_CUSTOM_EVENT_BATCH_BYTES, sum)
    : null;
}
