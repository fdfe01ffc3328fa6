/** Syncs files in a thread of its own, for a server whose process runs code of others too (ONEPROCESS-5). */
import type { fdatasync } from "node:fs";
import { Worker } from "node:worker_threads";

export type Sync = (descriptor: number, done: Parameters<typeof fdatasync>[1]) => void;

/** A text, so that bundlers need not know of a second file. The descriptors of a process are the same in all its threads. */
const THREAD = `
const { fdatasyncSync } = require("node:fs");
const { parentPort } = require("node:worker_threads");
parentPort.on("message", (descriptor) => {
  let why = null;
  try {
    fdatasyncSync(descriptor);
  } catch (error) {
    why = error;
  }
  parentPort.postMessage(why);
});`;

/** The thread ends with the one that calls this. */
export function syncThread(): Sync {
  const waiting: Parameters<Sync>[1][] = [];
  const thread = new Worker(THREAD, { eval: true, execArgv: [], stdin: false });
  thread.unref();
  thread.on("message", (why) => waiting.shift()!(why));
  let failed: Error | null = null;
  thread.on("error", (error: Error) => {
    failed = error;
    for (const done of waiting.splice(0)) done(error);
  });
  return (descriptor, done) => {
    if (failed) throw failed;
    waiting.push(done);
    thread.postMessage(descriptor);
  };
}
