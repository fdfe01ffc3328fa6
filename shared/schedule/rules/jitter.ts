/**
 * The delay of a due time: the same for the same schedule and nominal time for ever, so restarts, previews and real
 * starts agree; different schedules, even with names that differ in one character, are spread evenly.
 */

/** 32 bits of a text and a number of seconds: FNV-1a over the UTF-16 halves, then a finaliser, because FNV alone leaves
 * texts that differ only at the end close together. */
function hash32(text: string, second: number): number {
  let hash = 0x811c9dc5;
  const eat = (byte: number) => {
    hash = Math.imul(hash ^ byte, 0x01000193);
  };
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    eat(code & 0xff);
    eat(code >>> 8);
  }
  for (let shift = 0; shift < 32; shift += 8) eat((second >>> shift) & 0xff);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Milliseconds in `[0, maxMs)`; 0 if `maxMs` is 0. */
export function delayOf(seed: string, nominalMs: number, maxMs: number): number {
  if (maxMs <= 0) return 0;
  return Math.floor((hash32(seed, nominalMs / 1000) / 2 ** 32) * maxMs);
}
