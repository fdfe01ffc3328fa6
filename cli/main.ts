/** The command line: finds the command, runs it, and turns what it throws into words and an exit code. */
import { type Command, HELP, parse } from "./command.ts";
import { commands } from "./commands/index.ts";
import { CliError, EXIT, usage } from "./errors.ts";
import { helpOf, overview } from "./help.ts";
import { type Io, processIo } from "./io.ts";
import { nearest } from "./nearest.ts";
import { paint } from "./print.ts";
import { VERSION } from "./version.ts";

/** What a shell reports of a program that Ctrl-C ended. */
const INTERRUPTED = 130;

/** The whole program. */
export async function run(): Promise<void> {
  process.exitCode = await main(process.argv.slice(2), processIo());
}

/** One command line; answers the exit code. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  try {
    return await dispatch(argv, io);
  } catch (error) {
    if (io.signal.aborted && !(error instanceof CliError)) return INTERRUPTED;
    if (!(error instanceof CliError)) throw error;
    io.err(`${paint(io, "bad", "sirocco:")} ${error.message}`);
    for (const line of error.advice) io.err(`  ${line}`);
    return error.exit;
  }
}

async function dispatch(argv: readonly string[], io: Io): Promise<number> {
  const [word, ...rest] = argv;
  if (word === undefined || word === "--help" || word === `-${HELP.short}` || word === "help") {
    const about = word === "help" && rest[0] !== undefined ? find(rest[0]) : undefined;
    io.out(about ? helpOf(about) : overview(commands, VERSION));
    return word === undefined ? EXIT.usage : EXIT.ok;
  }
  if (word === "--version" || word === "version") {
    io.out(VERSION);
    return EXIT.ok;
  }
  const command = find(word);
  if (wantsHelp(rest)) {
    io.out(helpOf(command));
    return EXIT.ok;
  }
  const { args, flags } = parse(command, rest);
  return command.run(args, flags, io);
}

function wantsHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return (end < 0 ? args : args.slice(0, end)).some((arg) => arg === "--help" || arg === "-h");
}

function find(word: string): Command {
  const found = commands.find((c) => c.name === word);
  if (found) return found;
  const near = nearest(
    word,
    commands.map((c) => c.name),
  );
  throw usage(
    `There is no command '${word}'${near ? `; did you mean '${near}'?` : "."}`,
    "sirocco --help lists the commands.",
  );
}
