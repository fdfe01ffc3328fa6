/** An abort reason of our own: the default reason is an error, whose stack would be captured for each request that waited. */
const GONE = "the caller has gone, or the server stops";

/** What the caller of a request, or a stop of the server, aborts. Its signal is created at its first use, because most requests never use it. */
export class Abortable {
  #controller: AbortController | null = null;
  #aborted = false;

  get aborted(): boolean {
    return this.#aborted;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(GONE);
    }
    return this.#controller.signal;
  }

  abort(): void {
    this.#aborted = true;
    this.#controller?.abort(GONE);
  }
}
