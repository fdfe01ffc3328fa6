/** Changes of workflow code that runs which have passed the changed place already must not see. */
import { MAX_PATCH_ID } from "../../shared/protocol/limits.ts";
import { UsageError } from "../errors.ts";
import { commandFrame } from "../runtime/frame.ts";
import type { WorkflowOps } from "../runtime/ops.ts";

/**
 * May this run take the new way of a changed place? True, and recorded, where the run reaches the place for the first time
 * with this code; false while it replays a history that was recorded without the patch. The answer stays the same for the
 * whole run, so a loop does not change its way in the middle.
 *
 *     if (patched("charge-in-two-steps")) { … the new way … } else { … the old way … }
 *
 * Once no run without the patch is left, remove the old way and put `deprecatePatch` in the place of the call: a recorded patch
 * that the code does not ask for any more is a divergence.
 */
export function patched(id: string): boolean {
  return asked("patched(", id).patched(id.toWellFormed()); // as it is recorded (VALUES-1)
}

/**
 * Stands where `patched(id)` stood, once no run without the patch is left and the old way is removed. Runs that have recorded
 * the patch replay, new runs record nothing. Once no run with a recorded patch is left, remove it too.
 */
export function deprecatePatch(id: string): void {
  asked("deprecatePatch(", id).deprecatePatch(id.toWellFormed());
}

function asked(call: string, id: string): WorkflowOps {
  const { ops } = commandFrame(`${call}"${id}")`);
  if (id.length < 1 || id.length > MAX_PATCH_ID) {
    throw new UsageError(`${call}${JSON.stringify(id.slice(0, 40))}): ids have 1 to ${MAX_PATCH_ID} characters.`);
  }
  return ops;
}
