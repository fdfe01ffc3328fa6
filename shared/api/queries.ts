/**
 * Queries: a task for any worker of the deployment, which replays the execution and answers. Nothing is recorded, so the
 * task may be sent again: the first worker may have died with it, and its lease lasts as long as the caller waits.
 */
import { isRefusal, noAnswer, type Refusal } from "../protocol/errors.ts";
import type { Head } from "../protocol/head.ts";
import type { QueryAnswer, Task } from "../protocol/worker.ts";
import { liveWorkers } from "../routing/liveness.ts";
import { checkInvocation } from "./check-invocation.ts";
import { runningHead } from "./executions.ts";
import { refusedByWorkflow } from "./handler-outcome.ts";
import { inputOf } from "./payload.ts";
import type { RequestContext } from "./request-context.ts";
import { withSubscriptions } from "./wait-for.ts";

/** Fractions of the wait that are left when the task of an unanswered query is sent again. */
const RESEND_AT = [2 / 3, 1 / 3];

export async function queryExecution(
  context: RequestContext,
  execution: string,
  p: { name: string; input?: unknown },
): Promise<{ query_name: string; result: unknown } | Refusal> {
  const { ports, workspace, options } = context;
  const head = await runningHead(context, execution);
  if (isRefusal(head)) return head;
  const decoded = inputOf(p.input ?? null, ["body", "input"]);
  if ("refused" in decoded) return decoded.refused;
  const input = decoded.value;
  const refused = await checkInvocation(context, head, "query", { name: p.name, input });
  if (refused) return refused;
  const answer = await ask(context, head, p.name, input);
  if (answer?.kind === "result") return { query_name: p.name, result: answer.result ?? null };
  if (answer) return refusedByWorkflow("query", p.name, execution, answer);
  const { deployment } = head;
  const live = await liveWorkers(ports, workspace, deployment);
  return noAnswer("query", p.name, execution, options.queryWaitMs / 1000, {
    name: deployment,
    liveWorkers: live,
    held: false, // a query claims nothing
  });
}

/** Null: no answer in time. A failure to send, or to wait, ends both. */
async function ask(context: RequestContext, head: Head, name: string, input: unknown): Promise<QueryAnswer | null> {
  const { ports, workspace, options } = context;
  const { execution, deployment } = head;
  const query = ports.uuid();
  const until = ports.clock.now() + options.queryWaitMs;
  const task = { kind: "query", execution, query, name, input, expires_at: until } as Task;
  await ports.answers.open(workspace, query);
  const send = () => ports.tasks.send({ workspace, deployment, queue: "workflow" }, task, { prefer: head.owner });
  const resend = () =>
    void send().catch((error) => context.log.warn("query: task not sent again", { execution, query, error }));
  const resends = RESEND_AT.map((left) => ports.clock.at(until - options.queryWaitMs * left, resend));
  try {
    return await withSubscriptions(context.signal, async (ended) => {
      const answered = ports.answers.wait(workspace, query, until, ended); // before the task is sent
      return (await Promise.all([answered, send()]))[0];
    });
  } finally {
    for (const cancel of resends) cancel();
  }
}
