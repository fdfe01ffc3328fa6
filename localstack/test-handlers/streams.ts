// Sends one frame, then waits for an item of the table Feed before it sends the next. A client that reads the first frame
// before it writes the item has read a stream and not a buffered answer.
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { GetItemCommand } from "@aws-sdk/client-dynamodb";
import middy from "@middy/core";
import { executionModeStreamifyResponse } from "@middy/core/StreamifyResponse";
import { dynamo, ENV, env, type RestEvent } from "./probe.ts";

async function* frames(key: string) {
  yield "data: first\n\n";
  const Key = { pk: { S: key }, sk: { S: "release" } };
  while (!(await dynamo.send(new GetItemCommand({ TableName: env(ENV.feedTable), Key, ConsistentRead: true }))).Item) {
    yield ": waiting\n\n";
    await delay(50);
  }
  yield "data: second\n\n";
}

export const handler = middy<RestEvent>({ executionMode: executionModeStreamifyResponse }).handler(
  async ({ path }: RestEvent) => ({
    statusCode: 200,
    headers: { "Content-Type": "text/event-stream" },
    body: Readable.from(frames(path)),
  }),
);
