/** Listing runs: one SQL query, pages by key so that a page never shifts under a reader. */

import { readPageToken, writePageToken } from "../lib/page-token.ts";
import { BadToken, type RunsQuery } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import { type Database, parse } from "./database.ts";

const FAR = 9_000_000_000_000_000;

export function listRuns(db: Database, q: RunsQuery): { runs: Head[]; next: string | null } {
  const where: string[] = ["ws = ?"];
  const values: (string | number)[] = [q.workspace];
  const add = (sql: string, ...v: (string | number)[]) => {
    where.push(sql);
    values.push(...v);
  };
  const oneOf = (column: string, list: readonly string[], not = false) =>
    add(`${column} ${not ? "NOT " : ""}IN (${list.map(() => "?").join(", ")})`, ...list);
  const like = (text: string) => `%${text.replace(/[\\%_]/g, "\\$&")}%`;

  if (q.workflows) oneOf("workflow", q.workflows);
  if (q.without?.length) oneOf("workflow", q.without, true);
  if (q.root !== undefined) add("root = ?", q.root);
  if (q.statuses?.length) oneOf("status", q.statuses);
  if (q.deployment !== undefined) add("deployment = ?", q.deployment);
  if (q.user !== undefined) add("user = ?", q.user);
  if (q.startedAfter !== undefined) add("started_at >= ?", q.startedAfter);
  if (q.startedBefore !== undefined) add("started_at <= ?", q.startedBefore);
  if (q.closedAfter !== undefined) add("closed_at >= ?", q.closedAfter);
  if (q.closedBefore !== undefined) add("closed_at <= ?", q.closedBefore);
  if (q.search !== undefined) {
    const names = q.workflowsBySearch ?? [];
    const byTitle = names.length > 0 ? ` OR workflow IN (${names.map(() => "?").join(", ")})` : "";
    const text = like(q.search);
    add(`(workflow LIKE ? ESCAPE '\\' OR execution LIKE ? ESCAPE '\\'${byTitle})`, text, text, ...names);
  }
  for (const { key, value } of q.searchKeys ?? []) {
    add("EXISTS (SELECT 1 FROM json_each(search_keys) WHERE key = ? AND value LIKE ? ESCAPE '\\')", key, like(value));
  }

  // Runs still open sort as if they ended last.
  const column = q.sortBy === "start_time" ? "started_at" : `COALESCE(closed_at, ${FAR})`;
  const [sign, order] = q.order === "asc" ? [">", "ASC"] : ["<", "DESC"];
  if (q.token !== undefined) {
    const place = readPageToken(q.token);
    if (!place) throw new BadToken();
    add(`(${column}, run) ${sign} (?, ?)`, ...place);
  }
  const rows = db.all(
    `SELECT body, search_keys, run, ${column} AS sort FROM runs WHERE ${where.join(" AND ")}
     ORDER BY ${column} ${order}, run ${order} LIMIT ?`,
    ...values,
    q.limit + 1,
  );
  const page = rows.slice(0, q.limit);
  const last = page.at(-1);
  const runs = page.map((r) => ({ ...parse<Head>(r.body), search_keys: parse<Record<string, string>>(r.search_keys) }));
  return { runs, next: rows.length > q.limit && last ? writePageToken([Number(last.sort), String(last.run)]) : null };
}
