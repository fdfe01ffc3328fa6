/** A worker's source of tasks over an endpoint that plays SQS. */
import { sqsSource } from "../../sdk/worker/sqs.ts";
import { QUIET } from "./test-server.ts";

export const sourceAt = (endpoint: string, queues: { workflow: string; activity: string }) =>
  sqsSource({
    worker: { deployment: "shop", transport: null as never, log: QUIET },
    tasks: {
      via: "sqs",
      region: "eu-west-1",
      endpoint,
      workflow_queue: queues.workflow,
      activity_queue: queues.activity,
      credentials: {
        access_key_id: "a",
        secret_access_key: "b",
        session_token: "c",
        expires_at: Date.now() + 3_600_000,
      },
    },
    leaseMs: 30_000,
    renew: () => Promise.reject(new Error("no renewal")),
    local: (at) => at,
  });
