/** The events of a run with those of one step together, in the order in which the steps began. */

import { type Step, stepsOf } from "./steps.ts";
import type { Shown } from "./store.ts";

/** `step`: null where the events belong to no step, or where one event is all that there will be of it. */
export interface Group {
  readonly step: Step | null;
  readonly events: readonly Shown[];
}

/** `events`: ascending. */
export function groupsOf(events: readonly Shown[]): Group[] {
  const stepOf = new Map<number, Step>();
  for (const step of stepsOf(events)) for (const id of step.events) stepOf.set(id, step);
  const groups: { step: Step | null; events: Shown[] }[] = [];
  const begun = new Map<Step, { events: Shown[] }>();
  for (const event of events) {
    const step = stepOf.get(event.id);
    const group = step && begun.get(step);
    if (group) group.events.push(event);
    else {
      const isWhole = !step || (step.events.length === 1 && step.end === step.start);
      const made = { step: isWhole ? null : step, events: [event] };
      groups.push(made);
      if (step) begun.set(step, made);
    }
  }
  return groups;
}
