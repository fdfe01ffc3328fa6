/** Closes a run; a run whose history is full can still be closed. */
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
  // The server adds the entries for the parent and the schedule itself.
  const foreign = body.outbox.find((entry) => !("parent_run" in entry) || entry.parent_run !== body.run);
  if (foreign) {
    const detail = `the outbox entry '${foreign.kind}' is not allowed: a worker may only name children of the run`;
    return refused(422, "WF_1001", detail);
  }
  const last = body.batch.events.at(-1);
  const result = last?.kind === "execution_completed" ? last.result : null;
  const closed = await engine.close(context.ports, refTo(context, body.execution), { ...body, result });
  return closed.kind === "malformed" ? refused(422, "WF_1001", closed.detail) : closed;
}
