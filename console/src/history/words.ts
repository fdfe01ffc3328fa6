/** One line for an event of a history. */
import type { Failure, HistoryEvent } from "../../../shared/protocol/history.ts";
import type { Tone } from "../ui/status.tsx";
import { span } from "../ui/time.tsx";

export interface Line {
  readonly tone: Tone;
  readonly text: string;
  /** Message of a failure, or reason. */
  readonly more?: string;
}

export function rootOf(failure: Failure): Failure {
  let innermost = failure;
  while (innermost.cause) innermost = innermost.cause;
  return innermost;
}

const ended: Readonly<Record<string, string>> = {
  failed: "failed",
  start_to_close: "took too long",
  schedule_to_close: "ran out of time",
  schedule_to_start: "waited too long for a worker",
  heartbeat: "sent no heartbeat",
  lost: "lost its worker",
  cancelled: "was cancelled",
};

/** `nameOf`: the name of activity n, where its scheduling has been read. */
export function lineOf(e: HistoryEvent, nameOf: (activity: number) => string): Line {
  switch (e.kind) {
    case "execution_started":
      return {
        tone: "still",
        text: e.reset ? "Started by a reset" : e.continued_from ? "Run continued" : "Execution started",
      };
    case "activity_scheduled":
      return { tone: "still", text: `${e.name} ${e.where === "queue" ? "queued" : "started"}` };
    case "activity_completed":
      return { tone: "good", text: `${e.name} completed` };
    case "activity_failed":
      return {
        tone: "bad",
        text: `${e.name} ${ended[e.reason]} at attempt ${e.attempt}`,
        more: rootOf(e.failure).message,
      };
    case "activity_attempt_failed":
      return {
        tone: "warn",
        text: `${e.name} attempt ${e.attempt} ${ended[e.reason]}, next in ${span(Math.max(0, e.retry_at - e.at))}`,
        more: rootOf(e.failure).message,
      };
    case "activity_attempt_started":
      return {
        tone: "still",
        text: `${nameOf(e.activity)} attempt ${e.attempt} ${e.where === "queue" ? "queued" : "started"}`,
      };
    case "activity_cancel_requested":
      return { tone: "warn", text: `${nameOf(e.activity)}: cancellation requested` };
    case "activity_restarted":
      return { tone: "still", text: `${e.task.name} begins again after a reset` };
    case "timer_started":
      return { tone: "still", text: `Timer ${e.timer} for ${span(e.fire_at - e.at)}` };
    case "timer_fired":
      return { tone: "still", text: `Timer ${e.timer} ended` };
    case "timer_cancelled":
      return { tone: "still", text: `Timer ${e.timer} cancelled` };
    case "child_scheduled":
      return { tone: "still", text: `Child ${e.workflow} started: ${e.execution}` };
    case "child_completed":
      return { tone: "good", text: `Child ${e.child} completed` };
    case "child_failed":
      return { tone: "bad", text: `Child ${e.child} ended: ${e.status}`, more: rootOf(e.failure).message };
    case "child_cancel_requested":
      return { tone: "warn", text: `Child ${e.execution}: cancellation requested` };
    case "signal_received":
      return e.ignored === undefined
        ? { tone: "running", text: `Signal ${e.name}` }
        : { tone: "warn", text: `Signal ${e.name} ignored`, more: e.ignored };
    case "update_accepted":
      return { tone: "running", text: `Update ${e.name}` };
    case "update_completed":
      return { tone: "good", text: `Update ${e.name} answered` };
    case "update_failed":
      return { tone: "bad", text: `Update ${e.name} failed`, more: rootOf(e.failure).message };
    case "update_rejected":
      return { tone: "warn", text: `Update ${e.name} refused`, more: rootOf(e.failure).message };
    case "cancel_requested":
      return { tone: "warn", text: "Cancellation requested", ...(e.reason !== null && { more: e.reason }) };
    case "custom_task":
      return { tone: "still", text: `Task ${e.task_type} ${e.event.replace("_", " ")}` };
    case "patched":
      return { tone: "still", text: `Takes the way of patch ${e.patch}` };
    case "search_keys_set":
      return { tone: "still", text: `Search keys set: ${[...Object.keys(e.set), ...e.remove].join(", ")}` };
    case "workflow_task_failed":
      return { tone: "bad", text: "Workflow code failed", more: rootOf(e.failure).message };
    case "quarantine_ended":
      return { tone: "still", text: "Workflow code is run again" };
    case "execution_reset":
      return { tone: "warn", text: `Reset of run ${e.from}`, ...(e.reason !== null && { more: e.reason }) };
    case "execution_completed":
      return { tone: "good", text: "Execution completed" };
    case "execution_failed":
      return { tone: "bad", text: "Execution failed", more: rootOf(e.failure).message };
    case "execution_cancelled":
      return { tone: "warn", text: "Execution cancelled", ...(e.reason !== null && { more: e.reason }) };
    case "execution_terminated":
      return { tone: "warn", text: "Execution terminated", ...(e.reason !== null && { more: e.reason }) };
    case "execution_timed_out":
      return { tone: "bad", text: "Execution timed out" };
    case "execution_continued":
      return { tone: "still", text: `Continued as run ${e.run}` };
    default: {
      // A newer server has kinds that this page does not know.
      const { kind } = e as { kind: string };
      return { tone: "still", text: kind.replaceAll("_", " ") };
    }
  }
}
