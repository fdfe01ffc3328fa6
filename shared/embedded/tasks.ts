/**
 * Queues in SQLite, with the manners of SQS: at least once, a lease by visibility, a receive count.
 *
 * QUEUE-1. A task is in flight while it has a receipt and its `visible_at` lies ahead; when that passes it is handed out
 *     again under a new receipt, and the old one means "lease lost".
 * QUEUE-2. A task sent with a key joins one that still waits under it (which then becomes visible at the earlier time); it
 *     never joins one in flight, whose receiver may already have looked.
 * QUEUE-3. A question is deleted once nobody waits for its answer any more, by the rounds of the sweeper: a deployment whose
 *     workers are gone for good may be asked again and again.
 * QUEUE-4. `prefer` is a hint: if that session waits for a task now, it is the one to get it.
 */

import type { Clock, QueueRef, Tasks } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { Delivery, Task } from "../protocol/worker.ts";
import { type Database, json, parse, type Row } from "./database.ts";

interface Waiter {
  readonly session: string;
  readonly max: number;
  readonly give: (deliveries: Delivery[]) => void;
}

export class EmbeddedTasks implements Tasks {
  readonly #db: Database;
  readonly #clock: Clock;
  readonly #leaseMs: Millis;
  readonly #waiters = new Map<string, Waiter[]>();
  readonly #timers = new Map<string, { at: Millis; cancel: () => void }>();
  readonly #uuid: () => string;

  constructor(db: Database, clock: Clock, leaseMs: Millis, uuid: () => string) {
    this.#db = db;
    this.#clock = clock;
    this.#leaseMs = leaseMs;
    this.#uuid = uuid;
  }

  async send(queue: QueueRef, task: Task, o: { at?: Millis; prefer?: string | null; key?: string } = {}) {
    const now = this.#clock.now();
    const at = Math.max(o.at ?? now, now);
    const name = nameOf(queue);
    const key = o.key ?? null;
    if (key !== null) {
      const joined = this.#db.run(
        "UPDATE tasks SET visible_at = MIN(visible_at, ?) WHERE key = ? AND queue = ? AND (receipt IS NULL OR visible_at <= ?)",
        at,
        key,
        name,
        now,
      );
      if (joined > 0) return this.#wake(name); // QUEUE-2
    }
    this.#db.run(
      "INSERT INTO tasks (queue, key, prefer, visible_at, receives, receipt, expires_at, body) VALUES (?, ?, ?, ?, 0, NULL, ?, ?)",
      name,
      key,
      o.prefer ?? null,
      at,
      task.kind === "query" ? task.expires_at : null,
      json(task),
    );
    this.#wake(name);
  }

  async receive(queue: QueueRef, p: { session: string; max: number; waitMs: Millis; signal?: AbortSignal }) {
    const name = nameOf(queue);
    const now = this.#take(name, p.session, p.max);
    if (now.length > 0 || p.waitMs <= 0 || p.signal?.aborted) return now;
    return new Promise<Delivery[]>((resolve) => {
      const done = (deliveries: Delivery[]) => {
        cancel();
        p.signal?.removeEventListener("abort", abort);
        const list = this.#waiters.get(name) ?? [];
        const i = list.indexOf(waiter);
        if (i >= 0) list.splice(i, 1);
        resolve(deliveries);
      };
      const abort = () => done([]);
      const waiter: Waiter = { session: p.session, max: p.max, give: done };
      const cancel = this.#clock.at(this.#clock.now() + p.waitMs, abort);
      p.signal?.addEventListener("abort", abort);
      const list = this.#waiters.get(name);
      if (list) list.push(waiter);
      else this.#waiters.set(name, [waiter]);
      this.#arm(name);
    });
  }

  /** Hands what is visible to those who wait. */
  #wake(name: string): void {
    const list = this.#waiters.get(name);
    if (!list || list.length === 0) return;
    while (list.length > 0) {
      const next = this.#db.one(
        "SELECT prefer FROM tasks WHERE queue = ? AND visible_at <= ? ORDER BY visible_at LIMIT 1",
        name,
        this.#clock.now(),
      );
      if (!next) break;
      const waiter = list.find((w) => w.session === next.prefer) ?? list[0]!; // QUEUE-4
      // One task each while several wait, so that a burst is shared out.
      waiter.give(this.#take(name, waiter.session, list.length > 1 ? 1 : waiter.max));
    }
    this.#arm(name);
  }

  /** Sets the one timer of a queue to the next time at which something in it becomes visible. */
  #arm(name: string): void {
    if ((this.#waiters.get(name)?.length ?? 0) === 0) return;
    const row = this.#db.one("SELECT visible_at FROM tasks WHERE queue = ? ORDER BY visible_at LIMIT 1", name);
    const armed = this.#timers.get(name);
    const at = row ? Number(row.visible_at) : null;
    if (armed && armed.at === at) return;
    armed?.cancel();
    this.#timers.delete(name);
    if (at === null) return;
    const cancel = this.#clock.at(at, () => {
      this.#timers.delete(name);
      this.#wake(name);
    });
    this.#timers.set(name, { at, cancel });
  }

  #take(name: string, session: string, max: number): Delivery[] {
    const now = this.#clock.now();
    // Tasks that prefer this session first, then the oldest: two walks along an index, however long the queue is.
    const preferred = this.#db.all(
      "SELECT * FROM tasks WHERE queue = ? AND prefer = ? AND visible_at <= ? ORDER BY visible_at, id LIMIT ?",
      name,
      session,
      now,
      max,
    );
    const first = preferred.map((row) => this.#deliver(row, now));
    if (first.length === max) return first;
    const others = this.#db.all(
      "SELECT * FROM tasks WHERE queue = ? AND visible_at <= ? ORDER BY visible_at, id LIMIT ?",
      name,
      now,
      max - first.length,
    );
    return [...first, ...others.map((row) => this.#deliver(row, now))];
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
    return { receipt, attempt, task: parse<Task>(row.body) };
  }

  async extend(workspace: string, receipts: readonly string[], leaseMs: Millis) {
    const at = this.#clock.now() + leaseMs;
    const lost: string[] = [];
    const queues = new Set<string>();
    for (const receipt of receipts) {
      const held = this.#db.one("SELECT queue FROM tasks WHERE receipt = ?", receipt);
      if (!held || !belongs(held.queue, workspace)) {
        lost.push(receipt);
        continue;
      }
      this.#db.run("UPDATE tasks SET visible_at = ? WHERE receipt = ?", at, receipt);
      queues.add(String(held.queue));
    }
    for (const queue of queues) this.#wake(queue);
    return lost;
  }

  /** QUEUE-3. */
  expire(now: Millis): void {
    if (this.#db.one("SELECT 1 FROM tasks WHERE expires_at <= ? LIMIT 1", now) === null) return;
    this.#db.run("DELETE FROM tasks WHERE expires_at <= ?", now);
  }

  /** Nothing is woken any more: a process that closes the store must be able to end. */
  close(): void {
    for (const { cancel } of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  async finish(workspace: string, receipts: readonly string[]) {
    for (const receipt of receipts) {
      const held = this.#db.one("SELECT id, queue FROM tasks WHERE receipt = ?", receipt);
      if (held && belongs(held.queue, workspace)) this.#db.run("DELETE FROM tasks WHERE id = ?", held.id!);
    }
  }
}

const nameOf = (q: QueueRef) => `${q.workspace}/${q.deployment}/${q.queue}`;
const belongs = (queue: unknown, workspace: string) => String(queue).startsWith(`${workspace}/`);
