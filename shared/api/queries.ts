/**
 * Queries: a task for any worker of the deployment, which replays and answers; nothing is recorded. So the same may be
 * asked again: the worker that was asked first may be dead, and its lease is as long as a caller waits.
 */
import { isRefusal, noAnswer, type Refusal } from "../protocol/errors.ts";
import type { Head } from "../protocol/head.ts";
import type { QueryAnswer, Task } from "../protocol/worker.ts";
import { liveWorkers } from "../routing/liveness.ts";
import { runningHead } from "./executions.ts";
import { refusedByWorkflow } from "./handler-outcome.ts";
import { checkInvocation } from "./handlers-of.ts";
import type { RequestContext } from "./request-context.ts";

/** Parts of the wait that are left when an unanswered query is asked again. */
const ASKED_AGAIN = [2 / 3, 1 / 3];

export async function queryExecution(
  context: RequestContext,
  execution: string,
  p: { name: string; input?: unknown },
): Promise<{ query_name: string; result: unknown } | Refusal> {
  const { ports, workspace, options } = context;
  const head = await runningHead(context, execution);
  if (isRefusal(head)) return head;
  const input = p.input ?? null;
  const refused = await checkInvocation(context, head, "query", { name: p.name, input });
  if (refused) return refused;
  const answer = await ask(context, head, p.name, input);
  if (answer?.kind === "result") return { query_name: p.name, result: answer.result ?? null };
  if (answer) return refusedByWorkflow("query", p.name, execution, answer);
  const { deployment } = head;
  const live = await liveWorkers(ports, workspace, deployment);
  return noAnswer("query", p.name, execution, options.queryWaitMs / 1000, { name: deployment, liveWorkers: live });
}

/** Null: no answer in time. Where asking or looking fails the other ends with it: nobody would wait for it any more. */
async function ask(context: RequestContext, head: Head, name: string, input: unknown): Promise<QueryAnswer | null> {
  const { ports, workspace, options } = context;
  const { execution, deployment } = head;
  const query = ports.uuid();
  const until = ports.clock.now() + options.queryWaitMs;
  const task = { kind: "query", execution, query, name, input, expires_at: until } as Task;
  const send = () => ports.tasks.send({ workspace, deployment, queue: "workflow" }, task, { prefer: head.owner });
  const again = () =>
    void send().catch((error) => context.log.warn("a query could not be asked again", { execution, query, error }));
  const calledOff = ASKED_AGAIN.map((part) => ports.clock.at(until - options.queryWaitMs * part, again));
  const over = new AbortController();
  const leave = () => over.abort();
  context.signal.addEventListener("abort", leave);
  if (context.signal.aborted) leave();
  try {
    const waiting = ports.answers.wait(workspace, query, until, over.signal); // before the question: nobody may answer first
    const [answer] = await Promise.all([waiting, send()]);
    return answer;
  } finally {
    leave();
    context.signal.removeEventListener("abort", leave);
    for (const off of calledOff) off();
  }
}
