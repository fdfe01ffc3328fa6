/**
 * Tasks that no worker survived. An activity whose retry policy allows more attempts is queued again; else its end is
 * recorded as the outcome of its last attempt, so that the workflow learns it; a workflow task needs nothing: its
 * execution stays due and is rung again, ever more rarely.
 */
import middy from "@middy/core";
import { MAX_RECEIVES } from "../shared/aws/queues.ts";
import "../shared/aws/task-reading.ts"; // needed by every invocation, so loaded with the function
import { send } from "../shared/engine/send.ts";
import { messageId } from "../shared/protocol/messages.ts";
import type { Task } from "../shared/protocol/worker.ts";
import { envelope } from "./lib/envelope.ts";
import { installation } from "./lib/installation.ts";
import { log } from "./lib/log.ts";

interface SqsRecord {
  readonly messageId: string;
  readonly body: string;
  readonly messageAttributes?: Readonly<Record<string, { readonly stringValue?: string } | undefined>>;
}

async function record(workspace: string, deployment: string, task: Task): Promise<string> {
  if (task.kind !== "activity") return `a ${task.kind} task, which needs no outcome`;
  const ports = installation();
  const { execution, run, chain, activity, name } = task;
  const { max_attempts } = task.options.retry;
  const next = task.first_attempt + MAX_RECEIVES.activity;
  if (max_attempts === 0 || next <= max_attempts) {
    await ports.tasks.send({ workspace, deployment, queue: "activity" }, { ...task, first_attempt: next });
    return `activity ${name} goes on with attempt ${next}: its policy allows that`;
  }
  const attempts = Math.max(max_attempts, task.first_attempt);
  const message = `activity ${name} was delivered again and again, and no worker survived it or reported its end`;
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
  return sent.kind === "accepted" ? `the failure of activity ${name} was recorded` : "its execution had ended";
}

export const handler = middy<{ Records: readonly SqsRecord[] }, unknown>()
  .use(envelope)
  .handler(async ({ Records }) => {
    const failed: string[] = [];
    for (const one of Records) {
      try {
        const dead = await installation().readDead(one);
        const came = await record(dead.workspace, dead.deployment, dead.task);
        log.warn(`a task was set aside: ${came}`, {
          workspace: dead.workspace,
          task: dead.task.kind,
          execution: dead.task.execution,
        });
      } catch (error) {
        log.error("a dead letter could not be dealt with; it comes again", { messageId: one.messageId, error });
        failed.push(one.messageId);
      }
    }
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  });
