/** Why an execution or a schedule does not go on. */
import * as z from "zod";
import { DEFAULT_EVENTS_PAGE, MAX_PREVIEW_TIMES } from "../limits.ts";
import { Instant, JsonObject, pageSize, Timestamp } from "./fields.ts";

/** `kind`: one of the table in `shared/core/explain/kinds.ts`, or of a schedule; further kinds may come. */
export const Wait = z
  .object({
    kind: z.string(),
    /** Who must act: nobody, time, worker, person, caller, child, developer or operator. */
    actor: z.string(),
    text: z.string(),
    since: Timestamp.nullable(),
    until: Timestamp.nullable(),
    evidence: JsonObject,
    what_to_do: z.string(),
    links: z.array(z.object({ rel: z.string(), href: z.string() })),
  })
  .meta({ id: "Wait" });
export type Wait = z.infer<typeof Wait>;

const explained = { as_of: Timestamp, summary: z.string(), waits: z.array(Wait) };
export const Explanation = z
  .object({
    execution_id: z.string(),
    run_id: z.string(),
    status: z.string(),
    /**
     * The version of the code to which the execution is pinned, whether a worker of it is live, and the versions of the same deployment that
     * are live and have the workflow, the newest first; null: its deployment is no version.
     */
    version: z
      .object({
        version_of: z.string(),
        version: z.string(),
        is_live: z.boolean(),
        live_versions: z.array(z.string()),
      })
      .nullable(),
    /** The execution must be closed by then. */
    deadline: Timestamp.nullable(),
    ...explained,
  })
  .meta({ id: "ExecutionExplanation" });
export type Explanation = z.infer<typeof Explanation>;

export const ScheduleExplanation = z
  .object({ schedule_id: z.string(), status: z.string(), ...explained })
  .meta({ id: "ScheduleExplanation" });
/** `from` and `to` bound the nominal times; default: the next day. */
export const UpcomingQuery = z.object({
  from: Instant.optional(),
  to: Instant.optional(),
  limit: pageSize(MAX_PREVIEW_TIMES, DEFAULT_EVENTS_PAGE),
});
export const UpcomingResponse = z
  .object({
    from: Timestamp,
    to: Timestamp,
    times: z.array(
      z.object({
        schedule_id: z.string(),
        workflow_name: z.string(),
        deployment_name: z.string(),
        nominal_at: Timestamp,
        scheduled_at: Timestamp,
      }),
    ),
    /** There are no further times in the window. */
    complete: z.boolean(),
    /** Some schedules whose times could not be computed or were not reached. */
    left_out: z.array(z.string()),
  })
  .meta({ id: "UpcomingResponse" });

export type ScheduleExplanation = z.infer<typeof ScheduleExplanation>;
