/** The AWS adapter: all ports over DynamoDB, SQS, S3 and STS. */
import { abreast } from "../engine/abreast.ts";
import { sweep } from "../engine/sweep.ts";
import type { Clock, DueSchedule, Log, Ports, Settings } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { Task } from "../protocol/worker.ts";
import { AwsActivities } from "./activities.ts";
import type { Alarm } from "./alarm.ts";
import { AwsAnswers } from "./answers.ts";
import { S3Blobs } from "./blobs.ts";
import type { Clients } from "./clients.ts";
import type { Context } from "./context.ts";
import { CountedExecutions } from "./counted.ts";
import { type CredentialOptions, type SqsTasks, tasksFor } from "./credentials.ts";
import { AwsFeed } from "./feed.ts";
import { type Change, FeedWriter } from "./feed-writer.ts";
import { Pace } from "./pace.ts";
import { type QueueOptions, Queues } from "./queues.ts";
import { AwsRegistry } from "./registry.ts";
import { expireClosed } from "./retention.ts";
import { AwsSchedules } from "./schedules.ts";
import { Table } from "./table.ts";
import { type DeadLetter, readDead } from "./task-body.ts";
import { AwsTasks } from "./tasks.ts";

export { awsClients, type Clients } from "./clients.ts";
export type { CredentialOptions, SqsTasks } from "./credentials.ts";
export type { Change } from "./feed-writer.ts";
export type { QueueOptions } from "./queues.ts";
export type { DeadLetter } from "./task-body.ts";

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
  readonly alarm?: Alarm;
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

/** Loaded when it is needed first: most functions never wake a schedule. */
const scheduling = () => import("../schedules/index.ts");

/** Entries that are read of an index at a time. */
const PAGE = 1_000;
const ABREAST = 25;

/**
 * Schedules whose alarm was lost: armed again, so that however many they are the fleet of the scheduler's function takes
 * them. Without an alarm they are woken here. What one of them meets must not hold up the others.
 */
async function wakeOverdue(ports: Ports, armed: boolean, until: Millis): Promise<number> {
  const overdue = await ports.schedules.due(ports.clock.now() - ports.settings.graceMs, PAGE);
  const wake = (key: DueSchedule) =>
    armed ? ports.schedules.arm(key, key.wakeAt) : scheduling().then((s) => s.wakeSchedule(ports, key));
  let woken = 0;
  await abreast(ABREAST, overdue, async (key) => {
    if (ports.clock.now() >= until) return;
    woken += 1;
    try {
      await wake(key);
    } catch (error) {
      ports.log.error("a schedule could not be woken", { ...key, error });
    }
  });
  return woken;
}

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
  const changes = new Pace(clock);
  const writer = new FeedWriter(c);
  const ports: Ports = {
    clock,
    uuid,
    log,
    settings,
    executions: new CountedExecutions(c),
    tasks: new AwsTasks(c, queues),
    registry: new AwsRegistry(c),
    schedules: new AwsSchedules(c, options.alarm),
    feed: new AwsFeed(c, changes),
    activities: new AwsActivities(c),
    answers: new AwsAnswers(c),
    changes,
    durable: async () => {}, // a call that has returned is on three disks
    scheduleClosed: async (head, told) => (await scheduling()).scheduleClosed(ports, head, told),
  };
  return {
    ...ports,
    clients,
    feedChanges: (some) => writer.take(some),
    async sweep(everyMs, until) {
      // Side by side: neither may use up the time of the other. What has closed can wait.
      const [due, woken] = await Promise.all([
        sweep(ports, everyMs, PAGE, until),
        wakeOverdue(ports, options.alarm !== undefined, until),
      ]);
      return { due, woken, expired: await expireClosed(c, until) };
    },
    readDead: (letter) => readDead(c.blobs, letter),
    tasksFor: (o, of) => tasksFor(clients.sts, queues, o, of),
    deleteDeploymentQueues: (workspace, deployment) => queues.deleteBoth(workspace, deployment),
  };
}
