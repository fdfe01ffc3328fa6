/**
 * Queues with the real guarantees of SQS: at least once, in no order, with a visibility timeout. The queue may also lose
 * workflow and query tasks, which are only hints; it does not lose activity tasks.
 */
import type { QueueRef, Tasks } from "../../shared/ports.ts";
import type { Millis } from "../../shared/protocol/history.ts";
import type { Delivery, Task } from "../../shared/protocol/worker.ts";
import type { World } from "./world.ts";

interface Item {
  readonly task: Task;
  visibleAt: Millis;
  receives: number;
  receipt: string | null;
}

export class Queues implements Tasks {
  readonly #world: World;
  readonly #leaseMs: Millis;
  readonly #queues = new Map<string, Set<Item>>();
  readonly #waiters = new Map<string, Set<() => void>>();

  constructor(world: World, leaseMs: Millis) {
    this.#world = world;
    this.#leaseMs = leaseMs;
  }

  #items(name: string): Set<Item> {
    const items = this.#queues.get(name) ?? new Set<Item>();
    this.#queues.set(name, items);
    return items;
  }

  async send(queue: QueueRef, task: Task, o: { at?: Millis } = {}) {
    const { chance, faults, now } = this.#world;
    const hint = task.kind !== "activity";
    if (hint && chance.happens(faults.taskLost)) return;
    const copies = chance.happens(faults.taskTwice) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const late = chance.happens(faults.taskLate) ? chance.between(100, 60_000) : 0;
      this.#add(nameOf(queue), { task, visibleAt: Math.max(o.at ?? now, now) + late, receives: 0, receipt: null });
    }
  }

  #add(name: string, item: Item): void {
    this.#items(name).add(item);
    this.#world.at(item.visibleAt, () => this.#wake(name));
  }
  #wake(name: string): void {
    const waiting = this.#waiters.get(name);
    if (!waiting) return;
    const [first] = waiting;
    first?.();
  }

  async receive(queue: QueueRef, p: { session: string; max: number; waitMs: Millis; signal?: AbortSignal }) {
    const name = nameOf(queue);
    const taken = this.#take(name, p.max);
    if (taken.length > 0 || p.waitMs <= 0) return taken;
    return new Promise<Delivery[]>((resolve) => {
      const waiting = this.#waiters.get(name) ?? new Set();
      this.#waiters.set(name, waiting);
      const end = () => {
        off();
        waiting.delete(end);
        resolve(this.#take(name, p.max));
      };
      const off = this.#world.at(this.#world.now + p.waitMs, end);
      p.signal?.addEventListener("abort", end);
      waiting.add(end);
    });
  }

  #take(name: string, max: number): Delivery[] {
    const { now, chance, faults } = this.#world;
    const visible = [...this.#items(name)].filter((i) => i.visibleAt <= now);
    const deliveries: Delivery[] = [];
    while (deliveries.length < max && visible.length > 0) {
      const [item] = visible.splice(chance.between(0, visible.length), 1);
      item!.receives += 1;
      item!.receipt = chance.uuid();
      // Without the lease a second receiver gets a copy, as from another server of the queue.
      if (!chance.happens(faults.taskTwice / 2)) this.#hideUntil(name, item!, now + this.#leaseMs);
      deliveries.push({ receipt: item!.receipt, attempt: item!.receives, task: item!.task });
    }
    return deliveries;
  }
  #hideUntil(name: string, item: Item, at: Millis): void {
    item.visibleAt = at;
    this.#world.at(at, () => this.#wake(name));
  }

  #held(receipt: string): [string, Item] | null {
    for (const [name, items] of this.#queues) {
      for (const item of items) if (item.receipt === receipt) return [name, item];
    }
    return null;
  }

  async extend(_workspace: string, receipts: readonly string[], leaseMs: Millis) {
    const lost: string[] = [];
    for (const receipt of receipts) {
      const held = this.#held(receipt);
      if (!held || held[1].visibleAt <= this.#world.now) lost.push(receipt);
      else this.#hideUntil(held[0], held[1], this.#world.now + leaseMs);
    }
    return lost;
  }

  async finish(_workspace: string, receipts: readonly string[]) {
    const { chance, faults } = this.#world;
    for (const receipt of receipts) {
      const held = this.#held(receipt);
      if (held && !chance.happens(faults.finishLost)) this.#items(held[0]).delete(held[1]);
    }
  }

  /** Tasks of activities that no worker has finished. */
  get activitiesWaiting(): number {
    let n = 0;
    for (const [name, items] of this.#queues) if (name.endsWith("/activity")) n += items.size;
    return n;
  }
}

const nameOf = (q: QueueRef) => `${q.workspace}/${q.deployment}/${q.queue}`;
