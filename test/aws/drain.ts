import type { FeedItem, FeedReader } from "../../shared/ports.ts";

/** What a reader shows until three looks in a row have brought nothing. */
export async function drain(reader: FeedReader): Promise<FeedItem[]> {
  const items: FeedItem[] = [];
  for (let empty = 0; empty < 3; ) {
    const page = await reader.next();
    empty = page.items.length > 0 ? 0 : empty + 1;
    items.push(...page.items);
  }
  return items;
}
