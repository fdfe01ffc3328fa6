/** Prints a job. */
import type { ResponseOf } from "../../../shared/protocol/routes.ts";
import type { Io } from "../../io.ts";
import { compact, fields, moment } from "../../print.ts";

export type Job = ResponseOf<"getJob">;

export const progressOf = (job: Job): string => (job.total === null ? "counting" : `${job.done} of ${job.total}`);

export function showJob(job: Job, io: Io): void {
  fields(io, [
    ["job", job.job_id, "bold"],
    ["action", job.action],
    ["filter", compact(job.filter)],
    ["status", job.status],
    ["done", progressOf(job)],
    ["succeeded", String(job.succeeded)],
    ["skipped", job.skipped ? String(job.skipped) : null],
    ["failed", job.failed ? String(job.failed) : null, "bad"],
    ["problem", job.problem, "bad"],
    ["by", job.user_id],
    ["created", moment(job.created_at)],
    ["ended", job.end_time && moment(job.end_time)],
  ]);
}
