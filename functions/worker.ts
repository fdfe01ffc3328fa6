/**
 * The worker data path, behind a function URL: claims, appends, parks, closes. A worker that registers is given the
 * queues of its deployment and credentials for them, and nothing else of this account.
 */
import middy from "@middy/core";
import { ENV } from "../infra/names.ts";
import type { ApiOptions } from "../shared/api/call.ts";
import { envelope, type LambdaContext } from "./lib/envelope.ts";
import { apiAt, buffered, fromUrl, type UrlEvent } from "./lib/front.ts";
import { installation, requireEnv } from "./lib/installation.ts";

const tasks: ApiOptions["tasks"] = (call, deployment) =>
  installation().tasksFor(
    {
      roleArn: requireEnv(ENV.workerRoleArn),
      region: process.env.AWS_REGION ?? "us-east-1",
      // Set only where AWS is played by an emulator; a worker beside it reaches it under the same address.
      endpoint: process.env.AWS_ENDPOINT_URL ?? null,
      siblingQueueArn: requireEnv(ENV.taskDeadLettersArn),
    },
    { workspace: call.workspace, deployment },
  );

export const handler = middy<UrlEvent, unknown>()
  .use(envelope)
  .handler(async (event, context) => {
    const api = apiAt(`https://${event.requestContext.domainName}`, { tasks });
    return buffered(await api.handle(fromUrl(event, context as unknown as LambdaContext)));
  });
