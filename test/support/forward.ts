/** Sends a request on to another server, and its answer back part by part as it comes: what a proxy does. */
import { type IncomingMessage, type ServerResponse, request as send } from "node:http";
import { pipeline } from "node:stream/promises";

/** `drop`: headers that the other server does not receive. `added`: headers that the answer has besides. */
export async function forward(
  to: string,
  request: IncomingMessage,
  response: ServerResponse,
  o: { readonly drop?: readonly string[]; readonly added?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  const dropped = new Set(["connection", ...(o.drop ?? [])]);
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !dropped.has(name)));
  const upstream = send(to, { method: request.method, headers });
  response.once("close", () => upstream.destroy());
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    upstream.once("response", resolve);
    upstream.once("error", reject);
  });
  await pipeline(request, upstream);
  const answer = await answered;
  response.writeHead(answer.statusCode ?? 502, { ...answer.headers, ...o.added });
  response.flushHeaders();
  await pipeline(answer, response);
}
