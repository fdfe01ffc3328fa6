/** A public event as one line of `sirocco tail`. */
import type { StreamEventPayload } from "../shared/protocol/http/events.ts";
import { payloadShown } from "./encoding.ts";
import type { Io } from "./io.ts";
import { compact, cut, moment, paint, type Tone } from "./print.ts";

type PublicEvent = StreamEventPayload["data"];

/** `named`: with workflow and execution id, for a stream of several executions. */
export function eventLine(io: Io, payload: StreamEventPayload, named: boolean): string {
  const { data } = payload;
  const [tone, text, more] = describe(data);
  const time = moment(data.event_timestamp / 1000, undefined, true);
  const execution = named ? `${data.workflow_name} ${data.workflow_exec_id}  ` : "";
  const plain = `${time}  ${String(payload.broker_sequence).padStart(6)}  ${execution}${text}`;
  const room = io.columns === null ? null : io.columns - plain.length - 2;
  const extra = more === "" || (room !== null && room < 8) ? "" : `  ${paint(io, "dim", cut(more, room))}`;
  return `${paint(io, "dim", plain.slice(0, plain.length - text.length))}${paint(io, tone, text)}${extra}`;
}

function describe(e: PublicEvent): readonly [tone: Tone, text: string, more: string] {
  switch (e.event_type) {
    case "WORKFLOW_EXECUTION_STARTED":
      return ["bold", "started", payload(e.attributes.input)];
    case "WORKFLOW_EXECUTION_COMPLETED":
      return ["good", "COMPLETED", payload(e.attributes.result)];
    case "WORKFLOW_EXECUTION_FAILED":
      return ["bad", "FAILED", e.attributes.failure.message];
    case "WORKFLOW_EXECUTION_CANCELED":
      return ["warn", "CANCELED", e.attributes.reason ?? ""];
    case "WORKFLOW_EXECUTION_CONTINUED_AS_NEW":
      return ["busy", `continued as run ${e.attributes.new_execution_run_id}`, payload(e.attributes.input)];
    case "WORKFLOW_TASK_TIMED_OUT":
      return ["warn", "workflow task timed out", e.attributes.timeout_type ?? ""];
    case "WORKFLOW_TASK_FAILED":
      return ["bad", "workflow code threw an error; the step will be retried", e.attributes.failure.message];
    case "ACTIVITY_TASK_STARTED":
      return ["plain", `▶ ${activity(e.attributes)}`, payload(e.attributes.input)];
    case "ACTIVITY_TASK_COMPLETED":
      return ["good", `✔ ${activity(e.attributes)}`, payload(e.attributes.result)];
    case "ACTIVITY_TASK_RETRYING":
      return [
        "warn",
        `↻ ${activity(e.attributes)} attempt ${e.attributes.attempt} failed`,
        e.attributes.failure.message,
      ];
    case "ACTIVITY_TASK_FAILED":
      return [
        "bad",
        `✘ ${activity(e.attributes)} failed at attempt ${e.attributes.attempt}, not retried`,
        e.attributes.failure.message,
      ];
    case "CUSTOM_TASK_STARTED":
      return ["plain", `· ${e.attributes.custom_task_type} started`, payload(e.attributes.payload)];
    case "CUSTOM_TASK_IN_PROGRESS":
      return ["dim", `· ${e.attributes.custom_task_type}`, payload(e.attributes.payload)];
    case "CUSTOM_TASK_COMPLETED":
      return ["good", `· ${e.attributes.custom_task_type} completed`, payload(e.attributes.payload)];
    case "CUSTOM_TASK_FAILED":
      return ["bad", `· ${e.attributes.custom_task_type} failed`, e.attributes.failure.message];
    case "CUSTOM_TASK_TIMED_OUT":
      return ["bad", `· ${e.attributes.custom_task_type} timed out`, e.attributes.timeout_type ?? ""];
    case "CUSTOM_TASK_CANCELED":
      return ["warn", `· ${e.attributes.custom_task_type} cancelled`, e.attributes.reason ?? ""];
  }
}

const activity = (a: { activity_name: string; task_id: string }) => `${a.activity_name} (${a.task_id})`;
/** A closed payload is shown as a lock. */
function payload(of: Parameters<typeof payloadShown>[0]): string {
  const shown = payloadShown(of);
  return shown !== of.value && typeof shown === "string" ? shown : compact(unlisted(shown));
}
/** Events carry an input as an argument list of at most one. */
const unlisted = (value: unknown) => (Array.isArray(value) && value.length <= 1 ? value[0] : value);
