/** The embedded HTTP server: the whole API over `node:http`, in one process with its store. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { MessagePort } from "node:worker_threads";
import { type ApiOptions, createApi } from "../../shared/api/index.ts";
import type { Ports } from "../../shared/ports.ts";
import { ConsoleFiles } from "./console-files.ts";
import { Doors } from "./doors.ts";
import { InProcessCalls } from "./in-process-calls.ts";
import { ServerMetrics } from "./metrics.ts";
import { Requests } from "./requests.ts";

/** Not imported: an import reads all that the module exports, and Node then loads its `WebSocket`, which takes some 40 ms. */
const { createServer } = process.getBuiltinModule("node:http");

export interface ServerOptions extends Partial<Omit<ApiOptions, "version" | "url">> {
  readonly ports: Ports;
  /** Shown by `/health`. */
  readonly version: string;
  /** 0 = any free port. Default 7411. */
  readonly port?: number;
  /** Default `127.0.0.1`: this machine only. */
  readonly host?: string;
  /** A caller whose connection has taken no byte of its answer for this long loses it. Default 60 s. */
  readonly stalledMs?: number;
  /** Memory for answers that their callers have not taken, bytes. Default 256 MiB. */
  readonly maxUnsentBytes?: number;
  /** Origins whose pages may call the server from a browser. Default: none but its own. */
  readonly origins?: readonly string[];
  /** Folder with the built console. Default: no console. */
  readonly consoleFolder?: string;
  /** Address for clients and workers. Default: the address on which it listens. */
  readonly url?: string;
}

export interface RunningServer {
  readonly url: string;
  readonly port: number;
  /** Answers the calls of a worker in another thread, which come through this port (INPROCESS-2). */
  serve(port: MessagePort): void;
  /**
   * Accepts no further requests, ends those in progress (long polls answer empty, streams end after a complete frame) and
   * resolves when all are answered. After `graceMs` (default 5 s) it closes the connections that are left.
   */
  close(graceMs?: number): Promise<void>;
}

/** Listens, or rejects with a message that says why it cannot. The caller closes the ports after the server. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const {
    ports,
    version,
    port = 7411,
    host = "127.0.0.1",
    url: publicUrl,
    stalledMs,
    maxUnsentBytes,
    origins,
    consoleFolder,
    ...rest
  } = options;
  const server = createServer({ keepAliveTimeout: 75_000, requestTimeout: 120_000 });
  await listen(server, port, host);
  const bound = (server.address() as AddressInfo).port;
  const name = host === "0.0.0.0" || host === "::" ? "localhost" : host.includes(":") ? `[${host}]` : host;
  const url = (publicUrl ?? `http://${name}:${bound}`).replace(/\/+$/, "");
  const api = createApi(ports, { ...rest, version, url });
  const metrics = new ServerMetrics(ports, version);
  const calls = new InProcessCalls(api, ports.log, metrics);
  const requests = new Requests(api, ports.log, {
    metrics,
    doors: new Doors({ host, url: publicUrl, origins }),
    ...(consoleFolder !== undefined && { console: new ConsoleFiles(consoleFolder) }),
    ...(stalledMs !== undefined && { stalledMs }),
    ...(maxUnsentBytes !== undefined && { maxUnsentBytes }),
  });
  server.on("request", (request, response) => void requests.serve(request, response));
  return {
    url,
    port: bound,
    serve: (port) => calls.serve(port),
    async close(graceMs = 5_000) {
      await Promise.all([calls.stop(graceMs), close(server, requests, graceMs)]);
    },
  };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const why = cause.code === "EADDRINUSE" ? "another program listens there: choose another port" : cause.message;
      reject(new Error(`cannot listen on ${host}:${port}: ${why}`, { cause }));
    });
    server.listen(port, host, resolve);
  });
}

async function close(server: Server, requests: Requests, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  requests.stop();
  // A kept-alive connection becomes idle only after its last answer, so idle connections are closed repeatedly.
  const closingIdle = setInterval(() => server.closeIdleConnections(), 25);
  server.closeIdleConnections();
  const closingAll = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(closingIdle);
  clearTimeout(closingAll);
}
