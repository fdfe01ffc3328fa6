/**
 * Ids and names: the one place that says which texts are allowed and which are reserved.
 *
 * ID-1. Stores join ids with `#` and `/` into keys. So every id or name in a body of the worker data path, and every
 *     one that a client creates something under, is checked by its schema here before anything is written.
 * ID-2. In a client's request a name that only refers to something is a plain string: a name that cannot exist is
 *     answered as not found.
 */
import * as z from "zod";
import {
  MAX_ACTIVITY_NAME,
  MAX_DEPLOYMENT_NAME,
  MAX_EXECUTION_ID,
  MAX_HANDLER_NAME,
  MAX_IDEMPOTENCY_KEY,
  MAX_MESSAGE_ID,
  MAX_SCHEDULE_ID,
  MAX_TASK_NAME,
  MAX_VERSION_NAME,
  MAX_WORKER_NAME,
  MAX_WORKFLOW_NAME,
} from "./limits.ts";

const SLUG = /^[A-Za-z0-9_-]+$/;
const shown = (input: unknown) => JSON.stringify(String(input).slice(0, 80));

/** What `slug` accepts. */
export const isName = (value: unknown, max: number): value is string =>
  typeof value === "string" && value.length <= max && SLUG.test(value);

/** `reserved`: words of the API's own paths. API Gateway would take the word for the path, never for the id. */
function slug(what: string, max: number, reserved: readonly string[] = []) {
  const rule = `1 to ${max} letters, digits, "-" or "_"`;
  const error = (issue: { input?: unknown }) => `${shown(issue.input)} cannot be ${what}: use ${rule}`;
  const schema = z.string().regex(SLUG, { error, abort: true }).max(max, { error });
  if (reserved.length === 0) return schema;
  const taken = (issue: { input?: unknown }) =>
    `${shown(issue.input)} cannot be ${what}: it is a word of the API's own paths`;
  return schema.refine((id) => !reserved.includes(id), { error: taken });
}

/** Free text in one line. No control characters, because logs and tables print it. */
const line = (what: string, max: number) =>
  z
    .string()
    .regex(/^(?=.*\S)[^\p{Cc}\p{Cs}]+$/u, {
      error: (issue) => `${shown(issue.input)} cannot be ${what}: it is blank or holds control characters`,
    })
    .max(max, { error: (issue) => `${shown(issue.input)} cannot be ${what}: at most ${max} characters` });

const uuid = (what: string) => z.uuid({ error: (issue) => `${shown(issue.input)} is not ${what}: a UUID is wanted` });

export const RESERVED_EXECUTION_IDS: readonly string[] = ["cancel", "terminate"];
/** One workflow instance: stable across its runs. The caller may choose it. */
export const ExecutionId = slug("an execution id", MAX_EXECUTION_ID, RESERVED_EXECUTION_IDS);

/** One run of an execution: a start and each continue-as-new make a new one. */
export const RunId = uuid("a run id");
/** One start of an execution; the same in its continued runs. */
export const ChainId = uuid("a chain id");
/** One life of a worker process. */
export const SessionId = uuid("a session id");
/** One query that waits for its answer. */
export const QueryId = uuid("a query id");
/** Chosen by the writer of a batch: it recognises its own batch by it. */
export const AppendId = uuid("an append id");
/** Chosen by the publisher of progress: it makes a repeated call harmless. */
export const PublishId = uuid("a publish id");

const MESSAGE_ID = /^(?:signal|update|cancel|activity|child)#[A-Za-z0-9_:#-]+$/;
const noMessageId = (issue: { input?: unknown }) =>
  `${shown(issue.input)} is not a message id: one that the server has sent is wanted`;
/** Made by `messageId` in messages.ts: the kind of the message, then ids and numbers. It is the last part of its key. */
export const MessageId = z
  .string()
  .regex(MESSAGE_ID, { error: noMessageId, abort: true })
  .max(MAX_MESSAGE_ID, { error: noMessageId });

/** A group of workers that owns workflow definitions. No dots: the name is part of queue names. */
export const DeploymentName = slug("a deployment name", MAX_DEPLOYMENT_NAME);

/** A version of a deployment's code. It is the last part of the name of a deployment (`versionDeployment`). */
export const VersionName = slug("a version", MAX_VERSION_NAME);

/** The deployment of one version of another deployment's code (PINNED-2). */
export const versionDeployment = (of: string, version: string): string => `${of}-${version}`;

/** By default a host name. */
export const WorkerName = line("a worker name", MAX_WORKER_NAME);

export const RESERVED_SCHEDULE_IDS: readonly string[] = ["preview", "upcoming"];
export const ScheduleId = slug("a schedule id", MAX_SCHEDULE_ID, RESERVED_SCHEDULE_IDS);

/** Chosen by a client for one start: a repeated start with the same key is the same start. Stored as a digest. */
export const IdempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/, {
    error: (issue) => `${shown(issue.input)} cannot be an idempotency key: use printable ASCII characters`,
    abort: true,
  })
  .max(MAX_IDEMPOTENCY_KEY, { error: `an idempotency key has at most ${MAX_IDEMPOTENCY_KEY} characters` });

/**
 * Names that no workflow may have: words of `/v1/workflows/{name}`. The last four stand in no route of ours: the Python
 * worker library reserves them or posts to them, and a workflow can move between the two only if both refuse the same.
 */
export const RESERVED_WORKFLOW_NAMES: readonly string[] = [
  "archive",
  "deployments",
  "events",
  "executions",
  "failures",
  "inputs",
  "jobs",
  "registrations",
  "runs",
  "schedules",
  "unarchive",
  "workers",
  "definitions",
  "internal",
  "register",
  "webhooks",
];
export const WorkflowName = slug("a workflow name", MAX_WORKFLOW_NAME, RESERVED_WORKFLOW_NAMES);

/** The name that stands in a queue message for a task too large for it: part of a key of the object store. */
export const TaskName = slug("the name of a stored task", MAX_TASK_NAME);

/** The official SDK takes any text, and its plugins use names such as "eval task: translate". It is part of no key. */
export const ActivityName = line("an activity name", MAX_ACTIVITY_NAME);

/** Name of a signal, query or update: free text, it is part of no key. */
export const HandlerName = z
  .string()
  .min(1, { error: "a signal, query or update needs a name" })
  .max(MAX_HANDLER_NAME, {
    error: (issue) =>
      `${shown(issue.input)} cannot be the name of a signal, query or update: at most ${MAX_HANDLER_NAME} characters`,
  });

/** Says why the text is not an id of this sort; `undefined` when it is one. */
export function idProblem(schema: z.ZodType<string>, text: unknown): string | undefined {
  const result = schema.safeParse(text);
  return result.success ? undefined : (result.error.issues[0]?.message ?? "not a valid id");
}
