/** The calls of a worker over HTTP. */
import http from "node:http";
import https from "node:https";
import { promisify } from "node:util";
import { createGunzip, gunzip, gzip } from "node:zlib";
import type { WorkerOperation } from "../../shared/protocol/worker.ts";
import { WORKER_ROUTES } from "../../shared/protocol/worker.ts";
import { isOfLines } from "./http-answer.ts";
import { PlainHttp } from "./plain-http.ts";
import type { PartReader } from "./poll-parts.ts";
import {
  type Answered,
  type CallOptions,
  ServerUnreachable,
  TIMEOUT_MS,
  type Transport,
  type TransportOptions,
  transportOver,
  withoutHalves,
} from "./transport.ts";

/** Bodies above this are compressed if the server says that it reads that (RFC 7694), bytes. */
const COMPRESS_ABOVE = 64 * 1024;
const compress = promisify(gzip);
const decompress = promisify(gunzip);
/** `node:http` refuses a key that no header can carry. */
const HEADER_VALUE = /^[\x20-\x7e]*$/;

export interface HttpOptions extends TransportOptions {
  readonly url: string;
  readonly apiKey: string;
}

const JSON_BODY = { "content-type": "application/json" };
/** Not declared as JSON: an HTTP front that takes the body for text would break it. */
const GZIP_BODY = { "content-type": "application/octet-stream", "content-encoding": "gzip" };

const linesOf = (headers: Record<string, string>): string =>
  Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");

export function httpTransport(options: HttpOptions): Transport {
  const base = new URL(options.url);
  const secure = base.protocol === "https:";
  const agent = new (secure ? https : http).Agent({ keepAlive: true, maxSockets: 64 });
  const prefix = base.pathname.replace(/\/$/, "");
  let readsGzip = false;
  const always = { authorization: `Bearer ${options.apiKey}`, "accept-encoding": "gzip" };
  const lines = new Map<object, string>([JSON_BODY, GZIP_BODY].map((own) => [own, linesOf({ ...always, ...own })]));
  const plain = !secure && HEADER_VALUE.test(options.apiKey) ? new PlainHttp(base) : null;
  const common = {
    host: base.hostname,
    port: base.port || (secure ? 443 : 80),
    method: "POST",
    agent,
  };

  interface Payload {
    readonly body: string | Buffer;
    readonly headers: typeof JSON_BODY | typeof GZIP_BODY;
  }

  async function pack(body: unknown): Promise<Payload> {
    const text = withoutHalves(JSON.stringify(body));
    if (!readsGzip || Buffer.byteLength(text) <= COMPRESS_ABOVE) return { body: text, headers: JSON_BODY };
    return { body: await compress(text, { level: 1 }), headers: GZIP_BODY };
  }

  async function request(
    operation: WorkerOperation,
    payload: Payload,
    o: CallOptions,
    parts: PartReader | undefined,
  ): Promise<Answered> {
    try {
      return await (plain ? viaPlain(plain, operation, payload, o, parts) : viaNode(operation, payload, o, parts));
    } catch (error) {
      if (o.signal?.aborted) throw error;
      const { message } = error as Error;
      throw new ServerUnreachable(operation, `cannot reach ${base.origin}: ${message}`, error);
    }
  }

  async function viaPlain(
    http: PlainHttp,
    operation: WorkerOperation,
    payload: Payload,
    o: CallOptions,
    parts: PartReader | undefined,
  ) {
    const { status, headers, body } = await http.post({
      path: prefix + WORKER_ROUTES[operation].path,
      headers: lines.get(payload.headers)!,
      body: payload.body,
      timeoutMs: o.timeoutMs ?? TIMEOUT_MS,
      signal: o.signal,
      onLines: parts && ((bytes) => parts.read(bytes)),
    });
    readsGzip ||= /\bgzip\b/i.test(headers.get("accept-encoding") ?? "");
    const packed = headers.get("content-encoding") === "gzip";
    const whole = packed ? await decompress(body) : body;
    if (packed && isOfLines(status, headers.get("content-type"))) parts?.read(whole);
    return { status, text: whole.toString() };
  }

  function viaNode(operation: WorkerOperation, payload: Payload, o: CallOptions, lines: PartReader | undefined) {
    // Bytes: with a text, `node:http` would write the head in UTF-8 as well, and a key that is not ASCII would be another one.
    const bytes = typeof payload.body === "string" ? Buffer.from(payload.body) : payload.body;
    return new Promise<Answered>((resolve, reject) => {
      const readLines = (to: PartReader, part: Buffer) => {
        try {
          to.read(part);
        } catch (error) {
          reject(error);
          req.destroy();
        }
      };
      const req = (secure ? https : http).request(
        {
          ...common,
          path: prefix + WORKER_ROUTES[operation].path,
          headers: { ...always, ...payload.headers, "content-length": bytes.length },
          timeout: o.timeoutMs ?? TIMEOUT_MS,
          ...(o.signal ? { signal: o.signal } : {}),
        },
        (res) => {
          const parts: Buffer[] = [];
          readsGzip ||= /\bgzip\b/i.test(String(res.headers["accept-encoding"] ?? ""));
          const packed = res.headers["content-encoding"] === "gzip";
          const body = packed ? res.pipe(createGunzip()) : res;
          const given = isOfLines(res.statusCode ?? 0, res.headers["content-type"]) ? lines : undefined;
          res.on("error", reject);
          body.on("data", (part: Buffer) => {
            if (given) readLines(given, part);
            else parts.push(part);
          });
          body.on("error", reject);
          body.on("end", () => resolve({ status: res.statusCode ?? 0, text: Buffer.concat(parts).toString() }));
        },
      );
      req.on("timeout", () => req.destroy(new Error("timed out")));
      req.on("error", reject);
      req.end(bytes);
    });
  }

  const close = () => {
    plain?.close();
    agent.destroy();
  };
  return transportOver({ pack, send: request, close }, options);
}
