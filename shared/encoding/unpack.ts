/**
 * Reads the part of MessagePack that a compressed payload has: every form of nil, booleans, integers, texts, bytes and maps.
 * It runs in browsers as well.
 */

export type Packed = null | boolean | number | string | Uint8Array | { readonly [key: string]: Packed };

/** Throws `RangeError` for bytes that are none of this. */
export function unpack(bytes: Uint8Array): Packed {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (!reader.ended) throw new RangeError("bytes follow the value");
  return value;
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get ended(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** The offset of so many bytes, which are read with it. */
  #skip(length: number): number {
    if (this.#at + length > this.#bytes.length) throw new RangeError("the value is cut short");
    this.#at += length;
    return this.#at - length;
  }

  #take(length: number): Uint8Array {
    const at = this.#skip(length);
    return this.#bytes.subarray(at, at + length);
  }

  #text(length: number): string {
    return new TextDecoder().decode(this.#take(length));
  }

  #number(length: number): number {
    const at = this.#skip(length);
    if (length === 1) return this.#view.getUint8(at);
    return length === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  #signed(length: number): number {
    const at = this.#skip(length);
    if (length === 1) return this.#view.getInt8(at);
    return length === 2 ? this.#view.getInt16(at) : this.#view.getInt32(at);
  }

  value(depth: number): Packed {
    if (depth > 8) throw new RangeError("the value is nested too deep");
    const code = this.#number(1);
    if (code < 0x80) return code;
    if (code >= 0xe0) return code - 0x100;
    if (code < 0x90) return this.#map(code & 0x0f, depth);
    if (code >= 0xa0 && code < 0xc0) return this.#text(code & 0x1f);
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
        return Number(this.#view.getBigUint64(this.#skip(8)));
      case 0xd0:
      case 0xd1:
      case 0xd2:
        return this.#signed(2 ** (code - 0xd0));
      case 0xd3:
        return Number(this.#view.getBigInt64(this.#skip(8)));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#number(2 ** (code - 0xd9)));
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
