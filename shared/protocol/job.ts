/** A job: one action on all executions that a query finds. */
import * as z from "zod";
import type { Millis } from "./history.ts";
import { JsonValue } from "./json-value.ts";
import { ResetTo } from "./reset.ts";

export const JobAction = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("cancel") }),
  z.object({ kind: z.literal("terminate"), reason: z.string().nullable() }),
  z.object({ kind: z.literal("signal"), name: z.string(), input: JsonValue }),
  z.object({
    kind: z.literal("reset"),
    to: ResetTo,
    reason: z.string().nullable(),
    excluded: z.array(z.enum(["signals", "updates"])),
  }),
  z.object({ kind: z.literal("delete") }),
]);
export type JobAction = z.infer<typeof JobAction>;

export const JOB_STATUSES = ["COUNTING", "RUNNING", "COMPLETED", "ABORTED", "FAILED"] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];
export const JOB_OUTCOMES = ["succeeded", "skipped", "failed"] as const;

/** `skipped`: the action did not apply any more, for instance because the execution had closed. */
export interface JobOutcome {
  readonly execution: string;
  readonly run: string;
  readonly outcome: (typeof JOB_OUTCOMES)[number];
  readonly detail: string | null;
}

export interface JobCounts {
  readonly succeeded: number;
  readonly skipped: number;
  readonly failed: number;
}

/** `Q`: the query of runs, in the form of the ports. */
export interface Job<Q = unknown> {
  readonly workspace: string;
  readonly id: string;
  /** Raised by every change; a change names the version that it replaces. */
  readonly version: number;
  readonly action: JobAction;
  /** As the caller gave it. */
  readonly filter: Readonly<Record<string, unknown>>;
  readonly query: Q;
  /** The job whose failed executions it repeats, and the first job of such a chain (JOB-7). */
  readonly repeats?: { readonly job: string; readonly first: string };
  /** Name of the API key that made it. */
  readonly by: string;
  readonly status: JobStatus;
  /** Of the next page of runs; null: the first. */
  readonly token: string | null;
  /** The page under way: its runs, and the token of the next page. Null: the next step lists one (JOB-2). */
  readonly page: {
    readonly runs: readonly Pick<JobOutcome, "execution" | "run">[];
    readonly next: string | null;
  } | null;
  /** Pages whose outcomes are stored. */
  readonly pages: number;
  /** Runs that the query found; null: not counted yet. */
  readonly total: number | null;
  readonly counted: number;
  readonly counts: JobCounts;
  /** Why it is FAILED. */
  readonly problem: string | null;
  readonly createdAt: Millis;
  readonly endedAt: Millis | null;
  /** When somebody must work on it; null: it has ended. */
  readonly dueAt: Millis | null;
}
