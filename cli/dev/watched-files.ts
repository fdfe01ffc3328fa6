/**
 * Watches the code files of a worker. It watches directories, not files: an editor that saves by renaming a new file over
 * the old one ends the watch of the old file.
 */
import { type FSWatcher, readdirSync, watch } from "node:fs";
import { dirname, extname, join } from "node:path";

const CODE = new Set([".cjs", ".cts", ".js", ".json", ".jsx", ".mjs", ".mts", ".ts", ".tsx"]);
/** Directories below that of the worker file; more are not searched. */
const MAX_DIRECTORIES = 500;

export class WatchedFiles {
  readonly #root: string;
  readonly #onChange: (file: string, known: boolean) => void;
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #known = new Set<string>();

  /** `onChange` is called for every code file that changes; `known`: the worker has loaded it. */
  constructor(file: string, onChange: (file: string, known: boolean) => void) {
    this.#root = dirname(file);
    this.#onChange = onChange;
    this.#known.add(file);
    this.#watchTree(this.#root);
  }

  /** The worker has loaded this file. */
  add(file: string): void {
    if (file.split(/[\\/]/).includes("node_modules")) return;
    this.#known.add(file);
    this.#watch(dirname(file));
  }

  /** So that a start that fails because a file is missing is tried again when the file is there. */
  #watchTree(directory: string): void {
    if (this.#watchers.size >= MAX_DIRECTORIES) return;
    this.#watch(directory);
    for (const name of directoriesIn(directory)) this.#watchTree(join(directory, name));
  }

  #watch(directory: string): void {
    if (this.#watchers.has(directory)) return;
    try {
      const watcher = watch(directory, (_, name) => this.#changed(directory, name));
      watcher.on("error", () => this.#forget(directory)); // it was removed
      this.#watchers.set(directory, watcher);
    } catch {
      // it was removed meanwhile
    }
  }

  #forget(directory: string): void {
    this.#watchers.get(directory)?.close();
    this.#watchers.delete(directory);
  }

  #changed(directory: string, name: string | null): void {
    if (name === null) return;
    const path = join(directory, name);
    if (CODE.has(extname(name))) this.#onChange(path, this.#known.has(path));
    else if (directory.startsWith(this.#root) && isSearched(name)) this.#watchTree(path);
  }

  close(): void {
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }
}

const isSearched = (name: string): boolean => name !== "node_modules" && !name.startsWith(".");

function directoriesIn(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory() && isSearched(entry.name)).map(({ name }) => name);
  } catch {
    return []; // no directory, or not a readable one
  }
}
