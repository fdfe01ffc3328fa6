/** Whether a file is a copy of a database that this program can use. */
import { DatabaseSync } from "node:sqlite";
import { whyNotReadable } from "./migrations.ts";

/** Throws with the reason: it is no database, it is damaged, or it has a format that this program cannot bring to its own. The file is only read. */
export function checkBackup(path: string): void {
  const copy = new DatabaseSync(path, { readOnly: true });
  try {
    const [{ user_version: format } = {}] = copy.prepare("PRAGMA user_version").all();
    if (format === 0) throw new Error("it is no database of Sirocco");
    const why = whyNotReadable(Number(format));
    if (why !== null) throw new Error(why);
    const [{ quick_check: found } = {}] = copy.prepare("PRAGMA quick_check(1)").all();
    if (found !== "ok") throw new Error(`it is damaged: ${found}`);
  } finally {
    copy.close();
  }
}
