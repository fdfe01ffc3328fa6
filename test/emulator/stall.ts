/**
 * A proxy between a handler and AWS that stalls chosen requests: it does not forward them (`before`), or forwards them and
 * does not answer (`after`). The handler waits until the function timeout ends it.
 */
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface Seen {
  /** Such as `PutItem` or `SendMessage`. */
  readonly operation: string;
  readonly body: string;
  /** Resolves when the connection closes, which happens when the handler's process ends. */
  readonly gone: Promise<void>;
}
export type Stall = "before" | "after" | undefined;

export interface Stalling {
  readonly url: string;
  /** Stalls the next request for which `choose` answers `before` or `after`. Answers that request. */
  next(choose: (seen: Seen) => Stall): Promise<Seen>;
  close(): Promise<void>;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

export async function stalling(endpoint: string): Promise<Stalling> {
  let choose: ((seen: Seen) => Stall) | undefined;
  let resolve: (seen: Seen) => void = () => {};
  const upstream = new URL(endpoint);
  const server: Server = createServer((incoming, outgoing) => {
    const parts: Buffer[] = [];
    incoming.on("data", (part: Buffer) => parts.push(part));
    incoming.on("end", () => {
      const body = Buffer.concat(parts);
      const target = String(incoming.headers["x-amz-target"] ?? "");
      const gone = new Promise<void>((ok) => outgoing.once("close", ok));
      const seen = { operation: target.slice(target.indexOf(".") + 1), body: body.toString(), gone };
      const stall = choose?.(seen);
      if (stall) {
        choose = undefined;
        if (stall === "before") return resolve(seen);
      }
      // With unchanged headers, including `host`, which the signature covers.
      const { url: path, method, headers } = incoming;
      const { hostname, port } = upstream;
      const passed = request({ hostname, port, path, method, headers }, (answer) => {
        if (stall) return void answer.resume().on("end", () => resolve(seen));
        const back: Buffer[] = [];
        answer.on("data", (part: Buffer) => back.push(part));
        answer.on("end", () => {
          // The SDK calls SQS at the URL of the queue, so that URL must name this proxy as well.
          const text = Buffer.concat(back)
            .toString()
            .replace(upstream.host, `127.0.0.1:${portOf(server)}`);
          const content = seen.operation === "GetQueueUrl" ? Buffer.from(text) : Buffer.concat(back);
          const { "transfer-encoding": _, ...headers } = answer.headers;
          outgoing.writeHead(answer.statusCode ?? 502, { ...headers, "content-length": content.length });
          outgoing.end(content);
        });
      });
      passed.on("error", () => outgoing.destroy());
      passed.end(body);
    });
  });
  await new Promise<void>((ok) => server.listen(0, "127.0.0.1", ok));
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    next: (wanted) => {
      choose = wanted;
      return new Promise((ok) => {
        resolve = ok;
      });
    },
    close: () =>
      new Promise((ok) => {
        server.closeAllConnections();
        server.close(() => ok());
      }),
  };
}
