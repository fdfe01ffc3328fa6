/** Tells callers that wait for a change of an execution or of a feed, after the commit of the change (COMMIT-3). */

import type { Changes, Clock, Ref } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { Database } from "./database.ts";
import { Waiters } from "./waiters.ts";

export class Notifier implements Changes {
  readonly #waiters: Waiters;
  /** Keys announced in the open transaction. */
  readonly #announced = new Set<string>();
  readonly #db: Database;

  constructor(clock: Clock, db: Database) {
    this.#waiters = new Waiters(clock);
    this.#db = db;
  }

  announceExecution(ref: Ref): void {
    this.#announce(executionKey(ref));
  }

  announceFeed(workspace: string): void {
    this.#announce(feedKey(workspace));
  }

  waitForExecution(ref: Ref, until: Millis, signal?: AbortSignal): Promise<void> {
    return this.#waiters.wait(executionKey(ref), until, signal);
  }

  waitForFeed(workspace: string, until: Millis, signal?: AbortSignal): Promise<void> {
    return this.#waiters.wait(feedKey(workspace), until, signal);
  }

  /** A caller that begins to wait after this reads the change on the same connection, so only present waiters matter. */
  #announce(key: string): void {
    if (!this.#waiters.has(key) || this.#announced.has(key)) return;
    this.#announced.add(key);
    this.#db.afterCommit(() => {
      this.#announced.delete(key);
      this.#waiters.wake(key);
    });
  }
}

const executionKey = ({ workspace, execution }: Ref) => `execution ${workspace} ${execution}`;
const feedKey = (workspace: string) => `feed ${workspace}`;
