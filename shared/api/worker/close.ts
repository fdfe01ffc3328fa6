/** Closing a run. A run whose history is full can still be closed. */
import * as engine from "../../engine/close.ts";
import type { WorkerAnswer, WorkerBody } from "../../protocol/worker.ts";
import { type RequestContext, refTo } from "../request-context.ts";
import { batchProblem, refused } from "./check-batch.ts";

export async function close(
  context: RequestContext,
  body: WorkerBody<"close">,
  characters: number,
): Promise<WorkerAnswer<"close">> {
  const problem = batchProblem(body.batch, context.ports.clock.now(), characters);
  if (problem) return problem;
  // Its parent and its schedule the server knows itself; a worker names only children of this run.
  const foreign = body.outbox.find((outbox) => !("parent_run" in outbox) || outbox.parent_run !== body.run);
  if (foreign)
    return refused(422, "WF_1001", `a worker cannot order '${foreign.kind}' for anything but children of the run`);
  const last = body.batch.events.at(-1);
  const result = last?.kind === "execution_completed" ? last.result : null;
  const closed = await engine.close(context.ports, refTo(context, body.execution), { ...body, result });
  return closed.kind === "malformed" ? refused(422, "WF_1001", closed.detail) : closed;
}
