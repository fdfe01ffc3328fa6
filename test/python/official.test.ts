/**
 * The SDK's own tests, from its published sources (not copied here), on the worker core and the engine: a judge that is not ours. The
 * first run downloads them. `docs/python.md` names these numbers and what is left out.
 */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { preparePython, whyNoPython } from "../support/python-worker.ts";

const VERSION = "3.16.0";
/** Files of the SDK's tests, with the number of tests that pass; `left_out`: those that cannot run here. */
const FILES: Record<string, { readonly passed: number; readonly left_out?: readonly string[] }> = {
  test_add_search_keys: {
    passed: 79,
    // Replays a history of Temporal's own form.
    left_out: ["TestDispatch::test_all_none_upsert_replays_against_pre_patch_history"],
  },
  test_child_start_budget: { passed: 7 },
  test_continue_as_new: { passed: 8 },
  test_delete_search_keys: { passed: 25 },
  test_dependency_injection: { passed: 6 },
  test_enforce_determinism: { passed: 7 },
  test_execution_registration: { passed: 26 },
  test_handler_kwargs: { passed: 10 },
  test_workflow_basic: { passed: 5 },
};

const run = promisify(execFile);
const here = import.meta.dirname;
const sources = join(here, "../../.python", `mistralai_workflows-${VERSION}`);

async function download(python: string): Promise<void> {
  if (existsSync(sources)) return;
  const draft = `${sources}.${process.pid}`;
  await mkdir(draft, { recursive: true });
  try {
    const what = ["--no-deps", "--no-binary", ":all:", "--no-build-isolation", `mistralai-workflows==${VERSION}`];
    await run(python, ["-m", "pip", "download", "--quiet", ...what, "--dest", draft]);
    await run("tar", ["-xzf", `mistralai_workflows-${VERSION}.tar.gz`], { cwd: draft });
    await rename(join(draft, `mistralai_workflows-${VERSION}`), sources);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Why they cannot run: with `CI` set they do, and fail with this sentence. */
async function whyNotOfficial(): Promise<string | undefined> {
  const noPython = await whyNoPython();
  if (noPython) return noPython;
  return download(await preparePython()).then(
    () => undefined,
    (error: Error) => {
      if (process.env.CI) throw error;
      return `The sources of mistralai-workflows ${VERSION} could not be downloaded: ${error.message.split("\n")[0]}`;
    },
  );
}

const cannotRun = await whyNotOfficial();
if (cannotRun) console.warn(`Skipping the SDK's own tests. ${cannotRun}`);

test.skipIf(cannotRun)(
  "the SDK's own tests pass on Sirocco's engine",
  async () => {
    const python = await preparePython();
    const names = Object.entries(FILES);
    const files = names.map(([name]) => `tests/${name}.py`);
    const left = names.flatMap(([name, { left_out = [] }]) => left_out.map((one) => `tests/${name}.py::${one}`));
    const plugins = ["-p", "sirocco_engine", "-p", "no:cacheprovider", "-W", "ignore"];
    const args = ["-m", "pytest", ...plugins, "-q", "--tb=short", "--show-capture=no"];
    const { stdout } = await run(python, [...args, ...left.map((one) => `--deselect=${one}`), ...files], {
      cwd: sources,
      maxBuffer: 64 * 1024 * 1024,
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        PYTHONDONTWRITEBYTECODE: "1",
        PYTHONPATH: [join(here, "sdk-tests"), join(here, "../../python/src")].join(":"),
        SIROCCO_WORKER: "off",
        SIROCCO_NODE: process.execPath,
        SIROCCO_ENGINE: join(here, "sdk-tests/engine.ts"),
      },
    }).catch((error: { stdout: string }) => {
      throw new Error(error.stdout);
    });
    const passed = names.reduce((sum, [, one]) => sum + one.passed, 0);
    const document = readFileSync(join(here, "../../docs/python.md"), "utf8").replaceAll(/\s+/g, " ");
    expect(document).toContain(`${passed} tests pass, and ${left.length} is left out`);
    for (const one of left) expect(document).toContain(one.split("::").at(-1));
    expect(stdout).toMatch(new RegExp(`^${passed} passed`, "m"));
  },
  600_000,
);
