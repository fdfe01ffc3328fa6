/**
 * Damage in the middle of the write-ahead log. SQLite reads the log up to the first frame whose checksum is wrong and
 * silently drops the rest. That is right for a commit that a crash cut off, and loses acknowledged commits when the disk
 * has damaged an earlier frame. This tells the two apart by counting: the store does not commit before the disk has the commit
 * before (COMMIT-7), so a crash cuts off one commit at most.
 */
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { FRAME_HEADER, HEADER } from "./wal-format.ts";

export interface WalDamage {
  /** Number of the first frame that SQLite does not read. */
  readonly frame: number;
  /** Commits from there on: they are lost. */
  readonly commits: number;
}

/** `path`: of the database. Null: there is no log, or a crash can have left it so. */
export function walDamage(path: string): WalDamage | null {
  const file = `${path}-wal`;
  if (!existsSync(file)) return null;
  const fd = openSync(file, "r");
  try {
    return examine((buffer, at) => readSync(fd, buffer, 0, buffer.length, at) === buffer.length);
  } finally {
    closeSync(fd);
  }
}

function examine(read: (buffer: Buffer, at: number) => boolean): WalDamage | null {
  const header = Buffer.alloc(HEADER);
  if (!read(header, 0)) return null;
  const words = header.readUInt32BE(0) & 1 ? "BE" : "LE";
  const pageSize = header.readUInt32BE(8);
  if (pageSize < 512 || pageSize > 65_536) return null;
  let sum = checksum([0, 0], header.subarray(0, 24), words);
  const hasSum = (of: Buffer, at: number) => of.readUInt32BE(at) === sum[0] && of.readUInt32BE(at + 4) === sum[1];
  let good = hasSum(header, 24);
  const salts = header.subarray(16, 24);
  const frame = Buffer.alloc(FRAME_HEADER + pageSize);
  let firstBad = good ? 0 : 1;
  let commits = 0;
  for (let n = 1; read(frame, HEADER + (n - 1) * frame.length); n++) {
    // Frames of earlier rounds of the log have other salts.
    const isOurs = frame.subarray(8, 16).equals(salts);
    if (good) {
      sum = checksum(sum, frame.subarray(0, 8), words);
      sum = checksum(sum, frame.subarray(FRAME_HEADER), words);
      good = isOurs && hasSum(frame, 16);
      if (!good) firstBad = n;
    }
    if (!good && isOurs && frame.readUInt32BE(4) !== 0) commits += 1;
  }
  return commits > 1 ? { frame: firstBad, commits } : null;
}

function checksum([a, b]: readonly [number, number], bytes: Buffer, words: "BE" | "LE"): [number, number] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const little = words === "LE";
  let s0 = a;
  let s1 = b;
  for (let i = 0; i < bytes.length; i += 8) {
    s0 = (s0 + view.getUint32(i, little) + s1) >>> 0;
    s1 = (s1 + view.getUint32(i + 4, little) + s0) >>> 0;
  }
  return [s0, s1];
}
