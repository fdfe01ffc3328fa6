/** Deletes closed executions with everything that is stored of them (`shared/engine/delete.ts`). */
import { deleteExecution } from "../engine/delete.ts";
import { notFound, type Refusal, refusal } from "../protocol/errors.ts";
import { type RequestContext, refTo } from "./request-context.ts";

/** Succeeds again for an execution that was deleted, while its tombstone is kept. */
export async function removeExecution(context: RequestContext, execution: string): Promise<undefined | Refusal> {
  const done = await deleteExecution(context.ports, refTo(context, execution));
  if (done.kind === "not_found") return notFound("execution", execution);
  if (done.kind !== "deleted") return stillRunning(execution);
  context.log.info("execution deleted", { execution, by: context.user });
  return undefined;
}

function stillRunning(execution: string): Refusal {
  const detail = `Execution '${execution}' is running: cancel or terminate it first, then delete it.`;
  return refusal(409, "EXECUTION_RUNNING", detail, { status: "RUNNING" });
}

/** To a repeated start (START-3). */
export function startedAndDeleted(execution: string): Refusal {
  const detail = `This start had begun execution '${execution}', which was deleted: use a new idempotency key to start it again.`;
  return refusal(409, "EXECUTION_DELETED", detail, { execution_id: execution });
}
