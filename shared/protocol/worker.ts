/**
 * The worker data path: the protocol between a worker and its server, all `POST` with JSON bodies under `/v1/worker`.
 * The server refuses ids that are none (ID-1). It ignores keys that it does not know, so that a worker may be newer than its server,
 * and keeps those of events (HISTORY-6). `shared/engine` says what each call does to the durable state.
 */
import * as z from "zod";
import { Head, OutboxEntry } from "./head.ts";
import { ActivityOptions, Args, Batch, Failure } from "./history.ts";
import {
  ActivityName,
  ChainId,
  DeploymentName,
  ExecutionId,
  HandlerName,
  MessageId,
  PublishId,
  QueryId,
  RunId,
  SessionId,
  TaskName,
  VersionName,
  WorkerName,
  WorkflowName,
} from "./ids.ts";
import { JsonRecord, JsonValue } from "./json-value.ts";
import {
  DEFAULT_EXECUTION_TIMEOUT_SECONDS,
  MAX_DEFINITIONS,
  MAX_DISPLAY_NAME,
  MAX_DURATION_MS,
  MAX_LEASE_MS,
  MAX_LOG_DROPPED,
  MAX_LOG_GROUPS,
  MAX_PERMIT_SLACK_MS,
  MAX_POLL_TASKS,
  MAX_POLL_WAIT_MS,
  MAX_REFUSED_AT_ONCE,
  MAX_STEP_ITEMS,
  MAX_WORKER_LIST,
} from "./limits.ts";
import { SentRecords } from "./log-records.ts";
import { ActivityOutcome, InboxMessage } from "./messages.ts";
import { MessageResult, OutgoingMessage } from "./outgoing-message.ts";
import { line, lines } from "./text.ts";
import { Time } from "./times.ts";
import { WorkerLoad } from "./worker-load.ts";
import { WORKER_PATH } from "./worker-path.ts";
import { Protocols } from "./worker-protocol.ts";

const schema = JsonRecord as z.ZodType<Record<string, unknown>>;

export const HandlerDefinition = z.object({
  name: HandlerName,
  description: lines().nullable().optional(),
  input_schema: schema,
  output_schema: schema.nullable().optional(),
});
export type HandlerDefinition = z.infer<typeof HandlerDefinition>;

export const WorkflowDefinition = z.object({
  name: WorkflowName,
  display_name: line().min(1).max(MAX_DISPLAY_NAME).nullable().optional(),
  description: lines().nullable().optional(),
  input_schema: schema,
  output_schema: schema.nullable().optional(),
  signals: z.array(HandlerDefinition).default([]),
  queries: z.array(HandlerDefinition).default([]),
  updates: z.array(HandlerDefinition).default([]),
  enforce_determinism: z.boolean().default(true),
  is_technical: z.boolean().default(false),
  /** Limit on the whole chain of an execution, seconds; null = none. */
  execution_timeout: z
    .number()
    .positive()
    .max(MAX_DURATION_MS / 1000)
    .nullable()
    .default(DEFAULT_EXECUTION_TIMEOUT_SECONDS),
  /** Dot paths into the input whose values become search keys. */
  search_keys: z.array(z.string()).default([]),
  /** Executions stay with the version of the code on which they began (PINNED-1). Absent: any worker of the deployment goes on. */
  versioning: z.literal("pinned").optional(),
  /** Deprecated in-code schedules, as schedule definitions. */
  schedules: z.array(JsonValue).default([]),
});
export type WorkflowDefinition = z.infer<typeof WorkflowDefinition>;

const worker = { deployment: DeploymentName, worker: WorkerName, session: SessionId };

export const ActivityTask = z.object({
  kind: z.literal("activity"),
  execution: ExecutionId,
  workflow: WorkflowName,
  run: RunId,
  chain: ChainId,
  activity: z.int().min(1),
  name: ActivityName,
  input: JsonValue,
  args: Args.optional(),
  scheduled_at: Time,
  options: ActivityOptions,
  /** Number of the attempt that the first delivery of the task begins. */
  first_attempt: z.int().min(1),
  /** How often workers without the activity have passed the task on. Absent: never. */
  passed: z.int().min(1).optional(),
  /** When the server last sent the task anew because it had grown old. Absent: never. */
  renewed_at: Time.optional(),
  /** How often the task was sent anew because it waits for its rate limit. Absent: never. */
  asked: z.int().min(1).optional(),
  /** When the attempt `first_attempt` may begin: its permit, for the first delivery of this task. */
  permit: z.object({ at: Time, until: Time }).optional(),
});
export type ActivityTask = z.infer<typeof ActivityTask>;

/** One piece of work from a queue. */
export const Task = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("workflow"), execution: ExecutionId }),
  z.object({
    kind: z.literal("query"),
    execution: ExecutionId,
    query: QueryId,
    name: HandlerName,
    input: JsonValue,
    expires_at: z.int(),
  }),
  ActivityTask,
]);
export type Task = z.infer<typeof Task>;
const position = { execution: ExecutionId, run: RunId, chain: ChainId, fence: z.int() };

/** Facts of the log's end, which the server gives to the owner and takes back with the next batch. Absent: it reads them. */
const LogEnd = z
  .string()
  .max(200)
  .regex(/^[0-9 -]+$/);

const Claimed = z.object({
  kind: z.literal("claimed"),
  head: Head,
  batches: z.array(Batch),
  messages: z.array(InboxMessage),
  /** True: there are messages, but a newer fence exists meanwhile; the next owner takes them in. */
  fenced: z.boolean(),
  now: z.int(),
  upto: LogEnd.optional(),
});
export type Claimed = z.infer<typeof Claimed>;

/** A task as a worker receives it: `receipt` names the lease, `attempt` counts the deliveries of this task from 1. */
export const Delivery = z.object({
  receipt: z.string(),
  attempt: z.int(),
  task: Task,
  /** The server has claimed the execution of this task for the caller (CLAIM-1, CLAIM-3). */
  claimed: Claimed.optional(),
  /** `claimed` has only the batches after this event: the caller needs a view of the run up to there (CLAIM-4). Absent: it has all. */
  claimed_after: z.int().optional(),
});
export type Delivery = z.infer<typeof Delivery>;

/** A line of the answer to a poll in parts. */
export const PollPart = z.object({
  deliveries: z.array(Delivery),
  /** No line follows. */
  end: z.literal(true).optional(),
});
export type PollPart = z.infer<typeof PollPart>;

export const AppendItem = z.object({
  ...position,
  upto: LogEnd.optional(),
  batch: Batch,
  /** Ids of messages that this batch or an earlier one took in: the server deletes them. */
  taken: z.array(MessageId),
  /** False: the answer brings no new messages, which saves a read. Most of many quick steps need none. Default true. */
  look: z.boolean().optional(),
});
export type AppendItem = z.infer<typeof AppendItem>;
export const AppendResult = z.discriminatedUnion("kind", [
  /**
   * Written. `messages` came since; empty where not asked for, and where the caller's fence is no longer the present one
   * (`fenced`): the next owner takes them in.
   */
  z.object({
    kind: z.literal("appended"),
    messages: z.array(InboxMessage),
    fenced: z.boolean(),
    upto: LogEnd.optional(),
  }),
  /** Another writer has the position: read the log again. */
  z.object({ kind: z.literal("conflict") }),
  /** Nothing was written: the server may have lost the claim of this fence by a crash (CLAIM-6). Claim again. Only to a worker that polls with `claim_again`. */
  z.object({ kind: z.literal("fenced") }),
  z.object({ kind: z.literal("refused"), status: z.int(), code: z.string(), detail: z.string() }),
]);
export type AppendResult = z.infer<typeof AppendResult>;

export const CloseItem = z.object({
  ...position,
  upto: LogEnd.optional(),
  batch: Batch,
  taken: z.array(MessageId),
  /** Not read: the closing event has it, and a large result sent twice would not fit into a call on AWS. */
  result: JsonValue.optional(),
  failure: z.string().nullable(),
  outbox: z.array(OutboxEntry),
  /** Ids of messages that the next run must know as taken in. Only with `execution_continued`. */
  carried: z.array(MessageId),
  /** Receipts of the caller's tasks, which the server finishes if the run closes. */
  finish: z.array(z.string()).max(MAX_WORKER_LIST).optional(),
});
export type CloseItem = z.infer<typeof CloseItem>;
export const CloseResult = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("closed") }),
  z.object({ kind: z.literal("conflict") }),
  z.object({ kind: z.literal("fenced") }),
  z.object({ kind: z.literal("refused"), status: z.int(), code: z.string(), detail: z.string() }),
]);
export type CloseResult = z.infer<typeof CloseResult>;

export const ParkItem = z.object({
  execution: ExecutionId,
  run: RunId,
  fence: z.int(),
  due_at: Time.nullable(),
  effects_done_through: z.int(),
});
export type ParkItem = z.infer<typeof ParkItem>;

export const ActivityRef = z.object({
  execution: ExecutionId,
  run: RunId,
  chain: ChainId,
  activity: z.int().min(1),
  attempt: z.int().min(1),
});
export type ActivityRef = z.infer<typeof ActivityRef>;

export const PermitResult = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("granted"), at: z.int(), until: z.int() }),
  z.object({ kind: z.literal("later"), at: z.int() }),
  z.object({ kind: z.literal("over"), superseded: z.literal(true).optional() }),
]);
export type PermitResult = z.infer<typeof PermitResult>;

/** A custom task event that an activity publishes: progress, not history. */
export const Progress = z.object({
  event: z.enum(["started", "in_progress", "completed", "failed", "timed_out", "canceled"]),
  task: z.string(),
  task_type: z.string(),
  attributes: JsonRecord,
  at: Time,
});
export type Progress = z.infer<typeof Progress>;

const ok = z.object({});
const op = <B extends z.ZodType, R extends z.ZodType>(path: string, body: B, response: R) => ({
  path: `${WORKER_PATH}${path}`,
  body,
  response,
});

export const WORKER_ROUTES = {
  register: op(
    "register",
    z.object({
      ...worker,
      /** May be empty: a worker of activities alone. */
      definitions: z.array(WorkflowDefinition).max(MAX_DEFINITIONS),
      /** Names of activities this worker can run. */
      activities: z.array(ActivityName),
      /** The deployment is this version of another deployment, and is called `NAME-VERSION` (PINNED-2). */
      version: z
        .object({
          of: DeploymentName,
          name: VersionName,
          /** False: an operator promotes it. */ promote: z.boolean().default(true),
        })
        .optional(),
      sdk: z.string(),
      /** VERSION-1. */
      protocols: Protocols.optional(),
      /** Id of the worker's process: workers on one host have the same name. */
      pid: z.int().min(0).optional(),
    }),
    z.object({
      workspace: z.string(),
      has_conflicts: z.boolean(),
      warnings: z.array(z.string()),
      workflow_registration_refs: z.array(z.object({ workflow_id: z.string(), workflow_registration_id: z.string() })),
      /** Send a heartbeat this often, ms. */
      heartbeat_ms: z.int(),
      /** A session without a heartbeat for this long, ms, is dead, and its local activities are orphans. */
      session_timeout_ms: z.int(),
      /** A task whose lease nobody extends for this long, ms, is delivered again. */
      lease_ms: z.int(),
      now: z.int(),
      /** The newest protocol that both speak (VERSION-2). Absent: the server is of before there were numbers. */
      protocol: z.int().optional(),
      /** A call of `append` may carry closes (JOIN-1). Absent: it may not. */
      joins_closes: z.literal(true).optional(),
      /** How the worker receives tasks: by long poll of this server, or from these queues. */
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
  heartbeat: op(
    "heartbeat",
    z.object({ ...worker, load: WorkerLoad.optional(), protocols: Protocols.optional() }),
    z.object({
      all_active: z.boolean(),
      now: z.int(),
      /** Workflows that are held in the caller's deployment; `all`: every one. Absent: none (HOLD-7). */
      held: z.union([z.literal("all"), z.array(z.string())]).optional(),
    }),
  ),
  stop: op("stop", z.object(worker), ok),
  /** Which of these sessions are dead, and when each of the others would be dead without a further heartbeat. */
  sessions: op(
    "sessions",
    z.object({ deployment: DeploymentName, ids: z.array(SessionId).max(MAX_WORKER_LIST) }),
    z.object({ dead: z.array(z.string()), dies_at: z.record(z.string(), z.int()) }),
  ),
  poll: op(
    "poll",
    z.object({
      ...worker,
      queue: z.enum(["workflow", "activity"]),
      /** 0: the session's polls of this queue that wait end now, without a task (POLL-1). */
      max: z.int().min(0).max(MAX_POLL_TASKS),
      wait_ms: z.int().min(0).max(MAX_POLL_WAIT_MS),
      /** The server may claim executions for the caller that nobody has claimed yet (CLAIM-1). */
      claim: z.literal(true).optional(),
      /** Likewise those whose owner the caller is (CLAIM-3). Only with `claim`. Older servers claim none of them. */
      claim_again: z.literal(true).optional(),
      /** The server may answer in parts (PARTS-1): `application/x-ndjson`, each line a `PollPart`. Older servers do not. */
      parts: z.literal(true).optional(),
    }),
    z.object({ deliveries: z.array(Delivery) }),
  ),
  /** Extends leases by `lease_ms` from now (0 = give the tasks back now); answers the receipts whose lease is lost. */
  extend: op(
    "extend",
    z.object({ receipts: z.array(z.string()).max(MAX_WORKER_LIST), lease_ms: z.int().min(0).max(MAX_LEASE_MS) }),
    z.object({ lost: z.array(z.string()) }),
  ),
  /** A task too large for its message, by the `name` in that message. Only where tasks come from queues of AWS. */
  task: op("task", z.object({ name: TaskName }), z.object({ task: Task })),
  finish: op("finish", z.object({ receipts: z.array(z.string()).max(MAX_WORKER_LIST) }), ok),
  claim: op(
    "claim",
    z.object({
      execution: ExecutionId,
      session: SessionId,
      /** The caller's: a run of another deployment is answered as closed. */
      deployment: DeploymentName.optional(),
      /** The caller already has the events of this run up to `tail`. */
      have: z.object({ run: RunId, tail: z.int() }).optional(),
      /** Attempts of the execution run in the caller, or it has their outcomes: a hold does not refuse the claim (HOLD-3). */
      running: z.literal(true).optional(),
    }),
    z.discriminatedUnion("kind", [
      Claimed,
      z.object({ kind: z.literal("closed") }),
      /**
       * The run may not begin yet (PACE-3), or an operator holds it (HOLD-2). A task comes when it may go on: the caller
       * finishes those that it has.
       */
      z.object({ kind: z.literal("later") }),
    ]),
  ),
  append: op(
    "append",
    z.object({
      /** May be empty beside `closes`. */
      items: z.array(AppendItem).max(MAX_STEP_ITEMS),
      /** Closes of other runs, each as in a call of `close` (JOIN-1). */
      closes: z.array(CloseItem).max(MAX_STEP_ITEMS).optional(),
    }),
    z.object({
      results: z.array(AppendResult),
      /** Of `closes`, in their order. Absent: there were none, or the server is an older one and has closed none (JOIN-2). */
      closed: z.array(CloseResult).optional(),
      now: z.int(),
    }),
  ),
  park: op(
    "park",
    z.object({ items: z.array(ParkItem).min(1).max(MAX_STEP_ITEMS) }),
    z.object({ parked: z.array(z.boolean()) }),
  ),
  close: op("close", CloseItem, CloseResult),
  /**
   * Deletes messages that the history has already or that mean nothing any more, such as outcomes for an earlier run.
   * `refused`: those of them that are updates which the code refuses and the history does not record (DECIDE-9). Their
   * callers are told, and they are deleted, if the fence is still the caller's.
   */
  discard: op(
    "discard",
    z.object({
      execution: ExecutionId,
      run: RunId,
      chain: ChainId,
      ids: z.array(MessageId).min(1).max(MAX_WORKER_LIST),
      fence: z.int().optional(),
      refused: z
        .array(z.object({ id: MessageId, status: z.int(), failure: Failure }))
        .max(MAX_REFUSED_AT_ONCE)
        .optional(),
    }),
    /** `fenced`: the fence is not the caller's any more, and nothing was deleted. Only with `refused`. */
    z.object({ fenced: z.literal(true).optional() }),
  ),
  /** Reads without claiming: for queries, and after a conflict. */
  read: op(
    "read",
    z.object({ execution: ExecutionId, have: z.object({ run: RunId, tail: z.int() }).optional() }),
    z.object({ head: Head, batches: z.array(Batch), now: z.int() }),
  ),
  begin: op(
    "activities/begin",
    z.object({
      ...ActivityRef.shape,
      /** The caller's. */
      session: SessionId.optional(),
      /** Present iff the attempt came from the queue: fields of its task. The first such call shows the activity as started. */
      queued: z
        .object({ name: ActivityName, input: JsonValue, args: Args.optional(), first_attempt: z.int().min(1) })
        .optional(),
      /** The caller passes the task on when it is answered `held`. Earlier workers would finish it. */
      may_be_held: z.literal(true).optional(),
    }),
    z.object({
      wanted: z.boolean(),
      /** An operator holds the execution: the caller passes the task on, as held (HOLD-4). `wanted` is false. */
      held: z.literal(true).optional(),
      heartbeat_details: JsonValue,
      cancel_requested: z.boolean(),
      superseded: z.literal(true).optional(),
      /** What the id of the trace follows from, of an attempt that is wanted. */
      tracing: z.object({ root_chain: z.string(), trace: z.string().optional() }).optional(),
    }),
  ),
  beat: op(
    "activities/heartbeat",
    /** Without `details` the call only asks whether the attempt is still wanted. */
    z.object({ ...ActivityRef.shape, details: JsonValue.optional() }),
    /** `superseded`: a later attempt has begun, so this one is not wanted and its details are not kept. */
    z.object({ wanted: z.boolean(), cancel_requested: z.boolean(), superseded: z.literal(true).optional() }),
  ),
  /** Which of these queued activities a worker has begun. */
  begun: op(
    "activities/begun",
    z.object({ execution: ExecutionId, run: RunId, activities: z.array(z.int()).max(MAX_WORKER_LIST) }),
    z.object({ begun: z.array(z.int()) }),
  ),
  /** `superseded`: the outcome was a failure, and a later attempt has begun, which counts instead. */
  outcome: op(
    "activities/outcome",
    z.object({ ...ActivityRef.shape, outcome: ActivityOutcome }),
    z.object({ superseded: z.literal(true).optional() }),
  ),
  /** An attempt of a queued activity failed, and the queue will deliver the same task again. */
  retrying: op(
    "activities/retrying",
    z.object({ ...ActivityRef.shape, name: ActivityName, failure: Failure, retry_at: Time }),
    z.object({ superseded: z.literal(true).optional() }),
  ),
  /**
   * The caller (`session`) does not have the activity, or the activity belongs to another session: the server sends the task again, for another worker, before the caller
   * finishes its own. That is no attempt: `attempt` is the one that has not begun. `at`: when the task becomes visible
   * again. Null: the run has closed, or the activity was cancelled or its session is dead and it ends with
   * that, or (`superseded`) a later attempt has begun.
   */
  pass: op(
    "activities/pass",
    z.object({
      task: ActivityTask,
      attempt: z.int().min(1),
      session: SessionId.optional(),
      /** `begin` has answered so. */
      held: z.literal(true).optional(),
    }),
    z.object({ at: z.int().nullable(), superseded: z.literal(true).optional() }),
  ),
  /**
   * The task is older than `MAX_TASK_AGE_MS`: the server sends it anew, and the caller finishes its own. Its first delivery
   * is attempt `attempt`, which has not begun. `wanted` is false if the run has closed, or (`superseded`) a later attempt
   * has begun: the server sends nothing then.
   */
  renew: op(
    "activities/renew",
    z.object({ task: ActivityTask, attempt: z.int().min(1) }),
    z.object({ wanted: z.boolean(), superseded: z.literal(true).optional() }),
  ),
  /**
   * Asks for permits of rate limits, for attempts whose function was not called. `granted`: the attempt may begin from `at` until
   * `until`, and the caller holds no slot meanwhile. `slack_ms`: the caller needs so long from `at` on. `later`: the server has sent the task again, which becomes visible in time
   * (with its permit, or to ask again), and the caller finishes its own. `over`: the run has closed, or the activity was
   * cancelled and ends with that, or (`superseded`) a later attempt has begun.
   */
  permit: op(
    "activities/permit",
    z.object({
      items: z
        .array(
          z.object({
            task: ActivityTask,
            attempt: z.int().min(1),
            slack_ms: z.int().min(0).max(MAX_PERMIT_SLACK_MS).optional(),
          }),
        )
        .min(1)
        .max(MAX_STEP_ITEMS),
    }),
    z.object({ results: z.array(PermitResult), now: z.int() }),
  ),
  publish: op(
    "publish",
    z.object({
      execution: ExecutionId,
      run: RunId,
      activity: z.int().min(1),
      activity_name: ActivityName,
      publish_id: PublishId,
      events: z.array(Progress).min(1).max(MAX_WORKER_LIST),
    }),
    ok,
  ),
  /** What the executions have logged: a group for each run. `full`: the runs of which the server keeps nothing more. */
  logs: op(
    "logs",
    z.object({
      worker: WorkerName,
      items: z
        .array(
          z.object({
            execution: ExecutionId,
            run: RunId,
            /** A repeated call with the same id adds nothing. */
            id: PublishId,
            records: SentRecords,
            /** Records that the worker had to drop after these. */
            dropped: z.int().min(0).max(MAX_LOG_DROPPED),
          }),
        )
        .min(1)
        .max(MAX_LOG_GROUPS),
    }),
    z.object({ full: z.array(z.string()) }),
  ),
  /** A message of a running execution to another one (SENDING-1 to SENDING-4). */
  message: op(
    "message",
    z.object({
      execution: ExecutionId,
      run: RunId,
      activity: z.int().min(1),
      to: ExecutionId,
      /** Number of a child of the sender's run: the message is for this child alone (SENDING-4). */
      child: z.int().min(1).optional(),
      message: OutgoingMessage,
    }),
    MessageResult,
  ),
  answer: op(
    "answer",
    z.object({
      query: QueryId,
      answer: z.discriminatedUnion("kind", [
        z.object({ kind: z.literal("result"), result: JsonValue }),
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
