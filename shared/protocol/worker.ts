/**
 * The worker data path: our own protocol between a worker and its server, all `POST` with JSON bodies under
 * `/v1/worker`. Unknown keys are refused. What each call means for the durable state: `shared/engine`.
 */
import * as z from "zod";
import { Head, OutboxEntry } from "./head.ts";
import { ActivityOptions, Batch, Failure } from "./history.ts";
import { ActivityOutcome, Message } from "./messages.ts";

const name = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, "1 to 128 of A-Z a-z 0-9 _ -");
const schema = z.record(z.string(), z.unknown());

export const HandlerDefinition = z.strictObject({
  name: z.string().min(1).max(128),
  description: z.string().nullable().optional(),
  input_schema: schema,
  output_schema: schema.nullable().optional(),
});
export type HandlerDefinition = z.infer<typeof HandlerDefinition>;

export const WorkflowDefinition = z.strictObject({
  name,
  display_name: z.string().min(1).max(128).nullable().optional(),
  description: z.string().nullable().optional(),
  input_schema: schema,
  output_schema: schema.nullable().optional(),
  signals: z.array(HandlerDefinition).default([]),
  queries: z.array(HandlerDefinition).default([]),
  updates: z.array(HandlerDefinition).default([]),
  enforce_determinism: z.boolean().default(true),
  is_technical: z.boolean().default(false),
  /** Limit on the whole chain of an execution, seconds; null = none. */
  execution_timeout: z.number().positive().nullable().default(3600),
  /** Dot paths into the input whose values become search keys. */
  search_keys: z.array(z.string()).default([]),
  /** Deprecated in-code schedules, as schedule definitions. */
  schedules: z.array(z.json()).default([]),
});
export type WorkflowDefinition = z.infer<typeof WorkflowDefinition>;

const worker = { deployment: name, worker: z.string().min(1).max(256), session: z.uuid() };

export const ActivityTask = z.object({
  kind: z.literal("activity"),
  execution: z.string(),
  workflow: z.string(),
  run: z.string(),
  chain: z.string(),
  activity: z.int(),
  name: z.string(),
  input: z.json(),
  scheduled_at: z.int(),
  options: ActivityOptions,
  /** Number of the attempt that its first delivery is. */
  first_attempt: z.int().min(1),
  /** How often workers that do not have the activity have passed it on. Absent: never. */
  passed: z.int().min(1).optional(),
});
export type ActivityTask = z.infer<typeof ActivityTask>;

/** One piece of work from a queue. */
export const Task = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("workflow"), execution: z.string() }),
  z.object({
    kind: z.literal("query"),
    execution: z.string(),
    query: z.string(),
    name: z.string(),
    input: z.json(),
    expires_at: z.int(),
  }),
  ActivityTask,
]);
export type Task = z.infer<typeof Task>;
/** A task handed out: `receipt` is the lease, `attempt` counts the deliveries of this task from 1. */
export const Delivery = z.object({ receipt: z.string(), attempt: z.int(), task: Task });
export type Delivery = z.infer<typeof Delivery>;

const position = { execution: z.string(), run: z.string(), chain: z.string(), fence: z.int() };

export const AppendItem = z.strictObject({
  ...position,
  batch: Batch,
  /** Ids of messages that the batch (or an earlier one) took in. */
  taken: z.array(z.string()),
  /** False: the answer need not tell of new messages; a read that most of many quick steps can do without. Default true. */
  look: z.boolean().optional(),
});
export type AppendItem = z.infer<typeof AppendItem>;
export const AppendResult = z.discriminatedUnion("kind", [
  /** Written. `messages` came since; empty when not asked for, or the turn is lost (they belong to the next holder). */
  z.object({ kind: z.literal("appended"), messages: z.array(Message), fenced: z.boolean() }),
  /** Somebody else holds the position: read the log again. */
  z.object({ kind: z.literal("conflict") }),
  z.object({ kind: z.literal("refused"), status: z.int(), code: z.string(), detail: z.string() }),
]);
export type AppendResult = z.infer<typeof AppendResult>;

export const ParkItem = z.strictObject({
  execution: z.string(),
  run: z.string(),
  fence: z.int(),
  due_at: z.int().nullable(),
  effects_done_through: z.int(),
});
export type ParkItem = z.infer<typeof ParkItem>;

export const ActivityRef = z.strictObject({
  execution: z.string(),
  run: z.string(),
  chain: z.string(),
  activity: z.int(),
  attempt: z.int(),
});
export type ActivityRef = z.infer<typeof ActivityRef>;

/** A custom task event that an activity publishes: progress, not history. */
export const Progress = z.strictObject({
  event: z.enum(["started", "in_progress", "completed", "failed", "timed_out", "canceled"]),
  task: z.string(),
  task_type: z.string(),
  attributes: z.record(z.string(), z.json()),
  at: z.int(),
});
export type Progress = z.infer<typeof Progress>;

const ok = z.object({});
const op = <B extends z.ZodType, R extends z.ZodType>(path: string, body: B, response: R) => ({
  path: `/v1/worker/${path}`,
  body,
  response,
});

export const WORKER_ROUTES = {
  register: op(
    "register",
    z.strictObject({
      ...worker,
      definitions: z.array(WorkflowDefinition).min(1).max(1000),
      /** Names of activities this worker can run. */
      activities: z.array(z.string()),
      sdk: z.string(),
    }),
    z.object({
      workspace: z.string(),
      has_conflicts: z.boolean(),
      warnings: z.array(z.string()),
      workflow_registration_refs: z.array(z.object({ workflow_id: z.string(), workflow_registration_id: z.string() })),
      /** Beat this often, ms. */
      heartbeat_ms: z.int(),
      /** A session silent for this long is dead and its local activities are orphans, ms. */
      session_timeout_ms: z.int(),
      /** A task not extended for this long is handed to somebody else, ms. */
      lease_ms: z.int(),
      now: z.int(),
      /** How tasks are received: by long poll of this server, or from these queues. */
      tasks: z.discriminatedUnion("via", [
        z.object({ via: z.literal("poll") }),
        z.object({
          via: z.literal("sqs"),
          region: z.string(),
          endpoint: z.string().nullable(),
          workflow_queue: z.string(),
          activity_queue: z.string(),
          credentials: z.object({
            access_key_id: z.string(),
            secret_access_key: z.string(),
            session_token: z.string(),
            expires_at: z.int(),
          }),
        }),
      ]),
    }),
  ),
  heartbeat: op("heartbeat", z.strictObject(worker), z.object({ all_active: z.boolean(), now: z.int() })),
  stop: op("stop", z.strictObject(worker), ok),
  /** Which of these sessions are dead, and when the living would be if they fell silent now. */
  sessions: op(
    "sessions",
    z.strictObject({ deployment: name, ids: z.array(z.string()).max(1000) }),
    z.object({ dead: z.array(z.string()), dies_at: z.record(z.string(), z.int()) }),
  ),
  poll: op(
    "poll",
    z.strictObject({
      ...worker,
      queue: z.enum(["workflow", "activity"]),
      max: z.int().min(1).max(100),
      wait_ms: z.int().min(0).max(60_000),
    }),
    z.object({ deliveries: z.array(Delivery) }),
  ),
  /** Keeps leases for `lease_ms` more (0 = hand back now); answers those that are lost. */
  extend: op(
    "extend",
    z.strictObject({ receipts: z.array(z.string()).max(1000), lease_ms: z.int().min(0) }),
    z.object({ lost: z.array(z.string()) }),
  ),
  /** A task that was too large for its message: `name` stood there instead. Only where tasks come from queues of AWS. */
  task: op("task", z.strictObject({ name: z.string().max(100) }), z.object({ task: Task })),
  finish: op("finish", z.strictObject({ receipts: z.array(z.string()).max(1000) }), ok),
  claim: op(
    "claim",
    z.strictObject({
      execution: z.string(),
      session: z.string(),
      /** What the caller already has: the events of this run up to here. */
      have: z.strictObject({ run: z.string(), tail: z.int() }).optional(),
    }),
    z.discriminatedUnion("kind", [
      z.object({
        kind: z.literal("claimed"),
        head: Head,
        batches: z.array(Batch),
        messages: z.array(Message),
        /** Messages were found but the turn was lost meanwhile: they belong to the next holder. */
        fenced: z.boolean(),
        now: z.int(),
      }),
      z.object({ kind: z.literal("closed") }),
    ]),
  ),
  append: op(
    "append",
    z.strictObject({ items: z.array(AppendItem).min(1).max(100) }),
    z.object({ results: z.array(AppendResult), now: z.int() }),
  ),
  park: op(
    "park",
    z.strictObject({ items: z.array(ParkItem).min(1).max(100) }),
    z.object({ parked: z.array(z.boolean()) }),
  ),
  close: op(
    "close",
    z.strictObject({
      ...position,
      batch: Batch,
      taken: z.array(z.string()),
      /** Not read: the closing event has it. Sent twice, a large one would not fit into a call on AWS. */
      result: z.json().optional(),
      failure: z.string().nullable(),
      outbox: z.array(OutboxEntry),
      /** Ids the next run must know as taken in (only with a closing event `execution_continued`). */
      carried: z.array(z.string()),
    }),
    z.discriminatedUnion("kind", [
      z.object({ kind: z.literal("closed") }),
      z.object({ kind: z.literal("conflict") }),
      z.object({ kind: z.literal("fenced") }),
      z.object({ kind: z.literal("refused"), status: z.int(), code: z.string(), detail: z.string() }),
    ]),
  ),
  /** Deletes messages that the history knows or that mean nothing any more. */
  discard: op(
    "discard",
    z.strictObject({
      execution: z.string(),
      run: z.string(),
      chain: z.string(),
      ids: z.array(z.string()).min(1).max(1000),
    }),
    ok,
  ),
  /** Reads without claiming: for queries and for those who lost a position. */
  read: op(
    "read",
    z.strictObject({ execution: z.string(), have: z.strictObject({ run: z.string(), tail: z.int() }).optional() }),
    z.object({ head: Head, batches: z.array(Batch), now: z.int() }),
  ),
  begin: op(
    "activities/begin",
    z.strictObject({
      ...ActivityRef.shape,
      /** Present iff the attempt came from the queue: what its task says. The first such call shows the activity as started. */
      queued: z.strictObject({ name: z.string(), input: z.json(), first_attempt: z.int().min(1) }).optional(),
    }),
    z.object({
      wanted: z.boolean(),
      heartbeat_details: z.json(),
      cancel_requested: z.boolean(),
      superseded: z.literal(true).optional(),
    }),
  ),
  beat: op(
    "activities/heartbeat",
    /** Without `details` it only asks whether the attempt is still wanted. */
    z.strictObject({ ...ActivityRef.shape, details: z.json().optional() }),
    /** `superseded`: not wanted because a later attempt has begun; these details were not kept. */
    z.object({ wanted: z.boolean(), cancel_requested: z.boolean(), superseded: z.literal(true).optional() }),
  ),
  /** Which of these queued activities has some worker begun? */
  begun: op(
    "activities/begun",
    z.strictObject({ execution: z.string(), run: z.string(), activities: z.array(z.int()).max(1000) }),
    z.object({ begun: z.array(z.int()) }),
  ),
  /** `superseded`: it was a failure, and a later attempt has begun, which counts instead. */
  outcome: op(
    "activities/outcome",
    z.strictObject({ ...ActivityRef.shape, outcome: ActivityOutcome }),
    z.object({ superseded: z.literal(true).optional() }),
  ),
  /** An attempt of a queued activity failed and the same task is going to be delivered again. */
  retrying: op(
    "activities/retrying",
    z.strictObject({ ...ActivityRef.shape, name: z.string(), failure: Failure, retry_at: z.int() }),
    z.object({ superseded: z.literal(true).optional() }),
  ),
  /**
   * The caller does not have the activity: its task is sent again, for another worker, before the caller finishes its
   * own. That is no attempt: `attempt` is the one that has not begun. `at`: when it is seen again; null: nobody waits
   * for it any more, or it was cancelled, and ends with that; or (`superseded`) a later attempt has begun.
   */
  pass: op(
    "activities/pass",
    z.strictObject({ task: ActivityTask, attempt: z.int().min(1) }),
    z.object({ at: z.int().nullable(), superseded: z.literal(true).optional() }),
  ),
  publish: op(
    "publish",
    z.strictObject({
      execution: z.string(),
      run: z.string(),
      activity: z.int(),
      activity_name: z.string(),
      /** Makes a repeated call harmless. */
      publish_id: z.string(),
      events: z.array(Progress).min(1).max(1000),
    }),
    ok,
  ),
  answer: op(
    "answer",
    z.strictObject({
      query: z.string(),
      answer: z.discriminatedUnion("kind", [
        z.object({ kind: z.literal("result"), result: z.json() }),
        z.object({ kind: z.literal("failure"), status: z.int(), failure: Failure }),
      ]),
    }),
    ok,
  ),
} as const;

export type WorkerOperation = keyof typeof WORKER_ROUTES;
export type WorkerBody<K extends WorkerOperation> = z.output<(typeof WORKER_ROUTES)[K]["body"]>;
export type WorkerAnswer<K extends WorkerOperation> = z.output<(typeof WORKER_ROUTES)[K]["response"]>;
export type QueryAnswer = WorkerBody<"answer">["answer"];
