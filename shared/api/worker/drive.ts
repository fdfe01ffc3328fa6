/** Operations on an execution that do not write history: claim, read, park, discard. */
import { shortRefusal } from "../../core/refusal.ts";
import * as engine from "../../engine/claim.ts";
import * as parking from "../../engine/park.ts";
import { invalid, notFound, type Refusal } from "../../protocol/errors.ts";
import type { WorkerAnswer, WorkerBody } from "../../protocol/worker.ts";
import { type RequestContext, refTo } from "../request-context.ts";
import { serialPerExecution } from "./serial-per-execution.ts";

export async function claim(context: RequestContext, body: WorkerBody<"claim">): Promise<WorkerAnswer<"claim">> {
  const { session, deployment, have, running } = body;
  const ref = refTo(context, body.execution);
  const claimed = await engine.claim(context.ports, ref, {
    session,
    ...(deployment !== undefined && { deployment }),
    ...(have && { have }),
    ...(running && { running }),
  });
  if (claimed.kind !== "claimed") return claimed;
  const upto = await context.ports.executions.logEnd?.(ref, claimed.head.run);
  return { ...claimed, ...(upto !== undefined && { upto }) };
}

/** Reads without claiming: for queries, and after a conflict. */
export async function read(context: RequestContext, body: WorkerBody<"read">): Promise<WorkerAnswer<"read"> | Refusal> {
  const { ports } = context;
  const ref = refTo(context, body.execution);
  const head = await ports.executions.head(ref);
  if (!head) return notFound("execution", body.execution);
  const has = body.have?.run === head.run ? body.have.tail : 1;
  return { head, batches: await ports.executions.batches(ref, head.run, has), now: ports.clock.now() };
}

export async function park(context: RequestContext, body: WorkerBody<"park">): Promise<WorkerAnswer<"park">> {
  const parked = await serialPerExecution(
    body.items,
    ({ execution, run, fence, due_at: dueAt, effects_done_through: effectsDoneThrough }) =>
      parking.park(context.ports, refTo(context, execution), { run, fence, dueAt, effectsDoneThrough }),
  );
  return { parked };
}

/** Removes messages that have become irrelevant, such as outcomes for a run that has ended, and refused updates (DECIDE-9). */
export async function discard(
  context: RequestContext,
  body: WorkerBody<"discard">,
): Promise<WorkerAnswer<"discard"> | Refusal> {
  const { run, chain, fence, ids, refused = [] } = body;
  const { executions } = context.ports;
  const ref = refTo(context, body.execution);
  if (refused.length > 0) {
    if (fence === undefined)
      return invalid([{ loc: ["body", "fence"], msg: "refused updates need it", type: "missing" }]);
    const short = refused.map((update) => ({ ...update, failure: shortRefusal(update.failure) }));
    if (!(await executions.refuseUpdates(ref, { run, chain, fence, refused: short }))) return { fenced: true };
  }
  const answered = new Set(refused.map(({ id }) => id));
  const others = ids.filter((id) => !answered.has(id));
  if (others.length > 0) await executions.removeMessages(ref, chain, others);
  return {};
}
