/**
 * Heads that were read, claimed or closed last. A run without steps reads its head five times in a few milliseconds, and a read
 * takes more of the server's time than most writes: it makes a row of eighteen columns, and parses.
 *
 * HEADCACHE-1. The cache has what the row has. This process alone writes the file, every write of a row of `heads` forgets the
 *     head first, and a head is remembered only from a statement that has answered or written its whole row, or of a known head all that
 *     it has changed, outside of what may be undone. It is frozen, because several callers get the same object.
 * HEADCACHE-2. The end of the log of an open run is known likewise (`#tails` in `executions.ts`), so that a step reads nothing: what is
 *     known of a run is forgotten before a write of its log (a step marks it as unknown in its place), and remembered after a batch that was written
 *     outside of what may be undone.
 * HEADCACHE-3. An inbox is known to have no message (`#withoutMessages` there) from the write that begins its chain, whose id is new, until
 *     the first message is put into it, so that most first claims read no inbox. After a restart each is read.
 */
import { LruCache } from "../lib/lru-cache.ts";
import type { Ref } from "../ports.ts";
import type { Head } from "../protocol/head.ts";

/** What the row counts for the cost of the run (COST-1). */
export interface HeadCounts {
  readonly claims: number;
  readonly parks: number;
  readonly tasks: number;
  readonly changes: number;
  readonly bytes: number;
  /** Of the JSON in the row, where the head is as it was created. */
  readonly bodyBytes?: number;
}

interface Known {
  readonly head: Head;
  readonly counts: HeadCounts | null;
}

const MOST_HEADS = 2_000;
/** Characters of a head's JSON. A head has the input and the result of its run. */
const MOST_CHARACTERS = 4_000;

/** Keyed by the execution alone, because a key that is put together of two names is hashed anew for each look-up. */
export class HeadCache {
  readonly #heads = new LruCache<Known>(MOST_HEADS);

  get(ref: Ref): Head | undefined {
    return this.#known(ref)?.head;
  }

  countsOf(ref: Ref): HeadCounts | null {
    return this.#known(ref)?.counts ?? null;
  }

  #known({ workspace, execution }: Ref): Known | undefined {
    const known = this.#heads.get(execution);
    return known?.head.workspace === workspace ? known : undefined; // executions of two workspaces may have one id
  }

  /** `characters`: of its JSON. */
  remember(head: Head, characters: number, counts: HeadCounts | null = null): void {
    if (characters <= MOST_CHARACTERS) this.#heads.set(head.execution, { head: Object.freeze(head), counts });
  }

  forget({ execution }: Ref): void {
    this.#heads.delete(execution);
  }
}
