/** One HTTP request: read it, ask the API, write what it says. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Api, ApiResponse } from "../../shared/api/index.ts";
import type { Log } from "../../shared/ports.ts";
import { readBody } from "./body.ts";

/** Requests under way; a server that stops tells them to come to an end. */
export class Requests {
  readonly #api: Api;
  readonly #log: Log;
  readonly #open = new Set<Exchange>();
  #stopping = false;

  constructor(api: Api, log: Log) {
    this.#api = api;
    this.#log = log;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = new Exchange();
    this.#open.add(exchange);
    response.on("close", () => exchange.abort());
    try {
      const target = request.url ?? "/";
      const body = hasBody(request) ? await readBody(request, this.#api.bodyLimit(target)) : "";
      if (this.#stopping) exchange.abort();
      const { method = "GET", headers } = request;
      const answer = await this.#api.handle({
        method,
        target,
        headers,
        body,
        get signal() {
          return exchange.signal;
        },
      });
      if (this.#stopping) answer.headers.connection = "close";
      await write(response, answer, exchange);
    } catch (error) {
      // Mostly the caller has gone in the middle of its request.
      if (!exchange.aborted && !request.destroyed) this.#log.error("an answer could not be written", { error });
      response.destroy();
    } finally {
      this.#open.delete(exchange);
    }
  }

  /** Long polls, waits and streams end now, each with a whole answer. */
  stop(): void {
    this.#stopping = true;
    for (const exchange of this.#open) exchange.abort();
  }
}

function hasBody(request: IncomingMessage): boolean {
  return request.headers["content-length"] !== "0" && request.method !== "GET" && request.method !== "HEAD";
}

/** The abort signal of a request is made when somebody asks for it: most requests end before anybody does. */
class Exchange {
  #controller: AbortController | null = null;
  #aborted = false;

  get aborted(): boolean {
    return this.#aborted;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  abort(): void {
    this.#aborted = true;
    this.#controller?.abort();
  }
}

async function write(response: ServerResponse, answer: ApiResponse, exchange: Exchange): Promise<void> {
  if (answer.kind === "body") {
    const headers = answer.status === 204 ? answer.headers : withLength(answer.headers, answer.body);
    response.writeHead(answer.status, headers);
    response.end(answer.body === "" ? undefined : answer.body);
    return;
  }
  response.writeHead(answer.status, answer.headers);
  response.flushHeaders();
  for await (const chunk of answer.chunks) {
    if (response.destroyed) break;
    if (!response.write(chunk)) await drained(response, exchange);
  }
  response.end();
}

function withLength(headers: Record<string, string>, body: string): Record<string, string> {
  return { ...headers, "content-length": String(Buffer.byteLength(body)) };
}

/** A reader slower than the stream holds it back; one that has gone does not. */
function drained(response: ServerResponse, exchange: Exchange): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done);
      exchange.signal.removeEventListener("abort", done);
      resolve();
    };
    response.on("drain", done);
    if (exchange.aborted) done();
    else exchange.signal.addEventListener("abort", done);
  });
}
