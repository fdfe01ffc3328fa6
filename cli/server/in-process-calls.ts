/** Serves the calls of workers in other threads of this process (INPROCESS-2): each goes to the API as a request over HTTP does. */
import type { MessagePort } from "node:worker_threads";
import type { ApiRequest } from "../../shared/api/http-message.ts";
import { type Api, CallerGone } from "../../shared/api/index.ts";
import { Awake } from "../../shared/lib/awake.ts";
import { type InProcessAnswer, type InProcessCall, LINE } from "../../shared/lib/in-process-calls.ts";
import type { Log } from "../../shared/ports.ts";
import { Abortable } from "./abortable.ts";
import type { ServerMetrics } from "./metrics.ts";

export class InProcessCalls {
  readonly #api: Api;
  readonly #log: Log;
  readonly #metrics: ServerMetrics;
  readonly #ports = new Set<MessagePort>();
  readonly #open = new Set<InProcessRequest>();
  readonly #waiting = new Set<() => void>();
  #isStopping = false;

  constructor(api: Api, log: Log, metrics: ServerMetrics) {
    this.#api = api;
    this.#log = log;
    this.#metrics = metrics;
  }

  serve(port: MessagePort): void {
    const open = new Map<number, InProcessRequest>();
    const awake = new Awake();
    this.#ports.add(port);
    port.on("message", ([id, path, authorization = "", body = ""]: InProcessCall) => {
      awake.came();
      if (path === undefined) return open.get(id)?.abort();
      const request = new InProcessRequest(path, authorization, body, this.#api.bodyLimit(path));
      open.set(id, request);
      this.#open.add(request);
      if (this.#isStopping) request.abort();
      const send = (status: number, text: string) => {
        if (request.aborted && !this.#isStopping) return;
        port.postMessage([id, status, text] satisfies InProcessAnswer);
        awake.sent(text.length, open.size);
      };
      void this.#answer(request, send).finally(() => {
        open.delete(id);
        this.#open.delete(request);
        this.#announce();
      });
    });
    port.once("close", () => {
      this.#ports.delete(port);
      for (const request of open.values()) request.abort();
      this.#announce();
    });
  }

  async #answer(request: InProcessRequest, send: (status: number, text: string) => void): Promise<void> {
    const began = performance.now();
    try {
      const answer = await this.#api.handle(request);
      this.#metrics.answered(request.target, answer.status, (performance.now() - began) / 1_000);
      if (answer.kind === "body") return send(answer.status, answer.body);
      for await (const chunk of answer.chunks) {
        if (request.aborted && !this.#isStopping) break; // the generator hands back what it has taken (PARTS-2)
        for (const line of linesOf(chunk)) send(LINE, line);
      }
      send(answer.status, "");
    } catch (error) {
      if (!(error instanceof CallerGone) && !request.aborted)
        this.#log.error("request: the answer could not be written", { method: "POST", path: request.target, error });
      send(500, "");
    }
  }

  /** Ends long polls and waits now, each with a complete answer. Resolves when nothing is left to answer, and closes the ports. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    for (const request of this.#open) request.abort();
    let isLate = false;
    const late = setTimeout(() => {
      isLate = true;
      this.#announce();
    }, graceMs);
    while (this.#open.size > 0 && !isLate) await new Promise<void>((ok) => this.#waiting.add(ok));
    clearTimeout(late);
    for (const port of this.#ports) port.close();
  }

  #announce(): void {
    for (const ok of this.#waiting) ok();
    this.#waiting.clear();
  }
}

const linesOf = (chunk: string | Uint8Array): string[] => {
  const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
  return text.split("\n").filter(Boolean);
};

class InProcessRequest extends Abortable implements ApiRequest {
  readonly method = "POST";
  readonly target: string;
  readonly headers: ApiRequest["headers"];
  readonly body: string | null;

  constructor(target: string, authorization: string, body: string, limit: number) {
    super();
    this.target = target;
    this.headers = { authorization, "content-type": "application/json" };
    this.body = body.length > limit || (body.length > limit / 3 && Buffer.byteLength(body) > limit) ? null : body;
  }
}
