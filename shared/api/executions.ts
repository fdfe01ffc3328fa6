/** Reading, cancelling and terminating executions. All of it speaks of the latest run. */
import { send } from "../engine/send.ts";
import { terminate } from "../engine/terminate.ts";
import { notFound, notRunning, type Refusal } from "../protocol/errors.ts";
import type { Head } from "../protocol/head.ts";
import type { WorkflowExecutionResponse } from "../protocol/http/executions.ts";
import { messageId } from "../protocol/messages.ts";
import { type Call, refTo } from "./call.ts";
import { withResult } from "./execution-view.ts";

export async function headOf(call: Call, execution: string): Promise<Head | Refusal> {
  return (await call.ports.executions.head(refTo(call, execution))) ?? notFound("execution", execution);
}

/** The head, if there is somebody to talk to. */
export async function runningHead(call: Call, execution: string): Promise<Head | Refusal> {
  const head = await call.ports.executions.head(refTo(call, execution));
  if (!head) return notFound("execution", execution);
  return head.status === "RUNNING" ? head : notRunning(execution, head.status);
}

export async function workflowIdOf(call: Call, workflow: string): Promise<string | null> {
  return (await call.ports.registry.workflow(call.workspace, workflow))?.id ?? null;
}

export async function getExecution(
  call: Call,
  execution: string,
  o: { searchKeys: boolean },
): Promise<WorkflowExecutionResponse | Refusal> {
  const head = await call.ports.executions.head(refTo(call, execution));
  if (!head) return notFound("execution", execution);
  return withResult(head, await workflowIdOf(call, head.workflow), o);
}

/** Asks the execution to stop; the workflow sees it and may clean up first. */
export async function cancelExecution(call: Call, execution: string): Promise<undefined | Refusal> {
  const { ports } = call;
  const message = {
    id: messageId.cancel(ports.uuid()),
    kind: "cancel",
    reason: `cancelled by '${call.user}'`,
    sent_at: ports.clock.now(),
  } as const;
  const sent = await send(ports, refTo(call, execution), message);
  return sent.kind === "accepted" ? undefined : closed(execution, sent.head);
}

/** Ends the execution at once; the workflow is not asked. */
export async function terminateExecution(call: Call, execution: string): Promise<undefined | Refusal> {
  const ending = { kind: "terminated", reason: `terminated by '${call.user}'` } as const;
  const done = await terminate(call.ports, refTo(call, execution), ending);
  return done.kind === "closed" ? undefined : closed(execution, done.head);
}

export function closed(execution: string, head: Head | null): Refusal {
  return head ? notRunning(execution, head.status) : notFound("execution", execution);
}
