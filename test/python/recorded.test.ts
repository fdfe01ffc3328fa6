/**
 * Histories that Python workers have recorded replay for ever: on other versions of Python than recorded them, and whatever order sets and
 * dictionaries of strings have. Code that decides something else diverges.
 */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findOtherPython, pythonEnvironment } from "../../packaging/python-env.ts";
import { forEachConcurrent } from "../../shared/lib/for-each-concurrent.ts";
import { preparePython, whyNoPython, workerFile } from "../support/python-worker.ts";
import { scratch } from "./surface-checks.ts";

const folder = join(import.meta.dirname, "recorded");
const files = readdirSync(folder).map((name) => join(folder, name));
const cannotRun = await whyNoPython();
if (cannotRun) console.warn(`Skipping the histories of Python workers. ${cannotRun}`);
const other = cannotRun ? undefined : await findOtherPython();
if (!other) console.warn("Skipping the replay on a second version of Python: only one was found.");

async function replay(python: string, program: string, histories: readonly string[], hashSeed = "random") {
  const args = ["-m", "sirocco_worker", "replay", program, ...histories];
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, SIROCCO_NODE: process.execPath };
  return new Promise<{ code: number; lines: string[]; err: string }>((resolve) => {
    execFile(python, args, { env: { ...env, PYTHONHASHSEED: hashSeed } }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, lines: stdout.trim().split("\n"), err: stderr }),
    );
  });
}
const expected = files.map((file) => {
  const { events } = JSON.parse(readFileSync(file, "utf8")) as { events: unknown[] };
  return `${file}: replays, ${events.length} events`;
});

/** A copy of `surface.py` with other code in these places. */
function changedSurface(changes: readonly (readonly [string, string])[]): string {
  const program = join(scratch(), "changed.py");
  const changed = changes.reduce(
    (text, [from, to]) => {
      expect(text).toContain(from);
      return text.replace(from, to);
    },
    readFileSync(workerFile("surface.py"), "utf8"),
  );
  writeFileSync(program, changed);
  return program;
}

describe.skipIf(cannotRun)("recorded histories of Python workers", () => {
  test("replay whether PYTHONHASHSEED is 0, 1 or random", async () => {
    const python = await preparePython();
    await forEachConcurrent(2, ["0", "1", "random"], async (seed) => {
      const { lines, code, err } = await replay(python, workerFile("surface.py"), files, seed);
      expect(lines, `PYTHONHASHSEED=${seed}: ${err}`).toEqual(expected);
      expect(code).toBe(0);
    });
  }, 240_000);

  test.skipIf(!other)(
    "replay on another version of Python",
    async () => {
      await preparePython();
      const python = await pythonEnvironment(undefined, other);
      const { lines, code, err } = await replay(python, workerFile("surface.py"), files);
      expect(lines, err).toEqual(expected);
      expect(code).toBe(0);
    },
    300_000,
  );

  test("diverge from code that decides something else, and each file says where", async () => {
    const python = await preparePython();
    // Another id and another draw, one child fewer, another activity, an activity less before a close.
    const program = changedSurface([
      ["seen = [str(workflow.uuid4()), ", "seen = [str(workflow.uuid4()), str(await double(1)), "],
      ["for i in range(n):\n            try:", "for i in range(1, n):\n            try:"],
      ["self.value += await double(by)", "self.value += by"],
      ["self.cleaned = await clean(", "self.cleaned = await outer(1) and str("],
    ]);
    const histories = ["dice", "family", "counter", "cancelled", "order"].map((name) => join(folder, `${name}.json`));
    const { lines, code } = await replay(python, program, histories);
    expect(code).toBe(1);
    expect(lines).toHaveLength(histories.length);
    const said = Object.fromEntries(histories.map((file) => [file, lines.find((line) => line.startsWith(file)) ?? ""]));
    for (const name of ["dice", "family", "counter", "cancelled"]) {
      expect(said[join(folder, `${name}.json`)]).toMatch(/diverge|recorded/);
    }
    expect(said[join(folder, "order.json")]).toContain("replays, ");
  }, 120_000);

  test("replay with `deprecate_patch` in the place of `patched`; a run that began with it replays without the call", async () => {
    const dice = join(folder, "dice.json");
    const settled = join(folder, "settled.json");
    expect(readFileSync(dice, "utf8")).toContain('"patch": "roll-twice"');
    expect(readFileSync(settled, "utf8")).not.toContain("patched");
    const program = changedSurface([
      [
        'if temporalio.workflow.patched("roll-twice"):',
        'temporalio.workflow.deprecate_patch("roll-twice")\n        if True:',
      ],
      ['        temporalio.workflow.deprecate_patch("double-first")\n', ""],
    ]);
    const { lines, code, err } = await replay(await preparePython(), program, [dice, settled]);
    expect(lines, err).toEqual([dice, settled].map((file) => expected[files.indexOf(file)]));
    expect(code).toBe(0);
  }, 120_000);

  test("name a file that is none, and a workflow that the program does not have", async () => {
    const python = await preparePython();
    const none = join(scratch(), "none.json");
    writeFileSync(none, '{"events":[]}');
    const { code, lines } = await replay(python, workerFile("report.py"), [none, join(folder, "dice.json")]);
    expect(code).toBe(1);
    expect(lines).toEqual([
      `${none}: this is not a recorded history: its first event must be 'execution_started'`,
      `${join(folder, "dice.json")}: this history is of workflow 'dice', which the program does not have`,
    ]);
    const missing = await replay(python, workerFile("report.py"), ["/nowhere.json"]);
    expect([missing.code, missing.err]).toEqual([1, expect.stringContaining("there is no file '/nowhere.json'")]);
  }, 60_000);
});
