/** The index of search keys: a row for each key of each run. */
import { cutText } from "../protocol/cut-text.ts";
import type { Head } from "../protocol/head.ts";
import type { Database } from "./database.ts";

type Of = Pick<Head, "workspace" | "run" | "started_at">;

/** Characters of a value that are indexed. A list compares the rest with the run's own row. */
const INDEXED = 200;
export const indexed = (value: string): string => cutText(value, INDEXED);

export function addSearchKeys(db: Database, of: Of, keys: Record<string, string>): void {
  each(keys, (key, value) =>
    db.run(
      "INSERT OR IGNORE INTO search_keys (ws, key, value, started_at, run) VALUES (?, ?, ?, ?, ?)",
      of.workspace,
      key,
      value,
      of.started_at,
      of.run,
    ),
  );
}

export function removeSearchKeys(db: Database, of: Of, keys: Record<string, string>): void {
  each(keys, (key, value) =>
    db.run(
      "DELETE FROM search_keys WHERE ws = ? AND key = ? AND value = ? AND started_at = ? AND run = ?",
      of.workspace,
      key,
      value,
      of.started_at,
      of.run,
    ),
  );
}

function each(keys: Record<string, string>, work: (key: string, value: string) => void): void {
  for (const [key, value] of Object.entries(keys)) work(key, indexed(value));
}
