/**
 * Starts executions. Routing, the size of the input and its schema are checked before the one write that starts the
 * execution; that write refuses an id that is in use.
 *
 * START-1. A start that a client repeats, because it did not get the answer, happens once. With an idempotency key the
 *     server answers the first start, for as long as it keeps closed executions, also when that start has closed, its id
 *     has been used again, or no worker is live. Without a key an `execution_id` is good for one execution, unless the
 *     request has an `id_reuse_policy`. Only a start without either is a new one each time.
 * START-2. The server keeps the key with the ids of execution and first run before it starts the execution. A call that
 *     finds the key, but not the run, goes on with these ids, so of several calls at once one starts the execution.
 * START-3. If the execution that a key has started was deleted, a start with that key is refused for as long as its tombstone is
 *     kept (DELETE-4): a request that arrives late must not bring back what was deleted. Its id is free for other starts.
 */

import { searchKeysOf } from "../core/search-keys.ts";
import { callerOf, TRACING } from "../core/trace/context.ts";
import { start } from "../engine/start.ts";
import { lazy } from "../lib/lazy.ts";
import type { RegistrationRecord } from "../ports.ts";
import {
  alreadyStarted,
  executionFailed,
  invalid,
  invalidAt,
  isRefusal,
  type Refusal,
  waitExpired,
} from "../protocol/errors.ts";
import type { Head } from "../protocol/head.ts";
import type { WorkflowExecutionRequest } from "../protocol/http/executions.ts";
import { isEncodedInput } from "../protocol/http/fields.ts";
import { DEFAULT_WAIT_SECONDS, MAX_WAIT_SECONDS } from "../protocol/limits.ts";
import type { ResponseOf } from "../protocol/routes.ts";
import { deploymentWanted, routeToRegistration, routeToWorkflow } from "../routing/client-start.ts";
import { inputProblems } from "../routing/input-problems.ts";
import { withResult } from "./execution-view.ts";
import { workflowIdOf } from "./executions.ts";
import { foreign } from "./foreign-deployment.ts";
import { digest, keyWanted } from "./idempotency-key.ts";
import { inputOf, tooLarge } from "./payload.ts";
import { type RequestContext, refTo } from "./request-context.ts";
import type { Input } from "./route-module.ts";
import { waitFor } from "./wait-for.ts";

const deleteCode = lazy(() => import("./delete.ts"));

type Answer = ResponseOf<"executeWorkflow"> | Refusal;

export function executeWorkflow(
  context: RequestContext,
  identifier: string,
  body: WorkflowExecutionRequest,
  headers: Headers,
): Promise<Answer> {
  return once(context, ["workflow", identifier], body, headers, (deployment, execution) =>
    routeToWorkflow(context.ports, context.workspace, identifier, deployment, execution),
  );
}

export function executeRegistration(
  context: RequestContext,
  id: string,
  body: WorkflowExecutionRequest,
  headers: Headers,
): Promise<Answer> {
  return once(context, ["registration", id], body, headers, (deployment) =>
    routeToRegistration(context.ports, context.workspace, id, deployment),
  );
}

type Headers = Pick<Input<"executeWorkflow">, "idempotencyKey" | "traceparent">;

/** An idempotency key as the server keeps it. */
interface Key {
  readonly digest: string;
  /** Digest of what the key may be used for. */
  readonly request: string;
}

async function once(
  context: RequestContext,
  what: readonly string[],
  body: WorkflowExecutionRequest,
  { idempotencyKey: header, traceparent }: Headers,
  toRegistration: (deployment: string | undefined, execution: string) => Promise<RegistrationRecord | Refusal>,
): Promise<Answer> {
  const deployment = deploymentWanted(body, "task_queue");
  if (isRefusal(deployment)) return deployment;
  const given = keyWanted(body.idempotency_key, header);
  if (isRefusal(given)) return given;
  let key: Key | undefined;
  let kept: string | undefined;
  if (given !== undefined) {
    const request = digest(what, body.execution_id ?? null, body.input ?? null, body.encoded_input ?? null);
    key = { digest: digest(given), request };
    const earlier = await firstStart(context, key);
    if (isRefusal(earlier)) return earlier;
    kept = earlier.kept;
    const first = earlier.run;
    if (first) {
      const latest = await context.ports.executions.head(refTo(context, first.execution));
      const head = latest?.chain === first.chain ? latest : first;
      return answer(context, head, await workflowIdOf(context, head.workflow), body);
    }
  }
  const execution = kept ?? body.execution_id ?? context.ports.uuid();
  const registration = await toRegistration(deployment, execution);
  if (isRefusal(registration)) return registration;
  const request = { ...body, execution_id: execution, traceparent: body.traceparent ?? traceparent };
  const isNewId = key === undefined && (body.execution_id ?? null) === null;
  return begin(context, registration, request, {
    key,
    deploymentNamed: registration.deployment === deployment,
    isNewId,
  });
}

/** The first run that an earlier request with this key has started. `kept` alone: it has not started it yet. */
async function firstStart(context: RequestContext, key: Key): Promise<{ kept?: string; run?: Head } | Refusal> {
  const kept = await context.ports.startKeys.get(context.workspace, key.digest);
  if (!kept) return {};
  if (kept.request !== key.request) return otherRequest(kept.execution);
  const run = await context.ports.executions.run(context.workspace, kept.run);
  return { kept: kept.execution, ...(run && { run }) };
}

const otherRequest = (execution: string): Refusal =>
  invalidAt(
    ["header", "idempotency-key"],
    `this key belongs to the start of execution '${execution}', whose workflow, input or execution_id is another: use a key of its own for each start`,
  );

async function begin(
  context: RequestContext,
  registration: RegistrationRecord,
  body: WorkflowExecutionRequest & { execution_id: string },
  { key, deploymentNamed, isNewId }: { key: Key | undefined; deploymentNamed: boolean; isNewId: boolean },
): Promise<Answer> {
  const { ports, workspace } = context;
  const { definition } = registration;
  const elsewhere = context.deployments && (await foreign(context, registration.deployment));
  if (elsewhere) return elsewhere;
  const decoded = inputOf(body.encoded_input ?? body.input ?? null, [
    "body",
    body.encoded_input ? "encoded_input" : "input",
  ]);
  if ("refused" in decoded) return decoded.refused;
  const input = decoded.value;
  await ports.pause?.(); // a walk through two megabytes takes some milliseconds
  const large = tooLarge("input of the workflow", input);
  await ports.pause?.();
  const refused = large ?? (await schemaRefusal(definition.input_schema, input));
  if (refused) return refused;
  await ports.pause?.();
  const wanted = { execution: body.execution_id, run: ports.uuid(), request: key?.request ?? "" };
  const until = ports.clock.now() + ports.settings.retentionMs;
  const kept = key ? await ports.startKeys.keep(workspace, key.digest, wanted, until) : wanted;
  const { execution, run } = kept;
  if (kept.request !== wanted.request) return otherRequest(execution);
  if (key) ports.executions.mayBeginAgain?.(run);
  const timeout = definition.execution_timeout;
  const started = await start(ports, {
    workspace,
    execution,
    workflow: registration.workflow,
    registration: registration.id,
    displayName: definition.display_name,
    deployment: registration.deployment,
    deploymentNamed,
    input,
    run,
    token: run,
    by: "client",
    reuse: body.id_reuse_policy ?? "reject",
    isNewId,
    timeoutMs: timeout === null ? null : Math.round(timeout * 1000),
    searchKeys: searchKeysOf(definition.search_keys, input),
    user: context.user,
    extensions: extensionsOf(body),
    trace: body.force_new_trace ? undefined : callerOf(body.traceparent)?.trace,
  });
  if (started.kind === "deleted") return (await deleteCode()).startedAndDeleted(execution);
  if (started.kind === "exists") return alreadyStarted(execution, started.head.status);
  context.log.info("execution started", {
    execution,
    workflow: registration.workflow,
    deployment: registration.deployment,
  });
  return answer(context, started.head, registration.workflowId, body);
}

function answer(
  context: RequestContext,
  started: Head,
  workflowId: string | null,
  body: WorkflowExecutionRequest,
): Answer | Promise<Answer> {
  if (body.wait_for_result) {
    return result(context, started, Math.min(body.timeout_seconds ?? DEFAULT_WAIT_SECONDS, MAX_WAIT_SECONDS));
  }
  return withResult(started, workflowId, { searchKeys: false, now: context.ports.clock.now() });
}

/** An absent input is checked as `{}`. An input that a codec has encoded cannot be checked here. */
async function schemaRefusal(schema: Record<string, unknown>, input: unknown): Promise<Refusal | null> {
  if (isEncodedInput(input)) return null;
  const problems = await inputProblems(schema, input);
  return problems.length > 0 ? invalid(problems) : null;
}

/** The extensions of the request, stored as they are, with its tracing options under `__tracing`. */
function extensionsOf(body: WorkflowExecutionRequest): Record<string, unknown> | null {
  const tracing = {
    ...(body.custom_tracing_attributes && { attributes: body.custom_tracing_attributes }),
    ...(body.force_new_trace && { force_new_trace: true }),
    ...(callerOf(body.traceparent) && { traceparent: body.traceparent }),
  };
  const all = { ...body.extensions, ...(Object.keys(tracing).length > 0 && { [TRACING]: tracing }) };
  return Object.keys(all).length > 0 ? all : null;
}

async function result(context: RequestContext, started: Head, waitSeconds: number): Promise<Answer> {
  const ref = refTo(context, started.execution);
  const closed = await waitFor({
    clock: context.ports.clock,
    until: context.ports.clock.now() + waitSeconds * 1000,
    signal: context.signal,
    change: (until, signal) => context.ports.changes.waitForHead(ref, until, signal),
    look: () => closedHead(context, started),
  });
  if (!closed) return waitExpired(started.execution, waitSeconds);
  if (closed.status !== "COMPLETED")
    return executionFailed(started.execution, closed.status, closed.failure ?? undefined);
  return { workflow_name: closed.workflow, execution_id: closed.execution, result: closed.result };
}

/** The last run of the started chain, once it has closed. */
async function closedHead(context: RequestContext, started: Head): Promise<Head | undefined> {
  const { executions } = context.ports;
  const ref = refTo(context, started.execution);
  const head = await executions.head(ref);
  if (head?.chain === started.chain) return head.status === "RUNNING" ? undefined : head;
  // The id has been started again since: follow the runs of this request's own start.
  let run = await executions.run(context.workspace, started.run);
  while (run?.status === "CONTINUED_AS_NEW") {
    const last = (await executions.batches(ref, run.run, 1)).at(-1)?.events.at(-1);
    if (last?.kind !== "execution_continued") return undefined;
    run = await executions.run(context.workspace, last.run);
  }
  return run ?? undefined;
}
