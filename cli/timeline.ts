/** A history for people: one line per event, with facts from the earlier events that it refers to. */
import type { ActivityOptions, Failure, HistoryEvent, Millis } from "../shared/protocol/history.ts";
import { compact, span, type Tone } from "./print.ts";

export interface Line {
  readonly id: number;
  readonly at: Millis;
  readonly tone: Tone;
  readonly symbol: string;
  readonly text: string;
  /** Payloads and messages, cut to the width of the terminal. */
  readonly more: string;
}

interface Scheduled {
  readonly name: string;
  readonly at: Millis;
  readonly options: ActivityOptions;
}

/** Facts from earlier events of the run, for the lines of later ones. */
class EarlierEvents {
  readonly activities = new Map<number, Scheduled>();
  readonly timers = new Map<number, { at: Millis; fireAt: Millis }>();
  readonly children = new Map<number, { workflow: string; execution: string; at: Millis }>();

  add(e: HistoryEvent): void {
    if (e.kind === "activity_scheduled")
      this.activities.set(e.activity, { name: e.name, at: e.at, options: e.options });
    if (e.kind === "timer_started") this.timers.set(e.timer, { at: e.at, fireAt: e.fire_at });
    if (e.kind === "child_scheduled")
      this.children.set(e.child, { workflow: e.workflow, execution: e.execution, at: e.at });
  }

  activity(number: number): string {
    return `${this.activities.get(number)?.name ?? "activity"} (${number})`;
  }
  child(number: number): string {
    return this.children.get(number)?.workflow ?? `child ${number}`;
  }
  since(from: { at: Millis } | undefined, at: Millis): string {
    return from ? ` after ${span(at - from.at)}` : "";
  }
}

export function timeline(events: readonly HistoryEvent[]): Line[] {
  const earlier = new EarlierEvents();
  return events.map((event) => {
    earlier.add(event);
    const [tone, symbol, text, more = ""] = describe(event, earlier);
    return { id: event.id, at: event.at, tone, symbol, text, more };
  });
}

type Described = readonly [tone: Tone, symbol: string, text: string, more?: string];

function describe(e: HistoryEvent, earlier: EarlierEvents): Described {
  switch (e.kind) {
    case "execution_started":
      if (e.reset) return ["bold", "●", `${e.workflow} started, reset from run ${e.reset.from}`, compact(e.input)];
      return ["bold", "●", e.continued_from ? `${e.workflow} continued` : `${e.workflow} started`, compact(e.input)];
    case "activity_scheduled":
      return ["plain", "▶", `${earlier.activity(e.activity)}${e.where === "queue" ? " queued" : ""}`, compact(e.input)];
    case "activity_completed":
      return [
        "good",
        "✔",
        `${earlier.activity(e.activity)} done${earlier.since(earlier.activities.get(e.activity), e.at)}`,
        compact(e.result),
      ];
    case "activity_attempt_failed": {
      const next = `retry in ${span(Math.max(0, e.retry_at - e.at))}`;
      return [
        "warn",
        "↻",
        `${earlier.activity(e.activity)} attempt ${e.attempt} ${ended(e.reason)}, ${next}`,
        root(e.failure),
      ];
    }
    case "activity_attempt_started":
      return [
        "plain",
        "▶",
        `${earlier.activity(e.activity)} attempt ${e.attempt}${e.where === "queue" ? " queued" : ""}`,
      ];
    case "activity_failed":
      return [
        "bad",
        "✘",
        `${earlier.activity(e.activity)} ${ended(e.reason)} at attempt ${e.attempt}, not retried`,
        root(e.failure),
      ];
    case "activity_cancel_requested":
      return ["warn", "■", `${earlier.activity(e.activity)} cancellation requested`];
    case "timer_started":
      return ["plain", "◷", `timer ${e.timer} for ${span(e.fire_at - e.at)}`];
    case "timer_fired":
      return ["plain", "◷", `timer ${e.timer} fired`];
    case "timer_cancelled":
      return ["dim", "◷", `timer ${e.timer} cancelled`];
    case "child_scheduled":
      return ["plain", "▶", `child ${earlier.child(e.child)} ${e.execution}`, compact(e.input)];
    case "child_completed":
      return [
        "good",
        "✔",
        `child ${earlier.child(e.child)} done${earlier.since(earlier.children.get(e.child), e.at)}`,
        compact(e.result),
      ];
    case "child_failed":
      return ["bad", "✘", `child ${earlier.child(e.child)} ${e.status}`, root(e.failure)];
    case "child_cancel_requested":
      return ["warn", "■", `child ${earlier.child(e.child)} cancellation requested`];
    case "signal_received":
      if (e.ignored !== undefined) return ["warn", "✉", `signal ${e.name} ignored`, e.ignored];
      return ["busy", "✉", `signal ${e.name}`, compact(e.input)];
    case "update_accepted":
      return ["busy", "✉", `update ${e.name}`, compact(e.input)];
    case "update_completed":
      return ["good", "✉", `update ${e.name} answered`, compact(e.result)];
    case "update_failed":
      return ["bad", "✉", `update ${e.name} failed`, root(e.failure)];
    case "update_rejected":
      return ["warn", "✉", `update ${e.name} rejected`, root(e.failure)];
    case "cancel_requested":
      return ["warn", "■", "cancellation requested", e.reason ?? ""];
    case "custom_task":
      return ["dim", "·", `task ${e.task_type} ${e.event.replace("_", " ")}`, compact(e.attributes)];
    case "search_keys_set":
      return [
        "dim",
        "·",
        "search keys",
        compact({ ...e.set, ...Object.fromEntries(e.remove.map((key) => [key, null])) }),
      ];
    case "patched":
      return ["dim", "·", `patch ${e.patch}`];
    case "workflow_task_failed":
      return ["bad", "!", "workflow code threw an error; the step will be retried", root(e.failure)];
    case "quarantine_ended":
      return ["dim", "·", "workflow code came to rest: it is tried no more in quarantine"];
    case "execution_completed":
      return ["good", "●", "COMPLETED", compact(e.result)];
    case "execution_failed":
      return ["bad", "●", "FAILED", failureLines(e.failure).join("; ")];
    case "execution_cancelled":
      return ["warn", "●", "CANCELED", e.reason ?? ""];
    case "execution_continued":
      return ["busy", "●", `continued as run ${e.run}`, compact(e.input)];
    case "execution_terminated":
      return ["warn", "●", e.next_run ? `TERMINATED, reset to run ${e.next_run}` : "TERMINATED", e.reason ?? ""];
    case "execution_reset":
      return ["warn", "↺", "reset: the events before are copies, the code goes on from here", e.reason ?? ""];
    case "activity_restarted":
      return ["plain", "▶", `${earlier.activity(e.activity)} begins anew, queued`];
    case "execution_timed_out":
      return ["bad", "●", "TIMED_OUT"];
  }
}

const ENDS: Record<string, string> = {
  failed: "failed",
  start_to_close: "exceeded its start-to-close timeout",
  schedule_to_close: "exceeded its schedule-to-close timeout",
  schedule_to_start: "exceeded its schedule-to-start timeout",
  heartbeat: "exceeded its heartbeat timeout",
  lost: "lost its worker",
  cancelled: "was cancelled",
};
const ended = (reason: string) => ENDS[reason] ?? reason;

function root(failure: Failure): string {
  let at = failure;
  while (at.cause) at = at.cause;
  return at.type && at.type !== "Error" ? `${at.type}: ${at.message}` : at.message;
}

/** A failure and its causes, outermost first. */
export function failureLines(failure: Failure): string[] {
  const line = `${failure.type ? `${failure.type}: ` : ""}${failure.message}`;
  return failure.cause
    ? [line, ...failureLines(failure.cause).map((l, i) => (i === 0 ? `caused by ${l}` : l))]
    : [line];
}
