/** Makes the same call for several executions. A refusal does not stop the rest; the exit code is then 1. */
import { apiOf, type CallOf } from "./api.ts";
import { CliError, EXIT, type Exit } from "./errors.ts";
import type { Io } from "./io.ts";
import { paint, printJson } from "./print.ts";

export async function forEach(
  operation: "cancelWorkflowExecution" | "terminateWorkflowExecution" | "deleteWorkflowExecution",
  done: string,
  ids: readonly string[],
  flags: { readonly url: string | undefined; readonly key: string | undefined; readonly json: boolean },
  io: Io,
  query: CallOf<"deleteWorkflowExecution">["query"] = {},
): Promise<Exit> {
  const api = apiOf(flags, io);
  const results: { execution_id: string; ok: boolean; error?: string }[] = [];
  for (const id of ids) {
    try {
      await api.call(operation, { params: { execution_id: id }, query });
      results.push({ execution_id: id, ok: true });
      if (!flags.json) io.out(`${id} ${done}`);
    } catch (error) {
      if (!(error instanceof CliError) || error.exit !== EXIT.failed) throw error;
      results.push({ execution_id: id, ok: false, error: error.message });
      if (!flags.json) io.err(`${paint(io, "bad", "sirocco:")} ${error.message}`);
    }
  }
  if (flags.json) printJson(io, { results });
  return results.every((result) => result.ok) ? EXIT.ok : EXIT.failed;
}
