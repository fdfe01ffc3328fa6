/** Counts of values in buckets, for `/metrics`. */

/** Seconds: a commit takes milliseconds, a call that waits for a result up to minutes. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export class Histogram {
  readonly #counts = BOUNDS.map(() => 0);
  #sum = 0;
  #count = 0;

  observe(seconds: number): void {
    this.#sum += seconds;
    this.#count += 1;
    for (const [i, bound] of BOUNDS.entries()) if (seconds <= bound) this.#counts[i]! += 1;
  }

  get read(): { readonly buckets: readonly (readonly [le: string, count: number])[]; sum: number; count: number } {
    const buckets = BOUNDS.map((bound, i) => [String(bound), this.#counts[i]!] as const);
    return { buckets: [...buckets, ["+Inf", this.#count] as const], sum: this.#sum, count: this.#count };
  }
}
