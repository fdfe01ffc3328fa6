/** A command of `sirocco`: its words, its options, what it does. One file each in `commands/`. */
import { parseArgs } from "node:util";
import { type CliError, type Exit, usage } from "./errors.ts";
import type { Io } from "./io.ts";
import { nearest } from "./nearest.ts";

export interface Flag {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** May be given several times. */
  readonly multiple?: true;
  /** How the value is shown in the help. */
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
  /** Takes all that follow; only for the last. */
  readonly many?: true;
}

export interface Command {
  /** Of a command in a group, both words: `schedule create`. */
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
  readonly commands: readonly Command[];
}

/** Gives `run` the types of its flags. */
export function command<const F extends Flags>(
  definition: Omit<Command, "flags" | "run"> & {
    readonly flags: F;
    run(args: readonly string[], flags: Values<F>, io: Io): Promise<Exit>;
  },
): Command {
  return definition as unknown as Command;
}

export const HELP: Flag & { readonly short: string } = { type: "boolean", short: "h", help: "show this help" };

/** Positionals and flags of a command line. Throws a usage error that names what is wrong. */
export function parse(command: Command, argv: readonly string[]): { args: string[]; flags: Values<Flags> } {
  const { positionals, values } = split(command, argv);
  const wanted = command.positionals;
  const missing = wanted.find((p, i) => !p.optional && positionals[i] === undefined);
  if (missing) throw withHelp(command, `${command.name} needs <${missing.name}>: ${missing.help}`);
  if (positionals.length > wanted.length && !wanted.at(-1)?.many) {
    const extra = positionals.slice(wanted.length).map((arg) => `'${arg}'`);
    throw withHelp(command, `${command.name} does not know what to do with ${extra.join(", ")}`);
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

const withHelp = (command: Command, message: string): CliError =>
  usage(message, `sirocco ${command.name} --help shows how it is used.`);
