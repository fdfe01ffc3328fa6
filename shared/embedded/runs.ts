/** Lists runs with one SQL query. Pages continue after a key, so that rows that come or go do not shift the next page. */

import { readPageToken, writePageToken } from "../lib/page-token.ts";
import { BadToken, type RunsQuery } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import { type Database, parse } from "./database.ts";
import { runsFilter } from "./runs-filter.ts";

/** Open runs sort as if they ended last. */
const END_OF_OPEN_RUNS = 9_000_000_000_000_000;

export function listRuns(db: Database, q: RunsQuery): { runs: Head[]; next: string | null } {
  const filter = runsFilter(q);
  const column = q.sortBy === "start_time" ? "started_at" : `COALESCE(closed_at, ${END_OF_OPEN_RUNS})`;
  const [sign, order] = q.order === "asc" ? [">", "ASC"] : ["<", "DESC"];
  if (q.token !== undefined) {
    const place = readPageToken(q.token);
    if (!place) throw new BadToken();
    filter.add(`(${column}, run) ${sign} (?, ?)`, ...place);
  }
  const rows = db.all(
    `SELECT body, search_keys, run, ${column} AS sort FROM runs WHERE ${filter.sql}
     ORDER BY ${column} ${order}, run ${order} LIMIT ?`,
    ...filter.values,
    q.limit + 1,
  );
  const page = rows.slice(0, q.limit);
  const last = page.at(-1);
  const runs = page.map((r) => ({ ...parse<Head>(r.body), search_keys: parse<Record<string, string>>(r.search_keys) }));
  return { runs, next: rows.length > q.limit && last ? writePageToken([Number(last.sort), String(last.run)]) : null };
}
