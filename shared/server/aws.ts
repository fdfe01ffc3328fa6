/** The AWS adapter composed with the engine: all ports over DynamoDB, SQS, S3, STS and EventBridge Scheduler. */

import { S3Blobs } from "../aws/blobs.ts";
import { type Clients, lazily } from "../aws/clients.ts";
import type { Context } from "../aws/context.ts";
import { counted } from "../aws/counted-executions.ts";
import type { CredentialOptions, SqsTasks } from "../aws/credentials.ts";
import type { EventBridgeTimer } from "../aws/event-bridge-timer.ts";
import { AwsExecutions } from "../aws/executions.ts";
import type { LeftOut } from "../aws/feed-placeholders.ts";
import type { Change, FeedWriter } from "../aws/feed-writer.ts";
import { DUE_SHARDS } from "../aws/keys.ts";
import { PollBackoff } from "../aws/poll-backoff.ts";
import { type QueueOptions, Queues } from "../aws/queues.ts";
import { AwsRegistry } from "../aws/registry.ts";
import { Table } from "../aws/table.ts";
import type { TaskBatcher } from "../aws/task-batcher.ts";
import type { DeadLetter } from "../aws/task-reading.ts";
import { AwsTasks } from "../aws/tasks.ts";
import type { Rotation } from "../engine/sweep.ts";
import { Readable } from "../lib/readable.ts";
import type { Clock, Log, Ports, Settings } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { Task } from "../protocol/worker.ts";
import type { OtlpOptions } from "./trace-exporter.ts";

export { awsClients, type Clients } from "../aws/clients.ts";
export type { CredentialOptions, SqsTasks } from "../aws/credentials.ts";
export type { Change } from "../aws/feed-writer.ts";
export type { QueueOptions } from "../aws/queues.ts";
export type { DeadLetter } from "../aws/task-reading.ts";

/** Names of the stack's resources. A name may be empty where the caller has no right to the resource. */
export interface AwsResources {
  readonly executions: string;
  readonly registry: string;
  readonly schedules: string;
  readonly feed: string;
  readonly payloads: string;
  readonly queues: QueueOptions;
  /** Shards of the index `due` for executions. Default: 16. */
  readonly dueShards?: number;
  /** URL of the queue for records that the feed's consumer cannot read. Undefined: only the log tells of them. */
  readonly feedDeadLetters?: string | undefined;
}

export interface AwsOptions {
  readonly clients: Clients;
  readonly resources: AwsResources;
  /** In a function a `ServiceClock`: functions compare times that others have written. */
  readonly clock: Clock;
  readonly uuid: () => string;
  readonly settings: Settings;
  readonly log?: Log;
  /** Wakes schedules in time. Without it the sweeper wakes them, up to a minute late. */
  readonly timer?: EventBridgeTimer;
  /** The consumer of the change stream sends the traces of closed runs there. */
  readonly otlp?: OtlpOptions;
}

export interface Aws extends Ports {
  readonly clients: Clients;
  /** Appends changes of the table Executions to the feed. Answers the ids of the changes to deliver again. `late`: see `FeedWriter`. */
  feedChanges(changes: readonly Change[], o?: { late?: boolean }): Promise<string[]>;
  /** For operators: see `FeedWriter.refill`. */
  refillFeed(of: Pick<LeftOut, "from" | "at">): ReturnType<FeedWriter["refill"]>;
  /**
   * One round of the sweeper, which begins nothing after `until`: enqueues tasks for due executions, wakes overdue
   * schedules, gives the items of closed runs their expiry. Answers how many of each.
   */
  sweep(
    everyMs: Millis,
    until: Millis,
    o?: { batcher?: typeof TaskBatcher; sweepElsewhere?: (shard: number) => Promise<void> },
  ): Promise<{ due: number; woken: number; released: number; jobs: number; expired: number }>;
  /** A round of one shard of the index of due executions. Answers how many entries it looked at. */
  sweepShard(shard: number, everyMs: Millis, until: Millis, o?: { batcher?: typeof TaskBatcher }): Promise<number>;
  /** Creates the queues of a deployment if they are missing, and credentials for them. */
  tasksFor(options: CredentialOptions, of: { workspace: string; deployment: string }): Promise<SqsTasks>;
  /** The task of a dead letter, and its deployment. */
  readDead(letter: DeadLetter): Promise<{ workspace: string; deployment: string; task: Task }>;
  /** Deletes the queues of a deployment and the tasks in them. Answers their names. For operators. */
  deleteDeploymentQueues(workspace: string, deployment: string): Promise<string[]>;
}

/** Modules that load at their first use. A function that needs one at each invocation imports it itself (`functions/`). */
const load = {
  schedules: () => import("../aws/schedules.ts"),
  waking: () => import("../schedule/service/wake.ts"),
  sweeping: () => import("./aws-sweep.ts"),
  answers: () => import("../aws/answers.ts"),
  feed: () => import("../aws/feed.ts"),
  rollups: () => import("../aws/rollups.ts"),
  activities: () => import("../aws/activities.ts"),
  jobs: () => import("../aws/jobs.ts"),
  startKeys: () => import("../aws/start-keys.ts"),
  logRecords: () => import("../aws/log-records.ts"),
  feeding: () => import("./aws-feed.ts"),
  taskReading: () => import("../aws/task-reading.ts"),
  credentials: () => import("../aws/credentials.ts"),
  rateLimits: () => import("../aws/rate-limits.ts"),
};

/** A port whose methods load it at the first call of one. */
function lateBound<T extends object>(make: () => Promise<T>): T {
  const load = lazily(make);
  const methods: ProxyHandler<T> = {
    get:
      (_, name) =>
      async (...p: unknown[]) => {
        const port = (await load()) as Record<string | symbol, (...p: unknown[]) => unknown>;
        return port[name]!(...p);
      },
  };
  return new Proxy({} as T, methods);
}

const quiet: Log = { info: () => {}, warn: () => {}, error: () => {} };

export function aws(options: AwsOptions): Aws {
  const { clients, resources, clock, uuid, settings, log = quiet } = options;
  const c: Context = {
    clients,
    clock,
    uuid,
    settings,
    dueShards: resources.dueShards ?? DUE_SHARDS,
    log,
    readable: new Readable((row, error) =>
      log.error("store: a row cannot be read, lists leave it out", { row, error }),
    ),
    blobs: new S3Blobs(clients.s3, resources.payloads),
    tables: {
      executions: new Table(clients.dynamo, resources.executions),
      registry: new Table(clients.dynamo, resources.registry),
      schedules: new Table(clients.dynamo, resources.schedules),
      feed: new Table(clients.dynamo, resources.feed),
    },
  };
  const queues = new Queues(clients.sqs, resources.queues, settings.leaseMs);
  const backoff = new PollBackoff(clock);
  const rotation: Rotation = {};
  const known: { shards?: readonly number[] | undefined } = {};
  const ports: Ports = {
    clock,
    uuid,
    log,
    settings,
    executions: counted(new AwsExecutions(c), clients.meter),
    startKeys: lateBound(async () => new (await load.startKeys()).AwsStartKeys(c)),
    jobs: lateBound(async () => new (await load.jobs()).AwsJobs(c)),
    tasks: new AwsTasks(c, queues),
    registry: new AwsRegistry(c),
    schedules: lateBound(async () => new (await load.schedules()).AwsSchedules(c, options.timer)),
    feed: lateBound(async () => new (await load.feed()).AwsFeed(c, backoff)),
    rollups: lateBound(async () => new (await load.rollups()).AwsRollups(c)),
    activities: lateBound(async () => new (await load.activities()).AwsActivities(c)),
    rateLimits: lateBound(async () => new (await load.rateLimits()).AwsRateLimits(c)),
    logRecords: lateBound(async () => new (await load.logRecords()).AwsLogRecords(c, backoff)),
    answers: lateBound(async () => new (await load.answers()).AwsAnswers(c)),
    changes: backoff,
    durable: async () => {}, // DynamoDB answers a write once it is durable
    scheduleClosed: async (head, told) => (await load.waking()).scheduleClosed(ports, head, told),
  };
  const feeding = lazily(async () => {
    const { Feeding } = await load.feeding();
    return new Feeding(c, ports, { otlp: options.otlp, deadLetters: resources.feedDeadLetters });
  });
  return {
    ...ports,
    clients,
    feedChanges: async (changes, o) => (await feeding()).take(changes, o),
    refillFeed: async (of) => (await feeding()).refill(of),
    async sweep(everyMs, until, o) {
      const { sweepRound } = await load.sweeping();
      return sweepRound(c, queues, ports, {
        everyMs,
        until,
        armed: options.timer !== undefined,
        rotation,
        known,
        ...o,
      });
    },
    async sweepShard(shard, everyMs, until, o) {
      const { sweepShard } = await load.sweeping();
      return sweepShard(c, queues, ports, { shard, everyMs, until, ...o });
    },
    readDead: async (letter) => (await load.taskReading()).readDead(c.blobs, letter),
    tasksFor: async (o, of) => (await load.credentials()).tasksFor(clients.sts, queues, o, of),
    deleteDeploymentQueues: (workspace, deployment) => queues.deleteBoth(workspace, deployment),
  };
}
