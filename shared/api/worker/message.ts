/**
 * A signal, query or cancel request of one execution to another, which may belong to any deployment of the workspace.
 *
 * SENDING-1. The id of the message follows from the run and the activity that send it. A repeated call adds no second message
 *     while the first waits, and the receiver takes an id in once (DECIDE-1).
 * SENDING-2. A refusal is part of the answer: the sender's code handles it, and the worker does not repeat the call.
 * SENDING-3. A key that is limited to deployments sends signals and cancel requests to these alone (RIGHTS-3).
 * SENDING-4. A message to a child reaches the execution that the sender's run has started, and no other one with its id: the start of
 *     the child may have been refused because the id was taken, or another execution may have taken the id since.
 */
import { childrenOf, ownChild } from "../../engine/effects.ts";
import { isRefusal, type Refusal } from "../../protocol/errors.ts";
import type { MessageRefusal } from "../../protocol/outgoing-message.ts";
import type { WorkerAnswer, WorkerBody } from "../../protocol/worker.ts";
import { cancelExecution, headOf } from "../executions.ts";
import { foreign } from "../foreign-deployment.ts";
import { queryExecution } from "../queries.ts";
import { type RequestContext, refTo } from "../request-context.ts";
import { signalExecution } from "../signals.ts";

type Answer = WorkerAnswer<"message">;

export async function message(context: RequestContext, body: WorkerBody<"message">): Promise<Answer> {
  const { child, to } = body;
  if (child !== undefined && !(await isOwnChild(context, body, child))) {
    const detail = `Child ${child} does not run under the id '${to}', which another execution has.`;
    return { kind: "refused", reason: "NOT_FOUND", detail };
  }
  const done = await send(context, body);
  return isRefusal(done)
    ? { kind: "refused", reason: await reasonOf(context, body, done), detail: textOf(done) }
    : done;
}

async function send(context: RequestContext, body: WorkerBody<"message">): Promise<Answer | Refusal> {
  const { to, message: sent } = body;
  if (sent.kind === "query") {
    const answer = await queryExecution(context, to, sent);
    return isRefusal(answer) ? answer : { kind: "answered", result: answer.result as never };
  }
  const refused = context.deployments && (await foreignReceiver(context, to)); // SENDING-3
  if (refused) return refused;
  const id = `${body.run}:${body.activity}`; // SENDING-1
  const done =
    sent.kind === "signal"
      ? await signalExecution(context, to, sent, id)
      : await cancelExecution(context, to, { id, reason: sent.reason ?? `cancelled by execution '${body.execution}'` });
  return isRefusal(done) ? done : { kind: "sent" };
}

/** SENDING-4. */
async function isOwnChild(context: RequestContext, { execution, run, to }: WorkerBody<"message">, child: number) {
  const head = await context.ports.executions.head(refTo(context, execution));
  const runs = head?.run === run ? childrenOf(head) : [run];
  return (await ownChild(context.ports, refTo(context, to), { runs, child })) !== null;
}

async function foreignReceiver(context: RequestContext, to: string): Promise<Refusal | null> {
  const head = await headOf(context, to);
  return isRefusal(head) ? head : foreign(context, head.deployment);
}

async function reasonOf(context: RequestContext, { to }: { to: string }, refused: Refusal): Promise<MessageRefusal> {
  switch (refused.status) {
    case 404:
      return isRefusal(await headOf(context, to)) ? "NOT_FOUND" : "NO_HANDLER";
    case 409:
      return refused.code === "WF_1102" ? "NOT_RUNNING" : "HANDLER_FAILED";
    case 413:
    case 422:
      return "INVALID_INPUT";
    case 403:
      return refused.code === "FORBIDDEN" ? "FORBIDDEN" : "HANDLER_FAILED";
    case 400:
    case 424:
      return "HANDLER_FAILED";
    case 504:
      return "NO_ANSWER";
    default:
      return "REFUSED";
  }
}

const textOf = ({ detail }: Refusal): string =>
  typeof detail === "string" ? detail : detail.map(({ loc, msg }) => `${loc.join(".")}: ${msg}`).join("; ");
