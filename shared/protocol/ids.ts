/**
 * Ids and names as they appear in paths, bodies and tables.
 *
 * An id is a plain string at run time; the brand exists for the compiler alone, so that an execution id is never
 * handed where a run id belongs. Names that refer to something which may or may not exist are plain strings in
 * requests (an impossible name is simply not found); names that create something are checked by these schemas.
 */
import * as z from "zod";
import {
  MAX_DEPLOYMENT_NAME,
  MAX_EXECUTION_ID,
  MAX_SCHEDULE_ID,
  MAX_WORKER_NAME,
  MAX_WORKFLOW_NAME,
} from "./limits.ts";

declare const brand: unique symbol;
/** A string that has been checked to be an `N`. */
export type Branded<N extends string> = string & { readonly [brand]: N };
/** A schema that takes a string and gives the branded one. */
export type IdSchema<N extends string> = z.ZodType<Branded<N>, string>;

const SLUG = /^[A-Za-z0-9_-]+$/;
const shown = (input: unknown) => JSON.stringify(String(input).slice(0, 80));

/** `reserved`: words that stand in the API's paths where such an id does, which could then never be reached by it. */
function slug<N extends string>(what: string, max: number, reserved: readonly string[] = []): IdSchema<N> {
  const rule = `1 to ${max} letters, digits, "-" or "_"`;
  const error = (issue: { input?: unknown }) => `${shown(issue.input)} cannot be ${what}: use ${rule}`;
  const schema = z.string().regex(SLUG, { error, abort: true }).max(max, { error });
  if (reserved.length === 0) return schema as unknown as IdSchema<N>;
  const taken = (issue: { input?: unknown }) =>
    `${shown(issue.input)} cannot be ${what}: it is a word of the API's own paths`;
  return schema.refine((id) => !reserved.includes(id), { error: taken }) as unknown as IdSchema<N>;
}

function uuid<N extends string>(what: string): IdSchema<N> {
  return z.uuid({
    error: (issue) => `${shown(issue.input)} is not ${what}: a UUID is wanted`,
  }) as unknown as IdSchema<N>;
}

/** One start of a workflow; stable across its runs; may be chosen by the caller. */
export type ExecutionId = Branded<"ExecutionId">;
export const RESERVED_EXECUTION_IDS: readonly string[] = ["cancel", "terminate"];
export const ExecutionId = slug<"ExecutionId">("an execution id", MAX_EXECUTION_ID, RESERVED_EXECUTION_IDS);

/** One attempt of an execution: a start, a continue-as-new or a reset makes a new one. */
export type RunId = Branded<"RunId">;
export const RunId = uuid<"RunId">("a run id");

/** A group of workers that owns workflow definitions. No dots: a name is also part of queue names. */
export type DeploymentName = Branded<"DeploymentName">;
export const DeploymentName = slug<"DeploymentName">("a deployment name", MAX_DEPLOYMENT_NAME);

/** Free text, a host name by default; no control characters, because it is printed in logs and tables. */
export type WorkerName = Branded<"WorkerName">;
export const WorkerName = z
  .string()
  .regex(/^(?=.*\S)[^\p{Cc}]+$/u, {
    error: (issue) => `${shown(issue.input)} cannot be a worker name: it is blank or holds control characters`,
  })
  .max(MAX_WORKER_NAME, {
    error: (issue) => `${shown(issue.input)} cannot be a worker name: at most ${MAX_WORKER_NAME} characters`,
  }) as unknown as IdSchema<"WorkerName">;

export type ScheduleId = Branded<"ScheduleId">;
export const RESERVED_SCHEDULE_IDS: readonly string[] = ["preview"];
export const ScheduleId = slug<"ScheduleId">("a schedule id", MAX_SCHEDULE_ID, RESERVED_SCHEDULE_IDS);

/**
 * Names no workflow may have: words of `/v1/workflows/{name}`. The last three belong to no route of ours; the Python worker library refuses them too, and a workflow should be able to move between the two.
 */
export const RESERVED_WORKFLOW_NAMES: readonly string[] = [
  "archive",
  "deployments",
  "events",
  "executions",
  "registrations",
  "runs",
  "schedules",
  "unarchive",
  "workers",
  "definitions",
  "internal",
  "webhooks",
];

export type WorkflowName = Branded<"WorkflowName">;
export const WorkflowName = slug<"WorkflowName">("a workflow name", MAX_WORKFLOW_NAME, RESERVED_WORKFLOW_NAMES);

/** The text as an id, or a `TypeError` whose message says what is allowed. For ids that come from configuration. */
export function makeId<N extends string>(schema: IdSchema<N>, text: string): Branded<N> {
  const problem = idProblem(schema, text);
  if (problem !== undefined) throw new TypeError(problem);
  return text as Branded<N>;
}

/** What is wrong with the text as an id of this sort; `undefined` when nothing is. */
export function idProblem(schema: IdSchema<string>, text: string): string | undefined {
  const result = schema.safeParse(text);
  return result.success ? undefined : (result.error.issues[0]?.message ?? "not a valid id");
}
