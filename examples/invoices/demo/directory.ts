/** The output directory of a demo: `.demo/run-…` in the working directory. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Number of directories of earlier demos that are kept. */
const KEPT = 3;

export function freshDirectory(): string {
  const root = join(process.cwd(), ".demo");
  mkdirSync(root, { recursive: true });
  const earlier = readdirSync(root).filter((name) => name.startsWith("run-"));
  for (const name of earlier.sort().slice(0, -KEPT)) rmSync(join(root, name), { recursive: true, force: true });
  const time = new Date().toISOString().replace(/\D/g, "").slice(0, 14);
  return mkdtempSync(join(root, `run-${time}-`));
}
