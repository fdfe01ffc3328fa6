/**
 * Consumes the dead-letter queue of tasks, which SQS delivered as often as it may without a worker finishing them. If an
 * activity's retry policy allows more attempts, the handler enqueues the task again. Else it sends the failure of the last
 * attempt to the execution's inbox. A workflow task needs nothing: its execution stays due, and the sweeper enqueues tasks
 * for it at growing intervals.
 */
import middy from "@middy/core";
import { MAX_RECEIVES } from "../shared/aws/queue-setup.ts";
import "../shared/aws/task-reading.ts"; // every invocation needs it, so it loads with the function
import { send } from "../shared/engine/send.ts";
import { messageId } from "../shared/protocol/messages.ts";
import type { Task } from "../shared/protocol/worker.ts";
import { envelope } from "./lib/envelope.ts";
import { initialize } from "./lib/initialize.ts";
import { installation } from "./lib/installation.ts";
import { log } from "./lib/log.ts";

interface SqsRecord {
  readonly messageId: string;
  readonly body: string;
  readonly messageAttributes?: Readonly<Record<string, { readonly stringValue?: string } | undefined>>;
}

/** Answers what was done, for the log. */
async function handleTask(workspace: string, deployment: string, task: Task): Promise<string> {
  if (task.kind !== "activity") return `a ${task.kind} task needs no outcome`;
  const ports = installation();
  const { execution, run, chain, activity, name } = task;
  const { max_attempts } = task.options.retry;
  const next = task.first_attempt + MAX_RECEIVES.activity;
  if (max_attempts === 0 || next <= max_attempts) {
    const again = { ...task, first_attempt: next, renewed_at: ports.clock.now() };
    await ports.tasks.send({ workspace, deployment, queue: "activity" }, again);
    return `activity ${name} enqueued again for attempt ${next}, which its retry policy allows`;
  }
  const attempts = Math.max(max_attempts, task.first_attempt);
  const message = `activity ${name} was delivered ${MAX_RECEIVES.activity} times, and no worker reported its outcome`;
  const sent = await send(
    ports,
    { workspace, execution },
    {
      id: messageId.activity(run, activity, attempts),
      kind: "activity",
      run,
      activity,
      attempt: attempts,
      outcome: { kind: "failed", reason: "lost", failure: { type: "WorkerLost", message } },
      sent_at: ports.clock.now(),
    },
    chain,
  );
  return sent.kind === "accepted" ? `failure of activity ${name} sent to its execution` : "its execution is closed";
}

export const handler = middy<{ Records: readonly SqsRecord[] }, unknown>()
  .use(envelope)
  .handler(async ({ Records }) => {
    const failed: string[] = [];
    for (const one of Records) {
      try {
        const { workspace, deployment, task } = await installation().readDead(one);
        const done = await handleTask(workspace, deployment, task);
        log.warn(`task in the dead-letter queue: ${done}`, { workspace, task: task.kind, execution: task.execution });
      } catch (error) {
        log.error("dead letter not handled, it is delivered again", { message_id: one.messageId, error });
        failed.push(one.messageId);
      }
    }
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  });

await initialize(() => import("../shared/aws/task-reading.ts"));
