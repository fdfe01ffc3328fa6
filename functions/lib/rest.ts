/** Handlers of API Gateway: they differ in whether they stream, and in the rights that the stack gives them. */
import middy from "@middy/core";
import { executionModeStreamifyResponse } from "@middy/core/StreamifyResponse";
import { envelope, type LambdaContext } from "./envelope.ts";
import { apiAt, buffered, fromRest, type RestEvent, restUrl, streamed } from "./front.ts";

const answer = (event: RestEvent, context: LambdaContext) => apiAt(restUrl(event)).handle(fromRest(event, context));

export const streamingRest = () =>
  middy<RestEvent, unknown>({ executionMode: executionModeStreamifyResponse })
    .use(envelope)
    .handler(async (event, context) => streamed(await answer(event, context)));

export const bufferedRest = () =>
  middy<RestEvent, unknown>()
    .use(envelope)
    .handler(async (event, context) => buffered(await answer(event, context)));
