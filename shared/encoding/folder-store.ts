/** Offloaded payloads in a folder, which all workers and clients must see: for one machine, or a shared file system. */
import { randomUUID } from "node:crypto";
import { access, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { BlobStore } from "./options.ts";

/** The folder is made at the first write. */
export function folderStore(folder: string): BlobStore {
  const root = resolve(folder);
  // A colon, as in `sha256:`, cannot stand in a file name everywhere.
  const pathOf = (key: string) => join(root, ...key.split("/").map((part) => part.replaceAll(":", "%3A")));
  return {
    async get(key) {
      try {
        return await readFile(pathOf(key));
      } catch (error) {
        if (isMissing(error)) return null;
        throw error;
      }
    },
    async has(key) {
      try {
        await access(pathOf(key));
        return true;
      } catch (error) {
        if (isMissing(error)) return false;
        throw error;
      }
    },
    async put(key, bytes) {
      const path = pathOf(key);
      const draft = `${path}.${randomUUID()}`;
      await mkdir(dirname(path), { recursive: true });
      try {
        await writeFile(draft, bytes);
        await rename(draft, path); // a reader never finds half a blob
      } catch (error) {
        await rm(draft, { force: true });
        throw error;
      }
    },
  };
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "ENOENT";
