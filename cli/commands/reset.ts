/** `sirocco reset`: lets an execution go on from an earlier point, in a new run. */
import { apiOf } from "../api.ts";
import { command } from "../command.ts";
import { EXIT, usage } from "../errors.ts";
import { printJson } from "../print.ts";
import { jsonFlag, targetFlags } from "../target.ts";

const TO = { start: "start", "last-decision": "last_decision", "first-failure": "first_failure" } as const;

export function pointOf(word: string): (typeof TO)[keyof typeof TO] {
  if (!(word in TO)) throw usage(`--to is start, last-decision or first-failure, not '${word}'`);
  return TO[word as keyof typeof TO];
}

export const reset = command({
  name: "reset",
  summary: "let an execution go on from an earlier point, in a new run",
  details:
    "Keeps the events before the point; the code that is deployed now decides again from there. Works for running and for closed executions. Signals and updates that came later are given again.",
  positionals: [{ name: "execution", help: "id of the execution" }],
  flags: {
    to: {
      type: "string",
      value: "POINT",
      help: "start, last-decision or first-failure: the step that failed runs again",
    },
    event: { type: "string", value: "N", help: "an event of `sirocco history` that records a decision" },
    reason: { type: "string", value: "TEXT", help: "is recorded in both runs" },
    "exclude-signals": { type: "boolean", help: "do not give later signals again" },
    "exclude-updates": { type: "boolean", help: "do not give later updates again" },
    deployment: {
      type: "string",
      value: "NAME",
      help: "go on in this deployment, such as another version of the code; default: where it is",
    },
    "idempotency-key": {
      type: "string",
      value: "KEY",
      help: "idempotency key: the same reset with the same key happens once",
    },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: [
    "sirocco reset INV-001 --to first-failure",
    "sirocco reset INV-001 --event 12 --reason 'wrong price'",
    "sirocco reset INV-001 --to last-decision --deployment shop-v2",
  ],
  async run([id], flags, io) {
    const { to, event, reason } = flags;
    if ((to === undefined) === (event === undefined)) throw usage("reset needs one of --to and --event");
    if (event !== undefined && !/^[1-9]\d*$/.test(event))
      throw usage(`--event is the number of an event, not '${event}'`);
    const api = apiOf(flags, io);
    const params = { execution_id: id! };
    const body = {
      ...(to === undefined ? { event_id: Number(event) } : { to: pointOf(to) }),
      ...(reason !== undefined && { reason }),
      ...(flags.deployment !== undefined && { deployment_name: flags.deployment }),
      exclude_signals: flags["exclude-signals"],
      exclude_updates: flags["exclude-updates"],
      ...(flags["idempotency-key"] !== undefined && { idempotency_key: flags["idempotency-key"] }),
    };
    await api.call("resetWorkflow", { params, body });
    const { run_id } = await api.call("getWorkflowExecution", { params });
    if (flags.json) printJson(io, { execution_id: id, run_id });
    else io.out(`${id} goes on in run ${run_id}`);
    return EXIT.ok;
  },
});
