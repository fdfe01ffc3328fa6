/**
 * Lists runs from the index `runs`: its shards are read concurrently, each in the order of starts, and merged.
 *
 * RUNS-1. The index gives candidates. A run is listed as its own item is now, and only if that item matches the query.
 * RUNS-2. Reading continues until the page is full: only the last page may be shorter. A filter that DynamoDB applies saves
 *     transfer, not read units.
 * RUNS-3. A list sorted by end reads every start in the asked range before its first page (an index of ends would add a
 *     write unit to every execution, for a rare list). Bounds on the start narrow it.
 */

import { type Place, readPageToken, writePageToken } from "../lib/page-token.ts";
import { isUnreadable } from "../lib/readable.ts";
import { BadToken, type RunSummary, type RunsQuery } from "../ports.ts";
import type { Context } from "./context.ts";
import { isExpired, isTombstone } from "./heads.ts";
import { HEAD, RUN_SHARDS, refOf, runsShard } from "./keys.ts";
import { decodeListed, type ListedRun } from "./listed-run.ts";
import { INDEXES } from "./names.ts";
import type { RunIndex } from "./run-index.ts";
import { matches, serverFilter } from "./runs-filter.ts";
import { type Candidate, compare, inStartOrder } from "./runs-order.ts";
import { type Item, N, number, S, text } from "./table.ts";

/** Open runs sort as if they ended last. */
const FAR = 9_000_000_000_000_000;

export async function listRuns(
  c: Context,
  runIndex: RunIndex,
  q: RunsQuery,
): Promise<{ runs: RunSummary[]; next: string | null }> {
  let after = q.token === undefined ? undefined : placeAt(q.token);
  const runs: RunSummary[] = [];
  const seen = new Set<string>();
  for (;;) {
    const wanted = q.limit + 1 - runs.length;
    const candidates =
      q.sortBy === "start_time" ? await byStart(c, q, after, wanted) : await byEnd(c, q, after, wanted);
    for (const head of await shown(c, runIndex, candidates, q)) {
      if (seen.has(head.run) || !matches(head, q)) continue; // RUNS-1
      seen.add(head.run);
      runs.push(head);
    }
    if (runs.length > q.limit || candidates.length < wanted) break; // RUNS-2
    after = candidates.at(-1)!.place;
  }
  const page = runs.slice(0, q.limit);
  const last = page.at(-1);
  return { runs: page, next: runs.length > q.limit && last ? writePageToken(placeOf(q, last)) : null };
}

const endOf = (closedAt: number | null | undefined): number => closedAt ?? FAR;
const placeOf = (q: RunsQuery, head: RunSummary): Place => [
  q.sortBy === "start_time" ? head.started_at : endOf(head.closed_at),
  head.run,
];

async function byStart(c: Context, q: RunsQuery, after: Place | undefined, wanted: number): Promise<Candidate[]> {
  const found: Candidate[] = [];
  const bound = after?.[0];
  const range = { from: q.startedAfter ?? 0, to: q.startedBefore ?? FAR };
  if (bound !== undefined && q.order === "asc") range.from = Math.max(range.from, bound);
  if (bound !== undefined && q.order === "desc") range.to = Math.min(range.to, bound);
  for await (const candidate of inStartOrder(shards(c, q, range, wanted), q.order)) {
    if (after && compare(candidate.place, after) * sign(q) <= 0) continue;
    found.push(candidate);
    if (found.length >= wanted) break;
  }
  return found;
}

/** RUNS-3. Keeps only as many as the page needs. */
async function byEnd(c: Context, q: RunsQuery, after: Place | undefined, wanted: number): Promise<Candidate[]> {
  let best: Candidate[] = [];
  const trim = () => {
    best.sort((a, b) => compare(a.place, b.place) * sign(q));
    best = best.slice(0, wanted);
  };
  const range = { from: q.startedAfter ?? 0, to: q.startedBefore ?? FAR };
  await Promise.all(
    shards(c, q, range, undefined).map(async (pages) => {
      for await (const page of pages) {
        for (const { item, place } of page) {
          const candidate: Candidate = { item, place: [endOf(number(item, "closed_at")), place[1]] };
          if (!after || compare(candidate.place, after) * sign(q) > 0) best.push(candidate);
        }
        if (best.length > 4 * wanted + 1000) trim();
      }
    }),
  );
  trim();
  return best;
}

const sign = (q: RunsQuery): number => (q.order === "asc" ? 1 : -1);

/** One stream of pages per shard. `wanted`: size of the first page, undefined = as large as DynamoDB answers. */
function shards(c: Context, q: RunsQuery, range: { from: number; to: number }, wanted: number | undefined) {
  if (range.from > range.to) return [];
  const { name, partition, sort } = INDEXES.runs;
  const filter = serverFilter(q);
  return Array.from({ length: RUN_SHARDS }, (_, shard) => {
    let limit = wanted;
    const pages = c.tables.executions.pages({
      IndexName: name,
      KeyConditionExpression: `${partition} = :shard AND ${sort} BETWEEN :from AND :to`,
      ScanIndexForward: q.order === "asc",
      ...(filter && {
        FilterExpression: filter.expression,
        ExpressionAttributeNames: filter.names,
      }),
      ExpressionAttributeValues: {
        ":shard": S(runsShard(q.workspace, shard)),
        ":from": N(range.from),
        ":to": N(range.to),
        ...filter?.values,
      },
      limit: () => {
        const now = limit;
        if (limit !== undefined) limit = limit > 2_000 ? undefined : limit * 4; // a filter that drops most entries needs larger pages
        return now;
      },
    });
    return candidatesOf(pages);
  });
}

async function* candidatesOf(pages: AsyncGenerator<Item[]>): AsyncGenerator<Candidate[]> {
  for await (const page of pages) {
    yield page.map((item) => ({ item, place: [number(item, INDEXES.runs.sort)!, text(item, "run")!] }));
  }
}

/** The runs as they are now, in the order of the candidates (RUNS-1). */
async function shown(
  c: Context,
  runIndex: RunIndex,
  candidates: readonly Candidate[],
  q: RunsQuery,
): Promise<ListedRun[]> {
  const searchKeys = (q.searchKeys?.length ?? 0) > 0;
  const keys = candidates.map(({ item }) => ({ pk: text(item, "pk")!, sk: text(item, "sk")! }));
  // A past run is shown only if its execution was not deleted (DELETE-1), which its head tells.
  const heads = keys.filter(({ sk }) => sk !== HEAD).map(({ pk }) => ({ pk, sk: HEAD }));
  const unique = [...new Map([...keys, ...heads].map((k) => [`${k.pk} ${k.sk}`, k])).values()];
  const items = await c.tables.executions.getAll(unique, { consistent: false });
  const byKey = new Map(items.map((item) => [`${text(item, "pk")} ${text(item, "sk")}`, item]));
  const now = c.clock.now();
  const listed = await Promise.all(
    candidates.map(async ({ place: [, run] }, i) => {
      const ref = refOf(keys[i]!.pk);
      const head = byKey.get(`${keys[i]!.pk} ${HEAD}`);
      if (head && isTombstone(head)) return null;
      const listed = byKey.get(`${keys[i]!.pk} ${keys[i]!.sk}`);
      // If the execution has a later run since, this run has an item of its own.
      const item = listed && text(listed, "run") === run ? listed : await runIndex.itemOf(ref, run);
      if (!item || isExpired(item, now)) return null;
      try {
        return await decodeListed(c.blobs, item, { searchKeys });
      } catch (error) {
        if (!isUnreadable(error)) throw error;
        c.readable.leftOut(`run ${run}`, error);
        return null;
      }
    }),
  );
  return listed.filter((head) => head !== null);
}

function placeAt(token: string): Place {
  const place = readPageToken(token);
  if (!place) throw new BadToken();
  return place;
}
