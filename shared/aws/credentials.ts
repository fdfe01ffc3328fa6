/**
 * Temporary credentials with which a worker receives tasks. The role allows all task queues, the session policy narrows
 * that to the two queues of the worker's deployment. A worker needs no AWS configuration of its own.
 */
import type { WorkerAnswer } from "../protocol/worker.ts";
import type { Lazy } from "./clients.ts";
import { queueArn } from "./queue-names.ts";
import type { Queues } from "./queues.ts";
import type { Sts } from "./sts.ts";

/** AWS's limit where one role assumes another. */
const SECONDS = 3_600;

export interface CredentialOptions {
  readonly roleArn: string;
  readonly region: string;
  /** The endpoint at which workers call SQS, null = AWS's own. */
  readonly endpoint: string | null;
  /** ARN of the KMS key of the queues. Default: SQS's own key, which needs no rights. */
  readonly keyArn?: string | undefined;
  /** ARN of any queue of the account and region. */
  readonly siblingQueueArn: string;
}

export type SqsTasks = Extract<WorkerAnswer<"register">["tasks"], { via: "sqs" }>;

/** Creates the deployment's queues if they are missing. */
export async function tasksFor(
  sts: Lazy<Sts>,
  queues: Queues,
  o: CredentialOptions,
  of: { workspace: string; deployment: string },
): Promise<SqsTasks> {
  const workflow = { ...of, queue: "workflow" as const };
  const activity = { ...of, queue: "activity" as const };
  const [workflow_queue, activity_queue] = await Promise.all([queues.ensure(workflow), queues.ensure(activity)]);
  const Policy = JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        // With the star: in AWS the batch calls belong to the same action, in an emulator they may be actions of their own.
        Action: ["sqs:ReceiveMessage", "sqs:DeleteMessage*", "sqs:ChangeMessageVisibility*"],
        Resource: [workflow, activity].map((queue) => queueArn(o.siblingQueueArn, queues.name(queue))),
      },
      ...(o.keyArn ? [{ Effect: "Allow", Action: "kms:Decrypt", Resource: o.keyArn }] : []),
    ],
  });
  const RoleSessionName = `worker-${of.deployment}`.slice(0, 64);
  const assumed = { RoleArn: o.roleArn, RoleSessionName, Policy, DurationSeconds: SECONDS };
  const credentials = await (await sts()).assume(assumed);
  return {
    via: "sqs",
    region: o.region,
    endpoint: o.endpoint,
    workflow_queue,
    activity_queue,
    credentials,
  };
}
