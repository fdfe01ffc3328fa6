/** A second fold of a history, for what `explain` tells and the protocol does not need. Pure, and total like `fold`. */
import type { EventOf, Failure, HistoryEvent, Millis } from "../../protocol/history.ts";
import { isClosing } from "../../protocol/history.ts";
import { isInputEvent } from "../human-inputs.ts";
import { labelOf } from "../questions.ts";

export interface OpenQuestion {
  readonly label: string | null;
  readonly since: Millis;
}

export interface Noted {
  /** When each timer and each child began. */
  readonly timers: Map<number, Millis>;
  readonly children: Map<number, Millis>;
  /** Questions to people by task id. */
  readonly inputs: Map<string, OpenQuestion>;
  /** Signals and updates that were taken in, by `signal NAME` and `update NAME`, with the number of times. */
  readonly called: Map<string, number>;
  /** The error at which the code stops at the present state; distinct errors since the code last decided. */
  bug: { readonly failure: Failure; readonly first: Millis; readonly last: Millis; readonly errors: number } | null;
  cancelledAt: Millis | null;
  closing: HistoryEvent | null;
  /** The last activity that failed for good. */
  failedActivity: EventOf<"activity_failed"> | null;
}

export const noted = (): Noted => ({
  timers: new Map(),
  children: new Map(),
  inputs: new Map(),
  called: new Map(),
  bug: null,
  cancelledAt: null,
  closing: null,
  failedActivity: null,
});

export function note(n: Noted, events: readonly HistoryEvent[]): Noted {
  for (const event of events) add(n, event);
  return n;
}

const count = (n: Noted, handler: string) => n.called.set(handler, (n.called.get(handler) ?? 0) + 1);

function add(n: Noted, e: HistoryEvent): void {
  if (e.decided !== undefined) n.bug = null;
  if (isClosing(e)) n.closing = e;
  switch (e.kind) {
    case "timer_started":
      n.timers.set(e.timer, e.at);
      break;
    case "timer_fired":
    case "timer_cancelled":
      n.timers.delete(e.timer);
      break;
    case "child_scheduled":
      n.children.set(e.child, e.at);
      break;
    case "child_completed":
    case "child_failed":
      n.children.delete(e.child);
      break;
    case "signal_received":
      count(n, `signal ${e.name}`);
      break;
    case "update_accepted":
      count(n, `update ${e.name}`);
      break;
    case "cancel_requested":
      n.cancelledAt ??= e.at;
      break;
    case "activity_failed":
      n.failedActivity = e;
      break;
    case "workflow_task_failed":
      n.bug = {
        failure: e.failure,
        first: n.bug?.first ?? e.at,
        last: e.at,
        errors: (n.bug?.errors ?? 0) + 1,
      };
      break;
    case "custom_task":
      if (!isInputEvent(e)) break;
      if (e.event === "started") n.inputs.set(e.task, { label: labelOf(e), since: e.at });
      else n.inputs.delete(e.task);
      break;
  }
}
