/** Asks whether the times of a definition can be computed, before a command stores it or goes on with it. */
import type { ScheduleDefinition } from "./definition.ts";
import { specOf } from "./draft.ts";
import type { SpecIssue } from "./issues.ts";
import { Uncomputable } from "./steps.ts";
import { nextTime } from "./times.ts";

/** The issue of a definition whose next time after now cannot be computed; undefined: it can. */
export function uncomputable(definition: ScheduleDefinition, now: number): SpecIssue[] | undefined {
  try {
    nextTime(specOf(definition), now);
    return undefined;
  } catch (error) {
    if (error instanceof Uncomputable) return [costIssue(error)];
    throw error;
  }
}

export const costIssue = ({ message }: Uncomputable): SpecIssue => ({
  loc: [],
  msg: `the times of the schedule cannot be computed: ${message}`,
  type: "too_costly",
});
