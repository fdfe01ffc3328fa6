/** Whether a file is a copy of a database that this program can use. */
import { DatabaseSync } from "node:sqlite";
import { VERSION } from "./schema.ts";

/** Throws with the reason: it is no database, it is damaged, or it has another format. The file is only read. */
export function checkBackup(path: string): void {
  const copy = new DatabaseSync(path, { readOnly: true });
  try {
    const [{ user_version: format } = {}] = copy.prepare("PRAGMA user_version").all();
    if (format !== VERSION) {
      throw new Error(
        format === 0
          ? "it is no database of Sirocco"
          : `it has format ${format}, this program reads format ${VERSION}: use the version that wrote it`,
      );
    }
    const [{ quick_check: found } = {}] = copy.prepare("PRAGMA quick_check(1)").all();
    if (found !== "ok") throw new Error(`it is damaged: ${found}`);
  } finally {
    copy.close();
  }
}
