/** `sirocco completion`: scripts with which a shell completes command lines, made from the definitions of the commands. */
import { type Command, command, type Flag, type Group } from "../command.ts";
import { EXIT, usage } from "../errors.ts";

type Entry = Command | Group;

/** `commands`: all commands, this one included. */
export const completion = (commands: () => readonly Entry[]): Command =>
  command({
    name: "completion",
    summary: "print a script that completes commands and options in your shell",
    positionals: [{ name: "shell", help: "bash, zsh or fish" }],
    flags: {},
    examples: [
      'eval "$(sirocco completion bash)"      # in ~/.bashrc; zsh: in ~/.zshrc',
      "sirocco completion fish | source       # in ~/.config/fish/config.fish",
    ],
    async run([shell], _flags, io) {
      const all = commands();
      if (shell === "bash") io.out(bash(all));
      else if (shell === "zsh")
        io.out(`autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n${bash(all)}`);
      else if (shell === "fish") io.out(fish(all));
      else throw usage(`completion for '${shell}' does not exist: the shells are bash, zsh and fish`);
      return EXIT.ok;
    },
  });

const shortName = (group: Group, one: Command) => one.name.slice(group.name.length + 1);
const leavesOf = (commands: readonly Entry[]) => commands.flatMap((c) => ("commands" in c ? c.commands : [c]));
const ownOptions = (group: Group) => (group.own ? [optionsOf(group.own)] : []);
const optionsOf = (one: Command) => [...Object.keys(one.flags), "help"].map((name) => `--${name}`).join(" ");

/** Words that are no command or option are left to the shell: files. */
function bash(commands: readonly Entry[]): string {
  const groups = commands.filter((c): c is Group => "commands" in c);
  const cases = [
    `"") words="${commands.map((c) => c.name).join(" ")}" ;;`,
    ...groups.map(
      (g) => `"${g.name}") words="${[...g.commands.map((one) => shortName(g, one)), ...ownOptions(g)].join(" ")}" ;;`,
    ),
    ...leavesOf(commands).map((one) => `"${one.name}") words="${optionsOf(one)}" ;;`),
  ];
  return `_sirocco() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command="" words="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$command" in
      "") command="\${COMP_WORDS[i]}" ;;
      ${groups.map((g) => g.name).join("|")}) command="$command \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$command" in
    ${cases.join("\n    ")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _sirocco sirocco`;
}

function fish(commands: readonly Entry[]): string {
  const lines: string[] = [];
  for (const c of commands) {
    lines.push(`complete -c sirocco -n __fish_use_subcommand -f -a ${c.name} -d ${quoted(c.summary)}`);
    if (!("commands" in c)) {
      lines.push(...fishOptions(c, `__fish_seen_subcommand_from ${c.name}`));
      continue;
    }
    if (c.own) lines.push(...fishOptions(c.own, `__fish_seen_subcommand_from ${c.name}`));
    const names = c.commands.map((one) => shortName(c, one)).join(" ");
    for (const one of c.commands) {
      const name = shortName(c, one);
      const open = `__fish_seen_subcommand_from ${c.name}; and not __fish_seen_subcommand_from ${names}`;
      lines.push(`complete -c sirocco -n ${quoted(open)} -f -a ${name} -d ${quoted(one.summary)}`);
      lines.push(...fishOptions(one, `__fish_seen_subcommand_from ${c.name}; and __fish_seen_subcommand_from ${name}`));
    }
  }
  return lines.join("\n");
}

function fishOptions(one: Command, when: string): string[] {
  return Object.entries(one.flags as Record<string, Flag>).map(([name, flag]) => {
    const value = flag.type === "string" ? " -r" : "";
    const short = flag.short ? ` -s ${flag.short}` : "";
    return `complete -c sirocco -n ${quoted(when)} -l ${name}${short}${value} -d ${quoted(flag.help)}`;
  });
}

const quoted = (text: string) => `'${text.replace(/[\\']/g, "\\$&")}'`;
