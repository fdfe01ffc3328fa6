/** The embedded adapter as a subject of the contract suites: in memory, or in a file that survives a restart of the store. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { embedded } from "../../shared/server/embedded.ts";
import { ManualClock } from "./manual-clock.ts";
import type { Subject } from "./subject.ts";

export function inMemory(): Subject {
  const clock = new ManualClock();
  const store = embedded({ clock });
  return { ports: store, pass: (ms) => clock.advance(ms), end: () => store.close() };
}

export function inFile(): Subject & Required<Pick<Subject, "reopen">> {
  const clock = new ManualClock();
  const { file, remove } = temporaryDatabase();
  let store = embedded({ clock, file });
  return {
    ports: store,
    pass: (ms) => clock.advance(ms),
    async reopen() {
      store.close();
      store = embedded({ clock, file });
      return store;
    },
    end() {
      store.close();
      remove();
    },
  };
}

/** The path of a database that does not exist yet, in a folder of its own. */
export function temporaryDatabase(): { readonly file: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "sirocco-store-"));
  return { file: join(folder, "data.db"), remove: () => rmSync(folder, { recursive: true }) };
}
