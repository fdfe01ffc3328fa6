/** The AWS adapter over the emulator behind a server of this process, with queues, credentials and a sweeper as in the stack. */
import { startServer } from "../cli/server/index.ts";
import { createKey, DEFAULT_WORKSPACE } from "../shared/api/index.ts";
import { install } from "../test/aws/account.ts";
import { taskQueues } from "../test/aws/task-queues.ts";

const MINUTE = 60_000;

export async function awsServer() {
  const made = await install();
  const { queues, role } = await taskQueues(made);
  const ports = made.adapter({ queues });
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
