/** Facts that this process has seen and that never change: a bounded memory of them saves reads, nothing depends on it. */
export class LruCache<V> {
  readonly #most: number;
  readonly #facts = new Map<string, V>();

  constructor(most: number) {
    this.#most = most;
  }

  get(key: string): V | undefined {
    const value = this.#facts.get(key);
    if (value !== undefined) {
      this.#facts.delete(key); // to the end: most recently used
      this.#facts.set(key, value);
    }
    return value;
  }

  set(key: string, value: V): void {
    this.#facts.delete(key);
    if (this.#facts.size >= this.#most) this.#facts.delete(this.#facts.keys().next().value as string);
    this.#facts.set(key, value);
  }

  delete(key: string): void {
    this.#facts.delete(key);
  }
}
