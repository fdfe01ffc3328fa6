/**
 * Random numbers of workflow code: they follow from the run id.
 *
 * RANDOM-1. The sequence is a format: a recorded run replays with the numbers that it was recorded with. Seeding, generator
 *     and the way in which each kind of value is drawn never change; a better generator would be a second one behind a
 *     replay flag.
 * RANDOM-2. The run id is enough to compute the numbers, so they are not for secrets.
 */

/** sfc32 (Chris Doty-Humphrey's small fast counter), seeded with four hashes of the text. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter: number;

  constructor(seed: string) {
    this.#a = hash(seed, 0x9e3779b9);
    this.#b = hash(seed, 0x243f6a88);
    this.#c = hash(seed, 0xb7e15162);
    this.#counter = hash(seed, 0xdeadbeef) | 1;
    for (let i = 0; i < 15; i++) this.uint32();
  }

  /** 0 … 2^32-1. */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** 0 ≤ x < 1 with 53 random bits, like `Math.random`. */
  fraction(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 0x4000000 + low) / 0x20000000000000;
  }

  /** A version 4 UUID. */
  uuid(): string {
    const hex = [this.uint32(), this.uint32(), this.uint32(), this.uint32()]
      .map((word) => word.toString(16).padStart(8, "0"))
      .join("");
    const variant = ((Number.parseInt(hex[16]!, 16) & 0x3) | 0x8).toString(16);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
  }

  fill(bytes: Uint8Array): void {
    let word = 0;
    for (let i = 0; i < bytes.length; i++) {
      if (i % 4 === 0) word = this.uint32();
      bytes[i] = word & 0xff;
      word >>>= 8;
    }
  }
}

/** FNV-1a over UTF-16 code units from the given start, then murmur3's finaliser. */
function hash(text: string, start: number): number {
  let h = start;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) | 0;
}

/** An id that follows from the run, a label and a number; it does not advance the run's stream. */
export const derivedUuid = (run: string, label: string, number: number): string =>
  new Random(`${run}/${label}/${number}`).uuid();
