/**
 * A copy of the database while it is written to.
 *
 * BACKUP-1. SQLite changes the database file in checkpoints only; commits go to the log. There is no checkpoint while a copy
 *     is made, so the file stands still and the log only grows.
 * BACKUP-2. If a checkpoint had brought everything in the log into the file, the next commit would begin the log anew, over the
 *     frames that are being copied. So one commit follows the last checkpoint before the copy begins.
 * BACKUP-3. The file is copied first, the log afterwards. Both together are the state of some moment after the call: every
 *     commit that was acknowledged before it is in the copy, and one that was cut off at the end of the log is not.
 * BACKUP-4. The database file is read through a descriptor that stays open until the process ends. When a process closes a
 *     descriptor of a file, POSIX takes back all its locks on the file: also those by which DATADIR-1 keeps a second server out.
 * BACKUP-5. Before a byte of the copy leaves, another thread brings the log into it and lets SQLite check it. What leaves is
 *     one file without a log.
 * BACKUP-6. There is one copy at a time, until it has been received or its reader is gone: each takes as much room on the disk
 *     as the database, so callers that ask again and again would fill it.
 * BACKUP-7. The copy is never synced: it leaves at once and is then deleted. While a disk takes in a whole copy, or frees its
 *     blocks, the syncs of the log wait behind it, and with them the commits of the server: 100 to 250 ms for 75 MB. On Linux
 *     a priority is one thread's, so the thread that checks the copy has the lowest, and takes no core from the event loop.
 */
import { createReadStream, openSync, read } from "node:fs";
import { type FileHandle, open, rm, stat } from "node:fs/promises";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { onAbort } from "../lib/on-abort.ts";
import type { Backup } from "../ports.ts";
import type { Database } from "./database.ts";
import { VERSION } from "./migrations.ts";

const PART_BYTES = 1_048_576;
const readAt = promisify(read);

/** The names of unfinished copies beside the database. A server that was killed leaves them, and the next start removes them. */
export const UNFINISHED = /^backup-[\w-]+\.tmp(?:-wal|-shm|-journal)?$/;

export class EmbeddedBackup {
  readonly #database: Database;
  readonly #file: string;
  readonly #uuid: () => string;
  #descriptor: number | null = null;
  /** BACKUP-6. */
  #isThere = false;

  constructor(database: Database, file: string, uuid: () => string) {
    this.#database = database;
    this.#file = file;
    this.#uuid = uuid;
  }

  /** Throws if the disk has no room for a copy, SQLite finds it damaged, or `signal` aborts before it is complete. */
  async copy(signal?: AbortSignal): Promise<Backup | "another is there"> {
    if (this.#isThere) return "another is there";
    this.#isThere = true;
    const path = this.#file.replace(/[^/\\]*$/, `backup-${this.#uuid()}.tmp`);
    try {
      await this.#copyFiles(path, signal);
      await completed(path, signal); // BACKUP-5
      const { size } = await stat(path);
      return { bytes: size, chunks: this.#parts(path), drop: () => this.#remove(path) };
    } catch (error) {
      await this.#remove(path);
      throw error;
    }
  }

  /** The copy is gone before its last part leaves, so that a caller who has received it can ask for the next one at once. */
  async *#parts(path: string): AsyncGenerator<Uint8Array> {
    let last: Uint8Array | undefined;
    try {
      for await (const part of createReadStream(path, { highWaterMark: PART_BYTES })) {
        if (last) yield last;
        last = part;
      }
    } finally {
      await this.#remove(path);
    }
    if (last) yield last;
  }

  async #remove(path: string): Promise<void> {
    for (const suffix of ["", "-wal", "-shm", "-journal"]) await rm(`${path}${suffix}`, { force: true });
    this.#isThere = false;
  }

  async #copyFiles(path: string, signal: AbortSignal | undefined): Promise<void> {
    const database = this.#database;
    database.holdCheckpoints(true); // BACKUP-1
    try {
      database.run(`PRAGMA user_version = ${VERSION}`); // BACKUP-2: writes the page that holds it, as it is
      await database.durable();
      this.#descriptor ??= openSync(this.#file, "r"); // BACKUP-4
      await copyOf(this.#descriptor, path, signal);
      const log = await open(`${this.#file}-wal`, "r"); // BACKUP-3
      try {
        await copyOf(log.fd, `${path}-wal`, signal, (await log.stat()).size);
      } finally {
        await log.close();
      }
    } finally {
      database.holdCheckpoints(false);
    }
  }
}

/** Copies a file up to its end, or its first `length` bytes. */
async function copyOf(
  from: number,
  path: string,
  signal: AbortSignal | undefined,
  length = Number.POSITIVE_INFINITY,
): Promise<void> {
  const to: FileHandle = await open(path, "wx", 0o600);
  const part = Buffer.alloc(PART_BYTES);
  try {
    for (let at = 0; at < length; ) {
      signal?.throwIfAborted();
      const { bytesRead } = await readAt(from, part, 0, Math.min(PART_BYTES, length - at), at);
      if (bytesRead === 0) return;
      await to.writeFile(part.subarray(0, bytesRead));
      at += bytesRead;
    }
  } finally {
    await to.close();
  }
}

/** BACKUP-7. Runs in a thread of its own, because SQLite blocks; as a text, because the packed command has no file for it. */
const COMPLETE = `
const { parentPort, workerData } = require("node:worker_threads");
const { DatabaseSync } = require("node:sqlite");
if (process.platform === "linux") require("node:os").setPriority(19);
const copy = new DatabaseSync(workerData);
copy.exec("PRAGMA synchronous = OFF");
copy.exec("PRAGMA journal_mode = DELETE");
const [{ quick_check: found }] = copy.prepare("PRAGMA quick_check(1)").all();
copy.close();
parentPort.postMessage(found);
`;

function completed(path: string, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(COMPLETE, { eval: true, workerData: path });
    const stopListening = onAbort(signal, () => void worker.terminate());
    worker.once("error", reject);
    worker.once("exit", () => {
      stopListening();
      reject(signal?.reason ?? new Error("the thread that completes the copy has ended"));
    });
    worker.once("message", (found) => {
      if (found === "ok") resolve();
      else reject(new Error(`the copy of the database is damaged, and so may be the database: ${found}`));
    });
  });
}
