/** Deletes closed executions, and damaged ones, with everything that is stored of them (`shared/engine/delete.ts`). */
import { deleteDamaged, deleteExecution } from "../engine/delete.ts";
import { notFound, type Refusal, refusal } from "../protocol/errors.ts";
import { Unreadable } from "../protocol/unreadable.ts";
import { damagedExecution } from "./executions.ts";
import { type RequestContext, refTo } from "./request-context.ts";

/**
 * Succeeds again for an execution that was deleted, while its tombstone is kept. `damaged`: also deletes one that runs and can be
 * neither ended nor reset.
 */
export async function removeExecution(
  context: RequestContext,
  execution: string,
  { damaged }: { damaged: boolean },
): Promise<undefined | Refusal> {
  if (damaged) {
    const done = await removeDamaged(context, execution);
    if (done !== "sound") return done;
  }
  try {
    const done = await deleteExecution(context.ports, refTo(context, execution));
    if (done.kind === "not_found") return notFound("execution", execution);
    if (done.kind !== "deleted") return stillRunning(execution, damaged);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return damagedExecution(context, execution, { call: "delete", cannot: "deleted like others", error });
  }
  context.log.info("execution deleted", { execution, by: context.user });
  return undefined;
}

async function removeDamaged(context: RequestContext, execution: string): Promise<undefined | "sound"> {
  const done = await deleteDamaged(context.ports, refTo(context, execution));
  if (done.kind !== "deleted") return "sound"; // one that was deleted before answers as it did
  const toldOfEnd = done.told === null ? "unknown: its head could not be read" : done.told;
  context.log.warn(
    "a damaged execution was deleted: its history, its waiting messages and its result are lost, and its children go on",
    {
      execution,
      by: context.user,
      parent_and_schedule_told: toldOfEnd,
    },
  );
  return undefined;
}

function stillRunning(execution: string, damaged: boolean): Refusal {
  const sound = damaged ? " and is not damaged" : "";
  const detail = `Execution '${execution}' is running${sound}: cancel or terminate it first, then delete it.`;
  return refusal(409, "EXECUTION_RUNNING", detail, { status: "RUNNING" });
}

/** To a repeated start (START-3). */
export function startedAndDeleted(execution: string): Refusal {
  const detail = `This start had begun execution '${execution}', which was deleted: use a new idempotency key to start it again.`;
  return refusal(409, "EXECUTION_DELETED", detail, { execution_id: execution });
}
