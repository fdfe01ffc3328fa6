/** Installs the packages of another engine into its folder here, which the repository's own installation leaves alone. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface Installed {
  /** The path of a file in the engine's folder. */
  file(name: string): string;
  /** The version of an installed package. */
  version(name: string): string;
}

/** Scripts of packages do not run: one of them reports installations to its makers. */
export function install(engine: "restate" | "dbos" | "temporal"): Installed {
  const folder = fileURLToPath(new URL(`./${engine}/`, import.meta.url));
  const file = (name: string) => join(folder, name);
  if (!existsSync(file("node_modules/.package-lock.json"))) {
    console.log(`installing the packages of ${engine} ...`);
    const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    execFileSync("npm", args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  }
  const version = (name: string) => JSON.parse(readFileSync(file(`node_modules/${name}/package.json`), "utf8")).version;
  return { file, version };
}
