/** Finds the command of a command line, runs it, and turns its errors into messages and an exit code. */
import { type Command, type Group, HELP, parse } from "./command.ts";
import { commands } from "./commands/index.ts";
import { CliError, EXIT, usage } from "./errors.ts";
import { helpOf, overview } from "./help.ts";
import { type Io, processIo } from "./io.ts";
import { nearest } from "./nearest.ts";
import { paint } from "./print.ts";
import { printable } from "./printable.ts";
import { Refused } from "./refused.ts";
import { VERSION } from "./version.ts";

/** The exit code that shells report for a program ended by Ctrl-C. */
const INTERRUPTED = 130;

/** Runs the command line of this process. */
export async function run(): Promise<void> {
  process.exitCode = await main(process.argv.slice(2), processIo());
}

/** Runs one command line and answers the exit code. */
export async function main(argv: readonly string[], given: Io): Promise<number> {
  const io: Io = {
    ...given,
    out: (line) => given.out(printable(line, given.color)), // PRINT-1
    err: (line) => given.err(printable(line, given.color)),
  };
  try {
    return await runCommand(argv, io);
  } catch (error) {
    if (io.signal.aborted && !(error instanceof CliError)) return INTERRUPTED;
    if (!(error instanceof CliError)) throw error;
    if (wants(argv, "--json")) {
      io.err(JSON.stringify({ error: errorOf(error) }, null, 2));
      return error.exit;
    }
    io.err(`${paint(io, "bad", "sirocco:")} ${error.message}`);
    for (const line of error.advice) io.err(`  ${line}`);
    return error.exit;
  }
}

async function runCommand(argv: readonly string[], io: Io): Promise<number> {
  const [word] = argv;
  if (word === undefined || word === "--help" || word === `-${HELP.short}` || word === "help") {
    const about = word === "help" && argv[1] !== undefined ? find([...argv.slice(1), "--help"]).command : undefined;
    io.out(about ? helpOf(about) : overview(commands, VERSION));
    return word === undefined ? EXIT.usage : EXIT.ok;
  }
  if (word === "--version" || word === "-v" || word === "version") {
    io.out(VERSION);
    return EXIT.ok;
  }
  const { command, rest } = find(argv);
  if (wants(rest, "--help", `-${HELP.short}`)) {
    io.out(helpOf(command));
    return EXIT.ok;
  }
  if ("commands" in command) {
    if (wants(rest, "--json"))
      throw usage(`${command.name} needs a command`, `sirocco ${command.name} --help lists the commands.`);
    io.out(helpOf(command));
    return EXIT.usage;
  }
  const { args, flags } = parse(command, rest);
  return command.run(args, flags, io);
}

function wants(args: readonly string[], ...options: readonly string[]): boolean {
  const end = args.indexOf("--");
  return (end < 0 ? args : args.slice(0, end)).some((arg) => options.includes(arg));
}

/** For programs. `status` and `code`: of the server's refusal. */
function errorOf(error: CliError) {
  const of = error instanceof Refused ? { status: error.status, code: error.code } : {};
  return { message: error.message, advice: error.advice, exit: error.exit, ...of };
}

/** The command that the first one or two words name, or the group if only the group is named. */
export function find(argv: readonly string[]): { command: Command | Group; rest: readonly string[] } {
  const [word = "", second, ...others] = argv;
  const found = named(commands, word, "command", "sirocco --help");
  if (!("commands" in found)) return { command: found, rest: argv.slice(1) };
  if (second === undefined || second.startsWith("-")) {
    const help = second === "--help" || second === `-${HELP.short}`;
    return { command: (!help && found.own) || found, rest: argv.slice(1) };
  }
  const { own } = found;
  if (own && !found.commands.some((c) => c.name === `${word} ${second}`)) return { command: own, rest: argv.slice(1) };
  const inGroup = found.commands.map((c) => ({ name: c.name.slice(found.name.length + 1), command: c }));
  const { command } = named(inGroup, second, `${found.name} command`, `sirocco ${found.name} --help`);
  return { command, rest: others };
}

function named<T extends { readonly name: string }>(list: readonly T[], word: string, what: string, help: string): T {
  const found = list.find((each) => each.name === word);
  if (found) return found;
  const near = nearest(
    word,
    list.map((each) => each.name),
  );
  throw usage(
    `There is no ${what} '${word}'${near ? `; did you mean '${near}'?` : "."}`,
    `${help} lists the commands.`,
  );
}
