/** A client of the HTTP API; operations have the names of the routes table. Every failure becomes a `CliError` with advice. */

import { PayloadCodec } from "../shared/encoding/codec.ts";
import { EncodingError } from "../shared/encoding/errors.ts";
import { encodingFetch } from "../shared/encoding/http.ts";
import { type Frame, frames } from "../shared/lib/sse.ts";
import {
  type AvailableOperation,
  type ParamsOf,
  type ResponseOf,
  type Route,
  type RouteOf,
  routeOf,
} from "../shared/protocol/routes.ts";
import { codecOf } from "./encoding.ts";
import { CliError, EXIT } from "./errors.ts";
import type { Io } from "./io.ts";
import { type Asked, refused } from "./refused.ts";
import { type Target, targetOf } from "./target.ts";

/** Longer than the server lets any call wait. */
const CALL_TIMEOUT_MS = 310_000;

type QueryValues = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
type Params<Op extends AvailableOperation> =
  Record<never, never> extends ParamsOf<Op> ? { readonly params?: ParamsOf<Op> } : { readonly params: ParamsOf<Op> };
export type CallOf<Op extends AvailableOperation> = Params<Op> & {
  readonly query?: QueryValues;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
};
type Args<Op extends AvailableOperation> =
  Record<never, never> extends Params<Op> ? [call?: CallOf<Op>] : [call: CallOf<Op>];
type StreamOperation = Extract<RouteOf<AvailableOperation>, { kind: "sse" }>["operation"];

type FileOperation = Extract<RouteOf<AvailableOperation>, { kind: "file" }>["operation"];

export class Api {
  readonly target: Target;
  readonly #signal: AbortSignal;
  readonly #fetch: ReturnType<typeof encodingFetch>;

  /** `codec`: encodes what is sent, and decodes what its keys open. */
  constructor(target: Target, signal: AbortSignal, codec: PayloadCodec = new PayloadCodec()) {
    this.target = target;
    this.#signal = signal;
    this.#fetch = encodingFetch(codec, { undecodable: "keep" });
  }

  /** Throws `CliError`: the server was not reached, or refused the call with its own text. */
  async call<Op extends AvailableOperation>(operation: Op, ...[call]: Args<Op>): Promise<ResponseOf<Op>> {
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]);
    const response = await this.#send(operation, call ?? {}, "application/json", signal);
    const text = await this.#read(response);
    return (text === "" ? undefined : JSON.parse(text)) as ResponseOf<Op>;
  }

  /** Frames until the server ends the stream. Throws `CliError` when the connection breaks. */
  async *stream<Op extends StreamOperation>(operation: Op, call: CallOf<Op>): AsyncGenerator<Frame> {
    const response = await this.#send(operation, call, "text/event-stream", this.#signal);
    if (!response.body) return;
    try {
      yield* frames(response.body);
    } catch (error) {
      throw this.#unreachable(error);
    }
  }

  /** The bytes of a file that the server makes. Throws `CliError` when the connection breaks before its end. */
  async *download(operation: FileOperation): AsyncGenerator<Uint8Array> {
    const response = await this.#send(operation, {}, "*/*", this.#signal);
    if (!response.body) return;
    try {
      yield* response.body;
    } catch (error) {
      throw this.#unreachable(error);
    }
  }

  async #send(operation: AvailableOperation, call: Asked, accept: string, signal: AbortSignal): Promise<Response> {
    const route: Route = routeOf(operation);
    const url = `${this.target.url}${filled(route.path, call.params ?? {})}${queryOf(call.query ?? {})}`;
    const headers: Record<string, string> = { accept, ...call.headers };
    if (route.auth) headers.authorization = `Bearer ${this.target.key}`;
    if (call.body) headers["content-type"] = "application/json";
    const body = call.body ? JSON.stringify(call.body) : undefined;
    let response: Response;
    try {
      response = await this.#fetch(url, {
        method: route.method,
        headers,
        signal,
        redirect: "error",
        ...(body !== undefined && { body }),
      });
    } catch (error) {
      throw this.#unreachable(error);
    }
    if (response.ok) return response;
    throw refused(operation, response.status, await this.#read(response), call, this.target);
  }

  async #read(response: Response): Promise<string> {
    try {
      return await response.text();
    } catch (error) {
      throw this.#unreachable(error);
    }
  }

  #unreachable(error: unknown): unknown {
    if (this.#signal.aborted || error instanceof CliError) return error;
    if (error instanceof EncodingError) return new CliError(EXIT.failed, `A payload: ${error.message}.`, [], error);
    const { url, from } = this.target;
    const why = reason(error);
    const advice =
      from.url === "default" || /\/\/(localhost|127\.|\[::1\])/.test(url)
        ? ["Start a server with: npx sirocco dev", "Another address: --url URL, or SIROCCO_URL."]
        : [`The address comes from ${from.url}: check it, and check that the server is running.`];
    return new CliError(EXIT.unreachable, `Cannot reach the server at ${url}: ${why}.`, advice, error);
  }
}

/** A client for the server that the command's flags and the environment name. */
export const apiOf = (flags: { url?: string | undefined; key?: string | undefined }, io: Io): Api =>
  new Api(targetOf(flags, io), io.signal, codecOf(io));

/** The connection broke after the request may have been sent. */
export const CONNECTION_LOST = "the connection was lost";

const REASONS: Record<string, string> = {
  ECONNREFUSED: "nothing listens there (connection refused)",
  ENOTFOUND: "there is no host with that name",
  EAI_AGAIN: "the host name could not be resolved for now",
  ECONNRESET: CONNECTION_LOST,
  EPIPE: CONNECTION_LOST,
  UND_ERR_SOCKET: CONNECTION_LOST,
  UND_ERR_CONNECT_TIMEOUT: "no connection within 10 s",
  EHOSTUNREACH: "the network has no route to that host",
};

function reason(error: unknown): string {
  if (error instanceof DOMException && error.name === "TimeoutError")
    return `no answer within ${CALL_TIMEOUT_MS / 1000} s`;
  let at = error as { cause?: unknown; code?: string; message?: string };
  while (at.cause && typeof at.cause === "object" && !(at.code && REASONS[at.code])) at = at.cause as typeof at;
  return REASONS[at.code ?? ""] ?? at.message ?? String(error);
}

function filled(path: string, params: Readonly<Record<string, string>>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ""));
}

function queryOf(values: QueryValues): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) query.append(key, String(one));
  }
  return query.size > 0 ? `?${query}` : "";
}
