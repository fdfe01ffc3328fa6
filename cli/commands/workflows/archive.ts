/** `sirocco workflows archive` and `unarchive`. */
import { apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { CliError, EXIT, type Exit } from "../../errors.ts";
import type { Io } from "../../io.ts";
import { printJson } from "../../print.ts";
import { jsonFlag, targetFlags } from "../../target.ts";

const common = {
  positionals: [{ name: "workflow", help: "names of workflows", many: true as const }],
  flags: { ...targetFlags, ...jsonFlag },
};
type Flags = { readonly url: string | undefined; readonly key: string | undefined; readonly json: boolean };

export const archive = command({
  name: "workflows archive",
  summary: "hide workflows from the lists; they can still be started",
  ...common,
  examples: ["sirocco workflows archive old_report", "sirocco workflows archive old_report older_report"],
  run: (names, flags, io) => each("archiveWorkflow", "archived", names, flags, io),
});

export const unarchive = command({
  name: "workflows unarchive",
  summary: "show archived workflows in the lists again",
  ...common,
  examples: ["sirocco workflows unarchive old_report"],
  run: (names, flags, io) => each("unarchiveWorkflow", "unarchived", names, flags, io),
});

/** A refusal does not stop the rest; the exit code is then 1. */
async function each(
  operation: "archiveWorkflow" | "unarchiveWorkflow",
  done: string,
  names: readonly string[],
  flags: Flags,
  io: Io,
): Promise<Exit> {
  const api = apiOf(flags, io);
  const results: { workflow: string; ok: boolean; error?: string }[] = [];
  for (const workflow of names) {
    try {
      await api.call(operation, { params: { workflow_identifier: workflow } });
      results.push({ workflow, ok: true });
      if (!flags.json) io.out(`${workflow} ${done}`);
    } catch (error) {
      if (!(error instanceof CliError) || error.exit !== EXIT.failed) throw error;
      results.push({ workflow, ok: false, error: error.message });
      if (!flags.json) io.err(`sirocco: ${error.message}`);
    }
  }
  if (flags.json) printJson(io, { results });
  return results.every(({ ok }) => ok) ? EXIT.ok : EXIT.failed;
}
