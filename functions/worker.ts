/**
 * The worker data path, behind a function URL: claims, appends, parks, closes. A worker that registers is given the
 * queues of its deployment and credentials for them, and nothing else of this account. Its answers stream: one that is
 * buffered ends at 6 MB, and a claim of a long history has up to 50 MB and more.
 */
import middy from "@middy/core";
import { executionModeStreamifyResponse } from "@middy/core/StreamifyResponse";
import { SYSTEM } from "../shared/api/areas/system.ts";
import type { ApiOptions } from "../shared/api/request-context.ts";
import { serveWorker } from "../shared/api/worker/dispatch-operation.ts";
import { ENV } from "../shared/aws/names.ts";
import { compressedBody, encoded } from "./lib/encoding.ts";
import { envelope, type LambdaContext } from "./lib/envelope.ts";
import { apiAt, fromUrl, type UrlEvent } from "./lib/front.ts";
import { installation, requireEnv } from "./lib/installation.ts";

const tasks: ApiOptions["tasks"] = (context, deployment) =>
  installation().tasksFor(
    {
      roleArn: requireEnv(ENV.workerRoleArn),
      region: process.env.AWS_REGION ?? "us-east-1",
      // Set only where AWS is played by an emulator; a worker beside it reaches it under the same address.
      endpoint: process.env.AWS_ENDPOINT_URL ?? null,
      siblingQueueArn: requireEnv(ENV.taskDeadLettersArn),
    },
    { workspace: context.workspace, deployment },
  );

export const handler = middy<UrlEvent, unknown>({ executionMode: executionModeStreamifyResponse })
  .use(envelope)
  .handler(async (event, context) => {
    const api = apiAt(`https://${event.requestContext.domainName}`, [{ worker: serveWorker }, SYSTEM], { tasks });
    const request = fromUrl(event, context as unknown as LambdaContext);
    const body = await compressedBody(event, api.bodyLimit(request.target));
    return encoded(event, await api.handle(body === undefined ? request : { ...request, body }));
  });
