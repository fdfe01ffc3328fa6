/** `sirocco why`: why an execution does not go on, and who must act. */
import type { Explanation, ScheduleExplanation, Wait } from "../../shared/protocol/http/explain.ts";
import { apiOf } from "../api.ts";
import { command } from "../command.ts";
import { EXIT } from "../errors.ts";
import type { Io } from "../io.ts";
import { moment, paint, printJson } from "../print.ts";
import { jsonFlag, targetFlags } from "../target.ts";

export const why = command({
  name: "why",
  summary: "say why an execution does not go on, who must act, and what to do",
  details: "It asks no worker: the answer comes from the history, the registrations and the workers' heartbeats.",
  positionals: [{ name: "execution", help: "id of the execution" }],
  flags: { ...targetFlags, ...jsonFlag },
  examples: ["sirocco why INV-001", "sirocco why INV-001 --json | jq -r '.waits[].what_to_do'"],
  async run([id], flags, io) {
    const explanation = await apiOf(flags, io).call("explainWorkflowExecution", { params: { execution_id: id! } });
    if (flags.json) printJson(io, explanation);
    else showExplanation(io, explanation);
    return EXIT.ok;
  },
});

export function showExplanation(io: Io, { summary, waits }: Explanation | ScheduleExplanation): void {
  io.out(summary);
  for (const wait of waits) showWait(io, wait, waits.length > 1);
}

function showWait(io: Io, wait: Wait, several: boolean): void {
  io.out("");
  const times = [
    wait.since && `since ${moment(wait.since)}`,
    wait.until && `until ${moment(wait.until)}`,
    `${wait.actor} must act`,
  ].filter(Boolean);
  io.out(`${paint(io, "bold", wait.kind.replaceAll("_", " "))}  ${paint(io, "dim", times.join(", "))}`);
  if (several) io.out(`  ${wait.text}`);
  io.out(`  ${paint(io, "dim", "to do:")} ${wait.what_to_do}`);
}
