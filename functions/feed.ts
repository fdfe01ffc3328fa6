/** Takes the change stream of the table Executions into the feed. A record that fails comes again, and all behind it. */
import middy from "@middy/core";
import { changeOf, comeAgain, type StreamRecord } from "../shared/aws/feed-records.ts";
import "../shared/aws/feed-writer.ts"; // needed by every invocation, so loaded with the function
import { envelope } from "./lib/envelope.ts";
import { installation } from "./lib/installation.ts";

export const handler = middy<{ Records: readonly StreamRecord[] }, unknown>()
  .use(envelope)
  .handler(async ({ Records }) => {
    const changes = Records.map(changeOf).filter((change) => change !== null);
    return comeAgain(Records, await installation().feedChanges(changes));
  });
