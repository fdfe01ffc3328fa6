/** Puts the built console into a package, with the licences of what it contains, without source maps. */
import { execFileSync } from "node:child_process";
import { cpSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Builds the console, and copies it to `folder`, an absolute path. */
export function copyConsole(folder: string): void {
  execFileSync(process.execPath, [`${ROOT}node_modules/vite/bin/vite.js`, "build", "--logLevel", "warn"], {
    cwd: `${ROOT}console`,
    stdio: "inherit",
    env: { ...process.env, NODE_ENV: "production" }, // another one builds for debugging, with the paths of this machine
  });
  cpSync(`${ROOT}console/dist`, folder, { recursive: true, filter: (file) => !file.endsWith(".map") });
}

if (import.meta.main) copyConsole(`${ROOT}cli/dist/console`);
