/**
 * One call for many: items offered while calls are under way wait and travel together in the next. Under light load
 * each goes at once; under heavy load the batches grow by themselves.
 */
const LIGHT = 1024 * 1024;

export class Batcher<Item, Answer> {
  readonly #send: (items: Item[]) => Promise<Answer[]>;
  readonly #most: number;
  readonly #forEachConcurrent: number;
  readonly #weigh: (item: Item) => number;
  #waiting: { item: Item; ok: (answer: Answer) => void; no: (why: unknown) => void }[] = [];
  #underWay = 0;
  #armed = false;

  /** `most` items a call, `abreast` calls at a time; `weigh`: bytes, of which a call of several items carries 1 MiB. */
  constructor(
    send: (items: Item[]) => Promise<Answer[]>,
    o: { most?: number; forEachConcurrent?: number; weigh?: (item: Item) => number } = {},
  ) {
    this.#send = send;
    this.#most = o.most ?? 100;
    this.#forEachConcurrent = o.forEachConcurrent ?? 2;
    this.#weigh = o.weigh ?? (() => 0);
  }

  offer(item: Item): Promise<Answer> {
    return new Promise((ok, no) => {
      this.#waiting.push({ item, ok, no });
      this.#arm();
    });
  }

  #arm(): void {
    if (this.#armed || this.#underWay >= this.#forEachConcurrent) return;
    this.#armed = true;
    // Whoever is ready in the same turn of the loop joins.
    queueMicrotask(() => {
      this.#armed = false;
      this.#go();
    });
  }

  #group() {
    if (this.#waiting.length === 1) return this.#waiting.splice(0, 1);
    let weight = 0;
    let n = 0;
    while (n < Math.min(this.#most, this.#waiting.length)) {
      weight += this.#weigh(this.#waiting[n]!.item);
      if (n > 0 && weight > LIGHT) break;
      n += 1;
    }
    return this.#waiting.splice(0, n);
  }

  #go(): void {
    while (this.#waiting.length > 0 && this.#underWay < this.#forEachConcurrent) {
      const group = this.#group();
      this.#underWay += 1;
      this.#send(group.map((w) => w.item))
        .then(
          (answers) => {
            for (const [i, w] of group.entries()) w.ok(answers[i]!);
          },
          (why) => {
            for (const w of group) w.no(why);
          },
        )
        .finally(() => {
          this.#underWay -= 1;
          if (this.#waiting.length > 0) this.#arm();
        });
    }
  }
}
