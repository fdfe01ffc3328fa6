/** Stored events in pages. */
import type { FeedItem } from "../ports.ts";
import { isRefusal, type Refusal } from "../protocol/errors.ts";
import type { QueryOf, ResponseOf } from "../protocol/routes.ts";
import { isCount, readToken, writeToken } from "./page.ts";
import type { RequestContext } from "./request-context.ts";

type Answer = ResponseOf<"getWorkflowEvents">;

export async function listEvents(
  context: RequestContext,
  query: QueryOf<"getWorkflowEvents">,
): Promise<Answer | Refusal> {
  await context.room.take("page");
  const place = readToken(query, "cursor", query.cursor, [isCount]);
  if (isRefusal(place)) return place;
  const { workflow_exec_id: execution, root_workflow_exec_id: root, workflow_run_id: run } = query;
  const scope = {
    ...(execution !== undefined && { execution }),
    ...(root !== undefined && { root }),
    ...(run !== undefined && { run }),
  };
  const from = place === undefined ? 0 : Number(place[0]);
  const { items, more } = await firstItems(context, scope, from, query.limit);
  const last = items.at(-1);
  return {
    events: items.map((item) => item.event.wire as unknown as Answer["events"][number]),
    next_cursor: more && last ? writeToken(query, [last.sequence]) : null,
  };
}

/** Serialised bytes of events after which a page ends early, with a cursor. */
const MOST_BYTES = 4 * 2 ** 20;

/** `limit` items and one more, if there are so many and they are not too large. */
async function firstItems(
  { ports, workspace }: RequestContext,
  scope: { execution?: string; root?: string; run?: string },
  from: number,
  limit: number,
): Promise<{ items: FeedItem[]; more: boolean }> {
  const items: FeedItem[] = [];
  let bytes = 0;
  for (;;) {
    const after = items.at(-1)?.sequence ?? from;
    const { items: found } = await ports.feed.read(workspace, { after, limit: limit + 1 - items.length, ...scope });
    if (found.length === 0) return { items, more: false };
    items.push(...found);
    if (items.length > limit) return { items: items.slice(0, limit), more: true };
    for (const { event } of found) bytes += JSON.stringify(event.wire.attributes).length;
    if (bytes >= MOST_BYTES) return { items, more: true };
    await ports.pause?.();
  }
}
