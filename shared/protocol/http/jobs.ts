/** Jobs: one action on all executions that a query finds. Own operations: their bodies refuse unknown keys. */
import * as z from "zod";
import { HandlerName } from "../ids.ts";
import { JOB_OUTCOMES, JOB_STATUSES } from "../job.ts";
import { JsonRecord } from "../json-value.ts";
import { MAX_REASON, MAX_SMALL_PAGE, MAX_STATUSES_FILTER } from "../limits.ts";
import { ResetTo } from "../reset.ts";
import { line } from "../text.ts";
import { ExecutionStatus } from "./executions.ts";
import { Cursor, JsonObject, pageSize, Timestamp } from "./fields.ts";
import { ListRunsQuery } from "./runs.ts";

const { sort_by, order, page_size, next_page_token, status, ...filters } = ListRunsQuery.shape;
/**
 * The filters of the list of runs, with the same meanings. `failure`, for `reset` and `delete`: only runs that failed in this
 * way, by the fingerprint that the list of failures gives it.
 */
export const JobFilter = z
  .strictObject({
    ...filters,
    status: z.array(ExecutionStatus).max(MAX_STATUSES_FILTER).optional(),
    failure: z
      .string()
      .regex(/^[0-9a-f]{16}$/, "must be a fingerprint of the list of failures, such as 0c1f5e7a9b3d2468")
      .optional(),
  })
  .meta({ id: "JobFilter" });
export const JobActionName = z.enum(["cancel", "terminate", "signal", "reset", "delete"]);

/**
 * `signal`: `name` and `input`, and one workflow in the filter. `terminate`: `reason`. `reset`: `to`, `reason`, `exclude_signals`
 * and `exclude_updates`. `filter.status`: for `reset`, FAILED if it is absent; for `delete`, all closed ones if it is absent; for both with a `failure`, FAILED
 * and TIMED_OUT. The others act on running executions. `repeats`: the id of an ended job with the same action and filter: acts on the executions
 * at which that one failed, with that one's other fields.
 */
export const CreateJobRequest = z
  .strictObject({
    /** A UUID of the caller's: a repeated request is the same job. */
    job_id: z.uuid().nullish(),
    action: JobActionName,
    filter: JobFilter,
    repeats: z.uuid().nullish(),
    name: HandlerName.nullish(),
    input: JsonRecord.nullish(),
    reason: line().max(MAX_REASON).nullish(),
    to: ResetTo.nullish(),
    exclude_signals: z.boolean().nullish(),
    exclude_updates: z.boolean().nullish(),
  })
  .meta({ id: "CreateJobRequest" });

/** `total`: runs that the filter found, null until they are counted. Times of an open job: `end_time` null. */
export const JobResponse = z
  .object({
    job_id: z.string(),
    action: JobActionName,
    filter: JsonObject,
    status: z.enum(JOB_STATUSES),
    total: z.int().nullable(),
    done: z.int(),
    succeeded: z.int(),
    skipped: z.int(),
    failed: z.int(),
    problem: z.string().nullable(),
    repeats: z.string().nullable(),
    user_id: z.string(),
    created_at: Timestamp,
    end_time: Timestamp.nullable(),
  })
  .meta({ id: "JobResponse" });
export type JobResponse = z.infer<typeof JobResponse>;

export const ListJobsQuery = z.object({ limit: pageSize(MAX_SMALL_PAGE), cursor: Cursor.optional() });
export const JobListResponse = z
  .object({ jobs: z.array(JobResponse), next_cursor: z.string().nullable() })
  .meta({ id: "JobListResponse" });

export const JobOutcomesQuery = z.object({ cursor: Cursor.optional() });
/** Pages are those in which the job worked, of 100 runs at most. */
export const JobOutcomesResponse = z
  .object({
    outcomes: z.array(
      z
        .object({
          execution_id: z.string(),
          run_id: z.string(),
          outcome: z.enum(JOB_OUTCOMES),
          detail: z.string().nullable(),
        })
        .meta({ id: "JobOutcome" }),
    ),
    next_cursor: z.string().nullable(),
  })
  .meta({ id: "JobOutcomesResponse" });
