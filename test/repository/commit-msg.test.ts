/** The hook that checks the subjects of commits, as Git runs it. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { devNull, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const HOOKS = fileURLToPath(new URL("../../.githooks", import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sirocco-hook-"));
  git("init", "--quiet");
  git("config", "core.hooksPath", HOOKS);
  git("config", "user.name", "Ada");
  git("config", "user.email", "ada@example.com");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Neither the settings of the user nor the repository whose hook runs this test. */
function env(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_"));
  return { ...Object.fromEntries(own), GIT_CONFIG_GLOBAL: devNull, GIT_CONFIG_NOSYSTEM: "1", LC_ALL: "C" };
}
const git = (...args: string[]) => execFileSync("git", args, { cwd: folder, env: env(), encoding: "utf8" });

function commit(message: string, ...more: string[]): { code: number | null; said: string } {
  const args = ["commit", "--quiet", "--allow-empty", "--message", message, ...more];
  const { status, stderr } = spawnSync("git", args, { cwd: folder, env: env(), encoding: "utf8" });
  return { code: status, said: stderr };
}

const LONGEST = `feat: ${"x".repeat(66)}`;

test.each([
  ["a short subject", "fix(store): refuse writes of a superseded owner"],
  ["72 characters", LONGEST],
  ["72 characters of more than one byte", `docs: ${"é".repeat(66)}`],
  ["a long line with a semicolon in the body", `fix: close the socket\n\n${"long; ".repeat(40)}`],
  ["a revert, whose subject Git writes", `Revert "${LONGEST}"`],
  ["a fixup, which ends with the rebase", `fixup! ${LONGEST}`],
])("%s is accepted", (_, message) => {
  expect(commit(message)).toEqual({ code: 0, said: "" });
  expect(git("log", "-1", "--format=%B").trim()).toBe(message.trim());
});

test.each([
  ["73 characters", `${LONGEST}x`, "the subject has 73 characters, at most 72 are allowed"],
  ["a semicolon", "fix: close the socket; rename the file", 'the subject contains ";", which joins two ideas'],
])("%s: Git refuses the subject with the reason, and commits nothing", (_, message, reason) => {
  const before = git("rev-parse", "HEAD");
  const { code, said } = commit(message);
  expect(code).toBe(1);
  expect(said).toContain(`commit refused: ${reason}`);
  expect(said).toContain(`subject: ${message}`);
  expect(git("rev-parse", "HEAD")).toBe(before);
});

test("both reasons are told at once", () => {
  const { said } = commit(`${LONGEST}; and more`);
  expect(said.match(/^commit refused/gm)).toHaveLength(2);
});
