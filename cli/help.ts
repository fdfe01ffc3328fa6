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
    "sirocco <command> --help explains one command.",
    "Commands talk to the server at SIROCCO_URL with the key SIROCCO_API_KEY (or --url, --key).",
    "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 server not reached.",
  ].join("\n");
}

export function helpOf(command: Command | Group): string {
  return "commands" in command ? helpOfGroup(command) : helpOfCommand(command);
}

function helpOfGroup(group: Group): string {
  return [
    `sirocco ${group.name}: ${group.summary}`,
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
  const lines = [`sirocco ${command.name}: ${command.summary}`, ""];
  lines.push(`Usage: ${["sirocco", command.name, ...words, "[options]"].join(" ")}`);
  if (command.details) lines.push("", command.details);
  if (command.positionals.length > 0)
    lines.push("", "Arguments:", ...columns(command.positionals.map((p) => [p.name, p.help])));
  const flags = Object.entries({ ...command.flags, help: HELP } as Record<string, Flag>);
  lines.push("", "Options:", ...columns(flags.map(([name, flag]) => [option(name, flag), flag.help])));
  if (command.examples.length > 0) lines.push("", "Examples:", ...command.examples.map((e) => `  ${e}`));
  return lines.join("\n");
}

function shown(p: Positional): string {
  const name = p.many ? `${p.name}...` : p.name;
  return p.optional ? `[${name}]` : `<${name}>`;
}

function option(name: string, flag: Flag): string {
  const short = flag.short ? `-${flag.short}, ` : "";
  return `${short}--${name}${flag.type === "string" ? ` ${flag.value ?? "TEXT"}` : ""}`;
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
