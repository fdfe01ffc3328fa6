/** Once a minute: rings what is due, wakes overdue schedules, gives what has closed its expiry. */
import middy from "@middy/core";
import "../shared/server/aws-sweep.ts"; // needed by every invocation, so loaded with the function
import { envelope, type LambdaContext } from "./lib/envelope.ts";
import { installation } from "./lib/installation.ts";
import { log } from "./lib/log.ts";

const EVERY_MS = 60_000;
/** Left for the answer and the logs. */
const SPARE_MS = 5_000;

export const handler = middy<unknown, unknown>()
  .use(envelope)
  .handler(async (_event, context) => {
    const left = (context as unknown as LambdaContext).getRemainingTimeInMillis();
    const seen = await installation().sweep(EVERY_MS, Date.now() + left - SPARE_MS);
    log.info("swept", seen);
    return seen;
  });
