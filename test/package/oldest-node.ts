/** The oldest Node that the packages support, as a program of its own: fetched from the registry once, kept under `.node`. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const STATE = join(import.meta.dirname, "../../.node");
export const OLDEST_NODE = "22.18.0";

export interface OldestNode {
  /** Path of the program. */
  readonly node?: string;
  /** Why there is none. */
  readonly missing?: string;
}

/** @throws {Error} where `CI` is set and the program cannot be had, so that nothing is skipped there. */
export async function oldestNode(): Promise<OldestNode> {
  const folder = join(STATE, OLDEST_NODE);
  const node = join(folder, "bin", "node");
  if (existsSync(node)) return { node };
  try {
    await fetchInto(folder);
    return { node };
  } catch (error) {
    const missing = `Node ${OLDEST_NODE} for ${process.platform} on ${process.arch} could not be had from the registry of npm.`;
    if (process.env.CI) throw new Error(missing, { cause: error });
    return { missing };
  }
}

async function fetchInto(folder: string): Promise<void> {
  await mkdir(STATE, { recursive: true });
  const draft = await mkdtemp(join(STATE, "draft-"));
  try {
    const name = `node-${process.platform}-${process.arch}@${OLDEST_NODE}`;
    const { stdout } = await run("npm", ["pack", name, "--silent", "--pack-destination", draft]);
    await run("tar", ["-xzf", join(draft, stdout.trim()), "-C", draft, "package/bin/node", "package/LICENSE"]);
    await rename(join(draft, "package"), folder);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}
