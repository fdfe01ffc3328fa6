/**
 * The part of MessagePack that a compressed payload has: a map with the algorithm and the compressed bytes. `pack` writes the
 * shortest forms, `unpack` reads every form of nil, booleans, integers, texts, bytes and maps.
 */

export type Packed = null | boolean | number | string | Uint8Array | { readonly [key: string]: Packed };

export const pack = (value: Packed): Buffer => Buffer.concat([...parts(value)]);

function* parts(value: Packed): Generator<Uint8Array> {
  if (value === null) yield Buffer.of(0xc0);
  else if (typeof value === "boolean") yield Buffer.of(value ? 0xc3 : 0xc2);
  else if (typeof value === "number") yield integer(value);
  else if (typeof value === "string") {
    const bytes = Buffer.from(value);
    yield bytes.length < 32 ? Buffer.of(0xa0 | bytes.length) : sized([0xd9, 0xda, 0xdb], bytes.length);
    yield bytes;
  } else if (value instanceof Uint8Array) {
    yield sized([0xc4, 0xc5, 0xc6], value.length);
    yield value;
  } else {
    const entries = Object.entries(value);
    if (entries.length > 15) throw new RangeError("a map of more than 15 entries is not supported");
    yield Buffer.of(0x80 | entries.length);
    for (const [key, each] of entries) {
      yield* parts(key);
      yield* parts(each);
    }
  }
}

function integer(value: number): Buffer {
  if (Number.isInteger(value) && value >= 0 && value < 128) return Buffer.of(value);
  throw new RangeError(`${value} is not supported: only integers from 0 to 127 are`);
}

/** The code for a length of 1, 2 or 4 bytes, and the length. */
function sized([one, two, four]: readonly [number, number, number], length: number): Buffer {
  if (length < 2 ** 8) return Buffer.of(one, length);
  const head = Buffer.alloc(length < 2 ** 16 ? 3 : 5);
  head[0] = length < 2 ** 16 ? two : four;
  head.writeUIntBE(length, 1, head.length - 1);
  return head;
}

/** Throws `RangeError` for bytes that are none of this. */
export function unpack(bytes: Uint8Array): Packed {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (!reader.ended) throw new RangeError("bytes follow the value");
  return value;
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get ended(): boolean {
    return this.#at === this.#bytes.length;
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw new RangeError("the value is cut short");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #number(length: number): number {
    return this.#take(length).readUIntBE(0, length);
  }

  value(depth: number): Packed {
    if (depth > 8) throw new RangeError("the value is nested too deep");
    const code = this.#number(1);
    if (code < 0x80) return code;
    if (code >= 0xe0) return code - 0x100;
    if (code < 0x90) return this.#map(code & 0x0f, depth);
    if (code >= 0xa0 && code < 0xc0) return this.#take(code & 0x1f).toString();
    switch (code) {
      case 0xc0:
        return null;
      case 0xc2:
      case 0xc3:
        return code === 0xc3;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#take(this.#number(2 ** (code - 0xc4)));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#number(2 ** (code - 0xcc));
      case 0xcf:
        return Number(this.#take(8).readBigUInt64BE());
      case 0xd0:
      case 0xd1:
      case 0xd2: {
        const length = 2 ** (code - 0xd0);
        return this.#take(length).readIntBE(0, length);
      }
      case 0xd3:
        return Number(this.#take(8).readBigInt64BE());
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#take(this.#number(2 ** (code - 0xd9))).toString();
      case 0xde:
      case 0xdf:
        return this.#map(this.#number(2 ** (code - 0xdd)), depth);
      default:
        throw new RangeError(`a value of the form 0x${code.toString(16)} is not supported`);
    }
  }

  #map(entries: number, depth: number): Packed {
    const map: Record<string, Packed> = {};
    for (let i = 0; i < entries; i++) {
      const key = this.value(depth + 1);
      if (typeof key !== "string") throw new RangeError("a key of a map is no text");
      Object.defineProperty(map, key, { value: this.value(depth + 1), enumerable: true, configurable: true });
    }
    return map;
  }
}
