/**
 * Memory for what requests read.
 *
 * ROOM-1. A whole run may have 50 MB, several times that while it becomes an answer, and its caller may ask a hundred times at
 *     once. So the requests of one process that read much have room for two whole runs, or sixteen pages, from before they read
 *     until the text of the answer is made. Further ones wait in their order; one whose caller has gone leaves.
 */
import { onAbort } from "../lib/on-abort.ts";
import { CallerGone } from "./http-message.ts";

const ALL = 16;
type Reads = "page" | "whole run";
const SHARE: Readonly<Record<Reads, number>> = { page: 1, "whole run": ALL / 2 };

export class Rooms {
  #free = ALL;
  readonly #waiting = new Set<{ readonly share: number; enter(): void }>();

  async take(share: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw new CallerGone();
    if (this.#waiting.size === 0 && share <= this.#free) {
      this.#free -= share;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const one = { share, enter: resolve };
    this.#waiting.add(one);
    const stopListening = onAbort(signal, () => {
      if (!this.#waiting.delete(one)) return;
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
    for (const one of this.#waiting) {
      if (one.share > this.#free) return;
      this.#free -= one.share;
      this.#waiting.delete(one);
      one.enter();
    }
  }
}

/** The room of one request: taken by its handler, given back once its answer is made. */
export class Room {
  readonly #rooms: Rooms;
  readonly #signal: () => AbortSignal;
  #share = 0;

  constructor(rooms: Rooms, signal: () => AbortSignal) {
    this.#rooms = rooms;
    this.#signal = signal;
  }

  /** Once for a request. Throws `CallerGone` if the caller has gone meanwhile. */
  async take(reads: Reads): Promise<void> {
    await this.#rooms.take(SHARE[reads], this.#signal());
    this.#share = SHARE[reads];
  }

  leave(): void {
    if (this.#share > 0) this.#rooms.give(this.#share);
    this.#share = 0;
  }
}
