/** Statuses of executions, each list once. */
import * as z from "zod";

/** A run that has ended has one of these. `CONTINUED_AS_NEW`: the run ended, its execution goes on in the next run. */
export const CLOSED_STATUSES = [
  "COMPLETED",
  "FAILED",
  "CANCELED",
  "TERMINATED",
  "CONTINUED_AS_NEW",
  "TIMED_OUT",
] as const;
export type ClosedStatus = (typeof CLOSED_STATUSES)[number];

const STATUSES = ["RUNNING", ...CLOSED_STATUSES] as const;
export const ExecutionStatus = z.enum(STATUSES);
export type ExecutionStatus = z.infer<typeof ExecutionStatus>;

/** The words of the API. No execution of ours has the last one: clients may send it in a filter. */
export const PUBLIC_STATUSES = [...STATUSES, "RETRYING_AFTER_ERROR"] as const;
export type PublicStatus = (typeof PUBLIC_STATUSES)[number];

/** How a child ended without a result. `START_FAILED`: it could not be started. */
export const ChildFailureStatus = z.enum(["FAILED", "CANCELED", "TERMINATED", "TIMED_OUT", "START_FAILED"]);
export type ChildFailureStatus = z.infer<typeof ChildFailureStatus>;
