/** The feed: public events of a workspace in one order. A read turns logged events into public ones and merges progress in. */
import { type PublicEvent, present } from "../core/present.ts";
import type { Feed, FeedItem, Ref } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import type { Batch } from "../protocol/history.ts";
import { type Database, json, parse, type Row } from "./database.ts";
import type { Notifier } from "./notifier.ts";
import type { Sequence } from "./sequence.ts";

/** A position this close to the end of the feed, in sequence numbers, is read by the index on the sequence. */
const NEAR_END = 2_000;

type Scope = { execution?: string; root?: string; run?: string };

export class EmbeddedFeed implements Feed {
  readonly #db: Database;
  readonly #sequence: Sequence;
  readonly #notifier: Notifier;

  constructor(db: Database, sequence: Sequence, notifier: Notifier) {
    this.#db = db;
    this.#sequence = sequence;
    this.#notifier = notifier;
  }

  async publish(ref: Ref, run: string, id: string, events: readonly PublicEvent[]) {
    for (const [i, event] of events.entries()) {
      this.#db.run(
        "INSERT OR IGNORE INTO progress (seq, ws, run, id, body) VALUES (?, ?, ?, ?, ?)",
        this.#sequence.take(1),
        ref.workspace,
        run,
        `${id}#${i}`,
        json(event),
      );
    }
    this.#notifier.announceFeed(ref.workspace);
    this.#notifier.announceExecution(ref);
  }

  async last() {
    return this.#sequence.last();
  }

  async read(workspace: string, p: Scope & { after: number; limit: number }) {
    const items: FeedItem[] = [];
    const heads = new Map<string, Head | null>();
    let after = p.after;
    while (items.length < p.limit) {
      const rows = this.#rows(workspace, p, after, p.limit);
      for (const row of rows) {
        for (const item of this.#items(row, heads)) if (item.sequence > p.after) items.push(item);
        after = Number(row.seq) + Number(row.n) - 1;
      }
      if (rows.length < p.limit) break;
    }
    return items.slice(0, p.limit);
  }

  /**
   * Rows of both tables with events after `after`, merged by sequence. Near the end of the feed the query walks the index
   * on the sequence whatever the scope, so that a reader that follows pays only for new rows. Further back a scoped query
   * starts from the scope's runs, so that it does not scan the whole feed of the workspace for one small execution.
   */
  #rows(workspace: string, scope: Scope, after: number, limit: number): Row[] {
    const scoped = scope.run !== undefined || scope.execution !== undefined || scope.root !== undefined;
    const byRuns = scoped && this.#sequence.last() - after > NEAR_END;
    // With a unary plus before a column SQLite does not use the index of that column.
    const [seq, run] = byRuns ? ["+seq", "run"] : ["seq", "+run"];
    const [where, values] = scopeOf(workspace, scope, run);
    const within = `${where} AND ws = ? AND ${seq} >= ? ORDER BY ${seq} LIMIT ?`;
    // The batch that contains `after` may have later events.
    const before = this.#db.one(
      "SELECT seq FROM log WHERE ws = ? AND seq <= ? ORDER BY seq DESC LIMIT 1",
      workspace,
      after,
    );
    const log = this.#db.all(
      `SELECT run, seq, n, body, 0 AS progress FROM log WHERE seq + n - 1 > ? AND ${within}`,
      after,
      ...values,
      workspace,
      Number(before?.seq ?? after),
      limit,
    );
    const progress = this.#db.all(
      `SELECT run, seq, 1 AS n, body, 1 AS progress FROM progress WHERE ${within}`,
      ...values,
      workspace,
      after + 1,
      limit,
    );
    return [...log, ...progress].sort((a, b) => Number(a.seq) - Number(b.seq)).slice(0, limit);
  }

  #items(row: Row, heads: Map<string, Head | null>): FeedItem[] {
    if (row.progress === 1) return [{ sequence: Number(row.seq), event: parse<PublicEvent>(row.body) }];
    const run = String(row.run);
    let head = heads.get(run);
    if (head === undefined) {
      const found = this.#db.one("SELECT body FROM runs WHERE run = ?", run);
      head = found ? parse<Head>(found.body) : null;
      heads.set(run, head);
    }
    if (!head) return [];
    const of = head;
    return parse<Batch>(row.body).events.flatMap((event, i) =>
      present(of, event).map((shown) => ({ sequence: Number(row.seq) + i, event: shown })),
    );
  }
}

/** The WHERE clause of a scope and its values; `run`: the expression of the column. */
function scopeOf(workspace: string, scope: Scope, run: string): [string, string[]] {
  const where: string[] = ["1 = 1"];
  const values: string[] = [];
  if (scope.run !== undefined) {
    where.push(`${run} = ?`);
    values.push(scope.run);
  }
  if (scope.execution !== undefined) {
    where.push(`${run} IN (SELECT run FROM runs WHERE ws = ? AND execution = ?)`);
    values.push(workspace, scope.execution);
  }
  if (scope.root !== undefined) {
    where.push(`${run} IN (SELECT run FROM runs WHERE ws = ? AND root = ?)`);
    values.push(workspace, scope.root);
  }
  return [where.join(" AND "), values];
}
