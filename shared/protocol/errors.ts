/**
 * Refusals: the API's answers instead of a result. A refusal is a value, not an exception. It names the operation, the
 * id and the state that the server found, and says what to do.
 *
 * REFUSAL-1. The `detail` of a 422 is always a list in the shape `{loc, msg, type, input?}`: at a text there the official
 *     client reports a broken answer instead of the problem. Codes and extra keys are beside it.
 * REFUSAL-2. An expired wait is 408, never 5xx: clients repeat 503 and 504, and a repeated execute would start twice.
 * REFUSAL-3. A 500 has a fixed text; only the log has the cause.
 */

import * as z from "zod";
import { cutText } from "./cut-text.ts";
import type { DetailItem } from "./detail.ts";
import type { PublicStatus } from "./status.ts";

export { type DetailItem, zodToDetail } from "./detail.ts";

export const ERROR_CODES = {
  WF_1000: "unknown error",
  WF_1001: "invalid request",
  WF_1100: "not found",
  WF_1101: "an execution with this id exists already",
  WF_1102: "the execution is not running",
  WF_1103: "no outcome in time",
  WF_1104: "worker registration failed",
  WF_1105: "execution unexpectedly missing",
  WF_1200: "schedule refused",
  WF_1201: "schedule not found",
  WF_1400: "stream failed",
  WF_1600: "event store failed",
  AMBIGUOUS_WORKFLOW: "several active deployments register the workflow",
  EXECUTION_FAILED: "the awaited execution did not complete",
  HANDLER_FAILED: "a query or update handler failed",
  NOT_IMPLEMENTED: "not part of this version or installation",
  UNAUTHORIZED: "missing or unknown API key",
  FORBIDDEN: "the API key may not do this",
  PAYLOAD_TOO_LARGE: "over a size limit",
  HISTORY_FULL: "the history of a run is at its limit",
  MALFORMED: "the request line or a header cannot be read",
  UNSUPPORTED_MEDIA_TYPE: "the body is not JSON",
  NO_ROUTE: "no such path",
  METHOD_NOT_ALLOWED: "the path exists, the method does not",
  RUN_CHANGED: "the execution has another run than the one that was asked for",
  EXECUTION_RUNNING: "the execution is still running",
  EXECUTION_DELETED: "the execution that this start had begun was deleted",
  NOT_HELD: "there is no such hold",
  NOT_PROMOTED: "the current deployment cannot be changed so",
  DEPLOYMENT_IN_USE: "the deployment cannot be retired yet",
  UNSUPPORTED_VERSION: "worker and server have no protocol in common",
  LAST_ADMIN_KEY: "the workspace has no other key that may make keys",
  RATE_LIMITED: "too many requests",
  UNAVAILABLE: "cannot serve this now",
  LOST_OWNERSHIP: "another worker owns the execution now",
} as const;
export type ErrorCode = keyof typeof ERROR_CODES;

type OtherStatus = 400 | 401 | 403 | 404 | 405 | 408 | 409 | 410 | 413 | 415 | 424 | 429 | 500 | 501 | 503 | 504;
interface RefusalBase {
  readonly kind: "refusal";
  readonly code: ErrorCode;
  /** Keys beside `detail` and `code` in the body. */
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}
export type Refusal = RefusalBase &
  (
    | { readonly status: 422; readonly detail: readonly DetailItem[] }
    | { readonly status: OtherStatus; readonly detail: string }
  );

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "refusal";
}

/** Any refusal but a 422; prefer the named ones below. */
export function refusal(
  status: OtherStatus,
  code: ErrorCode,
  detail: string,
  extra?: Readonly<Record<string, unknown>>,
): Refusal {
  return { kind: "refusal", status, code, detail, ...(extra && { extra }) };
}

export type Findable =
  | "execution"
  | "run"
  | "event"
  | "workflow"
  | "registration"
  | "deployment"
  | "schedule"
  | "worker"
  | "job"
  | "API key";

/** 404. Also for an id of another workspace. `hint`: a sentence that says what to do or what does exist. */
export function notFound(what: Findable, id: string, hint?: string): Refusal {
  const code = what === "schedule" ? "WF_1201" : "WF_1100";
  return refusal(404, code, `There is no ${what} ${quote(id)} in this workspace.${hint ? ` ${hint}` : ""}`);
}

/** 404: no deployment registers the workflow, or none that does has a live worker. */
export function noActiveDeployment(workflow: string, inactive: readonly string[]): Refusal {
  const why =
    inactive.length > 0
      ? `it is registered by ${list(inactive)}, but no worker of ${inactive.length > 1 ? "these deployments" : "that deployment"} is running. Start one and try again.`
      : "no worker has registered a workflow of this name. Check the name, or start its worker.";
  return refusal(404, "WF_1100", `Workflow ${quote(workflow)} cannot be executed: ${why}`);
}

/** 404: the workflow has no signal, query or update of this name. */
export function noSuchHandler(
  kind: "signal" | "query" | "update",
  name: string,
  workflow: string,
  known: readonly string[],
): Refusal {
  const has = known.length > 0 ? `It has ${list(known)}.` : `It has no ${plural(kind)} at all.`;
  return refusal(404, "WF_1100", `Workflow ${quote(workflow)} has no ${kind} ${quote(name)}. ${has}`);
}

/** 409: an execution has the id that the start asks for, and is running, or closed and not to be replaced. */
export function alreadyStarted(executionId: string, status: PublicStatus): Refusal {
  const id = quote(executionId);
  const read = `read it with GET /v1/workflows/executions/${executionId}`;
  const detail =
    status === "RUNNING"
      ? `Execution ${id} is already running. If this is your own start, repeated, ${read}. Otherwise use another execution_id.`
      : `Execution ${id} exists already: it ended ${status}. If this is your own start, repeated, ${read}. Otherwise use another execution_id, or id_reuse_policy.`;
  return refusal(409, "WF_1101", detail, { execution_id: executionId, status });
}

/** 409 to a signal, query, update, cancel or terminate of a closed execution. */
export function notRunning(executionId: string, status: PublicStatus): Refusal {
  return refusal(409, "WF_1102", `Execution ${quote(executionId)} is not running: it is ${status}.`, { status });
}

/** 409 with the names to choose from. Its body is `{code, deployments}` and nothing else. */
export function ambiguous(workflow: string, deployments: readonly string[]): Refusal {
  const names = deployments.toSorted();
  return refusal(
    409,
    "AMBIGUOUS_WORKFLOW",
    `Workflow ${quote(workflow)} is registered by ${list(names)}, all active. Say which with deployment_name.`,
    { deployments: names },
  );
}

/** 422. `extra` keys are beside `detail`, for instance `valid_reset_events`. */
export function invalid(issues: readonly DetailItem[], extra?: Readonly<Record<string, unknown>>): Refusal {
  return { kind: "refusal", status: 422, code: "WF_1001", detail: issues, ...(extra && { extra }) };
}

/** 422 about one place of the request, such as `["body", "input", "amount"]`. */
export function invalidAt(loc: DetailItem["loc"], msg: string, type = "value_error"): Refusal {
  return invalid([{ loc, msg, type }]);
}

/** 422: the definition of the schedule is invalid. */
export function invalidSchedule(issues: readonly DetailItem[]): Refusal {
  return { kind: "refusal", status: 422, code: "WF_1200", detail: issues };
}

export function scheduleExists(scheduleId: string): Refusal {
  return refusal(
    409,
    "WF_1200",
    `Schedule ${quote(scheduleId)} exists already. Change it with PATCH, or choose another schedule_id.`,
    { schedule_id: scheduleId },
  );
}

/** 408: the time of `wait_for_result` is over. The execution goes on. */
export function waitExpired(executionId: string, waitedSeconds: number): Refusal {
  return refusal(
    408,
    "WF_1103",
    `Execution ${quote(executionId)} was started but has not closed within ${waitedSeconds} s. It goes on; do not start it again, read it with GET /v1/workflows/executions/${executionId}.`,
    { status: "RUNNING", execution_id: executionId },
  );
}

/** 424: the awaited execution closed without a result. */
export function executionFailed(executionId: string, status: PublicStatus, reason?: string): Refusal {
  return refusal(
    424,
    "EXECUTION_FAILED",
    `Execution ${quote(executionId)} ended ${status}${reason ? `: ${reason}` : "."}`,
    { status, execution_id: executionId },
  );
}

/** 504: no worker answered a query or update in time. */
export function noAnswer(
  kind: "query" | "update",
  name: string,
  executionId: string,
  waitedSeconds: number,
  deployment: { name: string; liveWorkers: number; held: boolean },
): Refusal {
  const live = deployment.liveWorkers;
  const why = deployment.held
    ? "An operator holds the execution: no worker takes it up before it is released."
    : `GET /v1/workflows/executions/${encodeURIComponent(executionId)}/explain says what the execution waits for.`;
  const workers = live === 0 ? "no live worker" : live === 1 ? "1 live worker" : `${live} live workers`;
  return refusal(
    504,
    "WF_1103",
    `The ${kind} ${quote(name)} of execution ${quote(executionId)} had no answer within ${waitedSeconds} s. Deployment ${quote(deployment.name)} has ${workers}. ${why}`,
    { execution_id: executionId },
  );
}

/** 424: the handler of a query or update threw. The execution goes on. */
export function handlerFailed(kind: "query" | "update", name: string, executionId: string, message: string): Refusal {
  return refusal(
    424,
    "HANDLER_FAILED",
    `The ${kind} ${quote(name)} of execution ${quote(executionId)} failed: ${message}`,
    { execution_id: executionId },
  );
}

/** 413. Without `bytes` where the server stopped reading before it knew the size. */
export function payloadTooLarge(what: string, limitBytes: number, bytes?: number): Refusal {
  const size = bytes === undefined ? "is too large" : `has ${bytes} bytes`;
  return refusal(
    413,
    "PAYLOAD_TOO_LARGE",
    `The ${what} ${size}; the limit is ${limitBytes} bytes. Store large data elsewhere and send a reference to it.`,
    { limit_bytes: limitBytes },
  );
}

/** 501 with the sentence of the route's `unavailable`. */
export function notImplemented(detail: string): Refusal {
  return refusal(501, "NOT_IMPLEMENTED", detail);
}

export function unauthorized(found: "missing" | "malformed" | "unknown" | "expired"): Refusal {
  const why = {
    missing: "The request has no API key.",
    malformed: "The Authorization header is not of the form `Bearer <key>`.",
    unknown: "The API key is not known here.",
    expired: "The API key has expired: an admin makes a new one with `sirocco key create`.",
  }[found];
  return {
    ...refusal(401, "UNAUTHORIZED", `${why} Send \`Authorization: Bearer <key>\` with a key of this installation.`),
    headers: { "www-authenticate": "Bearer" },
  };
}

export function forbidden(detail: string): Refusal {
  return refusal(403, "FORBIDDEN", detail);
}

/** 403: the deployment is hardened, and this key is not among those that may register workers for it. */
export function notAuthorizedFor(deployment: string, key: string): Refusal {
  return refusal(
    403,
    "WF_1104",
    `Deployment ${quote(deployment)} is hardened, and the API key ${quote(key)} is not authorised for it. Use an authorised key, or have an admin run \`sirocco deployments harden\` with this key too, or \`sirocco deployments unharden\`.`,
    { deployment_name: deployment },
  );
}

/** 409: without an admin key nobody could make another. */
export function lastAdminKey(id: string): Refusal {
  return refusal(
    409,
    "LAST_ADMIN_KEY",
    `API key ${quote(id)} is the last of this workspace with the right 'admin'. Make another one first.`,
  );
}

/** `workerUrl`: where workers have an address of their own, which this server knows. */
export function noRoute(method: string, path: string, workerUrl?: string): Refusal {
  const advice =
    workerUrl !== undefined && path.startsWith("/v1/worker/")
      ? `This is the address of clients. Workers have another: start the worker with SIROCCO_URL=${workerUrl}.`
      : "GET /openapi.json lists the operations.";
  return refusal(404, "NO_ROUTE", `There is nothing at ${method} ${path}. ${advice}`);
}

export function methodNotAllowed(method: string, path: string, allowed: readonly string[]): Refusal {
  const allow = allowed.join(", ");
  return {
    ...refusal(405, "METHOD_NOT_ALLOWED", `${path} does not take ${method}; it takes ${allow}.`),
    headers: { allow },
  };
}

/** 503. `retryAfterSeconds` goes out as `Retry-After`, which clients with retries honour. */
export function unavailable(detail: string, retryAfterSeconds: number): Refusal {
  return { ...refusal(503, "UNAVAILABLE", detail), headers: { "retry-after": String(retryAfterSeconds) } };
}

/** 503 to every request after the store has failed. `why`: as in "the store has failed: disk is full". */
export function storeFailed(why: string): Refusal {
  const detail = `The server can neither read nor write: ${why}. No acknowledged write is lost. Its operator must repair the disk and start it again.`;
  return unavailable(detail, 5);
}

/** 500 for a stored value that is damaged. `what`: is wrong, without a part of the value. */
export function unreadable(what: string): Refusal {
  const detail = `What is stored cannot be read: ${what}. Nothing else is concerned. Restore it from a backup, or start another execution in its place.`;
  return refusal(500, "WF_1000", detail);
}

/** 500 for unexpected errors. Says nothing about the cause (REFUSAL-3). */
export function internal(): Refusal {
  return refusal(500, "WF_1000", "An unexpected error occurred. The server's log has the cause.");
}

/** A refusal as one text, for an outcome among others. */
export function textOfRefusal(refused: Refusal): string {
  if (refused.status !== 422) return refused.detail;
  return refused.detail.map(({ loc, msg }) => `${loc.join(".")}: ${msg}`).join("; ");
}

/** The JSON body of a refusal, exactly as it goes out. */
export function toBody(refused: Refusal): Record<string, unknown> {
  if (refused.code === "AMBIGUOUS_WORKFLOW") return { code: refused.code, ...refused.extra };
  return { detail: refused.detail, code: refused.code, ...refused.extra };
}

const ValidationError = z
  .looseObject({ loc: z.array(z.union([z.string(), z.int()])), msg: z.string(), type: z.string() })
  .meta({ id: "ValidationError" });

/** The body of a 422. */
export const HTTPValidationError = z
  .looseObject({ detail: z.array(ValidationError), code: z.string() })
  .meta({ id: "HTTPValidationError" });

/** Error bodies of any status. */
export const ErrorBody = z
  .looseObject({ detail: z.union([z.string(), z.array(ValidationError)]).optional(), code: z.string().optional() })
  .meta({ id: "ErrorBody" });
export type ErrorBody = z.infer<typeof ErrorBody>;

function quote(text: string): string {
  return `'${text.length > 300 ? `${cutText(text, 300)}…` : text}'`;
}
function list(names: readonly string[]): string {
  return names.map(quote).join(", ");
}
function plural(kind: "signal" | "query" | "update"): string {
  return kind === "query" ? "queries" : `${kind}s`;
}
