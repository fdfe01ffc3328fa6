/** The question of `npm create sirocco`, answered at a pseudo-terminal, since it is asked nowhere else. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, test as always, beforeEach, expect } from "vitest";
import { Process, temporaryDirectory } from "../cli/support.ts";

const BIN = fileURLToPath(new URL("../../create/bin.js", import.meta.url));

/** Node has no pseudo-terminals, Python does: this runs the command at one, types the answer once it is asked, and ends with its exit code. */
const AT_TERMINAL = `
import os, pty, sys
answer, command = sys.argv[1], sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(command[0], command)
seen, typed = b"", False
while True:
    try:
        part = os.read(terminal, 4096)
    except OSError:
        break
    if not part:
        break
    seen += part
    if not typed and b"): " in seen:
        os.write(terminal, answer.encode())
        typed = True
_, status = os.waitpid(child, 0)
sys.stdout.write(seen.decode())
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 100 + os.WTERMSIG(status))
`;
const ENTER = "\r";
/** A machine without Python, or Windows, has no pseudo-terminal for these tests. */
const test = always.skipIf(spawnSync("python3", ["-c", "import pty"]).status !== 0);

let folder: ReturnType<typeof temporaryDirectory>;
const running: Process[] = [];
beforeEach(() => {
  folder = temporaryDirectory();
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((started) => started.end("SIGKILL")));
  folder.remove();
});

function run(command: string, ...args: string[]): Process {
  const started = new Process(command, args, { cwd: folder.path });
  running.push(started);
  return started;
}
const answered = (answer: string, ...args: string[]) =>
  run("python3", "-c", AT_TERMINAL, answer, process.execPath, BIN, "--no-install", ...args);

test("the folder that the user types is made", async () => {
  const made = answered(`  my-shop ${ENTER}`);
  expect(await made.ended, made.out + made.err).toBe(0);
  expect(made.out).toContain("Folder (my-workflows): ");
  expect(readdirSync(folder.path)).toEqual(["my-shop"]);
  expect(readdirSync(join(folder.path, "my-shop"))).toContain("package.json");
});

test("an empty answer takes the folder that the question names", async () => {
  const made = answered(ENTER);
  expect(await made.ended, made.out + made.err).toBe(0);
  expect(readdirSync(folder.path)).toEqual(["my-workflows"]);
});

test.each([
  ["Ctrl-C", "\u0003"],
  ["Ctrl-D", "\u0004"],
])("%s at the question makes nothing, and one sentence says so", async (_, key) => {
  const stopped = answered(key);
  expect(await stopped.ended, stopped.out + stopped.err).toBe(1);
  expect(stopped.out).toContain("create-sirocco: stopped at the question, and nothing was made.");
  expect(stopped.out).not.toMatch(/ABORT_ERR|node:internal/);
  expect(readdirSync(folder.path)).toEqual([]);
});

test("nothing is asked at a terminal when the folder is named or --yes is given, nor without a terminal", async () => {
  const named = answered("", "named");
  const yes = answered("", "--yes");
  for (const made of [named, yes]) {
    expect(await made.ended, made.out + made.err).toBe(0);
    expect(made.out).not.toContain("Folder (");
  }
  expect(readdirSync(folder.path).sort()).toEqual(["my-workflows", "named"]);
  const refused = run(process.execPath, BIN, "--no-install");
  expect(await refused.ended).toBe(1);
  expect(refused.err).toContain("my-workflows is not empty");
});
