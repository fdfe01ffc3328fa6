/** Help texts, usage errors, and the exit codes of the real program. */
import { describe, expect, it } from "vitest";
import { commands } from "../../cli/commands/index.ts";
import { bin, cli } from "./support.ts";

const leaves = commands.flatMap((c) => ("commands" in c ? c.commands : [c]));

describe("help", () => {
  it("lists every command", async () => {
    const { code, out } = await cli(["--help"]);
    expect(code).toBe(0);
    for (const { name, summary } of commands) expect(out).toContain(`${name.padEnd(11)}  ${summary}`);
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
  ])("%j is refused as wrong usage", async (argv, words) => {
    const { code, out, err } = await cli(argv, { env: { SIROCCO_API_KEY: "k" } });
    expect(code).toBe(2);
    expect(err).toContain(words);
    expect(out).toBe("");
  });
});

describe("the program", () => {
  it.each([
    [["--version"], 0],
    [["frobnicate"], 2],
    [["list", "--url", "http://127.0.0.1:2", "--key", "k"], 3],
  ])("%j ends with %i", async (argv, code) => {
    expect(await bin(argv).ended).toBe(code);
  });
});
