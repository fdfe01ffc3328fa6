/**
 * What the CDK app and the handlers must agree on: environment variables, keys, indexes, tags, function names.
 *
 * Constants only. Handlers import this file, so it must never import the CDK (it would be bundled into every one of
 * them), nor an AWS client (the CDK app would load it).
 */

/** Where a function's requests come from, and how it must answer. */
export interface FunctionFacts {
  /**
   * `rest`: API Gateway, `url`: its own function URL, `events`: queues, streams and rules.
   */
  readonly front: "rest" | "url" | "events";
  /**
   * `stream`: the handler is wrapped by `awslambda.streamifyResponse` (middy's streamify mode) and every route of its
   * area uses a streaming integration. `buffered`: it returns one answer. A function is one or the other, because a
   * streaming handler behind a buffering integration answers its raw frames.
   */
  readonly response: "stream" | "buffered";
  /** Seconds until Lambda ends an invocation. Queue visibility is derived from it. */
  readonly timeoutSeconds: number;
  /** Megabytes; Lambda gives CPU in proportion (1,769 MB are one core). */
  readonly memoryMb: number;
  /**
   * It sends messages that come back to it by design: Lambda's detection of recursive loops, which takes the chain for a
   * bug and drops it after 16 rounds, has to let it.
   */
  readonly loops?: true;
}

/** API Gateway streams a response for 15 minutes at most; Lambda runs for 15 minutes at most. */
const STREAM_SECONDS = 900;
/** API Gateway's limit for a buffered answer is 29 s: a longer run would answer nobody. */
const REST_SECONDS = 29;
/** A history at its limit of 50 MB: Lambda streams the first 6 MB of an answer at once and the rest at 2 MB/s. */
const CLAIM_SECONDS = 90;

/**
 * Every Lambda function, by name. Its handler is the export `handler` of `functions/<name>.ts`.
 */
export const FUNCTIONS = {
  executions: { front: "rest", response: "stream", timeoutSeconds: STREAM_SECONDS, memoryMb: 512 },
  registration: { front: "rest", response: "buffered", timeoutSeconds: REST_SECONDS, memoryMb: 512 },
  schedules: { front: "rest", response: "buffered", timeoutSeconds: REST_SECONDS, memoryMb: 512 },
  streams: { front: "rest", response: "stream", timeoutSeconds: STREAM_SECONDS, memoryMb: 512 },
  worker: { front: "url", response: "stream", timeoutSeconds: CLAIM_SECONDS, memoryMb: 512 },
  // Shorter than its interval of a minute, so that two sweeps seldom overlap (they may: a sweep is idempotent).
  sweeper: { front: "events", response: "buffered", timeoutSeconds: 55, memoryMb: 512 },
  feed: { front: "events", response: "buffered", timeoutSeconds: 60, memoryMb: 512 },
  // The message that wakes a schedule leads to the next one, in the same queue.
  scheduler: { front: "events", response: "buffered", timeoutSeconds: 30, memoryMb: 512, loops: true },
  // An activity that may be tried more often than SQS delivers a message is queued anew, and may come back dead again.
  deadletters: { front: "events", response: "buffered", timeoutSeconds: 30, memoryMb: 512, loops: true },
} as const satisfies Record<string, FunctionFacts>;
export type FunctionName = keyof typeof FUNCTIONS;
export const FUNCTION_NAMES = Object.keys(FUNCTIONS) as FunctionName[];

/** The function that serves each area of the routes table. */
export const AREA_FUNCTION = {
  executions: "executions",
  registration: "registration",
  schedules: "schedules",
  streams: "streams",
  // Two requests that nobody waits for (the OpenAPI document, the health check) do not earn a function of their own.
  system: "registration",
} as const satisfies Record<string, FunctionName>;
export type ServedArea = keyof typeof AREA_FUNCTION;

/** Environment variables of the handlers. Which function gets which follows from its rights: `infra/access.ts`. */
export const ENV = {
  /** Table names. */
  executionsTable: "SIROCCO_EXECUTIONS_TABLE",
  registryTable: "SIROCCO_REGISTRY_TABLE",
  schedulesTable: "SIROCCO_SCHEDULES_TABLE",
  feedTable: "SIROCCO_FEED_TABLE",
  payloadBucket: "SIROCCO_PAYLOAD_BUCKET",
  /** Every deployment's queue is called `<prefix><workspace>-<deployment>-…`; rights are given by this prefix. */
  taskQueuePrefix: "SIROCCO_TASK_QUEUE_PREFIX",
  /** `RedrivePolicy.deadLetterTargetArn` of each deployment's queues. */
  taskDeadLettersArn: "SIROCCO_TASK_DEAD_LETTERS_ARN",
  /** The role that a worker's temporary credentials come from, narrowed by a session policy. */
  workerRoleArn: "SIROCCO_WORKER_ROLE_ARN",
  /** EventBridge Scheduler: the group to make schedules in, and the role, target and dead-letter queue to give them. */
  scheduleGroup: "SIROCCO_SCHEDULE_GROUP",
  scheduleRoleArn: "SIROCCO_SCHEDULE_ROLE_ARN",
  scheduleQueueArn: "SIROCCO_SCHEDULE_QUEUE_ARN",
  scheduleDeadLettersArn: "SIROCCO_SCHEDULE_DEAD_LETTERS_ARN",
  /** The same queue as a URL, for the delayed message that makes a fire exact to the second. */
  scheduleQueueUrl: "SIROCCO_SCHEDULE_QUEUE_URL",
  /** How long a closed execution is kept, days. */
  retentionDays: "SIROCCO_RETENTION_DAYS",
  /** A worker silent for longer is not alive, ms. */
  livenessWindowMs: "SIROCCO_LIVENESS_WINDOW_MS",
  /** `info`, `warn` or `error`. */
  logLevel: "SIROCCO_LOG_LEVEL",
  /** Dimension of the metrics that handlers write: the name of the stack. */
  installation: "SIROCCO_INSTALLATION",
} as const;
export type EnvName = (typeof ENV)[keyof typeof ENV];

/** Keys of every table. `ttl` is epoch seconds; DynamoDB deletes days late, so readers judge by time themselves. */
export const KEYS = { partition: "pk", sort: "sk", ttl: "ttl" } as const;

export const INDEXES = {
  /** Sparse, on Executions and Schedules: what somebody must look at, and when (`due_at`, epoch ms). */
  due: { name: "due", partition: "due_shard", sort: "due_at" },
  /** On Executions: runs of a workspace by `start_time` (epoch ms). */
  runs: { name: "runs", partition: "runs_shard", sort: "start_time" },
} as const;

/**
 * Attributes that the `due` index of Executions carries besides the keys: what the sweeper needs to ring without
 * reading the head. None of them changes while an execution runs, so they cost no index write of their own.
 */
export const DUE_ATTRIBUTES = ["status", "deployment", "deadline"] as const;

/**
 * Attributes that the `runs` index carries besides the keys: what a list shows and filters by. Each one changes only
 * when a run starts or closes: an attribute that every claim or park touches would double the price of each.
 */
export const RUNS_ATTRIBUTES = [
  "attempt",
  "chain",
  "closed_at",
  "deployment",
  "execution",
  "parent",
  "registration",
  "root",
  "run",
  "schedule",
  "search_keys",
  "status",
  "user",
  "workflow",
] as const;

/**
 * What of the table Executions the feed's consumer receives. Everything else (messages, answers, a head each time it is
 * marked, claimed or parked) is filtered out before Lambda is invoked, so it costs nothing.
 */
export const FED = {
  /** Prefixes of the sort keys of items that are put once: batches of histories, and progress. Their changes are none of its. */
  put: ["LOG#", "PROGRESS#"],
  /** Sort key of the head of an execution; received while it has the attribute `unseen`: from its start to its first claim. */
  head: "HEAD",
  unseen: "fresh",
} as const;

/**
 * Objects with this tag expire `retentionDays` after they were written. S3 counts from the write, not from the tag: at
 * close, copy a payload onto itself with the tag, which restarts its age.
 */
export const PAYLOAD_CLOSED_TAG = { key: "sirocco-closed", value: "yes" } as const;
/** Objects with this tag stand for messages in queues: they outlive SQS's longest retention, however short ours is. */
export const PAYLOAD_QUEUED_TAG = { key: "sirocco-queued", value: "yes" } as const;

/** Namespace of the metrics that handlers write (CloudWatch embedded metric format). */
export const METRICS_NAMESPACE = "Sirocco";

export const taskQueuePrefix = (stackName: string): string => `${stackName}-tasks-`;
