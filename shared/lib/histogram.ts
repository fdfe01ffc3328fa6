/** Counts of values in buckets, for `/metrics`. */

/** Seconds: a commit takes milliseconds, a call that waits for a result up to minutes. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export class Histogram {
  /** By the first bucket that holds them. */
  readonly #counts = BOUNDS.map(() => 0);
  #sum = 0;
  #count = 0;

  observe(seconds: number): void {
    this.#sum += seconds;
    this.#count += 1;
    const first = BOUNDS.findIndex((bound) => seconds <= bound);
    if (first >= 0) this.#counts[first]! += 1;
  }

  get read(): { readonly buckets: readonly (readonly [le: string, count: number])[]; sum: number; count: number } {
    let within = 0;
    const buckets = BOUNDS.map((bound, i) => {
      within += this.#counts[i]!;
      return [String(bound), within] as const;
    });
    return { buckets: [...buckets, ["+Inf", this.#count] as const], sum: this.#sum, count: this.#count };
  }
}
