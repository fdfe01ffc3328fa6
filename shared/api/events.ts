/** Stored events in pages. */
import { isRefusal, type Refusal } from "../protocol/errors.ts";
import type { QueryOf, ResponseOf } from "../protocol/routes.ts";
import { readToken, writeToken } from "./page.ts";
import type { RequestContext } from "./request-context.ts";

type Answer = ResponseOf<"getWorkflowEvents">;

export async function listEvents(
  context: RequestContext,
  query: QueryOf<"getWorkflowEvents">,
): Promise<Answer | Refusal> {
  const place = readToken(query, "cursor", query.cursor);
  if (isRefusal(place)) return place;
  const { workflow_exec_id: execution, root_workflow_exec_id: root, workflow_run_id: run } = query;
  const items = await context.ports.feed.read(context.workspace, {
    after: place === undefined ? 0 : Number(place[0]),
    limit: query.limit + 1,
    ...(execution !== undefined && { execution }),
    ...(root !== undefined && { root }),
    ...(run !== undefined && { run }),
  });
  const page = items.slice(0, query.limit);
  const last = page.at(-1);
  return {
    events: page.map((item) => item.event.wire as unknown as Answer["events"][number]),
    next_cursor: items.length > query.limit && last ? writeToken(query, [last.sequence]) : null,
  };
}
