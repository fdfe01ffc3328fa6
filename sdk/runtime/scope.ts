/**
 * Cancellation, as workflow code sees it.
 *
 * SCOPE-1. A request raises `CancelledError` once per scope: in every open wait of the scope, or, if the scope waits for
 *     nothing, in its next wait. Later waits work as usual, so that code can clean up.
 * SCOPE-2. The workflow function and each run of a handler are scopes; code in `uncancelled` is a scope that no request
 *     reaches.
 */
import type { CancelledError } from "../errors.ts";

/** Something that a path of workflow code waits for. */
export interface Wait {
  /** In words, for diagnostics. */
  describe(): string;
  /** Ends the wait with the error, and cancels the activity, timer or child that it waits for. */
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

  /** The error of a request that found no open wait: the next wait throws it. Answers it once (SCOPE-1). */
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

  /** Code has taken the signal: a workflow may wait for its cancellation alone. */
  get listened(): boolean {
    return this.#abort !== null && this.#cancelled === null;
  }
}
