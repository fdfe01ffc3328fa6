/** Help texts, made from the definitions by which the command line is parsed. */
import { type Command, type Flag, type Group, HELP, type Positional } from "./command.ts";

export function overview(commands: readonly (Command | Group)[], version: string): string {
  const rows = commands.map((c) => [c.name, c.summary] as const);
  return [
    `sirocco ${version}: durable workflows`,
    "",
    "Usage: sirocco <command> [arguments] [options]",
    "",
    ...columns(rows),
    "",
    ...wrapped(
      "sirocco <command> --help explains one command.",
      "Commands talk to the server at SIROCCO_URL with the key SIROCCO_API_KEY (or --url, --key).",
      "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 server not reached. With --json, errors are JSON on standard error.",
    ),
  ].join("\n");
}

export function helpOf(command: Command | Group): string {
  return "commands" in command ? helpOfGroup(command) : helpOfCommand(command);
}

function helpOfGroup(group: Group): string {
  return [
    ...(group.own ? [helpOfCommand(group.own)] : wrapped(`sirocco ${group.name}: ${group.summary}`)),
    "",
    `Usage: sirocco ${group.name} <command> [arguments] [options]`,
    "",
    ...columns(group.commands.map((c) => [c.name.slice(group.name.length + 1), c.summary])),
    "",
    `sirocco ${group.name} <command> --help explains one command.`,
  ].join("\n");
}

function helpOfCommand(command: Command): string {
  const words = command.positionals.map(shown);
  const text = [...wrapped(`sirocco ${command.name}: ${command.summary}`), ""];
  text.push(`Usage: ${["sirocco", command.name, ...words, "[options]"].join(" ")}`);
  if (command.details) text.push("", ...wrapped(...command.details.split("\n")));
  if (command.positionals.length > 0)
    text.push("", "Arguments:", ...columns(command.positionals.map((p) => [p.name, p.help])));
  const flags = Object.entries({ ...command.flags, help: HELP } as Record<string, Flag>);
  text.push("", "Options:", ...columns(flags.map(([name, flag]) => [option(name, flag), flag.help])));
  if (command.examples.length > 0) text.push("", "Examples:", ...command.examples.map((e) => `  ${e}`));
  return text.join("\n");
}

function shown(p: Positional): string {
  const name = p.many ? `${p.name}...` : p.name;
  return p.optional ? `[${name}]` : `<${name}>`;
}

function option(name: string, flag: Flag): string {
  const short = flag.short ? `-${flag.short}, ` : "";
  return `${short}--${name}${flag.type === "string" ? ` ${flag.value ?? "TEXT"}` : ""}`;
}

/** Help is wrapped to this many columns. */
const WIDTH = 80;

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.flatMap(([left, right]) => {
    const [first = "", ...more] = lines(right, WIDTH - width - 4);
    return [`  ${left.padEnd(width)}  ${first}`, ...more.map((line) => `${" ".repeat(width + 4)}${line}`)];
  });
}

const wrapped = (...paragraphs: readonly string[]): string[] => paragraphs.flatMap((text) => lines(text, WIDTH));

/** The text in lines of at most `width` characters; a longer word has a line of its own. */
function lines(text: string, width: number): string[] {
  const found: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      found.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...found, line];
}
