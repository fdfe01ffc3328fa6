/** Reads, cancels and terminates executions. All functions act on the latest run. */

import { send } from "../engine/send.ts";
import { terminate } from "../engine/terminate.ts";
import { notFound, notRunning, type Refusal, refusal } from "../protocol/errors.ts";
import type { Head } from "../protocol/head.ts";
import type { WorkflowExecutionResponse } from "../protocol/http/executions.ts";
import { messageId } from "../protocol/messages.ts";
import { Unreadable } from "../protocol/unreadable.ts";
import { withResult } from "./execution-view.ts";
import { type RequestContext, refTo } from "./request-context.ts";

export async function headOf(context: RequestContext, execution: string): Promise<Head | Refusal> {
  return (await context.ports.executions.head(refTo(context, execution))) ?? notFound("execution", execution);
}

/** The head of an execution that can still take messages. */
export async function runningHead(context: RequestContext, execution: string): Promise<Head | Refusal> {
  const head = await context.ports.executions.head(refTo(context, execution));
  if (!head) return notFound("execution", execution);
  return head.status === "RUNNING" ? head : notRunning(execution, head.status);
}

export async function workflowIdOf(context: RequestContext, workflow: string): Promise<string | null> {
  return (await context.ports.registry.workflow(context.workspace, workflow))?.id ?? null;
}

export async function getExecution(
  context: RequestContext,
  execution: string,
  o: { searchKeys: boolean },
): Promise<WorkflowExecutionResponse | Refusal> {
  const head = await context.ports.executions.head(refTo(context, execution));
  if (!head) return notFound("execution", execution);
  return withResult(head, await workflowIdOf(context, head.workflow), { ...o, now: context.ports.clock.now() });
}

/** Sends a cancel message. The workflow takes it in and may clean up before it ends. */
export async function cancelExecution(
  context: RequestContext,
  execution: string,
  { id = context.ports.uuid(), reason = `cancelled by '${context.user}'` }: { id?: string; reason?: string } = {},
): Promise<undefined | Refusal> {
  const { ports } = context;
  const message = {
    id: messageId.cancel(id),
    kind: "cancel",
    reason,
    sent_at: ports.clock.now(),
  } as const;
  const sent = await send(ports, refTo(context, execution), message);
  return sent.kind === "accepted" ? undefined : closed(execution, sent.head);
}

/** Ends the execution at once, without running workflow code. */
export async function terminateExecution(context: RequestContext, execution: string): Promise<undefined | Refusal> {
  const ending = { kind: "terminated", reason: `terminated by '${context.user}'` } as const;
  try {
    const done = await terminate(context.ports, refTo(context, execution), ending);
    return done.kind === "closed" ? undefined : closed(execution, done.head);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return damagedExecution(context, execution, { call: "terminate", cannot: "ended", error });
  }
}

/** What is lost where an operator deletes it stands in `docs/operating.md`. */
export function damagedExecution(
  context: RequestContext,
  execution: string,
  { call, cannot, error }: { call: string; cannot: string; error: Unreadable },
): Refusal {
  context.log.error(`${call}: the execution is damaged`, { execution, error });
  const lost = "its history and its waiting messages are lost, and its children go on";
  return refusal(
    409,
    "WF_1105",
    `Execution cannot be ${cannot}: ${error.message}. Delete it with 'damaged=true' (sirocco delete --damaged): ${lost}. Then start another one in its place.`,
  );
}

export function closed(execution: string, head: Head | null): Refusal {
  return head ? notRunning(execution, head.status) : notFound("execution", execution);
}
