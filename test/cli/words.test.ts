/** Help texts, usage errors, and the exit codes of the real program. */
import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { commands } from "../../cli/commands/index.ts";
import { bin, cli } from "./support.ts";

const leaves = commands.flatMap((c) => ("commands" in c ? [...(c.own ? [c.own] : []), ...c.commands] : [c]));

describe("help", () => {
  it("lists every command", async () => {
    const { code, out } = await cli(["--help"]);
    expect(code).toBe(0);
    const text = out.replace(/\s+/g, " ");
    for (const { name, summary } of commands) expect(text).toContain(` ${name} ${summary}`);
  });

  it("fits into 80 columns", async () => {
    const groups = commands.filter((c) => "commands" in c);
    const of = async (argv: string[]) => (await cli(argv)).out.split("\n").map((line) => `${argv[0]}: ${line}`);
    const all = [[], ...[...leaves, ...groups].map((c) => [...c.name.split(" "), "--help"])];
    const lines = (await Promise.all(all.map(of))).flat();
    expect(lines.filter((line) => line.replace(/^\S+: /, "").length > 80)).toEqual([]);
  });

  it.each(
    leaves.map((c) => [c.name, c] as const),
  )("of %s names each of its arguments and options", async (name, command) => {
    const { code, out } = await cli([...name.split(" "), "--help"]);
    expect(code).toBe(0);
    for (const flag of Object.keys(command.flags)) expect(out).toContain(`--${flag}`);
    for (const { name: positional } of command.positionals) expect(out).toContain(positional);
    for (const example of command.examples) expect(out).toContain(example);
    expect((await cli(["help", ...name.split(" ")])).out).toBe(out);
  });

  it("is shown without arguments, with the exit code of wrong usage", async () => {
    expect((await cli([])).code).toBe(2);
  });
});

describe("a wrong command line", () => {
  it.each([
    [["lst"], "did you mean 'list'?"],
    [["histroy", "x"], "did you mean 'history'?"],
    [["frobnicate"], "There is no command 'frobnicate'."],
    [["list", "--statsu", "x"], "did you mean --status?"],
    [["list", "--status"], "--status"],
    [["get"], "get needs <execution>"],
    [["get", "a", "b"], "get takes no further argument 'b'"],
    [["signal", "a"], "signal needs <name>"],
    [["start", "game", '{"n":1}'], "An input is an option: --input JSON."],
    [["schedule", "--json"], '"message": "schedule needs a command"'],
  ])("%j is refused as wrong usage", async (argv, words) => {
    const { code, out, err } = await cli(argv, { env: { SIROCCO_API_KEY: "k" } });
    expect(code).toBe(2);
    expect(err).toContain(words);
    expect(out).toBe("");
  });
});

describe("errors with --json", () => {
  it("are JSON on standard error, with exit code and advice", async () => {
    const { code, out, err } = await cli(["list", "--json", "--url", "http://127.0.0.1:2", "--key", "k"]);
    expect([code, out]).toEqual([3, ""]);
    const { error } = JSON.parse(err);
    expect(error).toMatchObject({ message: expect.stringContaining("Cannot reach the server"), exit: 3 });
    expect(error.advice.length).toBeGreaterThan(0);
  });

  it("are JSON for a wrong command line too, and plain text after --", async () => {
    expect(JSON.parse((await cli(["list", "--json", "--statsu"])).err).error.exit).toBe(2);
    expect((await cli(["lst", "--", "--json"])).err).toMatch(/^sirocco: /);
  });
});

describe("completion", () => {
  /** The completions of a command line, whose last word is being typed, by a real bash. */
  const completed = (script: string, words: readonly string[]) => {
    const list = words.map((word) => `'${word}'`).join(" ");
    const code = `${script}\nCOMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _sirocco; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync("bash", ["-c", code], { encoding: "utf8" }).trim().split("\n");
  };

  it.skipIf(process.platform === "win32")("of bash completes commands, commands of groups, and options", async () => {
    const { out } = await cli(["completion", "bash"]);
    expect(completed(out, ["sirocco", "do"])).toEqual(["doctor"]);
    expect(completed(out, ["sirocco", "schedule", "pre"])).toEqual(["preview"]);
    expect(completed(out, ["sirocco", "key", "create", "ci", "--ri"])).toEqual(["--rights"]);
    expect(completed(out, ["sirocco", "list", "--status", "failed", "--si"])).toEqual(["--since"]);
  });

  it("of zsh and fish name every command and option", async () => {
    const [zsh, fish] = [(await cli(["completion", "zsh"])).out, (await cli(["completion", "fish"])).out];
    expect(zsh).toContain("bashcompinit");
    for (const { name, flags } of leaves) {
      expect(fish).toContain(` -a ${name.split(" ").at(-1)} `);
      for (const flag of Object.keys(flags)) {
        expect(zsh).toContain(`--${flag}`);
        expect(fish).toContain(` -l ${flag} `);
      }
    }
  });

  it("refuses another shell", async () => {
    expect(await cli(["completion", "csh"])).toMatchObject({ code: 2 });
  });
});

describe("the program", () => {
  it.each([
    [["--version"], 0],
    [["-v"], 0],
    [["frobnicate"], 2],
    [["list", "--url", "http://127.0.0.1:2", "--key", "k"], 3],
  ])("%j ends with %i", async (argv, code) => {
    expect(await bin(argv).ended).toBe(code);
  });
});
