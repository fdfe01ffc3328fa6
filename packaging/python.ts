/**
 * The Python package `sirocco-worker`: `core` bundles the worker core into its sources, `wheel` builds the wheel, `check`
 * runs formatter, linter and type checker over it.
 */
import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as esbuild from "esbuild";
import { notices } from "./notices.ts";
import { pythonEnvironment, whyNoPython } from "./python-env.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PACKAGE = join(ROOT, "python");
const SOURCES = join(PACKAGE, "src/sirocco_worker");

/** One file with everything the core needs, the SQS client included: workers on AWS take their tasks from there. */
export async function buildCore(): Promise<void> {
  const { metafile } = await esbuild.build({
    absWorkingDir: ROOT,
    entryPoints: ["sdk/host/main.ts"],
    outfile: join(SOURCES, "core.mjs"),
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node22.18",
    mainFields: ["module", "main"],
    // What is CommonJS in a dependency asks for `require`, which an ES module does not have.
    banner: {
      js: 'import { createRequire as createRequireOfCore } from "node:module";\nconst require = createRequireOfCore(import.meta.url);',
    },
    preserveSymlinks: true,
    metafile: true,
    logLevel: "warning",
  });
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.keys(output.inputs));
  writeFileSync(join(SOURCES, "THIRD-PARTY-NOTICES.txt"), notices(inputs.map((file) => join(ROOT, file))));
}

/** Answers the path of the wheel. */
export async function buildWheel(): Promise<string> {
  await buildCore();
  const dist = join(PACKAGE, "dist");
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist, { recursive: true });
  copyFileSync(join(ROOT, "LICENSE"), join(PACKAGE, "LICENSE"));
  const python = await pythonEnvironment();
  await run(python, ["-m", "build", "--wheel", "--no-isolation", "--outdir", dist, PACKAGE]);
  const [wheel] = readdirSync(dist).filter((file) => file.endsWith(".whl"));
  if (!wheel) throw new Error(`no wheel was built in ${dist}`);
  return join(dist, wheel);
}

async function check(): Promise<void> {
  const why = await whyNoPython();
  if (why) {
    console.warn(`The Python package is not checked. ${why}`);
    return;
  }
  const python = await pythonEnvironment();
  const steps = [
    ["-m", "ruff", "format", "--check", "."],
    ["-m", "ruff", "check", "."],
    ["-m", "mypy", "--no-error-summary"],
  ];
  for (const step of steps) {
    await run(python, step, { cwd: PACKAGE }).catch((error: { stdout: string; stderr: string }) => {
      throw new Error(`python ${step.join(" ")}\n${error.stdout}${error.stderr}`);
    });
  }
}

if (import.meta.main) {
  const commands = { core: buildCore, wheel: buildWheel, check };
  const command = commands[process.argv[2] as keyof typeof commands];
  if (!command) throw new Error(`say one of: ${Object.keys(commands).join(", ")}`);
  try {
    const made = await command();
    if (made) console.log(made);
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
