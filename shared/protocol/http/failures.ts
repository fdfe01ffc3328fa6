/** Failures of runs by their kind. */
import * as z from "zod";
import { MAX_PAGE } from "../limits.ts";
import { Cursor, Instant, pageSize, Timestamp } from "./fields.ts";

/** Bounds on the close of the runs; `end_time` is exclusive. Default: the last day. */
export const ListFailuresQuery = z.object({
  workflow_name: z.string().optional(),
  deployment_name: z.string().optional(),
  start_time: Instant.optional(),
  end_time: Instant.optional(),
  limit: pageSize(MAX_PAGE),
  cursor: Cursor.optional(),
});
/** The most frequent first. `fingerprint`: of workflow, deployment, status, type and message without ids and numbers. */
export const FailureListResponse = z
  .object({
    failures: z.array(
      z
        .object({
          fingerprint: z.string(),
          count: z.int(),
          first_time: Timestamp,
          last_time: Timestamp,
          workflow_name: z.string(),
          deployment_name: z.string(),
          status: z.enum(["FAILED", "TIMED_OUT"]),
          type: z.string().nullable(),
          /** Of the example, which is the newest of them. */
          message: z.string(),
          /** Null: it was deleted, and so was its message. */
          example: z.object({ execution_id: z.string(), run_id: z.string() }).nullable(),
        })
        .meta({ id: "FailureKind" }),
    ),
    /** The window that was counted: that of the request, widened to whole minutes, or hours where it is older. */
    start_time: Timestamp,
    end_time: Timestamp,
    /** False: there are so many kinds of failures that only the newest of the window were counted. */
    complete: z.boolean(),
    next_cursor: z.string().nullable(),
  })
  .meta({ id: "FailureListResponse" });
