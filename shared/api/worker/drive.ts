/** A drive's calls that do not write history: claim, read, park, discard. */
import * as engine from "../../engine/claim.ts";
import * as parking from "../../engine/park.ts";
import { notFound, type Refusal } from "../../protocol/errors.ts";
import type { WorkerAnswer, WorkerBody } from "../../protocol/worker.ts";
import { type Call, refTo } from "../call.ts";
import { inLanes } from "./lanes.ts";

export async function claim(call: Call, body: WorkerBody<"claim">): Promise<WorkerAnswer<"claim">> {
  const { session, have } = body;
  return engine.claim(call.ports, refTo(call, body.execution), { session, ...(have && { have }) });
}

/** Without claiming: for queries, and for those who lost a position. */
export async function read(call: Call, body: WorkerBody<"read">): Promise<WorkerAnswer<"read"> | Refusal> {
  const { ports } = call;
  const ref = refTo(call, body.execution);
  const head = await ports.executions.head(ref);
  if (!head) return notFound("execution", body.execution);
  const has = body.have?.run === head.run ? body.have.tail : 1;
  return { head, batches: await ports.executions.batches(ref, head.run, has), now: ports.clock.now() };
}

export async function park(call: Call, body: WorkerBody<"park">): Promise<WorkerAnswer<"park">> {
  const parked = await inLanes(body.items, ({ execution, run, turn, due_at: dueAt, sent }) =>
    parking.park(call.ports, refTo(call, execution), { run, turn, dueAt, sent }),
  );
  return { parked };
}

/** Messages that mean nothing any more, such as outcomes for a run that has ended. */
export async function discard(call: Call, body: WorkerBody<"discard">): Promise<WorkerAnswer<"discard">> {
  await call.ports.executions.removeMessages(refTo(call, body.execution), body.chain, body.ids);
  return {};
}
