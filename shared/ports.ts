/**
 * The ports: everything that Sirocco needs from a store, a queue and a clock. Two adapters implement them, `embedded`
 * (SQLite) and `aws`. One contract suite (`test/contract`) runs against both.
 *
 * PORT-1. A method changes the head by one conditional write, and answers whether its condition held. `create`, `claim` and
 *     `putMessage` may write further items; only `close`, `reopen` and `hide` need a transaction.
 * PORT-2. Reads by key are strongly consistent. `due`, `runs`, `feed` and `rollups` may lag.
 * PORT-3. Every read and every write names its workspace, but for `due` and `releases`, by which the sweeper finds work, and
 *     `key`, which answers the workspace of an API key.
 * PORT-4. Tasks are hints: the queue may lose, double, delay or reorder them.
 */
import type { RefusedUpdate } from "./core/decide.ts";
import type { PublicEvent } from "./core/present.ts";
import type { Permit, Pool } from "./core/rate-limit.ts";
import type { Bucket, Range } from "./core/rollups.ts";
import type { Clock } from "./lib/clock.ts";
import type { Histogram } from "./lib/histogram.ts";
import type { Head, OpenInputs, OutboxEntry } from "./protocol/head.ts";
import type { Batch, Failure, Millis, RateLimit } from "./protocol/history.ts";
import type { Job, JobOutcome } from "./protocol/job.ts";
import type { LastGroup, LogGroup } from "./protocol/log-records.ts";
import type { InboxMessage, Message } from "./protocol/messages.ts";
import type { Right } from "./protocol/rights.ts";
import type { ClosedStatus, ExecutionStatus } from "./protocol/status.ts";
import type { Delivery, QueryAnswer, Task, WorkflowDefinition } from "./protocol/worker.ts";
import type { WorkerLoad } from "./protocol/worker-load.ts";
import type { LogEntry, ScheduleState } from "./schedule/rules/index.ts";

export type { Clock } from "./lib/clock.ts";

export interface Ref {
  readonly workspace: string;
  readonly execution: string;
}

/** Updates of one run that a worker with this fence refuses beside the history (DECIDE-9). */
export interface Refusals {
  readonly run: string;
  readonly chain: string;
  readonly fence: number;
  readonly refused: readonly RefusedUpdate[];
}

/** The durable state of executions: heads, logs, inboxes. A *final* head is one that is not RUNNING. */
export interface Executions {
  head(ref: Ref): Promise<Head | null>;
  /**
   * Puts `head` if there is none. Also over a final head in one of the statuses `over` that is not due and has another
   * token, with its fence + 1. (The token: a late repetition of a request must not start the execution a second time.)
   * `seen`: only over the final head of this run. `deleted`: an execution that this token had started was deleted (DELETE-4).
   */
  create(
    head: Head,
    over: readonly ClosedStatus[],
    seen?: string,
  ): Promise<{ kind: "created" } | { kind: "exists"; head: Head } | { kind: "deleted" }>;
  /**
   * As `create` for an id that is new, without a read. False: nothing was written, because there is a head or the token's execution was
   * deleted, and `create` tells more. It is then the dearer way. Absent: only `create`.
   */
  createNew?(head: Head): Promise<boolean>;
  /**
   * As `createNew` of all heads, with the change of the schedule that starts them (`Schedules.replace`), in one transaction. False:
   * nothing was written, also because the schedule is another than the one that was seen. Absent: the store has no such transaction.
   */
  createScheduled?(heads: readonly Head[], change: ScheduleChange): Promise<boolean>;
  /** Gives the message the next number of its chain, then writes it (MESSAGE-1). Idempotent by message id. */
  putMessage(ref: Ref, chain: string, message: Message): Promise<void>;
  removeMessages(ref: Ref, chain: string, ids: readonly string[]): Promise<void>;
  /**
   * Answers updates that the history does not record (DECIDE-9): deletes each message and keeps the failure for its sender, in
   * one write, if the head is running and fence and run are the given ones. Nothing is kept for a message that is not there.
   * The caller has shortened the failures (`shortRefusal`).
   */
  refuseUpdates(ref: Ref, p: Refusals): Promise<boolean>;
  /** The refusal of an update that was kept by `refuseUpdates`, for some minutes and until it was read; else null. */
  takeRefusal(ref: Ref, id: string): Promise<RefusedUpdate | null>;
  /**
   * In the order of their numbers. No snapshot: a message that is written meanwhile may be missing while a later one is
   * there. PROTOCOL-4 keeps the caller from taking that one in. With `most`: so many of them, for a look, in any order.
   */
  inbox(ref: Ref, chain: string, most?: number): Promise<InboxMessage[]>;
  /** Sets `due_at` and `wake_pending`, raises the fence: if running, of this chain and without a pending wake-up. */
  requestWake(
    ref: Ref,
    chain: string,
    dueAt: Millis,
  ): Promise<{ kind: "requested" } | { kind: "refused"; head: Head | null }>;
  /**
   * Sets `due_at` and the owner, raises the fence, clears `wake_pending`: if running. Answers the new head, or null. With
   * `keepAfter`, a pending wake-up that is due later than that is kept: it already guarantees a look by then, and moving it
   * would cost two writes of an index. `deployment`: only if the present run is one of this deployment.
   */
  claim(ref: Ref, p: { dueAt: Millis; keepAfter?: Millis; session: string; deployment?: string }): Promise<Head | null>;
  /**
   * The same, only of an execution of this deployment with a pending wake-up whose head has at most `bytes`, and that nobody has
   * claimed yet (its fence is 1), or, with `again`, whose owner is this session and whose present run was claimed before (CLAIM-3). `tail`: the last event of the present run's
   * log, as it is after the claim or was shortly before. Absent: polls carry no claims.
   */
  claimWoken?(
    ref: Ref,
    p: { dueAt: Millis; keepAfter: Millis; session: string; deployment: string; bytes: number; again: boolean },
  ): Promise<{ head: Head; tail: number } | null>;
  /** Whether all that is written of this run since its start, the start included, is lost by a crash now, or none of it (CLAIM-2). Absent: never. */
  beganTogether?(run: string): boolean;
  /** No fence is given twice, also where a crash loses the claim that raised it (CLAIM-6). Absent: it may be. */
  givesFencesOnce?(): boolean;
  /** The id of this run is kept, so a repeated start may use it again after a crash: `beganTogether` is false of it. */
  mayBeginAgain?(run: string): void;
  /**
   * Writes the batch if its position is free. `taken`: answers the batch at that position; null if the position is in the
   * middle of another batch, or the run is not in this workspace. `full`: the history would have `bytes`, more than
   * `maxBytes`. `fenced`: the claim that had this `fence` of the writer may have been lost by a crash (CLAIM-6); only a store of which
   * claims may leave early answers so.
   */
  putBatch(
    ref: Ref,
    run: string,
    batch: Batch,
    maxBytes: number,
    fence?: number,
  ): Promise<
    { kind: "written" } | { kind: "taken"; by: Batch | null } | { kind: "full"; bytes: number } | { kind: "fenced" }
  >;
  /**
   * The end of the log as this process knows it, for the worker, who hands it back with its next batch: another process then
   * learns it and need not read. Absent: the store needs none.
   */
  logEnd?(ref: Ref, run: string): Promise<string | undefined>;
  learnLogEnd?(ref: Ref, run: string, end: string): Promise<void>;
  /** Batches that begin after event `after`, in order. */
  batches(ref: Ref, run: string, after: number): Promise<Batch[]>;
  /**
   * A part of the log: the batches with events at or after `from` (`asc`), or at or before it (`desc`), in that order. It
   * ends after the batch that reaches `events` or `bytes`: the caller asks again from there. None: the log has no more.
   */
  part(ref: Ref, run: string, p: LogPart): Promise<Batch[]>;
  /** Sets `due_at` and `effects_done_through`: if running and fence and run are the given ones. */
  park(ref: Ref, p: { run: string; fence: number; dueAt: Millis | null; effectsDoneThrough: number }): Promise<boolean>;
  /**
   * One transaction: writes the closing batch if its position is free (else `conflict`), and `next` with the old fence + 1
   * if the present head is running, of this run and, unless `fence` is null, of this fence (else `fenced`). `next` may be
   * the head of another run, a prepared one if a reset began it.
   */
  close(
    ref: Ref,
    p: { run: string; fence: number | null; batch: Batch; next: Head },
  ): Promise<{ kind: "closed" } | { kind: "conflict" } | { kind: "fenced"; head: Head | null }>;
  /**
   * Writes batches of the run of `next`, which no head names yet, at the end of its log. Answers the bytes of that log. The
   * feed does not show these batches. If neither `close` nor `reopen` puts the head of the run, the store deletes them
   * after some time. Not idempotent: the id of the run is fresh and only one caller knows it.
   */
  prepare(next: Head, batches: readonly Batch[]): Promise<number>;
  /**
   * Puts `next`, the head of a prepared run, with the old fence + 1: if the present head is final, not due, and of the run
   * and fence `seen`. The past run stays as it is.
   */
  reopen(next: Head, seen: { run: string; fence: number }): Promise<boolean>;
  /**
   * Hides the execution with all its runs (DELETE-1): if its head is final, not due, and of the run and fence `seen`. The
   * reads of this port then answer as if it had never been; those of a log or an inbox, whose callers read the head first,
   * may answer until `erase` has ended. A tombstone stays for one retention.
   */
  hide(ref: Ref, seen: { run: string; fence: number }): Promise<boolean>;
  /** Hides the execution whatever its head says, also one that cannot be read (DELETE-6). False: there is none. */
  hideDamaged(ref: Ref): Promise<boolean>;
  /**
   * Deletes what is stored of the hidden execution, until `until`. What is left is deleted by the rounds of maintenance.
   * Idempotent.
   */
  erase(ref: Ref, until: Millis): Promise<void>;
  /** When the execution was hidden; null: it was not, its tombstone has expired, or another start has the id. */
  deletedAt(ref: Ref): Promise<Millis | null>;
  /**
   * Empties the outbox, and removes `due_at` from a final head: if the head is still of that run and status. (A flush of
   * a running head must not clear the entries that the close of the run has written since.)
   */
  clearOutbox(ref: Ref, seen: { run: string; status: ExecutionStatus }): Promise<void>;
  /**
   * Heads with `due_at` at or before `until`, of all workspaces, in the order of due time, workspace, execution; only
   * those after `after`. May lag.
   */
  due(until: Millis, limit: number, after?: DueEntry): Promise<DueEntry[]>;

  /** A run by its id, open or closed. */
  run(workspace: string, run: string): Promise<Head | null>;
  /** Runs of a workspace, open and closed. Every page but the last is full. May lag. */
  runs(query: RunsQuery): Promise<{ runs: RunSummary[]; next: string | null }>;
  /** Replaces the search keys of a run: an index for lookups, not history. */
  setSearchKeys(ref: Ref, run: string, keys: Record<string, string>): Promise<void>;
  /** Compare and set, of a running head of this run: puts `next` if it has `seen`. False: it has another value. */
  setOpenInputs(ref: Ref, run: string, p: { seen: OpenInputs | undefined; next: OpenInputs }): Promise<boolean>;
  /**
   * Executions that wait for a person, by the begin of the wait and their ids. Fewer than `limit`: there are no further
   * ones. May lag.
   */
  openInputs(query: OpenInputsQuery): Promise<WaitingExecution[]>;
}

export interface OpenInputsQuery {
  readonly workspace: string;
  readonly workflow?: string;
  /** At this place and after it. */
  readonly after?: { readonly since: Millis; readonly execution: string };
  readonly limit: number;
}
export interface WaitingExecution {
  readonly since: Millis;
  readonly execution: string;
  /** As it is now, where it may wait no more; null: it has expired. */
  readonly head: Head | null;
}

/** A store throws it for a page token that is none of its own; the API answers a bad request. */
export class BadToken extends Error {
  constructor() {
    super("the page token was not issued by this endpoint: repeat the query without it");
    this.name = "BadToken";
  }
}

/** Thrown by every call once the store has failed (its disk is full or broken): a restart recovers the last commit. */
export class StoreFailed extends Error {
  constructor(cause: unknown) {
    super(`the store has failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = "StoreFailed";
  }
}

export interface LogPart {
  readonly from: number;
  readonly order: "asc" | "desc";
  readonly events: number;
  /** Of the batches as JSON. */
  readonly bytes: number;
}

export interface DueEntry extends Ref {
  readonly dueAt: Millis;
  readonly deployment: string;
  readonly deadline: Millis | null;
  readonly status: ExecutionStatus;
}

/** A run in a list: without its payloads, which may be large. */
export type RunSummary = Pick<
  Head,
  | "workspace"
  | "execution"
  | "workflow"
  | "run"
  | "root"
  | "deployment"
  | "user"
  | "status"
  | "started_at"
  | "closed_at"
> & { readonly parent: { readonly execution: string } | null };

export interface RunsQuery {
  readonly workspace: string;
  readonly workflows?: readonly string[];
  readonly root?: string;
  /** Substring of workflow name or execution id, any case. `workflowsBySearch`: workflows whose titles match it. */
  readonly search?: string;
  readonly workflowsBySearch?: readonly string[];
  readonly statuses?: readonly ExecutionStatus[];
  readonly deployment?: string;
  readonly user?: string;
  readonly startedAfter?: Millis;
  readonly startedBefore?: Millis;
  readonly closedAfter?: Millis;
  readonly closedBefore?: Millis;
  /** Without the runs of these workflows. */
  readonly without?: readonly string[];
  /** `prefix`: the value begins with this one; default: it is this one. */
  readonly searchKeys?: readonly { key: string; value: string; prefix?: boolean }[];
  readonly sortBy: "start_time" | "end_time";
  readonly order: "asc" | "desc";
  readonly limit: number;
  readonly token?: string;
  /** Aborted: nobody waits for the answer, which may be cut short. */
  readonly signal?: AbortSignal;
}

export interface QueueRef {
  readonly workspace: string;
  readonly deployment: string;
  readonly queue: "workflow" | "activity";
}

/**
 * Task queues, as SQS has them: a receiver gets a task under a lease, named by a receipt. A task whose lease passes without
 * `finish` is delivered again (PORT-4).
 */
export interface Tasks {
  /**
   * `at`: the task becomes visible then. `prefer`: a hint, the session that should get it. `key`: if a task with this key
   * waits already, that one is enough. `isFirst`: none can wait, so none is looked for.
   */
  send(
    queue: QueueRef,
    task: Task,
    options?: { at?: Millis; prefer?: string | null; key?: string; isFirst?: boolean },
  ): Promise<void>;
  receive(
    queue: QueueRef,
    p: { session: string; max: number; waitMs: Millis; signal?: AbortSignal },
  ): Promise<Delivery[]>;
  /** Ends the calls of `receive` by this session that wait at this queue: they answer none. Absent: they end soon by themselves. */
  endReceives?(queue: QueueRef, session: string): void;
  /**
   * As `receive`, and goes on until it has delivered `max` tasks. It takes no tasks while the caller does not ask for more.
   * Absent: it cannot.
   */
  receiveInParts?(
    queue: QueueRef,
    p: { session: string; max: number; waitMs: Millis; signal?: AbortSignal },
  ): AsyncIterable<Delivery[]>;
  /** Lets the leases last for `leaseMs` from now; 0 = give the tasks back. Answers the receipts whose lease is lost. */
  extend(workspace: string, receipts: readonly string[], leaseMs: Millis): Promise<string[]>;
  finish(workspace: string, receipts: readonly string[]): Promise<void>;
  /** A task too large for its message, by the name in the message; null: there is none. Only where messages have a limit. */
  load?(workspace: string, name: string): Promise<Task | null>;
}

/**
 * A workflow. `displayName` and `description` are an operator's if one has set them, else those of the last registration
 * that declared them. Tags, archiving and the chat assistant's mark belong to operators alone: no registration changes them.
 */
export interface WorkflowRecord {
  readonly id: string;
  readonly name: string;
  readonly displayName: string;
  readonly description: string | null;
  /** Sorted. */
  readonly tags: readonly string[];
  readonly archived: boolean;
  readonly availableInChatAssistant: boolean;
  readonly createdAt: Millis;
}
/** What an operator changes. Absent: stays. `displayName`, `description` null: the workers' own again. */
export interface WorkflowChange {
  readonly displayName?: string | null;
  readonly description?: string | null;
  /** Replaces all tags. */
  readonly tags?: readonly string[];
  /** Changes nothing, and answers null, if the workflow has other tags by now. */
  readonly seenTags?: readonly string[];
  readonly archived?: boolean;
  readonly availableInChatAssistant?: boolean;
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
/** Which deployment the starts of a workflow go to that name none (CURRENT-1 to CURRENT-4, `shared/routing/current.ts`). */
export interface CurrentDeployment {
  readonly workflow: string;
  /** Grows by one with every change. */
  readonly version: number;
  readonly deployment: string;
  /** The current deployment before it, for a rollback; null: there was none. */
  readonly previous: string | null;
  /** A part of the executions goes to this deployment instead; null: none does. */
  readonly ramp: { readonly deployment: string; readonly percent: number } | null;
  readonly changedAt: Millis;
  /** Name of the API key. */
  readonly changedBy: string | null;
}
/** Work that workers do not get (HOLD-1, `shared/engine/hold.ts`): of a deployment, of a workflow, or of both together. */
export interface Hold {
  /** Null: of every deployment. One of the two is set. */
  readonly deployment: string | null;
  /** Null: every workflow. */
  readonly workflow: string | null;
  readonly since: Millis;
  /** Name of the API key. */
  readonly by: string | null;
  readonly reason: string | null;
  /** Null: it is not released. */
  readonly release: HoldRelease | null;
}
export interface HoldRelease {
  readonly since: Millis;
  /** Null: at once. */
  readonly perSecond: number | null;
  /** Rounds have enqueued the tasks up to this entry; null: none yet. */
  readonly reached: DueEntry | null;
}
export interface Holds {
  /** Grows by one with every change. 0: none was ever stored. */
  readonly version: number;
  readonly holds: readonly Hold[];
}
export interface Serving {
  readonly registrations: readonly RegistrationRecord[];
  readonly current: CurrentDeployment | null;
}
export interface DeploymentRecord {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Millis;
  readonly updatedAt: Millis;
  /** Hashes of the API keys with which workers may register; null: every key of the workspace (it is not hardened). */
  readonly authorizedKeys: readonly string[] | null;
  /** It is a version of another deployment's code (PINNED-2); null: it is none. */
  readonly version: VersionRecord | null;
}
export interface VersionRecord {
  readonly of: string;
  readonly name: string;
  /** Whether it has been made the current deployment of its workflows, or need not be (PINNED-3). */
  readonly introduced: boolean;
}
export interface WorkerRecord {
  readonly deployment: string;
  readonly name: string;
  readonly session: string;
  /** Id of its process on its host; null: the worker did not say. */
  readonly pid: number | null;
  /** Id of what it can run, for `abilities`; null: it has not registered since this was kept. */
  readonly abilities: string | null;
  readonly createdAt: Millis;
  readonly registeredAt: Millis;
  readonly heartbeatAt: Millis;
  /** As its last heartbeat told; null: it has told none. */
  readonly load: WorkerLoad | null;
}

/** What a worker can run, by names. Workers that can run the same share one record. */
export interface Abilities {
  readonly workflows: readonly string[];
  readonly activities: readonly string[];
}

/** Deployments, workers, registrations, API keys. A worker's *session* is one life of its process. */
export interface Registry {
  /** Stores the deployment, its registrations, and the worker's session with a first heartbeat. */
  register(p: {
    workspace: string;
    deployment: string;
    worker: string;
    session: string;
    pid?: number;
    /** Hash of the API key with which the worker registers: `removeKey` ends the session. */
    key?: string;
    definitions: readonly WorkflowDefinition[];
    /** Names of the activities that the worker can run; absent: none. */
    activities?: readonly string[];
    /** Stored with the deployment for good; absent: what is stored stays. */
    version?: Pick<VersionRecord, "of" | "name">;
    now: Millis;
  }): Promise<{ workflowId: string; registrationId: string }[]>;
  /**
   * Removes the registrations of a deployment and ends its sessions (RETIRE-2). Its record stays. Answers the workflows that it no
   * longer registers. A worker that registers at the same time has all its registrations afterwards, or its session has ended.
   */
  retire(workspace: string, deployment: string): Promise<string[]>;
  /** PINNED-3: `version.introduced` from now on. */
  introduced(workspace: string, deployment: string): Promise<void>;
  /** Null: the store does not know the session. */
  deploymentOfSession(workspace: string, session: string): Promise<string | null>;
  /** A heartbeat. False: the store does not know the session (any more), so it must register again. */
  beat(p: {
    workspace: string;
    deployment: string;
    worker: string;
    session: string;
    load?: WorkerLoad;
    now: Millis;
  }): Promise<boolean>;
  /** The session ends: it is not live from now on. */
  leave(p: { workspace: string; deployment: string; worker: string; session: string }): Promise<void>;
  deployments(workspace: string): Promise<DeploymentRecord[]>;
  deployment(workspace: string, name: string): Promise<DeploymentRecord | null>;
  /**
   * Sets the keys with which workers may register, and then ends the sessions of workers that registered with others. Makes
   * the deployment if there is none, so that nobody else can register for it first. Null keys: every key may again.
   */
  authorize(p: { workspace: string; deployment: string; keys: readonly string[] | null; now: Millis }): Promise<void>;
  /**
   * The workers of a workspace, or of one deployment: the latest session of each name, live or not, and every session with
   * a heartbeat at or after `liveSince`. Several processes may share a name.
   */
  workers(workspace: string, deployment?: string, liveSince?: Millis): Promise<WorkerRecord[]>;
  /** The deployments that have a session with a heartbeat at or after `since`: those of `among`, or of the workspace. */
  active(workspace: string, since: Millis, among?: readonly string[]): Promise<Set<string>>;
  /** Last heartbeats of these sessions. Absent: unknown, or it has left. */
  heartbeats(workspace: string, sessions: readonly string[]): Promise<Map<string, Millis>>;
  /** By the ids in `WorkerRecord`. */
  abilities(workspace: string, ids: readonly string[]): Promise<Map<string, Abilities>>;
  registrations(workspace: string, filter?: { workflow?: string; deployment?: string }): Promise<RegistrationRecord[]>;
  /** The registrations of a workflow with its current deployment, in one read. */
  serving(workspace: string, workflow: string): Promise<Serving>;
  /** The current deployment of a workflow; null: it has none. */
  current(workspace: string, workflow: string): Promise<CurrentDeployment | null>;
  /** Of all workflows that have one. */
  currents(workspace: string): Promise<CurrentDeployment[]>;
  /** Compare and set: puts `next`, if the stored one has the version before it; of version 1: if there is none. False: it is another. */
  setCurrent(workspace: string, next: CurrentDeployment): Promise<boolean>;
  /** Removes the stored one if it has this version. False: it has another. */
  clearCurrent(workspace: string, seen: CurrentDeployment): Promise<boolean>;
  /** The holds of a workspace. */
  holds(workspace: string): Promise<Holds>;
  /** The same as the process knows them, for the path of every claim: up to `HOLD_LAG_MS` old. */
  knownHolds(workspace: string): Promise<readonly Hold[]>;
  /** Compare and set: puts `next`, if the stored ones have the version before it. False: they have another. */
  setHolds(workspace: string, next: Holds): Promise<boolean>;
  /** The workspaces that have a hold with a release. May lag. */
  releases(): Promise<string[]>;
  registration(workspace: string, id: string): Promise<RegistrationRecord | null>;
  workflows(workspace: string): Promise<WorkflowRecord[]>;
  /** By name or id. */
  workflow(workspace: string, nameOrId: string): Promise<WorkflowRecord | null>;
  /** By name. Answers the workflow as it is then, null = there is none. */
  changeWorkflow(workspace: string, name: string, change: WorkflowChange): Promise<WorkflowRecord | null>;
  putKey(key: KeyRecord): Promise<void>;
  /** By the SHA-256 of the key, hex. */
  key(hash: string): Promise<KeyRecord | null>;
  /** Those of a workspace, in the order of their hashes. */
  keys(workspace: string): Promise<KeyRecord[]>;
  /**
   * Removes the key, then the sessions of the workers that registered with it. With `keepAdmin`, `last_admin`: the workspace
   * has no other key with the right admin, and nothing was removed. The same write decides it and removes: of calls at once
   * that would together remove all admin keys, one is refused.
   */
  removeKey(
    workspace: string,
    hash: string,
    p?: { readonly keepAdmin: true },
  ): Promise<"removed" | "unknown" | "last_admin">;
}
export interface KeyRecord {
  /** SHA-256, hex. */
  readonly hash: string;
  readonly workspace: string;
  /** See `shared/protocol/rights.ts`. */
  readonly rights: readonly Right[];
  /** The key changes nothing in other deployments, and receives no tasks of theirs. Absent: it is not limited. */
  readonly deployments?: readonly string[];
  readonly name: string;
  /** The key of a development server: the next start with another key removes it. */
  readonly development?: true;
  readonly createdAt: Millis;
  /** From then on the key is refused. Absent: never. A key that expires does not count as an admin key for `keepAdmin`. */
  readonly expiresAt?: Millis;
}

/**
 * Public events of a workspace in one order, which streams and event lists read. The adapter adds the events of each batch
 * itself; a reader never finds a new event below a sequence that it has read.
 */
export interface Feed {
  /**
   * Adds events that are not in the history, such as progress of activities. Idempotent by `id`, unique within the run, and
   * `at`, their time, which a repetition has too.
   */
  publish(ref: Ref, run: string, p: { id: string; at: Millis }, events: readonly PublicEvent[]): Promise<void>;
  /**
   * Events with `sequence > after`, in order; none: there are no further ones. Fewer than `limit` may come although more
   * follow, because an answer is also bounded in bytes.
   */
  read(
    workspace: string,
    p: { after: number; limit: number; execution?: string; root?: string; run?: string },
  ): Promise<FeedPage>;
  /** A reader that goes on with the events of one execution above `after`, at most about `limit` at a time. */
  follow(ref: Ref, p: { after: number; limit: number }): Promise<FeedReader>;
  /** The highest sequence so far, 0 = none. */
  last(workspace: string): Promise<number>;
}
export interface FeedReader {
  next(): Promise<FollowedPage>;
}
export interface FollowedPage {
  readonly items: FeedItem[];
  /**
   * `quiet`: nothing was added to the execution since the last look, and its run is open. `behind`: the execution has events
   * that the feed does not have yet. `current`: neither is known, so the caller looks at the head.
   */
  readonly state: "quiet" | "behind" | "current";
}
export interface FeedPage {
  readonly items: FeedItem[];
  /** Everything up to here was looked at: a reader that follows reads on after it, whether or not an event was its own. */
  readonly upTo: number;
}
export interface FeedItem {
  readonly sequence: number;
  readonly event: PublicEvent;
}

export interface ScheduleKey {
  readonly workspace: string;
  readonly schedule: string;
}
/** A schedule is one item. `version` and `created_at` of its state together identify one value of it. */
export interface StoredSchedule {
  readonly state: ScheduleState;
  /** When the service must run it; null: not before something else happens, such as the end of a run. */
  readonly wakeAt: Millis | null;
}
/** Thrown for a stored schedule that is damaged or was written by another version. Lists show it, and it can be deleted. */
export class UnreadableSchedule extends Error {
  readonly schedule_id: string;
  readonly createdAt: Millis;

  constructor(schedule: string, createdAt: Millis, problem: string) {
    super(problem);
    this.name = "UnreadableSchedule";
    this.schedule_id = schedule;
    this.createdAt = createdAt;
  }
}
/** One schedule from create to delete. Its id may be used again, with a new log. */
export interface ScheduleLife extends ScheduleKey {
  readonly createdAt: Millis;
}

export interface ScheduleChange {
  readonly workspace: string;
  readonly seen: ScheduleState;
  readonly next: StoredSchedule;
}

/** Schedules and their logs. Only `shared/schedule/service` creates and changes them. */
export interface Schedules {
  /** Throws `UnreadableSchedule`. */
  get(key: ScheduleKey): Promise<StoredSchedule | null>;
  /** False: another schedule has the id. */
  create(workspace: string, next: StoredSchedule): Promise<boolean>;
  /** Compare and set: puts `next` if the stored state is `seen`. False: it is another, or there is none. */
  replace(workspace: string, seen: ScheduleState, next: StoredSchedule): Promise<boolean>;
  /** Deletes the schedule with its log and its timer. False: there is none. */
  delete(key: ScheduleKey): Promise<boolean>;
  /**
   * In the order of ids, only those after `after`, at most `limit`, and none beyond the one with which they have `maxBytes`.
   * An empty answer: there are no more. May lag.
   */
  list(
    workspace: string,
    p: { after?: string; limit: number; maxBytes?: number },
  ): Promise<(ScheduleState | UnreadableSchedule)[]>;
  /** Schedules with `wakeAt` at or before `until`, of all workspaces, earliest first. May lag. */
  due(until: Millis, limit: number): Promise<DueSchedule[]>;
  /** Removes `wakeAt`, of a schedule that cannot be read and so cannot be replaced. */
  clearWakeAt(key: ScheduleKey): Promise<void>;
  /** Sets the timer that wakes the service at `at`; null: none. A hint: `due` finds a schedule whose timer was lost. */
  arm(key: ScheduleKey, at: Millis | null): Promise<void>;
  /** Stores entries that no longer fit into the state, in order and without gaps. Idempotent by the `seq` of the first. */
  putLog(life: ScheduleLife, entries: readonly LogEntry[]): Promise<void>;
  /** Newest first; only those before `before`. The store may have deleted entries older than the retention. */
  log(life: ScheduleLife, p: { before: number; limit: number }): Promise<LogEntry[]>;
}
export interface DueSchedule extends ScheduleKey {
  readonly wakeAt: Millis;
}

/** One activity of a run. */
export interface ActivityKey {
  readonly ref: Ref;
  readonly run: string;
  readonly activity: number;
}
export interface AttemptKey extends ActivityKey {
  readonly attempt: number;
}

export interface AttemptReport {
  readonly attempt: number;
  /** Session of the worker that began it; null: the attempt did not come from the queue, or has not begun. */
  readonly session: string | null;
  /** The last heartbeat of any attempt. */
  readonly beat: { readonly at: Millis; readonly details: unknown } | null;
  /** The last failure of an attempt from the queue; the next attempt has not begun. */
  readonly failed: { readonly attempt: number; readonly failure: Failure; readonly retryAt: Millis } | null;
}

/**
 * Short-lived facts about activities that are queued or send heartbeats. The latest attempt is the highest that has begun
 * or sent a heartbeat. An earlier one may still run on another worker, but the store keeps nothing of it any more.
 */
export interface Activities {
  /**
   * An attempt begins; `queued`: it came from the queue. Answers when the first attempt from the queue began, `now` where the
   * store does not need it. Null: a later attempt has begun before.
   */
  begin(p: AttemptKey & { queued: boolean; session?: string; now: Millis }): Promise<Millis | null>;
  /** The activities of which an attempt from the queue has begun. */
  begun(p: { ref: Ref; run: string; activities: readonly number[] }): Promise<number[]>;
  /** Keeps the details of a heartbeat. False: a later attempt has begun, and the store keeps nothing. */
  beat(p: AttemptKey & { details: unknown; now: Millis }): Promise<boolean>;
  /** Details of the last heartbeat of any attempt, null = none. */
  lastBeat(p: ActivityKey): Promise<unknown>;
  requestCancel(p: ActivityKey): Promise<void>;
  /**
   * An attempt from the queue failed, and the next begins at `retryAt`. Keeps nothing if a later attempt has begun. Answers
   * when the failure was reported first, `now` where the store does not need it.
   */
  failed(p: AttemptKey & { failure: Failure; retryAt: Millis; now: Millis }): Promise<Millis>;
  /** What is known of the latest attempt; null: nothing. */
  report(p: ActivityKey): Promise<AttemptReport | null>;
  /** `attempt`: the latest, 0 = the store knows none. */
  status(p: ActivityKey): Promise<{ attempt: number; cancelRequested: boolean }>;
}

/** Answers to queries: kept for as long as a caller may wait for one. */
export interface Answers {
  /** The workspace asks the query: from now on the store takes one answer. Before its task is sent. */
  open(workspace: string, query: string): Promise<void>;
  /**
   * Keeps the first answer to an open query. Any other is dropped, with nothing stored: nobody has asked, or nobody waits
   * any more, or it has been answered.
   */
  put(workspace: string, query: string, answer: QueryAnswer): Promise<void>;
  /** Null: no answer until `until`. After it the query is no longer open. */
  wait(workspace: string, query: string, until: Millis, signal?: AbortSignal): Promise<QueryAnswer | null>;
}

/**
 * Waiting for a change. Each call resolves after the next change of its subject, at `until`, or when `signal` aborts. It may
 * also resolve without a change, so the caller reads again after it.
 */
export interface Changes {
  /** A change of the head. A batch that leaves the head as it is need not end the wait. */
  waitForHead(ref: Ref, until: Millis, signal?: AbortSignal): Promise<void>;
  /** A change of the head, a batch, or progress. */
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
  /** A worker without a heartbeat for longer is not live. A deployment is active while a worker of it is live. Default 50 s. */
  readonly livenessMs: Millis;
  /** Workers send a heartbeat this often. Default 10 s. */
  readonly heartbeatMs: Millis;
  /** A session without a heartbeat for longer is dead: its local attempts are orphans. Default 30 s. */
  readonly sessionTimeoutMs: Millis;
  /** The lease of a task, unless its worker extends it. Default 30 s. */
  readonly leaseMs: Millis;
  /** A claim makes the head due again after this. Default 2 min. */
  readonly claimTimeoutMs: Millis;
  /** A start or a sender makes the head due after this, in case its task is lost. Default 1 min. */
  readonly wakeTimeoutMs: Millis;
  /** The sweeper enqueues a task for an execution that is overdue by more than this. Default 5 s. */
  readonly graceMs: Millis;
  /** The store keeps closed executions, feed items and log entries of schedules for this long. Default 30 days. */
  readonly retentionMs: Millis;
}

export interface Backup {
  readonly bytes: number;
  /** The copy is removed from the server's disk once it has been read, or its reader stops. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Removes a copy that nobody reads. */
  drop(): Promise<void>;
}

/** One figure of the store for `/metrics`. */
export interface Gauge {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}
export interface Gauges {
  readonly gauges: readonly Gauge[];
  /** Of the process, by name. */
  readonly timings: Readonly<Record<string, Histogram>>;
}

export interface StoreCondition {
  /** Why every call is refused; null: the store works. */
  readonly failure: string | null;
  /** Rows that are left out of the rounds of maintenance because they are damaged, or were lost with a damaged log. */
  readonly setAside: readonly string[];
}

/** Rows that could not be worked on, by name. Rounds of maintenance leave them out for a while. */
export interface SetAside {
  /** True: leave it out of this round. */
  has(name: string): boolean;
  add(name: string, how?: "until restart"): void;
  /** It was worked on. */
  remove(name: string): void;
}

/** The start or reset for which a client chose an idempotency key. */
export interface KeyedStart {
  readonly execution: string;
  /** The first run that the start has, or will have once it succeeds. Of a reset: the run that it ends (RESET-5). */
  readonly run: string;
  /** Digest of the request. Another request under the same key is a mistake. */
  readonly request: string;
}

/** Idempotency keys of starts and resets. An expired one counts as absent. */
export interface StartKeys {
  get(workspace: string, key: string): Promise<KeyedStart | null>;
  /** Keeps the start under the key, unless one is kept already. Answers the kept one. */
  keep(workspace: string, key: string, start: KeyedStart, until: Millis): Promise<KeyedStart>;
}

/** A job, stored. */
export type StoredJob = Job<Omit<RunsQuery, "limit" | "token" | "signal" | "sortBy" | "order">>;
export interface JobKey {
  readonly workspace: string;
  readonly id: string;
}

/** Jobs and their outcomes. Only `shared/engine/jobs.ts` and the API's calls for jobs change them. */
export interface Jobs {
  /** False: another job has the id. */
  create(job: StoredJob): Promise<boolean>;
  get(key: JobKey): Promise<StoredJob | null>;
  /** In falling order of ids; only those below `before`. */
  list(workspace: string, p: { before?: string; limit: number }): Promise<StoredJob[]>;
  /** Compare and set: puts `next` if the stored job has the version before it. False: it has another. */
  replace(next: StoredJob): Promise<boolean>;
  /** Keeps the outcomes of a page unless it has some. Answers the kept ones. */
  putOutcomes(key: JobKey, page: number, outcomes: readonly JobOutcome[]): Promise<readonly JobOutcome[]>;
  /** Of one page; empty: it has none. */
  outcomes(key: JobKey, page: number): Promise<readonly JobOutcome[]>;
  /** Jobs of all workspaces with `dueAt` at or before `until`, earliest first. May lag. */
  due(until: Millis, limit: number): Promise<JobKey[]>;
}

export interface RollupQuery extends Range {
  readonly subject: string;
  /** `desc`: the newest first. Default `asc`. */
  readonly order?: "asc" | "desc";
  /** Default: all. */
  readonly most?: number;
}

/** Counts of runs by time (`shared/core/rollups.ts`). The adapter counts starts and closes itself (ROLLUP-2). */
export interface Rollups {
  /** The buckets of a range that have counts, in the order of start and key. May lag behind the runs. */
  read(workspace: string, p: RollupQuery): Promise<Bucket[]>;
}

/** The pools of rate limits. A pool exists while it has permits that count. */
export interface RateLimits {
  /** Takes `n` permits from the pool of the limit's key, in one atomic step. `slack`: as in `takePermits`. */
  take(workspace: string, limit: RateLimit, n: number, slack?: Millis): Promise<Permit[]>;
  /** The pool as it is; null: nobody has asked for so long that it is empty. */
  pool(workspace: string, key: string): Promise<Pool | null>;
}

/** A group among those of its deployment. */
export interface DeploymentPlace {
  readonly at: Millis;
  readonly execution: string;
  readonly first: number;
}

/** Log records of executions (LOGRECORD-1). The store keeps them for one retention. */
export interface LogRecords {
  /** The last group of the execution. */
  last(ref: Ref): Promise<LastGroup | null>;
  /** Writes the group if no group has its place. `until`: the store keeps it until then. False: the place is taken. */
  put(ref: Ref, group: LogGroup, until: Millis): Promise<boolean>;
  /** Raises `dropped` of the group at `first` by `n`. */
  addDropped(ref: Ref, first: number, n: number): Promise<void>;
  /** Groups from the one at `from` on, in order; `from` absent: from the first or the last one. None: there are no more. */
  ofExecution(ref: Ref, p: { from?: number; order: "asc" | "desc" }): Promise<LogGroup[]>;
  /**
   * The same of a deployment, in the order in which the server took them. May lag. `settled`: without the latest groups, among
   * which an earlier one may still appear.
   */
  ofDeployment(
    workspace: string,
    deployment: string,
    p: { from?: DeploymentPlace; order: "asc" | "desc"; settled?: boolean },
  ): Promise<LogGroup[]>;
  /** How much later the place of a group may be than the server's time when it came: its clock may have been set back. */
  ahead(workspace: string, deployment: string): Promise<Millis>;
}

export interface Ports {
  readonly clock: Clock;
  /** A fresh UUID, version 7. */
  readonly uuid: () => string;
  readonly executions: Executions;
  readonly startKeys: StartKeys;
  readonly jobs: Jobs;
  readonly tasks: Tasks;
  readonly registry: Registry;
  readonly schedules: Schedules;
  readonly feed: Feed;
  readonly rollups: Rollups;
  readonly activities: Activities;
  readonly rateLimits: RateLimits;
  readonly logRecords: LogRecords;
  readonly answers: Answers;
  readonly changes: Changes;
  readonly log: Log;
  readonly settings: Settings;
  /** Resolves once every write so far is durable. The server answers no caller before. */
  durable(): Promise<void>;
  /** Lets other requests run if this process has worked for some ms without a break. Absent: every call is a round trip. */
  pause?(): Promise<void>;
  /** Absent: a round only logs such a row, and meets it again in the next round. */
  readonly setAside?: SetAside;
  /** Makes a copy of all data of all workspaces while the server works. Absent: the store is a service with its own backups. */
  backup?(signal?: AbortSignal): Promise<Backup | "another is there">;
  /** What is wrong with the store, for `/health`. Absent: the store is a service that reports its own state. */
  condition?(): StoreCondition;
  /** Figures of a workspace for `/metrics`. Absent: the store is a service that has metrics of its own. */
  gauges?(workspace: string): Promise<Gauges>;
  /** The deliveries with the claims that the session may be given (CLAIM-1; with `again` also CLAIM-3). Absent: polls carry no claims. */
  withClaims?(
    queue: Pick<QueueRef, "workspace" | "deployment">,
    by: { readonly session: string; readonly again: boolean },
    deliveries: readonly Delivery[],
  ): Promise<Delivery[]>;
  /** Tells the schedule that an execution of its has closed. */
  scheduleClosed?(head: Head, told: Extract<OutboxEntry, { kind: "tell_schedule" }>): Promise<void>;
}
