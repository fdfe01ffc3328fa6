/** Items of runs beside the head: the item of a past run, and the pointer that finds a run by its id (KEY-2). */
import type { Ref } from "../ports.ts";
import { pointerKey, runKey } from "./keys.ts";
import { INDEXES } from "./names.ts";
import { type Item, keyItem, S, text } from "./table.ts";

/** The item of a run whose execution has a later run. */
export function pastRunItem(ref: Ref, head: Item, over: Item = {}): Item {
  const {
    fresh: _fresh,
    wake_pending: _wakePending,
    wake_due_at: _wakeDueAt,
    open_inputs: _openInputs,
    ...rest
  } = head;
  delete rest[INDEXES.inputs.partition];
  delete rest[INDEXES.inputs.sort];
  delete rest[INDEXES.due.partition];
  delete rest[INDEXES.due.sort];
  return { ...rest, ...keyItem(runKey(ref, text(head, "run")!)), ...over };
}

export const pointerItem = (ref: Ref, run: string): Item => ({
  ...keyItem(pointerKey(ref.workspace, run)),
  execution: S(ref.execution),
});
