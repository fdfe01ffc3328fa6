/** The demo with its activities in Python: the workflow's worker, two Python workers and the server are processes, and two are killed. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { preparePython, whyNoPython } from "../support/python-worker.ts";

const DEMO = join(import.meta.dirname, "../../examples/invoices/demo.ts");
const cannotRun = await whyNoPython();
if (cannotRun) console.warn(`Skipping the demo with Python workers. ${cannotRun}`);

async function demo(args: readonly string[], env: Record<string, string> = {}) {
  const cwd = mkdtempSync(join(tmpdir(), "demo-"));
  try {
    return await new Promise<{ code: number; out: string }>((resolve) => {
      execFile(process.execPath, [DEMO, ...args], { cwd, env: { ...process.env, ...env } }, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code) : 0, out: stdout + stderr }),
      );
    });
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

test.skipIf(cannotRun)(
  "the demo's activities run in Python, and its audit finds every invoice booked once although two processes are killed",
  async () => {
    await preparePython();
    const { code, out } = await demo(["--worker", "python"]);
    expect(out).toContain("SIGKILL for worker-1");
    expect(out).toContain("SIGKILL for the server");
    expect(out).toContain("36 executions: 29 completed, 7 failed, each as expected");
    expect(out).toContain("All checks passed");
    expect(code, out).toBe(0);
  },
  180_000,
);

test("without Python the demo says which Python it needs, and starts nothing", async () => {
  const { code, out } = await demo(["--worker", "python"], { PYTHON_WORKER: "/nowhere/python" });
  expect(code).toBe(1);
  expect(out).toContain("The demo failed: Python workers need Python 3.12 or newer");
  expect(out).not.toContain("running at");
}, 30_000);

test("the demo refuses workers of another language", async () => {
  const { code, out } = await demo(["--worker", "cobol"]);
  expect([code, out]).toEqual([1, expect.stringContaining("--worker is 'cobol': say python or typescript")]);
}, 30_000);
