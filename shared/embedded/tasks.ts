/**
 * Queues in SQLite with the semantics of SQS: at-least-once delivery, a visibility timeout as lease, a receive count.
 *
 * QUEUE-1. A task is in flight while it has a receipt and its `visible_at` is in the future. After that time it is delivered
 *     again under a new receipt, and the old receipt means "lease lost". A receipt has the task's id, by which the row is found:
 *     an index of receipts would be written with each delivery, each extension and each end of a task.
 * QUEUE-2. A task sent with a key is merged into one that still waits under the same key, which then becomes visible at the
 *     earlier of the two times. It is never merged into one in flight: its receiver may have read the state already. For the first task of
 *     an execution whose id is new none is looked for.
 * QUEUE-3. Each round of the sweeper deletes the tasks of queries whose callers no longer wait: queries to a deployment
 *     whose workers never come back would pile up otherwise.
 * QUEUE-4. `prefer` is a hint: if that session polls at the moment, it receives the task.
 * QUEUE-5. Times of leases and delays are those of the steady clock: a machine's clock that is set back must not make a dead
 *     worker's lease last longer, one that is set ahead must not end the leases of all.
 * QUEUE-6. Of each queue the store remembers a time before which no task of it becomes visible, so that a poll reads no row in
 *     vain. Each write of a `visible_at` brings that time forward if it must; a read that finds no visible task sets it anew.
 * QUEUE-7. A receiver in parts asks for more before its session has done what it brought. So of several that wait the one of
 *     which the fewest tasks are unfinished receives the next task, and of equals the one that has waited longest: a session that
 *     hangs keeps no further tasks from the others.
 */

import { steadyOf } from "../lib/clock.ts";
import { LruCache } from "../lib/lru-cache.ts";
import { onAbort } from "../lib/on-abort.ts";
import type { Clock, QueueRef, Tasks } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { Delivery, Task } from "../protocol/worker.ts";
import { type Database, json, parse, type Row, type Value } from "./database.ts";

/** Later work is left to the sweeper, which sends its task when it is due soon. */
const LONGEST_DELAY_MS: Millis = 120_000;

/** QUEUE-6. A queue that is forgotten is read. */
const MOST_QUEUES = 1_000;

const FINISH = "DELETE FROM tasks WHERE id = ?1 AND receipt = ?2 AND substr(queue, 1, length(?3)) = ?3";

interface Poll {
  readonly session: string;
  readonly max: number;
  readonly answer: (deliveries: Delivery[]) => void;
  readonly inParts: InParts | undefined;
}

/** A receiver that goes on until it has delivered enough. */
interface InParts {
  readonly session: string;
  /** Ids of tasks that it has delivered (QUEUE-7). */
  readonly unfinished: Set<number>;
  isEnded: boolean;
}

interface Receiving {
  readonly session: string;
  readonly max: number;
  readonly waitMs: Millis;
  readonly signal?: AbortSignal;
}

export class EmbeddedTasks implements Tasks {
  readonly #db: Database;
  readonly #clock: Clock;
  readonly #leaseMs: Millis;
  /** Long polls that wait for a task, by queue. */
  readonly #polls = new Map<string, Poll[]>();
  /** Receivers in parts, by queue. */
  readonly #inParts = new Map<string, Set<InParts>>();
  /** By the id of a task that a receiver in parts has delivered (QUEUE-7). */
  readonly #deliveredBy = new Map<number, InParts>();
  /** By queue: the next time at which a task becomes visible while polls wait. */
  readonly #timers = new Map<string, { at: Millis; cancel: () => void }>();
  /** QUEUE-6, by queue. */
  readonly #quietUntil = new LruCache<Millis>(MOST_QUEUES);
  readonly #uuid: () => string;
  /** The highest id of a task. */
  #last: number;

  constructor(db: Database, clock: Clock, leaseMs: Millis, uuid: () => string) {
    this.#db = db;
    this.#clock = clock;
    this.#leaseMs = leaseMs;
    this.#uuid = uuid;
    this.#last = Number(db.one("SELECT max(id) AS last FROM tasks")?.last ?? 0);
    this.#bound();
  }

  #now(): Millis {
    return steadyOf(this.#clock);
  }

  /** A time of the machine's clock, not before now, as one of the steady clock. */
  #steadyTime(at: Millis, now: Millis): Millis {
    return now + Math.max(0, at - this.#clock.now());
  }

  /** The steady clock of an earlier process may have been ahead of ours: no lease or delay lasts longer than one made now. */
  #bound(): void {
    const latest = this.#now() + Math.max(this.#leaseMs, LONGEST_DELAY_MS);
    if (this.#db.one("SELECT 1 FROM tasks WHERE visible_at > ? LIMIT 1", latest) === null) return;
    this.#db.run("UPDATE tasks SET visible_at = ?1 WHERE visible_at > ?1", latest);
  }

  async send(
    queue: QueueRef,
    task: Task,
    o: { at?: Millis; prefer?: string | null; key?: string; isFirst?: boolean } = {},
  ) {
    const now = this.#now();
    const at = o.at === undefined ? now : this.#steadyTime(o.at, now);
    const name = nameOf(queue);
    const key = o.key ?? null;
    if (key !== null && !o.isFirst) {
      const merged = this.#db.run(
        "UPDATE tasks SET visible_at = MIN(visible_at, ?) WHERE key = ? AND queue = ? AND (receipt IS NULL OR visible_at <= ?)",
        at,
        key,
        name,
        now,
      );
      if (merged > 0) {
        this.#visibleFrom(name, at);
        return this.#answerPolls(name); // QUEUE-2
      }
    }
    const body = json(task);
    // A task that a poll waits for is stored as it is after its delivery, instead of stored, found and changed.
    const poll = at <= now ? this.#pollFor(name, o.prefer ?? null) : undefined;
    const receipt = poll ? this.#uuid() : null;
    this.#last += 1;
    const id = this.#last;
    const visibleAt = poll ? now + this.#leaseMs : at;
    this.#visibleFrom(name, visibleAt);
    this.#db.run(
      "INSERT INTO tasks (id, queue, key, prefer, visible_at, receives, receipt, expires_at, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      id,
      name,
      key,
      o.prefer ?? null,
      visibleAt,
      poll ? 1 : 0,
      receipt,
      task.kind === "query" ? this.#steadyTime(task.expires_at, now) : null,
      body,
    );
    poll?.answer([{ receipt: receiptOf(id, receipt!), attempt: 1, task: parse<Task>(body) }]);
    if (poll) this.#arm(name);
    else this.#answerPolls(name);
  }

  /** QUEUE-4. */
  #pollFor(name: string, prefer: Value): Poll | undefined {
    const polls = this.#polls.get(name);
    return polls?.find(({ session }) => session === prefer) ?? leastBusy(polls ?? []);
  }

  async receive(queue: QueueRef, p: Receiving) {
    return this.#receive(nameOf(queue), p);
  }

  async *receiveInParts(queue: QueueRef, p: Receiving): AsyncGenerator<Delivery[]> {
    const name = nameOf(queue);
    const until = this.#now() + p.waitMs;
    const one: InParts = { session: p.session, unfinished: new Set(), isEnded: false };
    const all = this.#inParts.get(name) ?? new Set();
    this.#inParts.set(name, all.add(one));
    try {
      for (let left = p.max; left > 0 && !one.isEnded && !p.signal?.aborted; ) {
        const waitMs = Math.max(0, until - this.#now());
        const deliveries = await this.#receive(name, { ...p, max: left, waitMs }, one);
        if (deliveries.length === 0) return;
        left -= deliveries.length;
        yield deliveries;
      }
    } finally {
      all.delete(one);
      if (all.size === 0) this.#inParts.delete(name);
      for (const id of one.unfinished) if (this.#deliveredBy.get(id) === one) this.#deliveredBy.delete(id);
    }
  }

  /** QUEUE-7. */
  #note(deliveries: readonly Delivery[], by: InParts | undefined): Delivery[] {
    for (const { receipt } of by ? deliveries : []) {
      const { id } = partsOf(receipt);
      this.#isDone(id!); // its lease from another receiver has lapsed
      this.#deliveredBy.set(id!, by!);
      by!.unfinished.add(id!);
    }
    return [...deliveries];
  }

  /** QUEUE-7: the task is finished, or was handed back. */
  #isDone(id: number): void {
    this.#deliveredBy.get(id)?.unfinished.delete(id);
    this.#deliveredBy.delete(id);
  }

  async #receive(name: string, p: Receiving, inParts?: InParts): Promise<Delivery[]> {
    const visible = this.#take(name, p.session, p.max);
    if (visible.length > 0 || p.waitMs <= 0 || p.signal?.aborted) return this.#note(visible, inParts);
    return new Promise<Delivery[]>((resolve) => {
      const answer = (deliveries: Delivery[]) => {
        cancelTimer();
        stopListening();
        const polls = this.#polls.get(name) ?? [];
        const i = polls.indexOf(poll);
        if (i >= 0) polls.splice(i, 1);
        resolve(this.#note(deliveries, inParts));
      };
      const giveUp = () => answer([]);
      const poll: Poll = { session: p.session, max: p.max, answer, inParts };
      const cancelTimer = this.#clock.at(this.#clock.now() + p.waitMs, giveUp);
      const stopListening = onAbort(p.signal, giveUp);
      const polls = this.#polls.get(name);
      if (polls) polls.push(poll);
      else this.#polls.set(name, [poll]);
      this.#arm(name);
    });
  }

  endReceives(queue: QueueRef, session: string): void {
    const name = nameOf(queue);
    for (const one of this.#inParts.get(name) ?? []) if (one.session === session) one.isEnded = true;
    const polls = this.#polls.get(name) ?? [];
    for (const poll of polls.filter((each) => each.session === session)) poll.answer([]);
  }

  /** Delivers visible tasks to the polls that wait for them. */
  #answerPolls(name: string): void {
    const polls = this.#polls.get(name);
    if (!polls || polls.length === 0) return;
    while (polls.length > 0 && !this.#isQuiet(name, this.#now())) {
      const next = this.#db.one(
        "SELECT prefer FROM tasks WHERE queue = ? AND visible_at <= ? ORDER BY visible_at LIMIT 1",
        name,
        this.#now(),
      );
      if (!next) break;
      const poll = this.#pollFor(name, next.prefer!)!;
      // While several polls wait each receives one task, so that a burst is spread over the workers.
      poll.answer(this.#take(name, poll.session, polls.length > 1 ? 1 : poll.max));
    }
    this.#arm(name);
  }

  /** Sets the one timer of a queue to the next time at which a task in it becomes visible. */
  #arm(name: string): void {
    if ((this.#polls.get(name)?.length ?? 0) === 0) return;
    const at = this.#quietTime(name);
    const armed = this.#timers.get(name);
    if (armed && armed.at === at) return;
    armed?.cancel();
    this.#timers.delete(name);
    if (at === Number.POSITIVE_INFINITY) return;
    const cancel = this.#clock.at(this.#clock.now() + at - this.#now(), () => {
      this.#timers.delete(name);
      this.#answerPolls(name);
    });
    this.#timers.set(name, { at, cancel });
  }

  /** QUEUE-6. */
  #isQuiet(name: string, now: Millis): boolean {
    const until = this.#quietUntil.get(name);
    return until !== undefined && until > now;
  }

  /** QUEUE-6: a task of the queue becomes visible at this time. */
  #visibleFrom(name: string, at: Millis): void {
    const until = this.#quietUntil.get(name);
    if (until !== undefined && at < until) this.#quietUntil.set(name, at);
  }

  /** QUEUE-6. */
  #quietTime(name: string): Millis {
    const known = this.#quietUntil.get(name);
    if (known !== undefined && known > this.#now()) return known;
    const row = this.#db.one("SELECT visible_at FROM tasks WHERE queue = ? ORDER BY visible_at LIMIT 1", name);
    const until = row ? Number(row.visible_at) : Number.POSITIVE_INFINITY;
    this.#quietUntil.set(name, until);
    return until;
  }

  /** Takes up to `max` visible tasks and begins their leases: those that prefer this session come first, then the oldest. */
  #take(name: string, session: string, max: number): Delivery[] {
    const now = this.#now();
    if (this.#isQuiet(name, now)) return [];
    const oldest = this.#db.all(
      "SELECT id, receives, prefer, body FROM tasks WHERE queue = ? AND visible_at <= ? ORDER BY visible_at, id LIMIT ?",
      name,
      now,
      max,
    );
    // Where these are not all, those that prefer the session are found by an index of their own, however long the queue is.
    const preferred =
      oldest.length < max
        ? oldest.filter(({ prefer }) => prefer === session)
        : this.#db.all(
            "SELECT id, receives, body FROM tasks WHERE queue = ? AND prefer = ? AND visible_at <= ? ORDER BY visible_at, id LIMIT ?",
            name,
            session,
            now,
            max,
          );
    const others = oldest.filter(({ prefer }) => prefer !== session);
    return [...preferred, ...others].slice(0, max).map((row) => this.#deliver(row, now));
  }

  #deliver(row: Row, now: Millis): Delivery {
    const receipt = this.#uuid();
    const attempt = Number(row.receives) + 1;
    this.#db.run(
      "UPDATE tasks SET receipt = ?, receives = ?, visible_at = ? WHERE id = ?",
      receipt,
      attempt,
      now + this.#leaseMs,
      row.id!,
    );
    return { receipt: receiptOf(Number(row.id), receipt), attempt, task: parse<Task>(row.body) };
  }

  async extend(workspace: string, receipts: readonly string[], leaseMs: Millis) {
    const at = this.#now() + leaseMs;
    const lost: string[] = [];
    const queues = new Set<string>();
    for (const receipt of receipts) {
      const leased = this.#leased(workspace, receipt);
      if (!leased) {
        lost.push(receipt);
        continue;
      }
      this.#db.run("UPDATE tasks SET visible_at = ? WHERE id = ?", at, leased.id!);
      this.#visibleFrom(String(leased.queue), at);
      if (leaseMs === 0) this.#isDone(Number(leased.id));
      queues.add(String(leased.queue));
    }
    for (const queue of queues) this.#answerPolls(queue);
    return lost;
  }

  /** QUEUE-3. */
  expire(): void {
    const now = this.#now();
    if (this.#db.one("SELECT 1 FROM tasks WHERE expires_at <= ? LIMIT 1", now) === null) return;
    this.#db.run("DELETE FROM tasks WHERE expires_at <= ?", now);
  }

  /** Cancels the timers: otherwise they would keep alive a process that has closed the store. */
  close(): void {
    for (const { cancel } of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  async finish(workspace: string, receipts: readonly string[]) {
    const ofWorkspace = `${workspace}/`;
    for (const receipt of receipts) {
      const { id, secret } = partsOf(receipt);
      if (id !== null && this.#db.run(FINISH, id, secret, ofWorkspace) > 0) this.#isDone(id);
    }
  }

  /** Id and queue of the task that has this receipt, if it is of the workspace. */
  #leased(workspace: string, receipt: string): Row | null {
    const { id, secret } = partsOf(receipt);
    if (id === null) return null;
    const row = this.#db.one("SELECT id, queue, receipt FROM tasks WHERE id = ?", id);
    return row?.receipt === secret && String(row.queue).startsWith(`${workspace}/`) ? row : null;
  }
}

/** QUEUE-7. The first has waited longest. */
function leastBusy([first, ...others]: readonly Poll[]): Poll | undefined {
  const unfinished = (poll: Poll) => poll.inParts?.unfinished.size ?? 0;
  return others.reduce((best, poll) => (best && unfinished(poll) < unfinished(best) ? poll : best), first);
}

const nameOf = (q: QueueRef) => `${q.workspace}/${q.deployment}/${q.queue}`;

/** QUEUE-1. The column has the second part, which each delivery makes anew. */
const receiptOf = (id: number, secret: string) => `${id}.${secret}`;
function partsOf(receipt: string): { id: number | null; secret: string } {
  const [, id, secret = ""] = /^([1-9]\d{0,14})\.(.*)$/.exec(receipt) ?? [];
  return { id: id === undefined ? null : Number(id), secret };
}
