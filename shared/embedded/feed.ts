/** The feed: public events in one order, presented on reading from the log, with published progress in between. */
import { type PublicEvent, present } from "../core/present.ts";
import type { Feed, FeedItem, Ref } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import type { Batch } from "../protocol/history.ts";
import type { Notifier } from "./changes.ts";
import { type Database, json, parse, type Row } from "./database.ts";
import type { Sequence } from "./sequence.ts";

/** Sequences from the end of the feed. */
const NEAR = 2_000;

type Scope = { execution?: string; root?: string; run?: string };

export class EmbeddedFeed implements Feed {
  readonly #db: Database;
  readonly #sequence: Sequence;
  readonly #changes: Notifier;

  constructor(db: Database, sequence: Sequence, changes: Notifier) {
    this.#db = db;
    this.#sequence = sequence;
    this.#changes = changes;
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
    this.#changes.feed(ref.workspace);
    this.#changes.execution(ref);
  }

  async last() {
    return this.#sequence.last();
  }

  async read(workspace: string, p: Scope & { after: number; limit: number }) {
    const items: FeedItem[] = [];
    const contexts = new Map<string, Head | null>();
    let after = p.after;
    while (items.length < p.limit) {
      const rows = this.#rows(workspace, p, after, p.limit);
      for (const row of rows) {
        for (const item of this.#items(row, contexts)) if (item.sequence > p.after) items.push(item);
        after = Number(row.seq) + Number(row.n) - 1;
      }
      if (rows.length < p.limit) break;
    }
    return items.slice(0, p.limit);
  }

  /**
   * Rows of both tables with events after `after`, merged by sequence. Near the end of the feed the index on the sequence
   * leads, whatever the scope: a reader who follows pays for what is new. Further back a scope's own runs lead, so that
   * a small execution is not looked for in all that the workspace has ever done.
   */
  #rows(workspace: string, scope: Scope, after: number, limit: number): Row[] {
    const scoped = scope.run !== undefined || scope.execution !== undefined || scope.root !== undefined;
    const byRuns = scoped && this.#sequence.last() - after > NEAR;
    // A unary plus keeps SQLite from choosing the index of that column.
    const [seq, run] = byRuns ? ["+seq", "run"] : ["seq", "+run"];
    const [where, values] = scopeOf(workspace, scope, run);
    const within = `${where} AND ws = ? AND ${seq} >= ? ORDER BY ${seq} LIMIT ?`;
    // The batch that `after` lies in may have events beyond it.
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

  #items(row: Row, contexts: Map<string, Head | null>): FeedItem[] {
    if (row.progress === 1) return [{ sequence: Number(row.seq), event: parse<PublicEvent>(row.body) }];
    const run = String(row.run);
    let context = contexts.get(run);
    if (context === undefined) {
      const found = this.#db.one("SELECT body FROM runs WHERE run = ?", run);
      context = found ? parse<Head>(found.body) : null;
      contexts.set(run, context);
    }
    if (!context) return [];
    const of = context;
    return parse<Batch>(row.body).events.flatMap((event, i) =>
      present(of, event).map((shown) => ({ sequence: Number(row.seq) + i, event: shown })),
    );
  }
}

/** `run`: how the column is to be written. */
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
