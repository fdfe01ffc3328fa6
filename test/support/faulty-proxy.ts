/** A proxy between a client and a service that loses, delays, refuses or swallows chosen requests. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { forward } from "./forward.ts";

/**
 * `hang`: the request is taken and never answered. `drop`: the connection ends without an answer. `lose`: the service does
 * the request, and the connection ends without its answer. `delay`: the answer comes later, by so many ms. `answer`: the proxy answers in
 * the place of the service, for instance that the client is throttled.
 */
export type Fault =
  | "hang"
  | "drop"
  | "lose"
  | { readonly delay: number }
  | { readonly answer: { readonly status: number; readonly body: string; readonly headers?: Record<string, string> } };

export interface FaultyProxy {
  readonly url: string;
  /** Requests that came, those with a fault too. */
  readonly seen: number;
  /** The faults of the next requests, in order; requests after them have none. */
  next(...faults: readonly Fault[]): void;
  close(): Promise<void>;
}

export async function faultyProxy(to: string): Promise<FaultyProxy> {
  const faults: Fault[] = [];
  let seen = 0;
  const server = createServer((request, response) => {
    seen += 1;
    const fault = faults.shift();
    if (fault === "hang") return void request.resume();
    if (fault === "drop") return void request.socket.destroy();
    if (typeof fault === "object" && "answer" in fault) {
      const { status, body, headers = {} } = fault.answer;
      request.resume().once("end", () => response.writeHead(status, headers).end(body));
      return;
    }
    void (async () => {
      if (typeof fault === "object") await delay(fault.delay);
      if (fault === "lose") {
        const method = request.method ?? "GET";
        const parts: Buffer[] = [];
        for await (const part of request) parts.push(part as Buffer);
        const headers = Object.entries(request.headers).filter(
          ([name]) => !/^(connection|host|content-length|expect)$/.test(name),
        );
        const body = Buffer.concat(parts);
        await fetch(to + request.url, {
          method,
          headers: headers as [string, string][],
          ...(body.length > 0 && { body }),
        });
        request.socket.destroy();
      } else await forward(to + request.url, request, response);
    })().catch(() => request.socket.destroy());
  });
  await new Promise<void>((ok) => server.listen(0, "127.0.0.1", ok));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get seen() {
      return seen;
    },
    next: (...more) => void faults.push(...more),
    close: () =>
      new Promise((ok) => {
        server.closeAllConnections();
        server.close(() => ok());
      }),
  };
}
