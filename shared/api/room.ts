/**
 * Memory for what requests read.
 *
 * ROOM-1. A whole run may have 50 MB, several times that while it becomes an answer, and its caller may ask a hundred times at
 *     once. So the requests of one process that read much have room for two whole runs, or sixteen pages, from before they read
 *     until the text of the answer is made. Further ones wait: those of one key in their order, the keys in turn, so that a key that
 *     asks a hundred times delays another by one read. One whose caller has gone leaves.
 */
import { onAbort } from "../lib/on-abort.ts";
import { CallerGone } from "./http-message.ts";

const ALL = 16;
type Reads = "page" | "whole run";
const SHARE: Readonly<Record<Reads, number>> = { page: 1, "whole run": ALL / 2 };

interface Waiting {
  readonly share: number;
  enter(): void;
}

export class Rooms {
  #free = ALL;
  /** By key, the one whose turn is next first. None is empty. */
  readonly #waiting = new Map<string, Set<Waiting>>();

  async take(share: number, key: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw new CallerGone();
    if (this.#waiting.size === 0 && share <= this.#free) {
      this.#free -= share;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const one = { share, enter: resolve };
    const ofKey = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, ofKey.add(one));
    const stopListening = onAbort(signal, () => {
      if (!this.#remove(key, one)) return;
      reject(new CallerGone());
      this.#admit();
    });
    await promise.finally(stopListening);
  }

  give(share: number): void {
    this.#free += share;
    this.#admit();
  }

  #admit(): void {
    for (const [key, [one]] of this.#waiting) {
      if (one!.share > this.#free) return;
      this.#free -= one!.share;
      const others = this.#waiting.get(key)!;
      this.#remove(key, one!);
      if (others.size > 0) {
        this.#waiting.delete(key); // the other keys come before its next one
        this.#waiting.set(key, others);
      }
      one!.enter();
    }
  }

  #remove(key: string, one: Waiting): boolean {
    const ofKey = this.#waiting.get(key);
    if (!ofKey?.delete(one)) return false;
    if (ofKey.size === 0) this.#waiting.delete(key);
    return true;
  }
}

/** The room of one request: taken by its handler, given back once its answer is made. */
export class Room {
  readonly #rooms: Rooms;
  readonly #signal: () => AbortSignal;
  #share = 0;
  /** The hash of the caller's key, once it is known. */
  key = "";

  constructor(rooms: Rooms, signal: () => AbortSignal) {
    this.#rooms = rooms;
    this.#signal = signal;
  }

  /** Once for a request. Throws `CallerGone` if the caller has gone meanwhile. */
  async take(reads: Reads): Promise<void> {
    await this.#rooms.take(SHARE[reads], this.key, this.#signal());
    this.#share = SHARE[reads];
  }

  leave(): void {
    if (this.#share > 0) this.#rooms.give(this.#share);
    this.#share = 0;
  }
}
