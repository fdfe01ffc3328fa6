/** The format of SQLite's write-ahead log, as far as the store reads it: https://www.sqlite.org/fileformat2.html#walformat */
import { readSync } from "node:fs";

export const HEADER = 32;
export const FRAME_HEADER = 24;

const SALTS = 8;
const header = Buffer.alloc(HEADER);
const frame = Buffer.alloc(FRAME_HEADER);

/** True: the log has frame number `n`. The file may be longer than the log: frames of earlier rounds of it have other salts. */
export function hasFrame(fd: number, n: number): boolean {
  if (readSync(fd, header, 0, HEADER, 0) < HEADER) return false;
  const at = HEADER + (n - 1) * (FRAME_HEADER + header.readUInt32BE(8));
  if (readSync(fd, frame, 0, FRAME_HEADER, at) < FRAME_HEADER) return false;
  return frame.compare(header, 16, 16 + SALTS, SALTS, 2 * SALTS) === 0;
}
