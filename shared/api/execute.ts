/**
 * Starts executions. Routing, the size of the input and its schema are checked before the one write that starts the
 * execution; that write refuses an id that is in use. Each request has a fresh token, so each is a start of its own.
 */

import { searchKeysOf } from "../core/search-keys.ts";
import { start } from "../engine/start.ts";
import type { RegistrationRecord } from "../ports.ts";
import { alreadyRunning, executionFailed, invalid, isRefusal, type Refusal, waitExpired } from "../protocol/errors.ts";
import type { Head } from "../protocol/head.ts";
import type { WorkflowExecutionRequest } from "../protocol/http/executions.ts";
import { isEncodedInput } from "../protocol/http/fields.ts";
import { DEFAULT_WAIT_SECONDS, MAX_WAIT_SECONDS } from "../protocol/limits.ts";
import type { ResponseOf } from "../protocol/routes.ts";
import { deploymentWanted, routeToRegistration, routeToWorkflow } from "../routing/client-start.ts";
import { inputProblems } from "../routing/schema-check.ts";
import { withResult } from "./execution-view.ts";
import { tooLarge } from "./payload.ts";
import { type RequestContext, refTo } from "./request-context.ts";
import { waitFor } from "./wait-for.ts";

type Answer = ResponseOf<"executeWorkflow"> | Refusal;

export async function executeWorkflow(
  context: RequestContext,
  identifier: string,
  body: WorkflowExecutionRequest,
): Promise<Answer> {
  const deployment = deploymentWanted(body, "task_queue");
  if (isRefusal(deployment)) return deployment;
  const registration = await routeToWorkflow(context.ports, context.workspace, identifier, deployment);
  return isRefusal(registration) ? registration : begin(context, registration, body);
}

export async function executeRegistration(
  context: RequestContext,
  id: string,
  body: WorkflowExecutionRequest,
): Promise<Answer> {
  const deployment = deploymentWanted(body, "task_queue");
  if (isRefusal(deployment)) return deployment;
  const registration = await routeToRegistration(context.ports, context.workspace, id, deployment);
  return isRefusal(registration) ? registration : begin(context, registration, body);
}

async function begin(
  context: RequestContext,
  registration: RegistrationRecord,
  body: WorkflowExecutionRequest,
): Promise<Answer> {
  const { ports, workspace } = context;
  const { definition } = registration;
  const input = body.encoded_input ?? body.input ?? null;
  const refused = tooLarge("input of the workflow", input) ?? schemaRefusal(definition.input_schema, input);
  if (refused) return refused;
  const execution = body.execution_id ?? ports.uuid();
  const timeout = definition.execution_timeout;
  const started = await start(ports, {
    workspace,
    execution,
    workflow: registration.workflow,
    registration: registration.id,
    deployment: registration.deployment,
    input,
    token: ports.uuid(),
    by: "client",
    timeoutMs: timeout === null ? null : Math.round(timeout * 1000),
    searchKeys: searchKeysOf(definition.search_keys, input),
    user: context.user,
    extensions: extensionsOf(body),
  });
  if (started.kind === "exists") return alreadyRunning(execution);
  context.log.info("execution started", {
    execution,
    workflow: registration.workflow,
    deployment: registration.deployment,
  });
  if (!body.wait_for_result) return withResult(started.head, registration.workflowId, { searchKeys: false });
  return result(context, started.head, Math.min(body.timeout_seconds ?? DEFAULT_WAIT_SECONDS, MAX_WAIT_SECONDS));
}

/** An absent input is checked as `{}`. An input that a codec has encoded cannot be checked here. */
function schemaRefusal(schema: Record<string, unknown>, input: unknown): Refusal | null {
  if (isEncodedInput(input)) return null;
  const problems = inputProblems(schema, input);
  return problems.length > 0 ? invalid(problems) : null;
}

/** The extensions of the request, stored as they are, with its tracing options under `__tracing`. */
function extensionsOf(body: WorkflowExecutionRequest): Record<string, unknown> | null {
  const tracing = {
    ...(body.custom_tracing_attributes && { attributes: body.custom_tracing_attributes }),
    ...(body.force_new_trace && { force_new_trace: true }),
  };
  const all = { ...body.extensions, ...(Object.keys(tracing).length > 0 && { __tracing: tracing }) };
  return Object.keys(all).length > 0 ? all : null;
}

async function result(context: RequestContext, started: Head, waitSeconds: number): Promise<Answer> {
  const ref = refTo(context, started.execution);
  const closed = await waitFor({
    clock: context.ports.clock,
    until: context.ports.clock.now() + waitSeconds * 1000,
    signal: context.signal,
    change: (until, signal) => context.ports.changes.waitForExecution(ref, until, signal),
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
