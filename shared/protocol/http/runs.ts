/** Runs of executions, listed across the workspace. */
import * as z from "zod";
import { DEFAULT_COUNTED_RUNS, MAX_COUNTED_RUNS, MAX_SEARCH_KEY_FILTERS, MAX_WORKFLOW_TAGS_FILTER } from "../limits.ts";
import { ExecutionStatus, WorkflowExecutionWithoutResult } from "./executions.ts";
import { Cursor, Instant, Order, pageSize } from "./fields.ts";

/** `key:value`, or `key^=prefix` for values that begin with it; split at the first of either. */
const SearchKeyFilter = z
  .string()
  .regex(/^.+?(?::|\^=)/s, { error: "key:value is wanted, or key^=prefix" })
  .transform((text) => {
    const [whole, key = "", sign] = /^(.+?)(:|\^=)/s.exec(text) ?? [""];
    return { key, value: text.slice(whole.length), prefix: sign === "^=" };
  });

/**
 * A run must match all filters. Bounds are inclusive; those of `end_time` exclude running runs.
 * `user_id=current` is the caller. `workflow_identifier` is a name or an id.
 */
const filters = {
  workflow_identifier: z.string().optional(),
  root_execution_id: z.string().optional(),
  search: z.string().optional(),
  status: z.array(ExecutionStatus).optional(),
  deployment_name: z.string().optional(),
  start_time_after: Instant.optional(),
  start_time_before: Instant.optional(),
  end_time_after: Instant.optional(),
  end_time_before: Instant.optional(),
  user_id: z.string().optional(),
  workflow_tags: z.array(z.string()).max(MAX_WORKFLOW_TAGS_FILTER).optional(),
  include_internal: z.boolean().default(true),
  search_key: z.array(SearchKeyFilter).max(MAX_SEARCH_KEY_FILTERS).optional(),
};
export const ListRunsQuery = z.object({
  ...filters,
  sort_by: z.enum(["start_time", "end_time"]).default("start_time"),
  order: Order.default("desc"),
  page_size: pageSize(),
  next_page_token: Cursor.optional(),
});

/** The same filters; order and pages have no meaning here. `up_to`: each status is counted to this number. */
export const CountRunsQuery = z.object({ ...filters, up_to: pageSize(MAX_COUNTED_RUNS, DEFAULT_COUNTED_RUNS) });
/** One entry for each status that was asked for, also where none has it. `more`: there are more than were counted. */
export const RunCountsResponse = z
  .object({ counts: z.array(z.object({ status: ExecutionStatus, count: z.int(), more: z.boolean() })) })
  .meta({ id: "RunCountsResponse" });

/** The runs are under `executions`. A page with a token must be full: clients stop at a page that is not. */
export const WorkflowExecutionListResponse = z
  .object({ executions: z.array(WorkflowExecutionWithoutResult), next_page_token: z.string().nullable() })
  .meta({ id: "WorkflowExecutionListResponse" });
