/** Receives tasks by long poll, and extends, returns or finishes their leases. */
import { mayLeaveEarly } from "../../engine/claim-with-task.ts";
import { lazy } from "../../lib/lazy.ts";
import { type Refusal, refusal } from "../../protocol/errors.ts";
import type { WorkerAnswer, WorkerBody } from "../../protocol/worker.ts";
import type { RequestContext } from "../request-context.ts";
import { notAuthorized } from "./authorized.ts";
import { leavesEarly } from "./early.ts";
import type { InLines } from "./in-lines.ts";

/** A server on AWS never needs it. */
const inParts = lazy(() => import("./poll-in-parts.ts"));

export async function poll(
  context: RequestContext,
  body: WorkerBody<"poll">,
): Promise<WorkerAnswer<"poll"> | InLines | Refusal> {
  const { ports, workspace } = context;
  const { deployment, queue, session, max, wait_ms: waitMs, claim_again: again = false } = body;
  const refused = await notAuthorized(context, await context.ports.registry.deployment(context.workspace, deployment));
  if (refused) return refused;
  if (body.parts && ports.tasks.receiveInParts) return { lines: (await inParts()).pollInParts(context, body) };
  if (max === 0) {
    ports.tasks.endReceives?.({ workspace, deployment, queue }, session);
    return { deliveries: [] };
  }
  const { signal } = context;
  const deliveries = await ports.tasks.receive({ workspace, deployment, queue }, { session, max, waitMs, signal });
  const claimed =
    body.claim &&
    !signal.aborted &&
    (await ports.withClaims?.({ workspace, deployment }, { session, again }, deliveries)); // CLAIM-1, CLAIM-3
  if (claimed && !signal.aborted && mayLeaveEarly(ports, claimed)) return leavesEarly({ deliveries: claimed });
  if (deliveries.length > 0) await ports.durable(); // meanwhile the server may hear that the caller has gone
  if (signal.aborted && deliveries.length > 0) {
    // End the leases now, so that another worker receives the tasks at once.
    const receipts = deliveries.map((d) => d.receipt);
    await ports.tasks.extend(workspace, receipts, 0);
    return { deliveries: [] };
  }
  return { deliveries: claimed || deliveries };
}

export async function extend(context: RequestContext, body: WorkerBody<"extend">): Promise<WorkerAnswer<"extend">> {
  return { lost: await context.ports.tasks.extend(context.workspace, body.receipts, body.lease_ms) };
}

export async function finish(context: RequestContext, body: WorkerBody<"finish">): Promise<WorkerAnswer<"finish">> {
  await context.ports.tasks.finish(context.workspace, body.receipts);
  return {};
}

export async function task(context: RequestContext, body: WorkerBody<"task">): Promise<WorkerAnswer<"task"> | Refusal> {
  const found = await context.ports.tasks.load?.(context.workspace, body.name);
  return found
    ? { task: found }
    : refusal(404, "WF_1100", `No task is stored under the name ${JSON.stringify(body.name)}: it has expired.`);
}
