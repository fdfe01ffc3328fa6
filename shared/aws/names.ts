/**
 * Names that the CDK app and the handlers share: environment variables, keys, indexes, tags, functions.
 *
 * Constants only. Handlers import this file, so an import of the CDK here would be bundled into each of them. The CDK app
 * imports it too, and would load an AWS client that is imported here.
 */

/** The source of a function's requests, and the form of its answers. */
export interface FunctionFacts {
  /**
   * `rest`: API Gateway, `url`: its own function URL, `events`: queues, streams and rules.
   */
  readonly front: "rest" | "url" | "events";
  /**
   * `stream`: `awslambda.streamifyResponse` wraps the handler (middy's streamify mode), and every route of its area uses
   * a streaming integration. `buffered`: the handler returns one answer. A function has one form only: a streaming
   * handler behind a buffering integration answers its raw frames.
   */
  readonly response: "stream" | "buffered";
  /** Seconds until Lambda ends an invocation. The visibility timeout of the function's queue is derived from it. */
  readonly timeoutSeconds: number;
  /** Megabytes; Lambda gives CPU in proportion (1,769 MB are one core). */
  readonly memoryMb: number;
  /**
   * The function sends messages to the queue that invokes it, by design. Lambda's recursive loop detection, which would
   * stop such a chain after 16 rounds, is told to allow it.
   */
  readonly loops?: true;
}

/** Time that a sweep leaves for its answer and the logs. */
export const SWEEP_SPARE_SECONDS = 5;
/** The longest call that waits for a result (`MAX_WAIT_SECONDS`), and what it does before and after. */
const WAIT_SECONDS = 320;
/**
 * Lambda does not end an invocation when its caller goes away. So a stream ends after `MOST_STREAM_SECONDS` at most, and the client goes on
 * from its last event: a client that connects again and again leaves one or two such invocations, and not fifteen.
 */
export const MOST_STREAM_SECONDS = 840;
/** API Gateway's limit for a buffered answer is 29 s. Nothing would receive a later answer. */
export const REST_SECONDS = 29;
/** A claim may answer a history of 50 MB. Lambda streams the first 6 MB of an answer at once and the rest at 2 MB/s. */
const CLAIM_SECONDS = 90;

/**
 * Every Lambda function, by name. Its handler is the export `handler` of `functions/<name>.ts`.
 */
export const FUNCTIONS = {
  executions: { front: "rest", response: "stream", timeoutSeconds: WAIT_SECONDS, memoryMb: 512 },
  commands: { front: "rest", response: "buffered", timeoutSeconds: REST_SECONDS, memoryMb: 512 },
  registration: { front: "rest", response: "buffered", timeoutSeconds: REST_SECONDS, memoryMb: 512 },
  schedules: { front: "rest", response: "buffered", timeoutSeconds: REST_SECONDS, memoryMb: 512 },
  streams: { front: "rest", response: "stream", timeoutSeconds: MOST_STREAM_SECONDS + 60, memoryMb: 512 },
  worker: { front: "url", response: "stream", timeoutSeconds: CLAIM_SECONDS, memoryMb: 512 },
  // Shorter than its interval of a minute, so that two sweeps seldom overlap (they may: a sweep is idempotent).
  sweeper: { front: "events", response: "buffered", timeoutSeconds: 55, memoryMb: 512 },
  feed: { front: "events", response: "buffered", timeoutSeconds: 60, memoryMb: 512 },
  // The handler of a wake-up sends the next wake-up to the same queue.
  scheduler: { front: "events", response: "buffered", timeoutSeconds: 30, memoryMb: 512, loops: true },
  // An activity with more attempts than SQS has deliveries is enqueued again, and may come back as a dead letter again.
  deadletters: { front: "events", response: "buffered", timeoutSeconds: 30, memoryMb: 512, loops: true },
} as const satisfies Record<string, FunctionFacts>;
export type FunctionName = keyof typeof FUNCTIONS;
export const FUNCTION_NAMES = Object.keys(FUNCTIONS) as FunctionName[];

/** The function that serves each area of the routes table, apart from answers without a body (`functionOf`). */
const AREA_FUNCTION = {
  executions: "executions",
  registration: "registration",
  schedules: "schedules",
  streams: "streams",
  // Two rare requests, the OpenAPI document and the health check, need no function of their own.
  system: "registration",
} as const satisfies Record<string, FunctionName>;
export type ServedArea = keyof typeof AREA_FUNCTION;

/**
 * The function that serves a route. Lambda may hold a streamed answer that has no body open until the function's timeout, and bills
 * the time. So the function `commands` serves, buffered, the answers without a body of all areas whose function streams.
 */
export function functionOf(route: {
  readonly method: string;
  readonly area: ServedArea;
  readonly kind: "json" | "empty" | "sse" | "file";
}): FunctionName {
  const name = AREA_FUNCTION[route.area];
  const hasBody = route.kind !== "empty" && route.method !== "HEAD";
  return hasBody || FUNCTIONS[name].response === "buffered" ? name : "commands";
}

/** Environment variables of the handlers. A function gets those of the resources it has rights on: `infra/access.ts`. */
export const ENV = {
  /** Table names. */
  executionsTable: "SIROCCO_EXECUTIONS_TABLE",
  registryTable: "SIROCCO_REGISTRY_TABLE",
  schedulesTable: "SIROCCO_SCHEDULES_TABLE",
  feedTable: "SIROCCO_FEED_TABLE",
  payloadBucket: "SIROCCO_PAYLOAD_BUCKET",
  /** The names of all deployments' queues begin with this prefix (`queue-names.ts`). Policies allow queues by it. */
  taskQueuePrefix: "SIROCCO_TASK_QUEUE_PREFIX",
  /** `RedrivePolicy.deadLetterTargetArn` of each deployment's queues. */
  taskDeadLettersArn: "SIROCCO_TASK_DEAD_LETTERS_ARN",
  /** The role of workers' temporary credentials. A session policy narrows it for each worker. */
  workerRoleArn: "SIROCCO_WORKER_ROLE_ARN",
  /** EventBridge Scheduler: the group of the schedules, and their role, target queue and dead-letter queue. */
  scheduleGroup: "SIROCCO_SCHEDULE_GROUP",
  scheduleRoleArn: "SIROCCO_SCHEDULE_ROLE_ARN",
  scheduleQueueArn: "SIROCCO_SCHEDULE_QUEUE_ARN",
  scheduleDeadLettersArn: "SIROCCO_SCHEDULE_DEAD_LETTERS_ARN",
  /** URL of the target queue, for the delayed message that makes a wake-up exact to the second. */
  scheduleQueueUrl: "SIROCCO_SCHEDULE_QUEUE_URL",
  /** Retention of a closed execution, days. */
  retentionDays: "SIROCCO_RETENTION_DAYS",
  /** A worker without a heartbeat for longer is not alive, ms. */
  livenessWindowMs: "SIROCCO_LIVENESS_WINDOW_MS",
  /** Shards of the index `due` for executions. */
  dueShards: "SIROCCO_DUE_SHARDS",
  /** A stream ends after this many seconds, and the client goes on from its last event. Only for the function `streams`. */
  streamSeconds: "SIROCCO_STREAM_SECONDS",
  /** URL of the queue that gets the keys of records which the feed's consumer cannot read. Only for the function `feed`. */
  feedDeadLettersUrl: "SIROCCO_FEED_DEAD_LETTERS_URL",
  /** ARN of the KMS key of deployments' queues. Only with the setting `kmsKeyArn`, and where queues are created. */
  kmsKeyArn: "SIROCCO_KMS_KEY_ARN",
  /** `info`, `warn` or `error`. */
  logLevel: "SIROCCO_LOG_LEVEL",
  /** Address of the OpenTelemetry collector that receives the traces of closed executions, and its headers as `name=value,…`. */
  otlpUrl: "SIROCCO_OTLP_URL",
  otlpHeaders: "SIROCCO_OTLP_HEADERS",
  /** Dimension of the metrics that handlers write: the name of the stack. */
  installation: "SIROCCO_INSTALLATION",
  /** Address of the workers' endpoint, which `whoami` names. Only the function that answers it has this variable. */
  workerUrl: "SIROCCO_WORKER_URL",
} as const;
export type EnvName = (typeof ENV)[keyof typeof ENV];

/** Keys of every table. `ttl` is epoch seconds. DynamoDB deletes days late, so readers compare it with the time. */
export const KEYS = { partition: "pk", sort: "sk", ttl: "ttl" } as const;

export const INDEXES = {
  /** Sparse, on Executions and Schedules: the items that have a due time (`due_at`, epoch ms). */
  due: { name: "due", partition: "due_shard", sort: "due_at" },
  /** On Executions: runs of a workspace by `start_time` (epoch ms). */
  runs: { name: "runs", partition: "runs_shard", sort: "start_time" },
  /** Sparse, on Executions: heads of executions that wait for a person, by the begin of the wait (epoch ms). */
  inputs: { name: "inputs", partition: "inputs_shard", sort: "inputs_since" },
} as const;

/**
 * Attributes that the index `due` of Executions has besides the keys. With them the sweeper enqueues a task without
 * reading the head. None of them changes while an execution runs, so they cause no index write of their own.
 */
export const DUE_ATTRIBUTES = ["status", "deployment", "deadline"] as const;

/** Attributes that the index `inputs` has besides the keys. */
export const INPUTS_ATTRIBUTES = ["workflow"] as const;

/**
 * Attributes that the index `runs` has besides the keys. Lists filter by them. Each changes only when a run starts or
 * closes: an attribute that every claim or park changes would double the price of both.
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
 * The changes of the table Executions that the feed's consumer receives. The event source filters out all others
 * (messages, answers, heads that are claimed or parked) before it invokes Lambda, so they cost nothing.
 */
export const FED = {
  /** Sort key prefixes of items that are written once: batches and progress reports. Only their insertion is received. */
  put: ["LOG#", "PROGRESS#"],
  /** Sort key of a head. A head is received while it has the attribute `unseen`: from its start to its first claim. */
  head: "HEAD",
  unseen: "fresh",
  /** The attribute of a final head that holds the closing batch of its run (LOG-6). */
  closing: "closing",
  /** A batch with this attribute is a copy that a reset has made: the feed does not show it. */
  copied: "copied",
} as const;

/**
 * Objects with this tag expire `retentionDays` after they were written. S3 counts from the write, not from the tagging:
 * when a run has closed, each payload is copied onto itself with the tag, which restarts its age.
 */
export const PAYLOAD_CLOSED_TAG = { key: "sirocco-closed", value: "yes" } as const;
/** Objects with this tag hold tasks whose messages are in queues. They outlive SQS's longest retention of 14 days. */
export const PAYLOAD_QUEUED_TAG = { key: "sirocco-queued", value: "yes" } as const;

/** Namespace of the metrics that handlers write (CloudWatch embedded metric format). */
export const METRICS_NAMESPACE = "Sirocco";

export const taskQueuePrefix = (stackName: string): string => `${stackName}-tasks-`;
