/**
 * The worker data path behind a function URL: claim, append, park, close. A registration answers the queues of the worker's
 * deployment and credentials for these queues alone. Answers stream, because Lambda limits a buffered answer to 6 MB, and a
 * claim may answer a history of 50 MB.
 */
import middy from "@middy/core";
import { executionModeStreamifyResponse } from "@middy/core/StreamifyResponse";
import { SYSTEM } from "../shared/api/areas/system.ts";
import type { ApiOptions } from "../shared/api/request-context.ts";
import { serveWorker } from "../shared/api/worker/dispatch-operation.ts";
// Workers begin attempts and close executions all the time, so these load with the function.
import "../shared/aws/activities.ts";
import "../shared/aws/close.ts";
import { ENV } from "../shared/aws/names.ts";
import { decompressed, encoded } from "./lib/encoding.ts";
import { envelope, type LambdaContext } from "./lib/envelope.ts";
import { apiAt, fromUrl, type UrlEvent, whole } from "./lib/http.ts";
import { initialize } from "./lib/initialize.ts";
import { installation, requireEnv } from "./lib/installation.ts";

const tasks: ApiOptions["tasks"] = (context, deployment) =>
  installation().tasksFor(
    {
      roleArn: requireEnv(ENV.workerRoleArn),
      region: process.env.AWS_REGION ?? "us-east-1",
      // Set only in an emulator. Workers reach SQS at the same address.
      endpoint: process.env.AWS_ENDPOINT_URL ?? null,
      keyArn: process.env[ENV.kmsKeyArn],
      siblingQueueArn: requireEnv(ENV.taskDeadLettersArn),
    },
    { workspace: context.workspace, deployment },
  );

export const handler = middy<UrlEvent, unknown>({ executionMode: executionModeStreamifyResponse })
  .use(envelope)
  .handler(async (event, context) => {
    const api = apiAt(`https://${event.requestContext.domainName}`, [{ worker: serveWorker }, SYSTEM], { tasks });
    const request = whole(fromUrl(event, context as unknown as LambdaContext));
    return encoded(event, await api.handle(await decompressed(event, request, api.bodyLimit(request.target))));
  });

// Each execution is claimed and closed, and most have steps.
await initialize(
  () => import("../shared/aws/close.ts"),
  () => import("../shared/aws/deployments.ts"),
  () => import("../shared/aws/log-end-text.ts"),
  () => import("../shared/aws/log-entry.ts"),
);
