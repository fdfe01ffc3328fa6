/**
 * Joins calls: items that are offered while calls are under way wait, and travel together in the next call. Under light
 * load each item goes at once; under heavy load the groups grow by themselves.
 */
import { MAX_STEP_ITEMS } from "../../shared/protocol/limits.ts";

const MAX_GROUP_BYTES = 1024 * 1024;

export class Batcher<Item, Answer> {
  readonly #send: (items: Item[]) => Promise<Answer[]>;
  readonly #maxItems: number;
  readonly #maxCalls: number;
  readonly #weigh: (item: Item) => number;
  readonly #mayBeOneItem: (why: unknown) => boolean;
  #waiting: { item: Item; ok: (answer: Answer) => void; no: (why: unknown) => void }[] = [];
  #underWay = 0;
  #armed = false;

  /**
   * `maxItems` a call, default `MAX_STEP_ITEMS`; `maxCalls` at a time, default 2; `weigh`: bytes, of which a call of several items carries
   * 1 MiB. `mayBeOneItem`: one item may be to blame for this error of a call, so each item goes again alone, and holds up no
   * further call.
   */
  constructor(
    send: (items: Item[]) => Promise<Answer[]>,
    o: {
      maxItems?: number;
      maxCalls?: number;
      weigh?: (item: Item) => number;
      mayBeOneItem?: (why: unknown) => boolean;
    } = {},
  ) {
    this.#send = send;
    this.#maxItems = o.maxItems ?? MAX_STEP_ITEMS;
    this.#maxCalls = o.maxCalls ?? 2;
    this.#weigh = o.weigh ?? (() => 0);
    this.#mayBeOneItem = o.mayBeOneItem ?? (() => false);
  }

  offer(item: Item): Promise<Answer> {
    return new Promise((ok, no) => {
      this.#waiting.push({ item, ok, no });
      this.#arm();
    });
  }

  #arm(): void {
    if (this.#armed || this.#underWay >= this.#maxCalls) return;
    this.#armed = true;
    // Items that are offered before this microtask runs join the call.
    queueMicrotask(() => {
      this.#armed = false;
      this.#sendWaiting();
    });
  }

  /** An item that cannot be weighed (its values are nested too deep) goes alone. */
  #weightOf(item: Item): number {
    try {
      return this.#weigh(item);
    } catch {
      return Number.POSITIVE_INFINITY;
    }
  }

  #nextGroup() {
    if (this.#waiting.length === 1) return this.#waiting.splice(0, 1);
    let weight = 0;
    let n = 0;
    while (n < Math.min(this.#maxItems, this.#waiting.length)) {
      weight += this.#weightOf(this.#waiting[n]!.item);
      if (n > 0 && weight > MAX_GROUP_BYTES) break;
      n += 1;
    }
    return this.#waiting.splice(0, n);
  }

  #sendWaiting(): void {
    while (this.#waiting.length > 0 && this.#underWay < this.#maxCalls) {
      const group = this.#nextGroup();
      this.#underWay += 1;
      this.#send(group.map((w) => w.item))
        .then(
          (answers) => {
            for (const [i, w] of group.entries()) w.ok(answers[i]!);
          },
          (why) => {
            const alone = group.length > 1 && this.#mayBeOneItem(why);
            for (const w of group) {
              if (!alone) w.no(why);
              else this.#send([w.item]).then(([answer]) => w.ok(answer!), w.no);
            }
          },
        )
        .finally(() => {
          this.#underWay -= 1;
          if (this.#waiting.length > 0) this.#arm();
        });
    }
  }
}
