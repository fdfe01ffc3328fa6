/**
 * The directory of a development server: its database, its key, its address while it runs.
 *
 * DATADIR-1. One server at a time: SQLite locks the database while the process lives, so a killed server leaves no lock
 *     behind.
 * DATADIR-2. The key is in a file that only its owner can read, and stays the same until another key is given or it is
 *     revoked.
 */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { UNFINISHED } from "../../shared/embedded/backup.ts";
import { type Embedded, type EmbeddedOptions, embedded } from "../../shared/server/embedded.ts";
import { CliError, EXIT } from "../errors.ts";

const DATABASE = "sirocco.db";
const SQLITE = { busy: 5, readonly: 8, ioError: 10, full: 13, cannotOpen: 14, notADatabase: 26 } as const;

export class DataDir {
  readonly path: string;

  /** Creates the directory if it is missing, readable by its owner alone, with a `.gitignore` for all of it. */
  constructor(path: string) {
    this.path = path;
    try {
      if (existsSync(path)) return;
      makeDirectory(path);
      writeFileSync(join(path, ".gitignore"), "*\n");
    } catch (error) {
      throw this.#cannot("be used", error);
    }
  }

  /** Opens the database. Throws `CliError` when another server uses it, or it cannot be opened. */
  open(options: Omit<EmbeddedOptions, "file">): Embedded {
    const file = join(this.path, DATABASE);
    try {
      const opened = embedded({ ...options, file });
      for (const name of readdirSync(this.path)) if (UNFINISHED.test(name)) rmSync(join(this.path, name));
      for (const name of [file, `${file}-wal`]) if (existsSync(name)) chmodSync(name, 0o600);
      return opened;
    } catch (error) {
      if (sqliteCode(error) === SQLITE.busy) throw this.#taken(error); // DATADIR-1
      throw this.#cannot("be opened", error);
    }
  }

  /** Takes a copy of a database as its own. Throws `CliError` if the directory has a database. */
  restore(copy: string): void {
    const file = join(this.path, DATABASE);
    if (existsSync(file)) {
      throw new CliError(EXIT.failed, `The data directory ${this.path} has data already.`, [
        "Choose another directory with --data DIR, or move this one away first.",
      ]);
    }
    try {
      copyFileSync(copy, `${file}.new`);
      chmodSync(`${file}.new`, 0o600);
      renameSync(`${file}.new`, file);
    } catch (error) {
      throw this.#cannot("be written to", error);
    }
  }

  get keyFile(): string {
    return join(this.path, "key");
  }

  /** The key of the last start; undefined if there was none. */
  key(): string | undefined {
    return existsSync(this.keyFile) ? readFileSync(this.keyFile, "utf8").trim() || undefined : undefined;
  }

  /** DATADIR-2. */
  keepKey(key: string): void {
    this.#write("key", key);
  }

  /** Stores the address, for commands in the same directory and for the error of a second server. */
  announce(url: string): void {
    this.#write("url", url);
  }

  retract(): void {
    rmSync(join(this.path, "url"), { force: true });
  }

  #write(name: string, text: string): void {
    const path = join(this.path, name);
    try {
      writeFileSync(`${path}.new`, `${text}\n`, { mode: 0o600, flush: true });
      renameSync(`${path}.new`, path);
    } catch (error) {
      throw this.#cannot("be written to", error);
    }
  }

  #taken(cause: unknown): CliError {
    const path = join(this.path, "url");
    const where = existsSync(path) ? ` (${readFileSync(path, "utf8").trim()})` : "";
    const message = `The data directory ${this.path} is in use by another server${where}.`;
    return new CliError(
      EXIT.failed,
      message,
      ["Stop that server, or choose another directory with --data DIR."],
      cause,
    );
  }

  #cannot(what: string, cause: unknown): CliError {
    const code = sqliteCode(cause);
    const advice =
      code === SQLITE.notADatabase
        ? "Its file sirocco.db is no database of Sirocco: choose another directory with --data DIR."
        : code === SQLITE.full || code === SQLITE.ioError
          ? "The disk is full or failing: make room, or choose another directory with --data DIR."
          : "Choose a directory that you can write to with --data DIR.";
    const message = `The data directory ${this.path} cannot ${what}: ${(cause as Error).message}.`;
    return new CliError(EXIT.failed, message, [advice], cause);
  }
}

/** Makes the missing directories one by one: below /proc the recursive `mkdir` of Node never ends. */
function makeDirectory(path: string): void {
  const parent = dirname(path);
  if (parent !== path && !existsSync(parent)) makeDirectory(parent);
  mkdirSync(path, { mode: 0o700 });
}

function sqliteCode(error: unknown): number | undefined {
  const { errcode } = error as { errcode?: number };
  return errcode === undefined ? undefined : errcode & 0xff; // extended codes carry the plain one in the low byte
}
