/**
 * A bounded cache for facts that never change: it saves reads only. It keeps the most recently used half, and drops what
 * was not used while that half filled again, so that a hit costs one look-up.
 */
export class LruCache<V> {
  readonly #half: number;
  #recent = new Map<string, V>();
  #older = new Map<string, V>();

  constructor(most: number) {
    this.#half = Math.ceil(most / 2);
  }

  get(key: string): V | undefined {
    const recent = this.#recent.get(key);
    if (recent !== undefined) return recent;
    const older = this.#older.get(key);
    if (older !== undefined) this.set(key, older);
    return older;
  }

  set(key: string, value: V): void {
    if (this.#recent.size >= this.#half && !this.#recent.has(key)) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(key, value);
    this.#older.delete(key);
  }

  delete(key: string): void {
    this.#recent.delete(key);
    this.#older.delete(key);
  }
}
