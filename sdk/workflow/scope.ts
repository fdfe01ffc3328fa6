/**
 * Cancellation, as workflow code meets it.
 *
 * SCOPE-1. A request raises `CancelledError` once per scope: at everything that the scope waits for now, or, if it waits for
 *     nothing, at the next thing it asks for. Whatever is asked for after that works, so cleanup needs no ceremony.
 * SCOPE-2. The workflow function and each run of a handler are scopes; what runs in `uncancelled` is a scope that no request
 *     reaches.
 */
import type { CancelledError } from "../errors.ts";

/** Something that a path of workflow code waits for. */
export interface Wait {
  /** In words, for diagnostics. */
  describe(): string;
  /** Ends the wait with the error, and asks for what that takes (cancelling an activity, a timer, a child). */
  cancel(error: CancelledError): void;
}

export class Scope {
  readonly waits = new Set<Wait>();
  #undelivered: CancelledError | null = null;
  #abort: AbortController | null = null;
  #cancelled: CancelledError | null = null;

  cancel(error: CancelledError): void {
    this.#cancelled = error;
    if (this.waits.size === 0) this.#undelivered = error;
    for (const wait of [...this.waits]) {
      this.waits.delete(wait);
      wait.cancel(error);
    }
    this.#abort?.abort(error);
  }

  /** To be thrown instead of waiting, at most once. */
  takeUndelivered(): CancelledError | null {
    const error = this.#undelivered;
    this.#undelivered = null;
    return error;
  }

  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.#cancelled) this.#abort.abort(this.#cancelled);
    }
    return this.#abort.signal;
  }

  /** Somebody listens for cancellation, so silence is a legitimate state. */
  get listened(): boolean {
    return this.#abort !== null && this.#cancelled === null;
  }
}
