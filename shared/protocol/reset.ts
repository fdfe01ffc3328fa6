/** Points of a history to which an execution can be reset without an id of an event. */
import * as z from "zod";

export const ResetTo = z.enum(["start", "last_decision", "first_failure"]);
export type ResetTo = z.infer<typeof ResetTo>;
