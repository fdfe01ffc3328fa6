/** Reset: the execution goes on from an earlier point of its current run, in a new run (`shared/engine/reset.ts`). */

import type { ResetPoint, ResetTarget } from "../core/reset.ts";
import { type Reset, reset, wasReset } from "../engine/reset.ts";
import { invalid, invalidAt, isRefusal, notFound, type Refusal, refusal } from "../protocol/errors.ts";
import type { Head } from "../protocol/head.ts";
import type { HistoryEvent } from "../protocol/history.ts";
import type { ResetInvocationBody } from "../protocol/http/executions.ts";
import { Unreadable } from "../protocol/unreadable.ts";
import { route } from "../routing/route.ts";
import { damagedExecution, headOf } from "./executions.ts";
import { foreign } from "./foreign-deployment.ts";
import { digest, keyWanted } from "./idempotency-key.ts";
import { type RequestContext, refTo } from "./request-context.ts";

/** Points that a refusal describes: the last ones. `valid_reset_events` has them all. */
const MOST_DESCRIBED = 100;
/** Decisions that the description of a point names. */
const MOST_NAMED = 5;

export async function resetExecution(
  context: RequestContext,
  execution: string,
  body: ResetInvocationBody,
  header: string | undefined,
): Promise<undefined | Refusal> {
  const target = targetOf(body);
  if (isRefusal(target)) return target;
  const excluded = excludedBy(body);
  const reason = body.reason ?? `reset by '${context.user}'`;
  const given = keyWanted(body.idempotency_key, header);
  if (isRefusal(given)) return given;
  try {
    const other = body.deployment_name ?? undefined;
    const foreignTo = other === undefined ? null : await foreign(context, other);
    if (foreignTo) return foreignTo;
    const moved = other === undefined ? [] : [other];
    const request = digest("reset", execution, target, excluded, body.reason ?? null, ...moved);
    const key = given === undefined ? undefined : { key: digest("reset", given), request };
    const into = other === undefined ? undefined : await newHome(context, execution, other);
    if (isRefusal(into)) return key && (await hasHappened(context, execution, key)) ? undefined : into;
    const keyed = key === undefined ? {} : await keyedReset(context, execution, key);
    if (isRefusal(keyed)) return keyed;
    const done = await reset(context.ports, refTo(context, execution), { ...keyed, target, reason, excluded, into });
    if (done.kind === "reset" && into) context.log.info("execution moved", { execution, ...into, by: context.user });
    return done.kind === "reset" ? undefined : refused(execution, target, done);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return damagedExecution(context, execution, { call: "reset", cannot: "reset", error });
  }
}

export function targetOf({ event_id: event, to }: ResetInvocationBody): ResetTarget | Refusal {
  if ((event === undefined || event === null) === (to === undefined || to === null))
    return invalidAt(["body", "event_id"], "a reset must have either event_id or to, and not both", "missing");
  return to ? { to } : { event: event! };
}

export const excludedBy = (body: ResetInvocationBody): ("signals" | "updates")[] => [
  ...(body.exclude_signals ? (["signals"] as const) : []),
  ...(body.exclude_updates ? (["updates"] as const) : []),
];

/** RESET-6. The deployment is live and has the workflow. */
async function newHome(
  context: RequestContext,
  execution: string,
  deployment: string,
): Promise<Pick<Head, "deployment" | "registration"> | Refusal> {
  const head = await headOf(context, execution);
  if (isRefusal(head)) return head;
  const found = await route(context.ports, context.workspace, { workflow: head.workflow, deployment, exact: true });
  if (found.kind !== "found") return found.refusal;
  return { deployment, registration: found.registration.id };
}

interface KeyedRequest {
  readonly key: string;
  readonly request: string;
}

/** RESET-5. A repeated request is answered as the first one was, also when the workers of its deployment have gone since. */
async function hasHappened(context: RequestContext, execution: string, p: KeyedRequest): Promise<boolean> {
  const kept = await context.ports.startKeys.get(context.workspace, p.key);
  if (kept?.request !== p.request) return false;
  return wasReset(context.ports, refTo(context, execution), { run: kept.run, token: p.key });
}

/** RESET-5. The run that the first request with this key has found, and the token of the reset. */
async function keyedReset(
  context: RequestContext,
  execution: string,
  { key, request }: KeyedRequest,
): Promise<{ run: string; token: string } | Refusal> {
  const { ports, workspace } = context;
  let kept = await ports.startKeys.get(workspace, key);
  if (!kept) {
    const head = await ports.executions.head(refTo(context, execution));
    if (!head) return notFound("execution", execution);
    const until = ports.clock.now() + ports.settings.retentionMs;
    kept = await ports.startKeys.keep(workspace, key, { execution, run: head.run, request }, until);
  }
  if (kept.request === request) return { run: kept.run, token: key };
  const why = `this key belongs to a reset of execution '${kept.execution}' with another point or other options`;
  return invalidAt(["header", "idempotency-key"], `${why}: use a key of its own for each reset`);
}

function refused(execution: string, target: ResetTarget, done: Exclude<Reset, { kind: "reset" }>): Refusal {
  switch (done.kind) {
    case "not_found":
      return notFound("execution", execution);
    case "moved": {
      const why = `its run ended before or during the reset, and it goes on with run '${done.head.run}'`;
      const detail = `Execution '${execution}' was not reset: ${why}. Read the history of that run and try again, with another idempotency key.`;
      return refusal(409, "RUN_CHANGED", detail, { run_id: done.head.run });
    }
    case "full":
      return invalidAt(["body", "to" in target ? "to" : "event_id"], done.detail);
    case "no_point":
      return noPoint(target, done);
  }
}

function noPoint(target: ResetTarget, { run, points }: { run: string; points: readonly ResetPoint[] }): Refusal {
  const msg = whyNoPoint(target, run, points);
  return invalid([{ loc: ["body", "event" in target ? "event_id" : "to"], msg, type: "value_error" }], {
    valid_reset_events: points.map(({ event }) => event),
    reset_points: describedPoints(points),
  });
}

export function whyNoPoint(target: ResetTarget, run: string, points: readonly ResetPoint[]): string {
  const none = points.length === 0 ? "; it has recorded no decision yet" : "; reset_points describes the last of those";
  return "event" in target
    ? `event ${target.event} of run '${run}' records no decision${none}`
    : `the history of run '${run}' has no ${target.to.replace("_", " ")}${none}`;
}

export const describedPoints = (points: readonly ResetPoint[]) => points.slice(-MOST_DESCRIBED).map(described);

function described({ event, at, after, decisions }: ResetPoint) {
  const named = decisions.slice(0, MOST_NAMED).map(nameOf);
  const more = decisions.length - named.length;
  return {
    event_id: event,
    at: new Date(at).toISOString(),
    after: nameOf(after),
    decisions: more > 0 ? [...named, `and ${more} more`] : named,
  };
}

/** Such as `activity_scheduled charge`. */
function nameOf(event: HistoryEvent): string {
  return `${event.kind} ${nameIn(event) ?? ("timer" in event ? event.timer : "")}`.trim();
}

/** Of the activity, workflow or handler that the event is about. */
export const nameIn = (event: HistoryEvent): string | null =>
  "name" in event ? event.name : "workflow" in event ? event.workflow : null;
