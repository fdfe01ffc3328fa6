/**
 * Writes the part of MessagePack that a compressed payload has: a map with the algorithm and the compressed bytes, in the
 * shortest forms.
 */
import type { Packed } from "./unpack.ts";

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
