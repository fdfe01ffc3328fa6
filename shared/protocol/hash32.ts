/**
 * A hash of a text and a number: FNV-1a over the bytes of the UTF-16 code units, then a finaliser, because FNV alone gives
 * close values for texts that differ only at the end. Stored times and routes follow from it: it must never change.
 */
export function hash32(text: string, number: number): number {
  let hash = 0x811c9dc5;
  const add = (byte: number) => {
    hash = Math.imul(hash ^ byte, 0x01000193);
  };
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    add(code & 0xff);
    add(code >>> 8);
  }
  for (let shift = 0; shift < 32; shift += 8) add((number >>> shift) & 0xff);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
