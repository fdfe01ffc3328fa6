/**
 * The sources that the feed's writer remembers of one workspace, to recognise a record that is delivered twice.
 *
 * FEEDMEMORY-1. Records of a run come in the order of its log, so its highest position stands for all below it. A progress
 *     report has no order, and is remembered by itself.
 * FEEDMEMORY-2. The memory is bounded: it forgets by the time of the append, the oldest first, and no sooner than it must.
 *     Lambda repeats a batch within minutes. A record that is repeated after more than `MOST_REMEMBERED` other runs had
 *     records appended would be shown twice.
 */
import type { Millis } from "../protocol/history.ts";

/** Runs and progress reports of the workspaces that have many: about 60 MB. */
export const MOST_REMEMBERED = 400_000;
/** Up to this many nothing is forgotten: a small memory needs no second reading. */
export const FEW = 1_000;

const BATCHES = 50;

interface Place {
  /** The first event of the latest batch; infinite for a source without positions. */
  readonly first: number;
  /** Time of the append. */
  readonly at: Millis;
}

const PLACED = /^[^#]+#\d+$/;
const placeOf = (source: string): { key: string; first: number } => {
  if (!PLACED.test(source)) return { key: source, first: Number.POSITIVE_INFINITY };
  const at = source.indexOf("#");
  return { key: source.slice(0, at), first: Number(source.slice(at + 1)) };
};

export class FeedMemory {
  /** In the order of their appends. */
  readonly #places = new Map<string, Place>();
  /** It holds every source that was appended after this time, as far as FEEDMEMORY-2 allows. */
  since: Millis;
  /** The oldest records of the latest batches: shards may be behind by different times. */
  readonly #oldest: Millis[] = [];

  constructor(since: Millis) {
    this.since = since;
  }

  get size(): number {
    return this.#places.size;
  }

  has(source: string): boolean {
    const { key, first } = placeOf(source);
    const known = this.#places.get(key);
    return known !== undefined && first <= known.first;
  }

  learn(source: string, at: Millis): void {
    const { key, first } = placeOf(source);
    const known = this.#places.get(key);
    if (known) this.#places.delete(key); // it moves to the end
    this.#places.set(key, { first: Math.max(first, known?.first ?? 0), at });
  }

  /**
   * Forgets what no batch like the latest ones needs, and then the oldest above `most`. `needed`: the time since which this
   * batch needs the appends.
   */
  forget(needed: Millis, most: number): void {
    this.#oldest.push(needed);
    if (this.#oldest.length > BATCHES) this.#oldest.shift();
    if (this.size <= FEW) return;
    const time = Math.min(...this.#oldest);
    for (const [key, { at }] of this.#places) {
      const tooMany = this.size > most;
      if (at >= time && !tooMany) break;
      this.#places.delete(key);
      if (at < time) this.since = Math.max(this.since, at + 1);
    }
  }
}
