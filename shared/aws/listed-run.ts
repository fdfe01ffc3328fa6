/** A run as lists show it. */
import { shownObject, shownTime } from "../lib/readable.ts";
import type { RunSummary } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import type { Blobs } from "./blobs.ts";
import { refOf } from "./keys.ts";
import { INDEXES } from "./names.ts";
import { unpack } from "./pack.ts";
import { type Item, number, text } from "./table.ts";

export interface ListedRun extends RunSummary {
  readonly search_keys: Readonly<Record<string, string>>;
}

/** What a list shows of a run: no payload is read from S3 for it. `searchKeys`: the list filters by them. */
export async function decodeListed(blobs: Blobs, item: Item, o: { searchKeys: boolean }): Promise<ListedRun> {
  const { workspace, execution } = refOf(text(item, "pk")!);
  const keys = item.search_keys ?? item.search_keys_packed;
  const [body, search_keys] = await Promise.all([
    unpack<Partial<Pick<Head, "parent">>>(blobs, item.body!).then(shownObject),
    o.searchKeys && keys ? unpack<Head["search_keys"]>(blobs, keys) : {},
  ]);
  return {
    workspace,
    execution,
    workflow: text(item, "workflow")!,
    run: text(item, "run")!,
    root: text(item, "root") ?? execution,
    parent: body.parent ?? null,
    deployment: text(item, "deployment")!,
    user: text(item, "user") ?? null,
    status: text(item, "status") as Head["status"],
    started_at: shownTime(number(item, INDEXES.runs.sort)),
    closed_at: item.closed_at ? shownTime(number(item, "closed_at")) : null,
    search_keys,
  };
}
