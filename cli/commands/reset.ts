/** `sirocco reset`: lets an execution go on from an earlier point, in a new run. */
import type { ResponseOf } from "../../shared/protocol/routes.ts";
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

const pointLine = ({ event_id, at, decisions }: ResponseOf<"previewReset">["reset_points"][number]): string =>
  `  ${event_id}  ${at}  ${decisions.join(", ")}`;

function previewLines(preview: ResponseOf<"previewReset">): string[] {
  if (preview.refusal !== null)
    return [`there is no such point: ${preview.refusal}`, ...preview.reset_points.map(pointLine)];
  const { kept_through: kept, dropped_events: dropped, restarted_activities: restarted, complete } = preview;
  const line = ({ event_id, kind, name }: (typeof preview.dropped)[number]) =>
    `  ${event_id}  ${kind} ${name ?? ""}`.trimEnd();
  const part = (title: string, lines: readonly string[]) => (lines.length > 0 ? [title, ...lines] : []);
  return [
    `the new run keeps events 1 to ${kept} of run ${preview.run_id}, and ${dropped} are thrown away`,
    ...part("steps and messages that are thrown away:", preview.dropped.map(line)),
    ...part(
      "activities that begin anew:",
      restarted.map((name) => `  ${name}`),
    ),
    ...part("given to the new run again:", preview.given_again.map(line)),
    ...part("not given to the new run:", preview.left_out.map(line)),
    ...(complete ? [] : ["some lists were cut"]),
  ];
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
    preview: { type: "boolean", help: "say what would be kept, thrown away and given again, and reset nothing" },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: [
    "sirocco reset INV-001 --to first-failure",
    "sirocco reset INV-001 --to first-failure --preview",
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
    if (flags.preview) {
      const preview = await api.call("previewReset", { params, body });
      if (flags.json) printJson(io, preview);
      else for (const line of previewLines(preview)) io.out(line);
      return preview.refusal === null ? EXIT.ok : EXIT.failed;
    }
    await api.call("resetWorkflow", { params, body });
    const { run_id } = await api.call("getWorkflowExecution", { params });
    if (flags.json) printJson(io, { execution_id: id, run_id });
    else io.out(`${id} goes on in run ${run_id}`);
    return EXIT.ok;
  },
});
