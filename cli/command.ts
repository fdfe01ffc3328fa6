/** The form of a command: its arguments, options, help texts, and the function that runs it. */
import { parseArgs } from "node:util";
import { type CliError, type Exit, usage } from "./errors.ts";
import type { Io } from "./io.ts";
import { nearest } from "./nearest.ts";

export interface Flag {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** May be given several times. */
  readonly multiple?: true;
  /** The value's placeholder in the help. */
  readonly value?: string;
  readonly help: string;
}
type Flags = Readonly<Record<string, Flag>>;
type ValueOf<F extends Flag> = F["type"] extends "boolean"
  ? boolean
  : F extends { multiple: true }
    ? string[]
    : string | undefined;
export type Values<F extends Flags> = { readonly [K in keyof F]: ValueOf<F[K]> };

export interface Positional {
  readonly name: string;
  readonly help: string;
  readonly optional?: true;
  /** Takes all further arguments; allowed for the last one. */
  readonly many?: true;
}

export interface Command {
  /** Both words for a command in a group: `schedule create`. */
  readonly name: string;
  /** One line. */
  readonly summary: string;
  readonly details?: string;
  readonly positionals: readonly Positional[];
  readonly flags: Flags;
  readonly examples: readonly string[];
  run(args: readonly string[], flags: Values<Flags>, io: Io): Promise<Exit>;
}

/** Commands that share their first word. */
export interface Group {
  readonly name: string;
  readonly summary: string;
  /** Runs where the second word names none of the commands: `sirocco workflows`, `sirocco workflows NAME`. */
  readonly own?: Command;
  readonly commands: readonly Command[];
}

/** Infers the types of the flags that `run` is given. */
export function command<const F extends Flags>(
  definition: Omit<Command, "flags" | "run"> & {
    readonly flags: F;
    run(args: readonly string[], flags: Values<F>, io: Io): Promise<Exit>;
  },
): Command {
  return definition as unknown as Command;
}

export const HELP: Flag & { readonly short: string } = { type: "boolean", short: "h", help: "show this help" };

/** Parses a command line. Throws a usage error that names the wrong argument or option. */
export function parse(command: Command, argv: readonly string[]): { args: string[]; flags: Values<Flags> } {
  const { positionals, values } = split(command, argv);
  const wanted = command.positionals;
  const missing = wanted.find((p, i) => !p.optional && positionals[i] === undefined);
  if (missing) throw withHelp(command, `${command.name} needs <${missing.name}>: ${missing.help}`);
  if (positionals.length > wanted.length && !wanted.at(-1)?.many) {
    const extra = positionals.slice(wanted.length).map((arg) => `'${arg}'`);
    const message = `${command.name} takes no further argument ${extra.join(", ")}`;
    const input = "input" in command.flags && positionals[wanted.length]!.trimStart().startsWith("{");
    throw withHelp(command, message, ...(input ? ["An input is an option: --input JSON."] : []));
  }
  const flags: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(command.flags)) {
    flags[name] = values[name] ?? (flag.multiple ? [] : flag.type === "boolean" ? false : undefined);
  }
  return { args: positionals, flags: flags as Values<Flags> };
}

function split(command: Command, argv: readonly string[]) {
  const options: Record<string, { type: "string" | "boolean"; short?: string; multiple?: boolean }> = {};
  for (const [name, { type, short, multiple }] of Object.entries({ ...command.flags, help: HELP })) {
    options[name] = { type, ...(short && { short }), ...(multiple && { multiple }) };
  }
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    const found = /'(--?[^'= ]+)/.exec((error as Error).message)?.[1];
    const unknown = (error as { code?: string }).code === "ERR_PARSE_ARGS_UNKNOWN_OPTION";
    if (!unknown || !found) throw withHelp(command, (error as Error).message.split(". To specify")[0] as string);
    const near = nearest(found.replace(/^-+/, ""), Object.keys(options));
    throw withHelp(command, `${command.name} has no option ${found}${near ? `; did you mean --${near}?` : ""}`);
  }
}

const withHelp = (command: Command, message: string, ...advice: readonly string[]): CliError =>
  usage(message, ...advice, `sirocco ${command.name} --help shows its arguments and options.`);
