/** Appends the change stream of the table Executions to the feed. A record that fails comes again, with all after it. */
import middy from "@middy/core";
import { batchItemFailures, changeOf, type StreamRecord } from "../shared/aws/feed-records.ts";
import "../shared/server/aws-feed.ts"; // every invocation needs it, so it loads with the function
import { envelope } from "./lib/envelope.ts";
import { initialize } from "./lib/initialize.ts";
import { installation } from "./lib/installation.ts";

export const handler = middy<{ Records: readonly StreamRecord[] }, unknown>()
  .use(envelope)
  .handler(async ({ Records }) => {
    const changes = Records.map(changeOf).filter((change) => change !== null);
    const late = Records.every(({ eventSourceARN }) => eventSourceARN === undefined);
    return batchItemFailures(Records, await installation().feedChanges(changes, { late }));
  });

await initialize(() => import("../shared/server/aws-feed.ts"));
