/** Between workers and a server: sees each call of the worker data path, may hold it, and tells before and after. */
import { createServer, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Call {
  /** Such as `append`, `activities/begin`. */
  readonly operation: string;
  /** Name of the worker, where the call says it. */
  readonly worker: string | null;
}

export interface CallProxy {
  readonly url: string;
  /** Where calls are forwarded to. */
  target: string;
  /** Called before a call is forwarded and again before its answer goes back; what it awaits holds the call. */
  on: (when: "before" | "after", call: Call) => void | Promise<void>;
  /** This worker receives no task until `release`: its polls under way are broken off, further ones wait. */
  hold(worker: string): void;
  release(): void;
  close(): void;
}

export async function callProxy(): Promise<CallProxy> {
  let held: string | null = null;
  let released = Promise.withResolvers<void>();
  const polls = new Map<ServerResponse, string | null>();
  const proxy = { url: "", target: "", on: () => {} } as unknown as CallProxy & { server: Server };
  const server = createServer((req, res) => {
    const parts: Buffer[] = [];
    req.on("data", (part: Buffer) => parts.push(part));
    req.on("end", async () => {
      const body = Buffer.concat(parts);
      const operation = req.url!.startsWith("/v1/worker/") ? req.url!.slice("/v1/worker/".length) : "";
      const worker =
        operation && !req.headers["content-encoding"] ? (JSON.parse(body.toString()).worker ?? null) : null;
      if (operation) await proxy.on("before", { operation, worker });
      if (operation === "poll") {
        while (worker !== null && held === worker) await released.promise;
        polls.set(res, worker);
        res.on("close", () => polls.delete(res));
      }
      const to = new URL(proxy.target.replace(/\/$/, "") + req.url!);
      const forwarded = request(to, { method: req.method, headers: req.headers }, (answer) => {
        const answered: Buffer[] = [];
        answer.on("data", (part: Buffer) => answered.push(part));
        answer.on("error", () => res.destroy()); // such as the caller died while a poll was answered line by line
        answer.on("end", async () => {
          if (operation) await proxy.on("after", { operation, worker });
          res.writeHead(answer.statusCode!, answer.headers);
          res.end(Buffer.concat(answered));
        });
      });
      forwarded.on("error", () => res.destroy());
      res.on("close", () => {
        if (!res.writableFinished) forwarded.destroy();
      });
      forwarded.end(body);
    });
  });
  await new Promise<void>((ok) => server.listen(0, "127.0.0.1", ok));
  return Object.assign(proxy, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold: (worker: string) => {
      held = worker;
      released = Promise.withResolvers<void>();
      for (const [res, of] of polls) if (of === worker) res.destroy();
    },
    release: () => {
      held = null;
      released.resolve();
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
}
