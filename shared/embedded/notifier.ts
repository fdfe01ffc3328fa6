/** Tells callers that wait for a change of an execution or of a feed, after the commit of the change (COMMIT-3). */

import type { Changes, Clock, Ref } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import type { Millis } from "../protocol/history.ts";
import type { Database } from "./database.ts";
import { Waiters } from "./waiters.ts";

export class Notifier implements Changes {
  readonly #heads: Subject;
  readonly #executions: Subject;
  readonly #feeds: Subject;

  constructor(clock: Clock, db: Database) {
    this.#heads = new Subject(clock, db);
    this.#executions = new Subject(clock, db);
    this.#feeds = new Subject(clock, db);
  }

  /** Callers that wait for the result of a run which has ended go first (COMMIT-3). */
  announceHead(ref: Ref & Partial<Pick<Head, "status">>): void {
    const first = ref.status !== undefined && ref.status !== "RUNNING";
    this.#heads.announce(ref.workspace, ref.execution, { first });
    this.#executions.announce(ref.workspace, ref.execution);
  }

  /** Of a batch or of progress: callers that wait for the end of a run need not look after each of its steps. */
  announceExecution(ref: Ref): void {
    this.#executions.announce(ref.workspace, ref.execution);
  }

  announceFeed(workspace: string): void {
    this.#feeds.announce(workspace);
  }

  waitForHead(ref: Ref, until: Millis, signal?: AbortSignal): Promise<void> {
    return this.#heads.wait(keyOf(ref.workspace, ref.execution), until, signal);
  }

  waitForExecution(ref: Ref, until: Millis, signal?: AbortSignal): Promise<void> {
    return this.#executions.wait(keyOf(ref.workspace, ref.execution), until, signal);
  }

  waitForFeed(workspace: string, until: Millis, signal?: AbortSignal): Promise<void> {
    return this.#feeds.wait(keyOf(workspace), until, signal);
  }
}

/** What callers wait for: a kind of change, by key. */
class Subject {
  readonly #waiters: Waiters;
  /** Keys announced in the open transaction. */
  readonly #announced = new Set<string>();
  readonly #db: Database;

  constructor(clock: Clock, db: Database) {
    this.#waiters = new Waiters(clock);
    this.#db = db;
  }

  wait(key: string, until: Millis, signal?: AbortSignal): Promise<void> {
    return this.#waiters.wait(key, until, signal);
  }

  /** A caller that begins to wait after this reads the change on the same connection, so only present waiters matter. */
  announce(workspace: string, execution?: string, o = { first: false }): void {
    if (this.#waiters.isEmpty) return; // most writes have no listener: they do not pay for a key
    const key = keyOf(workspace, execution);
    if (!this.#waiters.has(key) || this.#announced.has(key)) return;
    this.#announced.add(key);
    this.#db.afterCommit(() => {
      this.#announced.delete(key);
      this.#waiters.wake(key);
    }, o);
  }
}

const keyOf = (workspace: string, execution = "") => `${workspace} ${execution}`;
