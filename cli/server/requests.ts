/** Serves HTTP requests: reads a request, calls the API, writes the answer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { ApiRequest } from "../../shared/api/http-message.ts";
import { type Api, type ApiResponse, CallerGone } from "../../shared/api/index.ts";
import { onAbort } from "../../shared/lib/on-abort.ts";
import type { Log } from "../../shared/ports.ts";
import { toBody } from "../../shared/protocol/errors.ts";
import { Abortable } from "./abortable.ts";
import { readBody, wholeBody } from "./body.ts";
import type { ConsoleFiles } from "./console-files.ts";
import type { Doors } from "./doors.ts";
import { type LocalCall, LocalWorkers } from "./local-workers.ts";
import type { ServerMetrics } from "./metrics.ts";

/** The server closes a connection that has taken no byte of a long answer for this long: the answer occupies memory. */
const STALLED_MS = 60_000;

const LONG_ANSWER = 16_384;

/**
 * Answers that their callers have not taken yet may occupy so much memory together, bytes. Beyond it the server closes the
 * connections that have had the longest time to take theirs.
 */
const MAX_UNSENT_BYTES = 256 * 1024 * 1024;

/** The long answers that are being sent, the oldest first. */
class Unsent {
  readonly #answers = new Map<ServerResponse, number>();
  readonly #log: Log;
  readonly #most: number;
  #bytes = 0;

  constructor(log: Log, most: number) {
    this.#log = log;
    this.#most = most;
  }

  add(response: ServerResponse, bytes: number): void {
    this.#answers.set(response, bytes);
    this.#bytes += bytes;
    const gone = () => {
      if (this.#answers.delete(response)) this.#bytes -= bytes;
    };
    response.once("finish", gone);
    response.once("close", gone);
    for (const [oldest, size] of this.#answers) {
      if (this.#bytes <= this.#most || oldest === response) return;
      this.#answers.delete(oldest);
      this.#bytes -= size;
      this.#log.warn("request: the connection was closed, for answers that callers do not take fill the memory", {
        bytes: size,
      });
      oldest.destroy();
    }
  }
}

/** The requests in progress. A stopping server ends them through their abort signals. */
export class Requests {
  readonly #api: Api;
  readonly #log: Log;
  readonly #open = new Set<Exchange>();
  /** The last request of each connection. */
  readonly #current = new WeakMap<Socket, Exchange>();
  readonly #doors: Doors;
  readonly #metrics: ServerMetrics;
  readonly #console: ConsoleFiles | undefined;
  readonly #stalledMs: number;
  readonly #unsent: Unsent;
  readonly #localWorkers = new LocalWorkers();
  #stopping = false;

  constructor(
    api: Api,
    log: Log,
    o: {
      readonly doors: Doors;
      readonly metrics: ServerMetrics;
      readonly console?: ConsoleFiles;
      readonly stalledMs?: number;
      readonly maxUnsentBytes?: number;
    },
  ) {
    this.#api = api;
    this.#log = log;
    this.#doors = o.doors;
    this.#metrics = o.metrics;
    this.#console = o.console;
    this.#stalledMs = o.stalledMs ?? STALLED_MS;
    this.#unsent = new Unsent(log, o.maxUnsentBytes ?? MAX_UNSENT_BYTES);
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange: Exchange = new Exchange(request, () => this.#bodyOf(request, exchange));
    this.#open.add(exchange);
    // Nothing waits for a request that has been answered.
    response.on("close", () => this.#open.has(exchange) && exchange.abort());
    this.#watch(request.socket, exchange);
    const local = this.#localWorkers.begin(exchange.target, request.socket.remoteAddress);
    try {
      const { method, target, headers } = exchange;
      const preflight = this.#doors.preflight(method, headers);
      const refused = this.#doors.refuse(headers);
      if (refused || preflight) {
        const body = refused ? JSON.stringify(toBody(refused)) : "";
        const status = refused?.status ?? 204;
        const type = refused ? { "content-type": "application/json" } : preflight;
        // A body that was not read is not waited for.
        await write(
          response,
          { kind: "body", status, headers: { ...type, connection: "close" }, body },
          exchange,
          this.#stalledMs,
        );
        return;
      }
      if ((method === "GET" || method === "HEAD") && target.split("?", 1)[0] === "/metrics") {
        await write(response, await this.#metricsFor(headers), exchange, this.#stalledMs);
        return;
      }
      const page = this.#console?.answer(method, target, headers);
      if (page) {
        response.writeHead(page.status, page.headers);
        response.end(page.body === "" ? undefined : page.body);
        return;
      }
      const began = performance.now();
      const answer = await this.#api.handle(exchange);
      this.#metrics.answered(target, answer.status, (performance.now() - began) / 1_000);
      Object.assign(answer.headers, this.#doors.headers(headers));
      // The server closes the connection instead of reading the rest of the body.
      if (this.#stopping || !exchange.isRead) answer.headers.connection = "close";
      if (answer.kind === "body" && answer.body.length > LONG_ANSWER && method !== "HEAD")
        this.#unsent.add(response, Buffer.byteLength(answer.body));
      await write(response, answer, exchange, this.#stalledMs, local);
    } catch (error) {
      // Usually the caller has disconnected, which is not logged.
      if (!(error instanceof CallerGone) && !exchange.aborted && !request.destroyed)
        this.#log.error("request: the answer could not be written, the connection was closed", {
          method: request.method,
          path: request.url?.split("?")[0],
          error,
        });
      response.destroy();
    } finally {
      this.#open.delete(exchange);
      local?.end();
    }
  }

  async #bodyOf(request: IncomingMessage, exchange: Exchange): Promise<Uint8Array | string | null> {
    if (exchange.isRead) return "";
    exchange.isRead = true;
    const limit = this.#api.bodyLimit(exchange.target);
    const body = wholeBody(request, limit) ?? (await readBody(request, limit));
    if (this.#stopping) exchange.abort();
    return body;
  }

  async #metricsFor(headers: IncomingMessage["headers"]): Promise<ApiResponse> {
    const found = await this.#metrics.answer(headers);
    if ("text" in found) {
      const type = "text/plain; version=0.0.4; charset=utf-8";
      return { kind: "body", status: 200, headers: { "content-type": type }, body: found.text };
    }
    const { refused } = found;
    const more = { "content-type": "application/json", ...refused.headers };
    return { kind: "body", status: refused.status, headers: more, body: JSON.stringify(toBody(refused)) };
  }

  /**
   * A caller that dies ends its side of the connection. `close` follows some iterations of the event loop later, and a poll that
   * is answered in between loses a task for the time of its lease.
   */
  #watch(socket: Socket, exchange: Exchange): void {
    if (!this.#current.has(socket)) socket.once("end", () => this.#current.get(socket)?.abort());
    this.#current.set(socket, exchange);
  }

  /** Ends long polls, waits and streams now, each with a complete answer. */
  stop(): void {
    this.#stopping = true;
    for (const exchange of this.#open) exchange.abort();
  }
}

function hasBody(request: IncomingMessage): boolean {
  return request.headers["content-length"] !== "0" && request.method !== "GET" && request.method !== "HEAD";
}

/** A request as the API takes it. */
class Exchange extends Abortable implements ApiRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: () => Promise<Uint8Array | string | null>;
  /** Whether nothing of the body is left to read. */
  isRead: boolean;

  constructor(request: IncomingMessage, body: () => Promise<Uint8Array | string | null>) {
    super();
    this.method = request.method ?? "GET";
    this.target = request.url ?? "/";
    this.headers = request.headers;
    this.body = body;
    this.isRead = !hasBody(request);
  }
}

async function write(
  response: ServerResponse,
  answer: ApiResponse,
  exchange: Exchange,
  stalledMs: number,
  local: LocalCall | null = null,
): Promise<void> {
  if (answer.kind === "body") {
    if (answer.status !== 204) answer.headers["content-length"] = String(Buffer.byteLength(answer.body));
    response.writeHead(answer.status, answer.headers);
    response.end(answer.body === "" ? undefined : answer.body); // node:http leaves out the body of a HEAD
    // Shorter answers fit into the buffers of the connection. node:http resets the time with the end of the answer.
    if (answer.body.length > LONG_ANSWER) response.setTimeout(stalledMs, () => response.destroy());
    local?.sent(answer.body.length);
    return;
  }
  response.on("timeout", () => response.destroy());
  response.writeHead(answer.status, answer.headers);
  response.flushHeaders();
  for await (const chunk of answer.chunks) {
    if (response.destroyed) break;
    local?.sent(chunk.length);
    if (!response.write(chunk)) await drained(response, exchange, stalledMs);
  }
  response.end();
}

/** Backpressure: resolves when the reader has caught up, or when the request has been aborted. */
function drained(response: ServerResponse, exchange: Exchange, stalledMs: number): Promise<void> {
  return new Promise((resolve) => {
    let stopListening = () => {};
    response.setTimeout(stalledMs);
    const done = () => {
      response.setTimeout(0);
      response.off("drain", done);
      stopListening();
      resolve();
    };
    response.on("drain", done);
    stopListening = onAbort(exchange.signal, done);
  });
}
