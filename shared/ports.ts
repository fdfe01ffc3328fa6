/**
 * The ports: everything Sirocco needs from the world, in verbs of the domain. Two adapters stand behind them, `embedded`
 * (SQLite) and `aws`; one contract suite proves them equal (`test/contract`).
 *
 * PORT-1. Every write is one conditional write to one item (`close` alone is a transaction) and says in its answer whether
 *     the condition held. PORT-2. Reads by key are strongly consistent; `due`, `runs` and `feed` may lag. PORT-3. Nothing is
 *     read or written without its workspace. PORT-4. Tasks are hints: they may be lost, doubled, delayed or reordered.
 */
import type { PublicEvent } from "./core/present.ts";
import type { Clock } from "./lib/clock.ts";
import type { Head, OutboxEntry } from "./protocol/head.ts";
import type { Batch, Millis } from "./protocol/history.ts";
import type { Message } from "./protocol/messages.ts";
import type { ExecutionStatus } from "./protocol/status.ts";
import type { Delivery, QueryAnswer, Task, WorkflowDefinition } from "./protocol/worker.ts";
import type { LogEntry, ScheduleState } from "./schedule/rules/index.ts";

export type { Clock } from "./lib/clock.ts";

export interface Ref {
  readonly workspace: string;
  readonly execution: string;
}

/** The durable state of executions: heads, logs, inboxes. Used by `shared/engine` alone. */
export interface Executions {
  head(ref: Ref): Promise<Head | null>;
  /**
   * Puts `head` (its `turn` = old + 1) if there is none, or, with `overFinal`, over a final one with nothing due and of
   * another token: a repeated request that comes late must not start what it started before.
   */
  create(head: Head, overFinal: boolean): Promise<{ kind: "created" } | { kind: "exists"; head: Head }>;
  /** Idempotent by message id. */
  putMessage(ref: Ref, chain: string, message: Message): Promise<void>;
  removeMessages(ref: Ref, chain: string, ids: readonly string[]): Promise<void>;
  /** In the order in which they are to be taken in. */
  inbox(ref: Ref, chain: string): Promise<Message[]>;
  /** `due_at`, `rung`, `turn + 1` if running, of this chain and not rung. */
  requestWake(
    ref: Ref,
    chain: string,
    dueAt: Millis,
  ): Promise<{ kind: "requested" } | { kind: "refused"; head: Head | null }>;
  /**
   * `due_at`, `turn + 1`, not `rung`, driver = session, if running; answers the new head, or null. A `due_at` after
   * `keepAfter` that a start or a mark has set (the head is rung) stays as it is: it promises as much, and moving it
   * would cost two writes of the index. Default: it is always set.
   */
  claim(ref: Ref, p: { dueAt: Millis; keepAfter?: Millis; session: string }): Promise<Head | null>;
  /**
   * Writes the batch if its position is free; else answers what stands there (null: in the middle of another batch, or
   * no such run in this workspace). `full`: with it the run's history would have `bytes`, more than `maxBytes`.
   */
  putBatch(
    ref: Ref,
    run: string,
    batch: Batch,
    maxBytes: number,
  ): Promise<{ kind: "written" } | { kind: "taken"; by: Batch | null } | { kind: "full"; bytes: number }>;
  /** Batches that begin after event `after`, in order. */
  batches(ref: Ref, run: string, after: number): Promise<Batch[]>;
  /** `due_at`, `effects_done_through` if running and turn and run are as given. */
  park(ref: Ref, p: { run: string; fence: number; dueAt: Millis | null; effectsDoneThrough: number }): Promise<boolean>;
  /**
   * One transaction: the closing batch if its position is free, and the next head (its `turn` = old + 1) if the present
   * one is running, of this run and, unless `turn` is null, of this turn.
   */
  close(
    ref: Ref,
    p: { run: string; fence: number | null; batch: Batch; next: Head },
  ): Promise<{ kind: "closed" } | { kind: "conflict" } | { kind: "fenced"; head: Head | null }>;
  /**
   * What the head owed was performed: empties `owed`; on a final head also removes `due_at`. Only if it is still of that
   * run and status: what a run owed while running says nothing about what its end owes.
   */
  clearOutbox(ref: Ref, seen: { run: string; status: ExecutionStatus }): Promise<void>;
  /**
   * Heads with `due_at` at or before `until`, ordered by due time, workspace, execution; of those that follow `after`.
   * Answers may be stale.
   */
  due(until: Millis, limit: number, after?: DueEntry): Promise<DueEntry[]>;

  /** A run by its id, open or closed. */
  run(workspace: string, run: string): Promise<Head | null>;
  /** Runs of a workspace, open and closed; pages are always full unless they are the last. */
  runs(query: RunsQuery): Promise<{ runs: Head[]; next: string | null }>;
  /** Replaces search keys of a running execution (a convenience index, not history). */
  setSearchKeys(ref: Ref, run: string, keys: Record<string, string>): Promise<void>;
}

/** Thrown for a page token that this store did not make; the API answers it as a bad request. */
export class BadToken extends Error {
  constructor() {
    super("the page token was not issued by this endpoint: repeat the query without it");
    this.name = "BadToken";
  }
}

export interface DueEntry extends Ref {
  readonly dueAt: Millis;
  readonly deployment: string;
  readonly deadline: Millis | null;
  readonly status: ExecutionStatus;
}

export interface RunsQuery {
  readonly workspace: string;
  readonly workflows?: readonly string[];
  readonly root?: string;
  /** Substring, case-insensitive, of workflow name or execution id; `workflowsBySearch` = names that match by title. */
  readonly search?: string;
  readonly workflowsBySearch?: readonly string[];
  readonly statuses?: readonly ExecutionStatus[];
  readonly deployment?: string;
  readonly user?: string;
  readonly startedAfter?: Millis;
  readonly startedBefore?: Millis;
  readonly closedAfter?: Millis;
  readonly closedBefore?: Millis;
  /** Names whose runs are left out. */
  readonly without?: readonly string[];
  readonly searchKeys?: readonly { key: string; value: string }[];
  readonly sortBy: "start_time" | "end_time";
  readonly order: "asc" | "desc";
  readonly limit: number;
  readonly token?: string;
}

export interface QueueRef {
  readonly workspace: string;
  readonly deployment: string;
  readonly queue: "workflow" | "activity";
}

export interface Tasks {
  /** `at`: not before. `prefer`: a session that would be quickest. `key`: a task with this key already waiting is enough. */
  send(queue: QueueRef, task: Task, options?: { at?: Millis; prefer?: string | null; key?: string }): Promise<void>;
  receive(
    queue: QueueRef,
    p: { session: string; max: number; waitMs: Millis; signal?: AbortSignal },
  ): Promise<Delivery[]>;
  /** Keeps leases for `leaseMs` more; 0 = hand back now. Answers receipts whose lease is lost. */
  extend(workspace: string, receipts: readonly string[], leaseMs: Millis): Promise<string[]>;
  finish(workspace: string, receipts: readonly string[]): Promise<void>;
  /** A task that was too large for its message, by the name that stood in the message; null: there is none. */
  load?(workspace: string, name: string): Promise<Task | null>;
}

export interface WorkflowRecord {
  readonly id: string;
  readonly name: string;
  readonly displayName: string;
  readonly description: string | null;
  readonly tags: readonly string[];
  readonly archived: boolean;
  readonly availableInChatAssistant: boolean;
  readonly createdAt: Millis;
}
export interface RegistrationRecord {
  readonly id: string;
  readonly workflowId: string;
  readonly workflow: string;
  readonly deployment: string;
  readonly definition: WorkflowDefinition;
  readonly createdAt: Millis;
  readonly updatedAt: Millis;
}
export interface DeploymentRecord {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Millis;
  readonly updatedAt: Millis;
}
export interface WorkerRecord {
  readonly deployment: string;
  readonly name: string;
  readonly session: string;
  readonly createdAt: Millis;
  readonly registeredAt: Millis;
  readonly heartbeatAt: Millis;
}

/** Deployments, workers, registrations, API keys. */
export interface Registry {
  /** Stores the deployment, its registrations and the worker's session with a first heartbeat. */
  register(p: {
    workspace: string;
    deployment: string;
    worker: string;
    session: string;
    definitions: readonly WorkflowDefinition[];
    now: Millis;
  }): Promise<{ workflowId: string; registrationId: string }[]>;
  /** False: this session is not known (any more) and must register again. */
  beat(p: { workspace: string; deployment: string; worker: string; session: string; now: Millis }): Promise<boolean>;
  leave(p: { workspace: string; deployment: string; worker: string; session: string }): Promise<void>;
  deployments(workspace: string): Promise<DeploymentRecord[]>;
  /** All workers of a workspace, or of one deployment, live or not, the latest session of each name. */
  workers(workspace: string, deployment?: string): Promise<WorkerRecord[]>;
  /** Last heartbeats of these sessions; absent = unknown or left. */
  heartbeats(workspace: string, sessions: readonly string[]): Promise<Map<string, Millis>>;
  registrations(workspace: string, filter?: { workflow?: string; deployment?: string }): Promise<RegistrationRecord[]>;
  registration(workspace: string, id: string): Promise<RegistrationRecord | null>;
  workflows(workspace: string): Promise<WorkflowRecord[]>;
  /** By name or id. */
  workflow(workspace: string, nameOrId: string): Promise<WorkflowRecord | null>;
  putKey(key: KeyRecord): Promise<void>;
  /** By the SHA-256 of the key, hex. */
  key(hash: string): Promise<KeyRecord | null>;
}
export interface KeyRecord {
  readonly hash: string;
  readonly workspace: string;
  /** What the key may do: everything, or only serve one deployment as a worker. */
  readonly role: "admin" | "read";
  readonly name: string;
  readonly createdAt: Millis;
}

/** What streams and event lists read: public events of a workspace in one order. */
export interface Feed {
  /** Progress that is not history; idempotent by `id` (unique within the run). */
  publish(ref: Ref, run: string, id: string, events: readonly PublicEvent[]): Promise<void>;
  /** Events with `sequence > after`, in order. */
  read(
    workspace: string,
    p: { after: number; limit: number; execution?: string; root?: string; run?: string },
  ): Promise<FeedItem[]>;
  /** Highest sequence so far, 0 = none. */
  last(workspace: string): Promise<number>;
}
export interface FeedItem {
  readonly sequence: number;
  readonly event: PublicEvent;
}

export interface ScheduleKey {
  readonly workspace: string;
  readonly schedule: string;
}
/** A schedule is one item. `version` and `created_at` of its state together name one value of it. */
export interface StoredSchedule {
  readonly state: ScheduleState;
  /** When it must be woken; null: something else has to happen first. */
  readonly wakeAt: Millis | null;
}
/** One start of the schedule's life: an id may be used again after a delete, its log begins anew. */
export interface ScheduleLife extends ScheduleKey {
  readonly createdAt: Millis;
}

/** Schedules and what is kept of their logs. Used by `shared/schedule/service` alone. */
export interface Schedules {
  get(key: ScheduleKey): Promise<StoredSchedule | null>;
  /** False: its id is taken. */
  create(workspace: string, next: StoredSchedule): Promise<boolean>;
  /** Puts `next` in the place of `seen`; false: that is not what is stored (any more). */
  replace(workspace: string, seen: ScheduleState, next: StoredSchedule): Promise<boolean>;
  /** Also takes its log and whatever would wake it. False: there is none. */
  delete(key: ScheduleKey): Promise<boolean>;
  /** By id, those after `after`. May lag. */
  list(workspace: string, p: { after?: string; limit: number }): Promise<ScheduleState[]>;
  /** To be woken at or before `until`, earliest first. Answers may be stale. */
  due(until: Millis, limit: number): Promise<DueSchedule[]>;
  /** Sees to it that the schedule is woken at `at`; null: that it is not. A hint: what is due is told by `due`. */
  arm(key: ScheduleKey, at: Millis | null): Promise<void>;
  /** Entries that the state no longer carries, in order and without gaps. Idempotent by the first one's `seq`. */
  putLog(life: ScheduleLife, entries: readonly LogEntry[]): Promise<void>;
  /** Newest first, those before `before`. Entries older than the retention may be gone. */
  log(life: ScheduleLife, p: { before: number; limit: number }): Promise<LogEntry[]>;
}
export interface DueSchedule extends ScheduleKey {
  readonly wakeAt: Millis;
}

/**
 * Short-lived facts about activities that wait in a queue or beat. The latest attempt is the highest that has begun or
 * beaten: one that it has followed may still run somewhere, but is not heard any more.
 */
export interface Activities {
  /** An attempt begins; `queued`: it came from the queue. False: a later one has begun before. */
  begin(ref: Ref, run: string, activity: number, attempt: number, o: { queued: boolean }): Promise<boolean>;
  /** Those of which an attempt that came from the queue has begun. */
  begun(ref: Ref, run: string, activities: readonly number[]): Promise<number[]>;
  /** False: a later attempt has begun, and nothing is kept. */
  beat(ref: Ref, run: string, activity: number, attempt: number, details: unknown, now: Millis): Promise<boolean>;
  /** Details of the last heartbeat of any attempt, null = none. */
  lastBeat(ref: Ref, run: string, activity: number): Promise<unknown>;
  requestCancel(ref: Ref, run: string, activity: number): Promise<void>;
  /** `attempt`: the latest, 0 = none is known. */
  standing(ref: Ref, run: string, activity: number): Promise<{ attempt: number; cancelRequested: boolean }>;
}

export interface Answers {
  put(workspace: string, query: string, answer: QueryAnswer): Promise<void>;
  /** Null: none came until `until`. */
  wait(workspace: string, query: string, until: Millis, signal?: AbortSignal): Promise<QueryAnswer | null>;
}

/** Resolves after a change, at `until`, or when `signal` aborts; may resolve without a change. */
export interface Changes {
  waitForExecution(ref: Ref, until: Millis, signal?: AbortSignal): Promise<void>;
  waitForFeed(workspace: string, until: Millis, signal?: AbortSignal): Promise<void>;
}

export interface Log {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** All times in milliseconds. */
export interface Settings {
  /** A worker silent for longer is not live; a deployment is active while one of its workers is. Default 50 s. */
  readonly livenessMs: Millis;
  /** Workers beat this often. Default 10 s. */
  readonly heartbeatMs: Millis;
  /** A session silent for longer is dead. Default 30 s. */
  readonly sessionTimeoutMs: Millis;
  /** A task not extended for this long is delivered again. Default 30 s. */
  readonly leaseMs: Millis;
  /** A claim's promise that somebody looks again. Default 2 min. */
  readonly claimTimeoutMs: Millis;
  /** A start or a mark that no claim has answered for so long is rung again. Default 1 min. */
  readonly wakeTimeoutMs: Millis;
  /** A due execution is rung again when overdue by more than this. Default 5 s. */
  readonly graceMs: Millis;
  /** Closed executions, feed items and old entries of schedules' logs are kept this long. Default 30 days. */
  readonly retentionMs: Millis;
}

export interface Ports {
  readonly clock: Clock;
  /** A fresh UUID, version 7. */
  readonly uuid: () => string;
  readonly executions: Executions;
  readonly tasks: Tasks;
  readonly registry: Registry;
  readonly schedules: Schedules;
  readonly feed: Feed;
  readonly activities: Activities;
  readonly answers: Answers;
  readonly changes: Changes;
  readonly log: Log;
  readonly settings: Settings;
  /** Resolves once everything written so far is on disk: nothing leaves the process before. */
  durable(): Promise<void>;
  /** An execution that a schedule started has closed. */
  scheduleClosed?(head: Head, told: Extract<OutboxEntry, { kind: "tell_schedule" }>): Promise<void>;
}
