/**
 * Reports of workers about activities. The start, the retries and the progress of a queued activity go to the feed although
 * they are not history; its outcome is a message to the execution.
 */
import { presentBegin, presentRetry } from "../../core/present.ts";
import { shortened } from "../../core/retry.ts";
import { beginWaits } from "../../engine/hold.ts";
import { send } from "../../engine/send.ts";
import type { Refusal } from "../../protocol/errors.ts";
import type { Head } from "../../protocol/head.ts";
import { RECORDED_ATTEMPTS } from "../../protocol/limits.ts";
import { messageId } from "../../protocol/messages.ts";
import type { ActivityRef, WorkerAnswer, WorkerBody } from "../../protocol/worker.ts";
import { tooLarge } from "../payload.ts";
import { type RequestContext, refTo } from "../request-context.ts";

type RunRef = Pick<ActivityRef, "execution" | "run">;

/** The run, if it is one of this execution in the caller's workspace. */
export async function runOf(context: RequestContext, ref: RunRef): Promise<Head | null> {
  const head = await context.ports.executions.run(context.workspace, ref.run);
  return head?.execution === ref.execution ? head : null;
}

export const isOpen = (head: Head | null): head is Head => head?.status === "RUNNING";

const UNWANTED = { wanted: false, cancel_requested: false } as const;
/** A later attempt has begun: the worker shall stop this one, and only a result of it still counts. */
const SUPERSEDED = { ...UNWANTED, superseded: true } as const;

export async function begin(context: RequestContext, body: WorkerBody<"begin">): Promise<WorkerAnswer<"begin">> {
  const { ports } = context;
  const { run, activity, attempt, queued, session } = body;
  const head = await runOf(context, body);
  if (!isOpen(head)) return { ...UNWANTED, heartbeat_details: null };
  if (body.may_be_held && queued !== undefined && (await beginWaits(ports, head)))
    return { ...UNWANTED, heartbeat_details: null, held: true };
  const ref = refTo(context, body.execution);
  const now = ports.clock.now();
  const since = await ports.activities.begin({
    now,
    ref,
    run,
    activity,
    attempt,
    queued: queued !== undefined,
    ...(session !== undefined && { session }),
  });
  if (since === null) return { ...SUPERSEDED, heartbeat_details: null };
  if (queued?.first_attempt === 1) {
    // An activity that began as local work was shown when it was scheduled. Idempotent: later attempts add no event.
    const { name, input, args } = queued;
    const shown = presentBegin(head, { activity, name, input, args, at: now });
    await ports.feed.publish(ref, run, { id: `begin#${activity}`, at: since }, [shown]);
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
  const now = ports.clock.now();
  const key = { ref, run, activity, attempt };
  const at = await ports.activities.failed({ ...key, failure: shortened(failure), retryAt: body.retry_at, now });
  if (!isShown(attempt)) return {};
  const shown = presentRetry(head, { activity, name, attempt, failure, at });
  await ports.feed.publish(ref, run, { id: `retry#${activity}#${attempt}`, at }, [shown]);
  return {};
}
