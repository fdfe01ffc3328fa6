/** The AWS adapter: all ports over DynamoDB, SQS, S3 and STS. */

import { AwsActivities } from "../aws/activities.ts";
import { AwsAnswers } from "../aws/answers.ts";
import { S3Blobs } from "../aws/blobs.ts";
import type { Clients } from "../aws/clients.ts";
import type { Context } from "../aws/context.ts";
import { CountedExecutions } from "../aws/counted.ts";
import type { CredentialOptions, SqsTasks } from "../aws/credentials.ts";
import type { EventBridgeTimer } from "../aws/event-bridge-timer.ts";
import { AwsFeed } from "../aws/feed.ts";
import type { Change, FeedWriter } from "../aws/feed-writer.ts";
import { PollBackoff } from "../aws/poll-backoff.ts";
import { type QueueOptions, Queues } from "../aws/queues.ts";
import { AwsRegistry } from "../aws/registry.ts";
import { AwsSchedules } from "../aws/schedules.ts";
import { Table } from "../aws/table.ts";
import type { DeadLetter } from "../aws/task-reading.ts";
import { AwsTasks } from "../aws/tasks.ts";
import type { Clock, Log, Ports, Settings } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { Task } from "../protocol/worker.ts";

export { awsClients, type Clients } from "../aws/clients.ts";
export type { CredentialOptions, SqsTasks } from "../aws/credentials.ts";
export type { Change } from "../aws/feed-writer.ts";
export type { QueueOptions } from "../aws/queues.ts";
export type { DeadLetter } from "../aws/task-reading.ts";

/** Names of what the stack made. What a handler has no right to use may be left empty. */
export interface Places {
  readonly executions: string;
  readonly registry: string;
  readonly schedules: string;
  readonly feed: string;
  readonly payloads: string;
  readonly queues: QueueOptions;
}

export interface AwsOptions {
  readonly clients: Clients;
  readonly places: Places;
  readonly clock: Clock;
  readonly uuid: () => string;
  readonly settings: Settings;
  readonly log?: Log;
  /** Wakes schedules in time; without it the sweeper does, up to a minute late. */
  readonly timer?: EventBridgeTimer;
}

export interface Aws extends Ports {
  readonly clients: Clients;
  /** Takes changes of the table Executions into the feed; answers the ids of those that must come again. */
  feedChanges(changes: readonly Change[]): Promise<string[]>;
  /** One round of the sweeper: rings what is due, wakes schedules, and gives what has closed its expiry, until `until`. */
  sweep(everyMs: Millis, until: Millis): Promise<{ due: number; woken: number; expired: number }>;
  /** Makes the queues of a deployment and credentials for them. */
  tasksFor(options: CredentialOptions, of: { workspace: string; deployment: string }): Promise<SqsTasks>;
  /** What a message in the dead-letter queue was. */
  readDead(letter: DeadLetter): Promise<{ workspace: string; deployment: string; task: Task }>;
  /** Deletes the queues of a deployment, with what waits in them; answers their names. For operators. */
  deleteDeploymentQueues(workspace: string, deployment: string): Promise<string[]>;
}

/** Each is loaded at its first use, or with the function that always needs it (`functions/`). */
const lazily = {
  schedules: () => import("../schedule/service/index.ts"),
  sweeping: () => import("./aws-sweep.ts"),
  feedWriter: () => import("../aws/feed-writer.ts"),
  taskReading: () => import("../aws/task-reading.ts"),
  credentials: () => import("../aws/credentials.ts"),
};

const quiet: Log = { info: () => {}, warn: () => {}, error: () => {} };

export function aws(options: AwsOptions): Aws {
  const { clients, places, clock, uuid, settings, log = quiet } = options;
  const c: Context = {
    clients,
    clock,
    uuid,
    settings,
    log,
    blobs: new S3Blobs(clients.s3, places.payloads),
    tables: {
      executions: new Table(clients.dynamo, places.executions),
      registry: new Table(clients.dynamo, places.registry),
      schedules: new Table(clients.dynamo, places.schedules),
      feed: new Table(clients.dynamo, places.feed),
    },
  };
  const queues = new Queues(clients.sqs, places.queues, settings.leaseMs);
  const changes = new PollBackoff(clock);
  let writer: FeedWriter | undefined;
  const ports: Ports = {
    clock,
    uuid,
    log,
    settings,
    executions: new CountedExecutions(c),
    tasks: new AwsTasks(c, queues),
    registry: new AwsRegistry(c),
    schedules: new AwsSchedules(c, options.timer),
    feed: new AwsFeed(c, changes),
    activities: new AwsActivities(c),
    answers: new AwsAnswers(c),
    changes,
    durable: async () => {}, // a call that has returned is on three disks
    scheduleClosed: async (head, told) => (await lazily.schedules()).scheduleClosed(ports, head, told),
  };
  return {
    ...ports,
    clients,
    async feedChanges(some) {
      const { FeedWriter } = await lazily.feedWriter();
      writer ??= new FeedWriter(c);
      return writer.take(some);
    },
    async sweep(everyMs, until) {
      const { round } = await lazily.sweeping();
      return round(c, ports, { everyMs, until, armed: options.timer !== undefined });
    },
    readDead: async (letter) => (await lazily.taskReading()).readDead(c.blobs, letter),
    tasksFor: async (o, of) => (await lazily.credentials()).tasksFor(clients.sts, queues, o, of),
    deleteDeploymentQueues: (workspace, deployment) => queues.deleteBoth(workspace, deployment),
  };
}
