/**
 * The delay of a due time. It follows from the schedule and the nominal time alone and must never change, so that restarts,
 * previews and real starts agree. Schedules are spread evenly, even if their names differ in one character.
 */

/**
 * A hash of a text and a number of seconds: FNV-1a over the bytes of the UTF-16 code units, then a finaliser, because FNV alone
 * gives close values for texts that differ only at the end.
 */
function hash32(text: string, second: number): number {
  let hash = 0x811c9dc5;
  const add = (byte: number) => {
    hash = Math.imul(hash ^ byte, 0x01000193);
  };
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    add(code & 0xff);
    add(code >>> 8);
  }
  for (let shift = 0; shift < 32; shift += 8) add((second >>> shift) & 0xff);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Milliseconds in `[0, maxMs)`; 0 if `maxMs` is 0. */
export function delayOf(seed: string, nominalMs: number, maxMs: number): number {
  if (maxMs <= 0) return 0;
  return Math.floor((hash32(seed, nominalMs / 1000) / 2 ** 32) * maxMs);
}
