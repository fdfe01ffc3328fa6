/** Puts the built console into the package of the command, with the licences of what it contains, without source maps. */
import { execFileSync } from "node:child_process";
import { cpSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

execFileSync(process.execPath, [`${ROOT}node_modules/vite/bin/vite.js`, "build", "--logLevel", "warn"], {
  cwd: `${ROOT}console`,
  stdio: "inherit",
  env: { ...process.env, NODE_ENV: "production" }, // another one builds for debugging, with the paths of this machine
});
cpSync(`${ROOT}console/dist`, `${ROOT}cli/dist/console`, {
  recursive: true,
  filter: (file) => !file.endsWith(".map"),
});
