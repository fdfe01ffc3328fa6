/** What an installation needs so that workers take tasks from queues in SQS, as they do in the stack. */
import { CreateQueueCommand, GetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import type { Installation } from "./account.ts";
import { workerRole } from "./iam.ts";

/** Makes the dead-letter queue and the role of the workers. `queues`: for the adapter. `role`: for its `tasksFor`. */
export async function taskQueues(made: Installation) {
  const { sqs, sts } = made.clients();
  const prefix = `${made.prefix}-tasks-`;
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: `${made.prefix}-dead` }));
  const about = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }));
  const deadLettersArn = about.Attributes!.QueueArn!;
  const roleArn = await workerRole((await sts()).client, `${made.prefix}-worker`, prefix);
  const { endpoint, region } = made.account;
  return {
    queues: { prefix, deadLettersArn, onDemand: false },
    role: { roleArn, region, endpoint, siblingQueueArn: deadLettersArn },
  };
}
