/** A seeded random generator: the same seed gives the same world. */
export class Chance {
  #a: number;
  #b: number;
  #c: number;
  #n = 1;

  constructor(seed: number) {
    this.#a = seed >>> 0;
    this.#b = (seed ^ 0x9e3779b9) >>> 0;
    this.#c = Math.imul(seed + 1, 0x85ebca6b) >>> 0;
    for (let i = 0; i < 15; i++) this.next();
  }

  /** 32 bits (small fast counting generator). */
  next(): number {
    const t = (this.#a + this.#b + this.#n++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t;
    return t >>> 0;
  }
  /** 0 ≤ x < 1. */
  fraction(): number {
    return this.next() / 2 ** 32;
  }
  /** Integer, `low` ≤ x < `high`. */
  between(low: number, high: number): number {
    return low + Math.floor(this.fraction() * (high - low));
  }
  happens(probability: number): boolean {
    return probability > 0 && this.fraction() < probability;
  }
  oneOf<T>(list: readonly T[]): T {
    return list[this.between(0, list.length)]!;
  }
  uuid(): string {
    const hex = () => this.next().toString(16).padStart(8, "0");
    const h = hex() + hex() + hex() + hex();
    return `${h.slice(0, 8)}-${h.slice(8, 12)}-7${h.slice(13, 16)}-8${h.slice(17, 20)}-${h.slice(20)}`;
  }
}
