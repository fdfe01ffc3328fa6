/** Receiving tasks by long poll, and keeping or giving back their leases. */
import { type Refusal, refusal } from "../../protocol/errors.ts";
import type { WorkerAnswer, WorkerBody } from "../../protocol/worker.ts";
import type { Call } from "../call.ts";

export async function poll(call: Call, body: WorkerBody<"poll">): Promise<WorkerAnswer<"poll">> {
  const { ports, workspace } = call;
  const { deployment, queue, session, max, wait_ms: waitMs } = body;
  const { signal } = call;
  const deliveries = await ports.tasks.receive({ workspace, deployment, queue }, { session, max, waitMs, signal });
  if (signal.aborted && deliveries.length > 0) {
    // Nobody is there to take them: hand them back now instead of when the lease lapses.
    const receipts = deliveries.map((d) => d.receipt);
    await ports.tasks.extend(workspace, receipts, 0);
    return { deliveries: [] };
  }
  return { deliveries };
}

export async function extend(call: Call, body: WorkerBody<"extend">): Promise<WorkerAnswer<"extend">> {
  return { lost: await call.ports.tasks.extend(call.workspace, body.receipts, body.lease_ms) };
}

export async function finish(call: Call, body: WorkerBody<"finish">): Promise<WorkerAnswer<"finish">> {
  await call.ports.tasks.finish(call.workspace, body.receipts);
  return {};
}

export async function task(call: Call, body: WorkerBody<"task">): Promise<WorkerAnswer<"task"> | Refusal> {
  const found = await call.ports.tasks.load?.(call.workspace, body.name);
  return found
    ? { task: found }
    : refusal(404, "WF_1100", `There is no task kept under the name ${JSON.stringify(body.name)}: it has expired.`);
}
