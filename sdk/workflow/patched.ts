/** Changes of workflow code that runs which have passed the changed place already must not see. */
import { MAX_PATCH_ID } from "../../shared/protocol/limits.ts";
import { UsageError } from "../errors.ts";
import { commandFrame } from "../runtime/frame.ts";

/**
 * May this run take the new way of a changed place? True, and recorded, where the run reaches the place for the first time
 * with this code; false while it replays a history that was recorded without the patch. The answer stays the same for the
 * whole run, so a loop does not change its way in the middle.
 *
 *     if (patched("charge-in-two-steps")) { … the new way … } else { … the old way … }
 *
 * Once no run without the patch is left, remove the old way and the call: remove both only then, as a recorded patch that the
 * code does not ask for any more is a divergence.
 */
export function patched(id: string): boolean {
  const { ops } = commandFrame(`patched("${id}")`);
  if (id.length < 1 || id.length > MAX_PATCH_ID) {
    throw new UsageError(`patched(${JSON.stringify(id.slice(0, 40))}): ids have 1 to ${MAX_PATCH_ID} characters.`);
  }
  return ops.patched(id.toWellFormed()); // as it is recorded (VALUES-1)
}
