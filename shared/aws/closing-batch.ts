/** The closing batch that lies in a head (LOG-6), as the item of the log that it stands for. */
import { logKey, refOf } from "./keys.ts";
import { FED } from "./names.ts";
import { type Item, keyItem, number, text } from "./table.ts";

/** The fence of the first claim. A wake-up, another claim, or a start over the execution raises it for good. */
export const FIRST_CLAIM = 2;

/** Of the item of a run. Null: its log has all batches, and always will. Undefined: the run may still close in its head. */
export function closingIn(item: Item): Item | null | undefined {
  const last = item[FED.closing]?.M;
  if (last) {
    const { first, ...rest } = last;
    const ref = refOf(text(item, "pk")!);
    return { ...keyItem(logKey(ref, text(item, "run")!, Number(first!.N))), ...rest };
  }
  const alone = text(item, "status") === "RUNNING" && number(item, "fence")! <= FIRST_CLAIM;
  return alone && !item.n_parks && !item.n_timers ? undefined : null;
}
