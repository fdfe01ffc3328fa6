/** Lengths of waits and limits that workflow code computes: their end may have passed, as in `deadline - now()`. */
import { type Duration, milliseconds, positiveMilliseconds } from "../../shared/lib/duration.ts";
import { PASSED_WAITS } from "./flags.ts";
import type { WorkflowOps } from "./ops.ts";

const hasPassed = (ops: WorkflowOps, value: Duration): boolean =>
  typeof value === "number" && value < 0 && Number.isFinite(value) && ops.usesFlag(PASSED_WAITS);

/** Whole milliseconds of a wait; 0 = it is over at once. */
export const waitMs = (ops: WorkflowOps, value: Duration, what: string): number =>
  hasPassed(ops, value) ? 0 : milliseconds(value, what);

/** Whole milliseconds of a limit, at least 1; 0 is refused, because it would read like "no limit". */
export const limitMs = (ops: WorkflowOps, value: Duration, what: string): number =>
  hasPassed(ops, value) ? 1 : positiveMilliseconds(value, what);
