/** Open questions to people, over all executions. */
import * as z from "zod";
import { MAX_SMALL_PAGE } from "../limits.ts";
import { Cursor, JsonObject, pageSize, Timestamp } from "./fields.ts";

export const ListInputsQuery = z.object({
  workflow_name: z.string().optional(),
  limit: pageSize(MAX_SMALL_PAGE),
  cursor: Cursor.optional(),
});
/**
 * The longest wait first. A page may be shorter than asked for: the last one has no `next_cursor`. `answer` is the update that
 * answers the question, without its `input`.
 */
export const InputListResponse = z
  .object({
    inputs: z.array(
      z
        .object({
          task_id: z.string(),
          label: z.string().nullable(),
          /** JSON schema of the answer; null: a codec of the worker has encoded it. */
          input_schema: JsonObject.nullable(),
          workflow_name: z.string(),
          deployment_name: z.string(),
          execution_id: z.string(),
          run_id: z.string(),
          since: Timestamp,
          /** When the timer fires that began with the question; null: none did. */
          until: Timestamp.nullable(),
          answer: z.object({ href: z.string(), name: z.string(), input: z.object({ task_id: z.string() }) }),
          links: z.array(z.object({ rel: z.string(), href: z.string() })),
        })
        .meta({ id: "OpenInput" }),
    ),
    next_cursor: z.string().nullable(),
  })
  .meta({ id: "InputListResponse" });
