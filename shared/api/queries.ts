/** Queries: a task for any worker of the deployment, which replays and answers; nothing is recorded. */
import { isRefusal, noAnswer, type Refusal } from "../protocol/errors.ts";
import type { Task } from "../protocol/worker.ts";
import { liveWorkers } from "../routing/liveness.ts";
import type { Call } from "./call.ts";
import { runningHead } from "./executions.ts";
import { refusedByWorkflow } from "./handler-outcome.ts";
import { checkInvocation } from "./handlers-of.ts";

export async function queryExecution(
  call: Call,
  execution: string,
  p: { name: string; input?: unknown },
): Promise<{ query_name: string; result: unknown } | Refusal> {
  const { ports, workspace, options } = call;
  const head = await runningHead(call, execution);
  if (isRefusal(head)) return head;
  const input = p.input ?? null;
  const refused = await checkInvocation(call, head, "query", { name: p.name, input });
  if (refused) return refused;
  const query = ports.uuid();
  const until = ports.clock.now() + options.queryWaitMs;
  const waiting = ports.answers.wait(workspace, query, until, call.signal); // before the question: nobody may answer first
  const task = { kind: "query", execution, query, name: p.name, input, expires_at: until } as Task;
  const { deployment } = head;
  await ports.tasks.send({ workspace, deployment, queue: "workflow" }, task, { prefer: head.driver });
  const answer = await waiting;
  if (answer?.kind === "result") return { query_name: p.name, result: answer.result ?? null };
  if (answer) return refusedByWorkflow("query", p.name, execution, answer);
  const live = await liveWorkers(ports, workspace, deployment);
  return noAnswer("query", p.name, execution, options.queryWaitMs / 1000, { name: deployment, liveWorkers: live });
}
