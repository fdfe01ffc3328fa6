/** DynamoDB and SQS of `memory-dynamo.ts` behind HTTP, for the bundles of functions in processes of their own. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { MemoryClients } from "./memory-dynamo.ts";

export interface PlayedAws {
  readonly url: string;
  /** The operations since the last call, and how many connections were opened for them. */
  take(): { calls: string[]; connections: number };
  close(): Promise<void>;
}

type Json = Record<string, unknown>;

/** Binary attributes are base64 on the wire. */
function binary(value: unknown, change: (b: never) => unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => binary(one, change));
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [
      name,
      name === "B" && (typeof part === "string" || part instanceof Uint8Array)
        ? change(part as never)
        : binary(part, change),
    ]),
  );
}

export async function playAws({ dynamo, sqs }: MemoryClients): Promise<PlayedAws> {
  let calls: string[] = [];
  let connections = 0;
  const server = createServer(async (request, response) => {
    const [service = "", operation = ""] = String(request.headers["x-amz-target"]).split(".");
    const input = binary(JSON.parse(await text(request)), (b: string) => Buffer.from(b, "base64")) as Json;
    calls.push(operation);
    const client = (service.startsWith("DynamoDB") ? dynamo : sqs) as { send(command: unknown): Promise<unknown> };
    const command = { constructor: { name: `${operation}Command` }, input };
    try {
      const output = (await client.send(command)) as Json;
      const body = String(input.MessageBody ?? "");
      const sent = operation === "SendMessage" && {
        MessageId: "1",
        MD5OfMessageBody: createHash("md5").update(body).digest("hex"),
      };
      const answer = binary({ ...output, ...sent }, (b: Uint8Array) => Buffer.from(b).toString("base64"));
      response.setHeader("content-type", "application/x-amz-json-1.0").end(JSON.stringify(answer));
    } catch (error) {
      const { name, message, Item, CancellationReasons } = error as Error & Json;
      const refusal = { __type: `com.amazonaws#${name}`, message, Item, CancellationReasons };
      response.writeHead(400, { "content-type": "application/x-amz-json-1.0" });
      response.end(JSON.stringify(binary(refusal, (b: Uint8Array) => Buffer.from(b).toString("base64"))));
    }
  });
  server.on("connection", () => {
    connections += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take() {
      const taken = { calls, connections };
      calls = [];
      connections = 0;
      return taken;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
