/** Idempotency keys of starts. */
import type { Clock } from "../lib/clock.ts";
import type { KeyedStart, StartKeys } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { Database } from "./database.ts";

export class EmbeddedStartKeys implements StartKeys {
  readonly #db: Database;
  readonly #clock: Clock;

  constructor(db: Database, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  async get(workspace: string, key: string): Promise<KeyedStart | null> {
    return this.#get(workspace, key);
  }

  #get(workspace: string, key: string): KeyedStart | null {
    const row = this.#db.one(
      "SELECT execution, run, request FROM start_keys WHERE ws = ? AND key = ? AND expires_at > ?",
      workspace,
      key,
      this.#clock.now(),
    );
    return row ? { execution: String(row.execution), run: String(row.run), request: String(row.request) } : null;
  }

  async keep(workspace: string, key: string, start: KeyedStart, until: Millis): Promise<KeyedStart> {
    const kept = this.#get(workspace, key);
    if (kept) return kept;
    this.#db.run(
      `INSERT OR REPLACE INTO start_keys (ws, key, execution, run, request, expires_at) VALUES (?, ?, ?, ?, ?, ?)`,
      workspace,
      key,
      start.execution,
      start.run,
      start.request,
      until,
    );
    return start;
  }

  /** Deletes expired keys. */
  expire(now: Millis): void {
    this.#db.run("DELETE FROM start_keys WHERE expires_at <= ?", now);
  }
}
