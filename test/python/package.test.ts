/** The unit tests of the Python package, by pytest. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { preparePython, whyNoPython } from "../support/python-worker.ts";

const cannotRun = await whyNoPython();
if (cannotRun) console.warn(`Skipping the unit tests of the Python package. ${cannotRun}`);

test.skipIf(cannotRun)(
  "the unit tests of sirocco-worker pass",
  async () => {
    const python = await preparePython();
    const args = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"];
    const { stdout } = await promisify(execFile)(python, args, {
      cwd: join(import.meta.dirname, "../../python"),
    }).catch((error: { stdout: string }) => {
      throw new Error(error.stdout);
    });
    expect(stdout).toMatch(/\d+ passed/);
  },
  240_000,
);
