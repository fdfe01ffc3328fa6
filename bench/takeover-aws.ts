/** The AWS adapter over the emulator behind a server of this process, with queues, credentials and a sweeper as in the stack. */
import { CreateQueueCommand, GetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { startServer } from "../cli/server/index.ts";
import { createKey, DEFAULT_WORKSPACE } from "../shared/api/index.ts";
import { install } from "../test/aws/account.ts";
import { workerRole } from "../test/aws/iam.ts";

const MINUTE = 60_000;

export async function awsServer() {
  const made = await install();
  const { sqs, sts } = made.clients();
  const prefix = `${made.prefix}-tasks-`;
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: `${made.prefix}-dead` }));
  const about = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }));
  const deadLettersArn = about.Attributes!.QueueArn!;
  const roleArn = await workerRole((await sts()).client, `${made.prefix}-worker`, prefix);
  const ports = made.adapter({ queues: { prefix, deadLettersArn, onDemand: false } });
  const { endpoint, region } = made.account;
  const role = { roleArn, region, endpoint, siblingQueueArn: deadLettersArn };
  const server = await startServer({
    ports,
    version: "0.0.0",
    port: 0,
    tasks: ({ workspace }, deployment) => ports.tasksFor(role, { workspace, deployment }),
  });
  const sweeper = setInterval(() => void ports.sweep(MINUTE, Date.now() + MINUTE), MINUTE);
  const { key } = await createKey(ports, { workspace: DEFAULT_WORKSPACE, name: "bench" });
  return {
    url: server.url,
    key,
    async close() {
      clearInterval(sweeper);
      await server.close(1_000);
      await made.end();
    },
  };
}
