// The files of the emulator, all in one folder of the repository that git ignores.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";

export const root = path.resolve(import.meta.dirname, "..");
export const stateDir = path.join(root, ".emulator");
export const requirementsFile = path.join(import.meta.dirname, "requirements.txt");

/** The virtual environment of these requirements. Other versions get another folder, so none is upgraded in place. */
export function venvDir(): string {
  const pins = createHash("sha256").update(readFileSync(requirementsFile)).digest("hex").slice(0, 12);
  return path.join(stateDir, `venv-${pins}`);
}

export const pidFile = (port: number): string => path.join(stateDir, `${port}.pid`);
export const logFile = (port: number): string => path.join(stateDir, `${port}.log`);
/** The last deployment into the emulator: URLs and resource names, see `Deployment`. */
export const deploymentFile = (port: number): string => path.join(stateDir, `${port}.json`);
