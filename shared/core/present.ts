/**
 * The client wire format of events: the public events of a recorded event (none, mostly one). The table is the contract:
 * fields, order and spelling are those that the official clients parse. Every key is present, null where empty.
 */
import type { Head } from "../protocol/head.ts";
import type { AttemptEnd, EventOf, Failure, HistoryEvent, Millis } from "../protocol/history.ts";
import { rootMessage } from "../protocol/history.ts";
import { isEncodedInput, type NetworkEncodedInput } from "../protocol/http/fields.ts";
import type { Progress } from "../protocol/worker.ts";

/** One public event, and the fields by which streams filter. */
export interface PublicEvent {
  readonly wire: {
    readonly event_id: string;
    /** Microseconds since the epoch: the finest unit that every client parses. */
    readonly event_timestamp: number;
    readonly root_workflow_exec_id: string;
    readonly parent_workflow_exec_id: string | null;
    readonly continued_run_id: string | null;
    readonly first_execution_run_id: string | null;
    readonly chain_run_id: string | null;
    readonly schedule_id: string | null;
    readonly workflow_exec_id: string;
    readonly workflow_run_id: string;
    readonly workflow_name: string;
    readonly event_type: string;
    readonly attributes: Record<string, unknown>;
  };
  readonly scope: "workflow" | "activity";
  readonly activity: { readonly id: string; readonly name: string } | null;
  /** Topic: the task type of a custom task event, otherwise `events`. */
  readonly stream: string;
}

/** The fields that all events of a run share. */
export type RunContext = Pick<
  Head,
  "execution" | "workflow" | "display_name" | "run" | "root_chain" | "root" | "first_run" | "continued_from" | "attempt"
> & { readonly parent: { readonly execution: string } | null; readonly schedule: { readonly id: string } | null };

/** A payload that a worker or a client has encoded keeps its encoding: clients decode it. */
const json = (value: unknown) =>
  isEncoded(value)
    ? { type: "json", value: value.b64payload, encoding_options: value.encoding_options }
    : { type: "json", value: value ?? null, encoding_options: null };
const isEncoded = (value: unknown): value is NetworkEncodedInput =>
  isEncodedInput(value) && Array.isArray(value.encoding_options) && value.encoding_options.length > 0;

/** An input is shown as a list of arguments. An encoded one stands alone: the server cannot put it into one. */
function listed(input: unknown, isList = false) {
  if (isList || isEncoded(input)) return json(input);
  return json(input === null || input === undefined ? [] : [input]);
}

/** Stable id of the n-th public event at a position of a run: the run's uuid, both numbers added to its random tail. */
export function eventId(run: string, position: number, n: number): string {
  const tail = (Number.parseInt(run.slice(24), 16) + position * 4096 + n) % 2 ** 48;
  return run.slice(0, 24) + tail.toString(16).padStart(12, "0");
}

function build(
  c: RunContext,
  p: { id: string; at: Millis; type: string; attributes: Record<string, unknown> },
  activity: PublicEvent["activity"],
  stream = "events",
): PublicEvent {
  return {
    wire: {
      event_id: p.id,
      event_timestamp: p.at * 1000,
      root_workflow_exec_id: c.root,
      parent_workflow_exec_id: c.parent?.execution ?? null,
      continued_run_id: c.continued_from,
      first_execution_run_id: c.first_run,
      chain_run_id: c.root_chain,
      schedule_id: c.schedule?.id ?? null,
      workflow_exec_id: c.execution,
      workflow_run_id: c.run,
      workflow_name: c.workflow,
      event_type: p.type,
      attributes: p.attributes,
    },
    scope: activity ? "activity" : "workflow",
    activity,
    stream,
  };
}

const CUSTOM = {
  started: "CUSTOM_TASK_STARTED",
  in_progress: "CUSTOM_TASK_IN_PROGRESS",
  completed: "CUSTOM_TASK_COMPLETED",
  failed: "CUSTOM_TASK_FAILED",
  timed_out: "CUSTOM_TASK_TIMED_OUT",
  canceled: "CUSTOM_TASK_CANCELED",
} as const;

const prefixes: Partial<Record<AttemptEnd, string>> = { lost: "worker lost: " };
const message = (e: { reason: AttemptEnd; failure: Failure }) => ({
  message: (prefixes[e.reason] ?? "") + rootMessage(e.failure),
});

/** The public events of one recorded event. */
export function present(c: RunContext, e: HistoryEvent): PublicEvent[] {
  const one = (type: string, attributes: Record<string, unknown>, activity?: { activity: number; name: string }) => {
    const of = activity ? { id: String(activity.activity), name: activity.name } : null;
    return [build(c, { id: eventId(c.run, e.id, 0), at: e.at, type, attributes }, of)];
  };
  const w = { task_id: c.run, attempt: c.attempt };
  switch (e.kind) {
    case "execution_started":
      return one("WORKFLOW_EXECUTION_STARTED", {
        ...w,
        workflow_name: c.workflow,
        display_name: c.display_name,
        input: listed(e.input),
      });
    case "execution_completed":
      return one("WORKFLOW_EXECUTION_COMPLETED", { ...w, result: json(e.result) });
    case "execution_failed":
      return one("WORKFLOW_EXECUTION_FAILED", { ...w, failure: { message: rootMessage(e.failure) } });
    case "execution_cancelled":
      return one("WORKFLOW_EXECUTION_CANCELED", { ...w, reason: e.reason });
    case "execution_continued":
      return one("WORKFLOW_EXECUTION_CONTINUED_AS_NEW", {
        task_id: c.run,
        new_execution_run_id: e.run,
        workflow_name: e.workflow,
        input: listed(e.input),
      });
    case "workflow_task_failed":
      return one("WORKFLOW_TASK_FAILED", { task_id: c.run, failure: { message: rootMessage(e.failure) } });
    case "activity_scheduled": // clients see a queued activity when a worker begins it (presentBegin)
      return e.where === "queue" ? [] : one("ACTIVITY_TASK_STARTED", started(e), e);
    case "activity_attempt_failed":
      return one("ACTIVITY_TASK_RETRYING", { ...ref(e), attempt: e.attempt, failure: message(e) }, e);
    case "activity_failed":
      return one("ACTIVITY_TASK_FAILED", { ...ref(e), attempt: e.attempt, failure: message(e) }, e);
    case "activity_completed":
      return one("ACTIVITY_TASK_COMPLETED", { ...ref(e), result: json(e.result) }, e);
    case "custom_task":
      return [custom(c, e, eventId(c.run, e.id, 0), e.at, null)];
    case "activity_attempt_started":
    case "activity_cancel_requested":
    case "timer_started":
    case "timer_fired":
    case "timer_cancelled":
    case "child_scheduled":
    case "child_cancel_requested":
    case "child_completed":
    case "child_failed":
    case "signal_received":
    case "cancel_requested":
    case "update_accepted":
    case "update_rejected":
    case "update_completed":
    case "update_failed":
    case "patched":
    case "search_keys_set":
    case "quarantine_ended":
    case "execution_reset":
    case "activity_restarted":
    case "execution_terminated":
    case "execution_timed_out":
      return [];
  }
}

const ref = (e: { activity: number; name: string }) => ({ task_id: String(e.activity), activity_name: e.name });
type Begun = { activity: number; name: string; input: unknown; args?: true | undefined };
const started = (e: Begun) => ({
  ...ref(e),
  input: listed(e.input, e.args),
});

/** A worker begins the first attempt of a queued activity. */
export function presentBegin(c: RunContext, e: Begun & { at: Millis }): PublicEvent {
  const p = { id: eventId(c.run, e.activity, 1), at: e.at, type: "ACTIVITY_TASK_STARTED", attributes: started(e) };
  return build(c, p, { id: String(e.activity), name: e.name });
}

/** An attempt of a queued activity failed, and another follows. */
export function presentRetry(
  c: RunContext,
  e: { activity: number; name: string; attempt: number; failure: Failure; at: Millis },
): PublicEvent {
  const attributes = { ...ref(e), attempt: e.attempt, failure: { message: rootMessage(e.failure) } };
  const id = eventId(c.run, e.activity, 2 + (e.attempt % 4000));
  return build(
    c,
    { id, at: e.at, type: "ACTIVITY_TASK_RETRYING", attributes },
    { id: String(e.activity), name: e.name },
  );
}

/** A custom task event that an activity published; `uuid` is fresh for each. */
export function presentProgress(
  c: RunContext,
  p: Progress,
  activity: { id: number; name: string },
  uuid: string,
): PublicEvent {
  return custom(c, p, uuid, p.at, { id: String(activity.id), name: activity.name });
}

function custom(
  c: RunContext,
  e: Pick<EventOf<"custom_task">, "event" | "task" | "task_type" | "attributes"> | Progress,
  id: string,
  at: Millis,
  activity: PublicEvent["activity"],
): PublicEvent {
  const attributes = { custom_task_id: e.task, custom_task_type: e.task_type, ...e.attributes };
  return build(c, { id, at, type: CUSTOM[e.event], attributes }, activity, e.task_type);
}
