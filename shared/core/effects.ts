/**
 * The effects of a batch, which the server performs once the batch is durable. They follow from the batch alone, so any
 * server that reads the batch can perform them again; each is idempotent by its key.
 */

import type { OutboxEntry } from "../protocol/head.ts";
import type { Batch, EventOf, HistoryEvent, QueuedTask, Started } from "../protocol/history.ts";
import type { Message } from "../protocol/messages.ts";
import type { Task } from "../protocol/worker.ts";
import { isInputEvent } from "./human-inputs.ts";
import type { RunState } from "./state.ts";

export type Effect =
  | { kind: "queue_activity"; key: string; task: Extract<Task, { kind: "activity" }> }
  | { kind: "cancel_activity"; activity: number }
  | { kind: "start_child"; event: EventOf<"child_scheduled"> }
  | { kind: "cancel_child"; child: number; execution: string }
  | { kind: "set_search_keys"; set: Record<string, string>; remove: readonly string[] }
  | { kind: "note_inputs"; events: readonly HistoryEvent[] };

type Of = Pick<Started, "workflow" | "run" | "chain"> & { execution: string };

export function effectsOf(of: Of, batch: Pick<Batch, "events">): Effect[] {
  const effects: Effect[] = [];
  const queue = (activity: number, attempt: number, task: QueuedTask) => {
    const { execution, workflow, run, chain } = of;
    const key = `activity#${run}#${activity}#${attempt}`;
    effects.push({
      kind: "queue_activity",
      key,
      task: { kind: "activity", execution, workflow, run, chain, activity, ...task, first_attempt: attempt },
    });
  };
  const asked = batch.events.filter(isInputEvent);
  if (asked.length > 0) effects.push({ kind: "note_inputs", events: asked });
  for (const e of batch.events) {
    if (e.kind === "activity_scheduled" && e.where === "queue") {
      const { name, input, args, options, at: scheduled_at } = e;
      queue(e.activity, 1, { name, input, ...(args && { args }), options, scheduled_at });
    } else if (e.kind === "activity_attempt_started" && e.task) {
      queue(e.activity, e.attempt, e.task);
    } else if (e.kind === "activity_restarted") {
      queue(e.activity, 1, e.task);
    } else if (e.kind === "activity_cancel_requested" && e.where === undefined) {
      effects.push({ kind: "cancel_activity", activity: e.activity });
    } else if (e.kind === "child_scheduled") {
      effects.push({ kind: "start_child", event: e });
    } else if (e.kind === "child_cancel_requested") {
      effects.push({ kind: "cancel_child", child: e.child, execution: e.execution });
    } else if (e.kind === "search_keys_set") {
      effects.push({ kind: "set_search_keys", set: e.set, remove: e.remove });
    }
  }
  return effects;
}

/**
 * The effects of these batches without those that an event in them, or a message in the inbox, answers already. An answered
 * effect that is performed again is answered again: a child is refused, or an activity that was queued again ends. Each such
 * answer requests a wake-up, which raises the fence. If it comes before the claiming worker has recorded the first answer,
 * the worker claims again, and so for ever.
 */
export function openEffects(
  of: Of,
  batches: readonly Pick<Batch, "events">[],
  messages: readonly Message[] = [],
): Effect[] {
  const answered = new Set<string>();
  for (const m of messages) {
    if (m.kind === "activity" && m.run === of.run) answered.add(`activity ${m.activity}`);
    if (m.kind === "child" && m.run === of.run) answered.add(`child ${m.child}`);
  }
  for (const e of batches.flatMap((b) => b.events)) {
    if (e.kind === "activity_completed" || e.kind === "activity_failed") answered.add(`activity ${e.activity}`);
    if (e.kind === "child_completed" || e.kind === "child_failed") answered.add(`child ${e.child}`);
  }
  return batches.flatMap((b) => effectsOf(of, b)).filter((effect) => !answered.has(subjectOf(effect)));
}

function subjectOf(effect: Effect): string {
  switch (effect.kind) {
    case "queue_activity":
      return `activity ${effect.task.activity}`;
    case "cancel_activity":
      return `activity ${effect.activity}`;
    case "start_child":
      return `child ${effect.event.child}`;
    case "cancel_child":
      return `child ${effect.child}`;
    case "set_search_keys":
      return "search keys";
    case "note_inputs":
      return "inputs";
  }
}

/** A closed run needs no activity any more, and waits for nobody. The server performs the other effects of its last batch all the same. */
export const outlivesRun = (effect: Effect): boolean =>
  effect.kind !== "queue_activity" && effect.kind !== "cancel_activity" && effect.kind !== "note_inputs";

/**
 * The effects of closing this run on its open children, by their parent close policy. `after`: only on the children that
 * later events scheduled.
 */
export function childrenOutbox(state: Pick<RunState, "children">, after = 0): OutboxEntry[] {
  const outbox: OutboxEntry[] = [];
  for (const [child, open] of state.children) {
    if (open.onParentClose === "abandon" || open.event <= after) continue;
    const kind = open.onParentClose === "terminate" ? ("terminate_child" as const) : ("cancel_child" as const);
    outbox.push({ kind, execution: open.execution, parent_run: open.run, child });
  }
  return outbox;
}
