/**
 * The history of a run: events, numbered 1, 2, 3 …, that never change.
 *
 * HISTORY-1. Event 1 is `execution_started`; it lives in the execution's head, the log begins with event 2.
 * HISTORY-2. A batch is the unit of writing: events with consecutive ids, written whole or not at all.
 * HISTORY-3. Events are of three sorts. A *stimulus* tells workflow code something, a *decision* is a request of workflow
 *     code, a *note* is bookkeeping that workflow code never sees.
 * HISTORY-4. The last event of a batch that records decisions carries `decided`: the id of the last stimulus that workflow
 *     code had received when it took them. Stimuli beyond the highest `decided` are recorded, but workflow code has not
 *     answered them yet (it threw, and somebody must repair it first).
 * HISTORY-5. Additive for ever: a kind or a field is never renamed and never changes its meaning.
 * HISTORY-6. A server keeps the fields of an event that it does not know, at every depth: a newer worker wrote them, and
 *     newer workers replay the event.
 */
import * as z from "zod";
import {
  ActivityName,
  AppendId,
  ChainId,
  DeploymentName,
  ExecutionId,
  HandlerName,
  MessageId,
  RunId,
  ScheduleId,
  SessionId,
  WorkflowName,
} from "./ids.ts";
import { JsonRecord, type JsonValue } from "./json-value.ts";
import { MAX_PATCH_ID, MAX_RATE, MAX_RATE_KEY, MAX_RATE_PER_MS, MIN_RATE_PER_MS } from "./limits.ts";
import { ChildFailureStatus, type ClosedStatus } from "./status.ts";
import { isPlainLine } from "./text.ts";
import { Length, Time } from "./times.ts";

/** Milliseconds since the epoch, UTC; or a length of time in milliseconds where the name ends in `_ms`. */
export type Millis = number;

/** HISTORY-6: an object with whatever else it has. */
const kept = <S extends z.core.$ZodShape>(shape: S) => z.looseObject(shape) as unknown as z.ZodObject<S>;

const json = z.unknown().transform((value) => (value ?? null) as JsonValue);

/** Why something failed, as JSON, so that the history can keep it. `cause` nests the original. */
export interface Failure {
  message: string;
  /** Name of the error class or a stable word such as `ActivityError`, `Timeout`, `Cancelled`. */
  type?: string;
  /** True when a retry cannot help. */
  non_retryable?: boolean;
  /** Wait at least this long before the next attempt, as the error itself asked. */
  retry_after_ms?: Millis;
  /** Name of the SDK's or the platform's class that the error is an instance of, where it is another one than `type`. */
  base?: string;
  /** Names of the other classes that the error is an instance of: its own and those between, the nearest first. */
  classes?: string[];
  stack?: string;
  details?: unknown;
  cause?: Failure;
  /** The members of an `AggregateError`. */
  errors?: Failure[];
}
export const Failure: z.ZodType<Failure> = kept({
  message: z.string(),
  type: z.string().optional(),
  non_retryable: z.boolean().optional(),
  retry_after_ms: Length.optional(),
  base: z.string().optional(),
  classes: z.array(z.string()).optional(),
  stack: z.string().optional(),
  details: z.unknown().optional(),
  get cause() {
    return Failure.optional();
  },
  get errors() {
    return z.array(Failure).optional();
  },
});

/** How an activity is retried: attempt n+1 begins `min(max_ms, first_ms * factor^(n-1))` after attempt n failed. */
export const RetryPolicy = kept({
  /** Attempts in all; 0 = no limit. */
  max_attempts: z.int().min(0),
  first_ms: Length,
  factor: z.number().min(1),
  max_ms: Length,
  /** Error type names that are never retried. */
  non_retryable: z.array(z.string()).default([]),
});
export type RetryPolicy = z.infer<typeof RetryPolicy>;

/** At most `max` attempts begin within `per_ms`, of all activities of the workspace that name the same key (RATE-1). */
export const RateLimit = kept({
  key: z
    .string()
    .min(1)
    .max(MAX_RATE_KEY)
    .refine(isPlainLine, "control characters and lone surrogates are not allowed"),
  max: z.int().min(1).max(MAX_RATE),
  per_ms: z.int().min(MIN_RATE_PER_MS).max(MAX_RATE_PER_MS),
});
export type RateLimit = z.infer<typeof RateLimit>;

/** All in milliseconds; absent = no such limit. */
export const ActivityOptions = kept({
  /** One attempt. */
  start_to_close_ms: Length.optional(),
  /** From scheduling to the end, over all attempts. */
  schedule_to_close_ms: Length.optional(),
  /** From scheduling until a worker begins the first attempt (only for activities that wait in a queue). */
  schedule_to_start_ms: Length.optional(),
  /** Longest silence between two heartbeats. */
  heartbeat_ms: Length.optional(),
  retry: RetryPolicy,
  rate_limit: RateLimit.optional(),
  /** The activity runs in this worker session and in no other; it fails when the session ends. */
  session: SessionId.optional(),
});
export type ActivityOptions = z.infer<typeof ActivityOptions>;

/** With an input: it is a list of arguments. */
export const Args = z.literal(true);

/** Where an attempt runs: in the task queue of the deployment, or inside one worker session. */
export type Where = "queue" | `local:${string}`;
export const Where = z.string().refine((where) => where === "queue" || SessionId.safeParse(localTo(where)).success, {
  error: 'a place of an attempt is "queue", or "local:" and the id of a session',
}) as unknown as z.ZodType<Where>;
const localTo = (where: string) => (where.startsWith("local:") ? where.slice("local:".length) : undefined);

export const OnParentClose = z.enum(["terminate", "cancel", "abandon"]);
export type OnParentClose = z.infer<typeof OnParentClose>;

export const ParentRef = kept({
  execution: ExecutionId,
  chain: ChainId,
  run: RunId,
  /** The parent's number for this child. */
  child: z.int(),
});
export type ParentRef = z.infer<typeof ParentRef>;

export const ScheduleRef = kept({ id: ScheduleId, nominal: Time });
export type ScheduleRef = z.infer<typeof ScheduleRef>;

/** Of a run that a reset began: its first events are copies of those of the run that was reset. */
export const ResetRef = kept({
  /** The run that was reset. */
  from: RunId,
  /** When. Event 1 keeps the time of the original. */
  at: Time,
  /**
   * The runs in which the copied events were recorded first, each up to event `through`. What follows from the id of a run
   * (randomness, ids of children) follows for these events from the id of that run.
   */
  origins: z.array(kept({ run: RunId, through: z.int().min(1) })),
});
export type ResetRef = z.infer<typeof ResetRef>;

/** The run in which event `id` of this run was recorded first. */
export function originOf(started: { readonly run: string; readonly reset?: ResetRef | undefined }, id: number): string {
  return started.reset?.origins.find(({ through }) => id <= through)?.run ?? started.run;
}

const base = {
  id: z.int().min(1),
  /** The server holds it to its own time. */
  at: z.int(),
  decided: z.int().min(1).optional(),
  /** With `decided`, where it is not the one recorded last: hash of the workflow definition that decided. */
  code: z.string().optional(),
  /** With `decided`: replay flags of the SDK that the run uses and that no earlier event carries. */
  flags: z.array(z.int().min(1)).optional(),
};
const activity = z.int().min(1);
const message = MessageId;
const searchKeys = z.record(z.string(), z.string());

/** The content of the task of a queued attempt. */
const QueuedTask = kept({
  name: ActivityName,
  input: json,
  args: Args.optional(),
  options: ActivityOptions,
  scheduled_at: Time,
});
export type QueuedTask = z.infer<typeof QueuedTask>;

/** Why an attempt ended without a result. `lost`: its worker session died. */
export const AttemptEnd = z.enum([
  "failed",
  "start_to_close",
  "schedule_to_close",
  "schedule_to_start",
  "heartbeat",
  "lost",
  "cancelled",
]);
export type AttemptEnd = z.infer<typeof AttemptEnd>;

const stimuli = {
  execution_started: kept({
    ...base,
    kind: z.literal("execution_started"),
    workflow: WorkflowName,
    input: json,
    deployment: DeploymentName,
    run: RunId,
    chain: ChainId,
    attempt: z.int().min(1),
    /** The whole chain must be closed by then; null = no limit. */
    deadline: Time.nullable(),
    parent: ParentRef.nullable(),
    root: ExecutionId,
    schedule: ScheduleRef.nullable(),
    first_run: RunId,
    continued_from: RunId.nullable(),
    /** Ids of messages that earlier runs of the chain took in and that may still be in the inbox. */
    carried: z.array(message),
    search_keys: searchKeys.optional(),
    reset: ResetRef.optional(),
  }),
  activity_completed: kept({
    ...base,
    kind: z.literal("activity_completed"),
    activity,
    name: ActivityName,
    result: json,
  }),
  activity_failed: kept({
    ...base,
    kind: z.literal("activity_failed"),
    activity,
    name: ActivityName,
    attempt: z.int().min(1),
    reason: AttemptEnd,
    failure: Failure,
  }),
  timer_fired: kept({ ...base, kind: z.literal("timer_fired"), timer: z.int() }),
  child_completed: kept({ ...base, kind: z.literal("child_completed"), child: z.int(), result: json }),
  child_failed: kept({
    ...base,
    kind: z.literal("child_failed"),
    child: z.int(),
    status: ChildFailureStatus,
    failure: Failure,
  }),
  signal_received: kept({
    ...base,
    kind: z.literal("signal_received"),
    message,
    name: HandlerName,
    input: json,
    /** Present: workflow code never sees the signal, and why: its input does not fit the schema. */
    ignored: z.string().optional(),
  }),
  update_accepted: kept({ ...base, kind: z.literal("update_accepted"), message, name: HandlerName, input: json }),
  cancel_requested: kept({ ...base, kind: z.literal("cancel_requested"), message, reason: z.string().nullable() }),
};

const decisions = {
  activity_scheduled: kept({
    ...base,
    kind: z.literal("activity_scheduled"),
    activity,
    name: ActivityName,
    input: json,
    /** Present: the input is the list of arguments of a function that takes any number of them. */
    args: Args.optional(),
    where: Where,
    options: ActivityOptions,
  }),
  activity_cancel_requested: kept({
    ...base,
    kind: z.literal("activity_cancel_requested"),
    activity,
    /** Present iff the worker that wrote this runs the attempt itself and has told it. Absent: the server must tell it. */
    where: Where.optional(),
  }),
  timer_started: kept({ ...base, kind: z.literal("timer_started"), timer: z.int(), fire_at: Time }),
  timer_cancelled: kept({ ...base, kind: z.literal("timer_cancelled"), timer: z.int() }),
  child_scheduled: kept({
    ...base,
    kind: z.literal("child_scheduled"),
    child: z.int(),
    workflow: WorkflowName,
    execution: ExecutionId,
    input: json,
    on_parent_close: OnParentClose,
    /** Limit on the whole chain of the child; absent = what its registration says. */
    timeout_ms: Length.optional(),
  }),
  child_cancel_requested: kept({
    ...base,
    kind: z.literal("child_cancel_requested"),
    child: z.int(),
    execution: ExecutionId,
  }),
  update_completed: kept({
    ...base,
    kind: z.literal("update_completed"),
    message,
    name: HandlerName,
    result: json,
  }),
  update_failed: kept({
    ...base,
    kind: z.literal("update_failed"),
    message,
    name: HandlerName,
    failure: Failure,
    /** HTTP status of the answer to the update's caller; absent = 424. */
    status: z.int().optional(),
  }),
  /** A custom task event of workflow code. */
  custom_task: kept({
    ...base,
    kind: z.literal("custom_task"),
    event: z.enum(["started", "in_progress", "completed", "failed", "timed_out", "canceled"]),
    task: z.string(),
    task_type: z.string(),
    /** Attributes as the public event carries them, without task id and type. */
    attributes: JsonRecord,
  }),
  /** Workflow code has asked whether it may take the new way of a changed place, and does (`patched` in the SDK). */
  patched: kept({ ...base, kind: z.literal("patched"), patch: z.string().min(1).max(MAX_PATCH_ID) }),
  search_keys_set: kept({
    ...base,
    kind: z.literal("search_keys_set"),
    set: searchKeys,
    remove: z.array(z.string()),
  }),
  execution_completed: kept({ ...base, kind: z.literal("execution_completed"), result: json }),
  execution_failed: kept({ ...base, kind: z.literal("execution_failed"), failure: Failure }),
  execution_cancelled: kept({ ...base, kind: z.literal("execution_cancelled"), reason: z.string().nullable() }),
  execution_continued: kept({
    ...base,
    kind: z.literal("execution_continued"),
    /** The server replaces the id that a worker proposes by one that it makes. */
    run: RunId,
    workflow: WorkflowName,
    input: json,
  }),
};

const notes = {
  /** An attempt ended and another follows at `retry_at`. */
  activity_attempt_failed: kept({
    ...base,
    kind: z.literal("activity_attempt_failed"),
    activity,
    name: ActivityName,
    attempt: z.int().min(1),
    reason: AttemptEnd,
    failure: Failure,
    retry_at: Time,
  }),
  /** A later attempt (2, 3 …) begins, or goes to the queue because the worker cannot run it. */
  activity_attempt_started: kept({
    ...base,
    kind: z.literal("activity_attempt_started"),
    activity,
    attempt: z.int().min(2),
    where: Where,
    /** Present iff `where` is the queue. */
    task: QueuedTask.optional(),
  }),
  update_rejected: kept({
    ...base,
    kind: z.literal("update_rejected"),
    message,
    name: HandlerName,
    failure: Failure,
    status: z.int().optional(),
  }),
  /** Workflow code threw something that is not a failure of the execution, or diverged. Once per distinct error. */
  workflow_task_failed: kept({
    ...base,
    kind: z.literal("workflow_task_failed"),
    failure: Failure,
    fingerprint: z.string(),
    /**
     * Hash of the workflow definition that workers do not run for this run for a while (`shared/core/quarantine.ts`): it
     * blocked the event loop of a worker, or ended workers.
     */
    quarantined: z.string().optional(),
  }),
  /** QUARANTINE-4: the code that was quarantined before a worker tried it has come to rest, and the worker lives. */
  quarantine_ended: kept({ ...base, kind: z.literal("quarantine_ended") }),
  /** In a run that a reset began, after the copied events. What follows it was recorded by this run. */
  execution_reset: kept({
    ...base,
    kind: z.literal("execution_reset"),
    from: RunId,
    reason: z.string().nullable(),
    /** Signals and updates that the run had taken in after the point and that this run is not given. */
    excluded: z.array(z.enum(["signals", "updates"])),
  }),
  /** An activity without an outcome at the point of a reset: its first attempt begins anew, in the queue. */
  activity_restarted: kept({ ...base, kind: z.literal("activity_restarted"), activity, task: QueuedTask }),
  execution_terminated: kept({
    ...base,
    kind: z.literal("execution_terminated"),
    reason: z.string().nullable(),
    /** Present iff a reset ended the run: the run with which the execution goes on. */
    next_run: RunId.optional(),
  }),
  execution_timed_out: kept({ ...base, kind: z.literal("execution_timed_out") }),
};

const table = { ...stimuli, ...decisions, ...notes };
export type Kind = keyof typeof table;
export type EventOf<K extends Kind> = z.infer<(typeof table)[K]>;
export type HistoryEvent = { [K in Kind]: EventOf<K> }[Kind];
export type Started = EventOf<"execution_started">;

const [firstKind, ...otherKinds] = Object.values(table);
export const HistoryEvent = z.discriminatedUnion("kind", [
  firstKind!,
  ...otherKinds,
]) as unknown as z.ZodType<HistoryEvent>;

type OmitEach<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
/** An event that is not in a batch yet: no id, time or `decided` (with `code` and `flags`). */
export type NewEvent = OmitEach<HistoryEvent, "id" | "at" | "decided" | "code" | "flags">;
export type StimulusKind = keyof typeof stimuli;
export type DecisionKind = keyof typeof decisions;
export type Stimulus = { [K in StimulusKind]: EventOf<K> }[StimulusKind];
export type Decision = OmitEach<
  { [K in DecisionKind]: EventOf<K> }[DecisionKind],
  "id" | "at" | "decided" | "code" | "flags"
>;

/** The schemas of the decisions by kind, for what has no place in a history yet. */
export const DECISIONS = decisions;

export const isStimulus = (event: { kind: Kind }): event is Stimulus => event.kind in stimuli;
export const isDecision = (event: { kind: Kind }): boolean => event.kind in decisions;

/** The status that a closing event gives the run. */
export const CLOSING = {
  execution_completed: "COMPLETED",
  execution_failed: "FAILED",
  execution_cancelled: "CANCELED",
  execution_terminated: "TERMINATED",
  execution_timed_out: "TIMED_OUT",
  execution_continued: "CONTINUED_AS_NEW",
} as const satisfies Partial<Record<Kind, ClosedStatus>>;
export type ClosingKind = keyof typeof CLOSING;
export const isClosing = (event: { kind: Kind }): event is EventOf<ClosingKind> => event.kind in CLOSING;

/** One write to the log of a run (HISTORY-2). */
export const Batch = z.object({
  /** Id of its first event. */
  first: z.int().min(2),
  events: z.array(HistoryEvent).min(1),
  /** The writer that finds its own `append_id` at the position has written the batch with an earlier call. */
  append_id: AppendId,
});
export type Batch = z.infer<typeof Batch>;
export const tailOf = (batches: readonly Batch[], before = 1): number => {
  const last = batches.at(-1);
  return last ? last.first + last.events.length - 1 : before;
};

/** The message of the innermost cause. */
export function rootMessage(failure: Failure): string {
  let f = failure;
  while (f.cause) f = f.cause;
  return f.message;
}
