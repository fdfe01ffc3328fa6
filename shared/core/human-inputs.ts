/**
 * Questions to people that a run waits for, kept with the head so that they are found without a look at the history.
 *
 * INPUTS-1. What is kept follows from the history: an effect of each batch that opens or closes a question. `through` is the
 *     last event that was counted. A write names the value that it replaces and the run, so an effect that is performed
 *     again, or late, changes nothing.
 * INPUTS-2. Of each question only its task and its event are kept, and only of the first `MOST_OPEN`: the head is written at
 *     each claim and pays for its size. A run with more is marked, and its history is folded when it is listed.
 * INPUTS-3. The end of a run, and a continued run, keep none. A run that a reset begins has those of its copy.
 */
import type { OpenInputs } from "../protocol/head.ts";
import type { HistoryEvent } from "../protocol/history.ts";

const TASK_TYPE = "wait_for_input";
/** INPUTS-2. */
export const MOST_OPEN = 50;

export type InputEvent = Extract<HistoryEvent, { kind: "custom_task" }>;

/** An event by which a question begins or ends. */
export const isInputEvent = (event: HistoryEvent): event is InputEvent =>
  event.kind === "custom_task" && event.task_type === TASK_TYPE && event.event !== "in_progress";

/** What a run waits for after these events, the next in its history; `before`: after the earlier ones. */
export function withInputs(before: OpenInputs | undefined, events: readonly HistoryEvent[]): OpenInputs | undefined {
  const changes = events.filter(isInputEvent).filter(({ id }) => id > (before?.through ?? 0)); // INPUTS-1
  if (changes.length === 0) return before;
  let open = [...(before?.open ?? [])];
  let more = before?.more === true;
  let since = before?.since ?? null;
  for (const { id, at, task, event } of changes) {
    if (event !== "started") open = open.filter((one) => one.task !== task);
    else if (open.length < MOST_OPEN) open.push({ task, event: id });
    else more = true;
    if (event === "started") since ??= at;
    else if (open.length === 0 && !more) since = null;
  }
  return { through: changes.at(-1)!.id, since, open, ...(more && { more }) };
}
