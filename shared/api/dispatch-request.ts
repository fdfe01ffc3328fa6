/**
 * From an HTTP request to its answer: route, key, parsing, handler. `node:http` and Lambda both call it.
 *
 * DISPATCH-1. No answer and no frame leaves before the writes it depends on are durable: each waits for `ports.durable()`,
 *     here and nowhere else. (Two answers need not: CLAIM-2, CLAIM-6.)
 * DISPATCH-2. A handler that throws is a fault of the server: the answer is 500 with a fixed text, and the log has the cause
 *     under the request's id. Once the store has failed every answer is 503 with the store's own words.
 * DISPATCH-3. Every answer has `x-request-id`: the caller's, if it is well-formed, or a new one.
 */
import { lazy } from "../lib/lazy.ts";
import { type Backup, type KeyRecord, type Ports, StoreFailed } from "../ports.ts";
import {
  forbidden,
  internal,
  isRefusal,
  methodNotAllowed,
  noRoute,
  notImplemented,
  type Refusal,
  refusal,
  storeFailed,
  toBody,
  unauthorized,
  unreadable,
} from "../protocol/errors.ts";
import { compile, type Match } from "../protocol/http/match.ts";
import { parseBody, parseQuery } from "../protocol/http/parse.ts";
import { MAX_BODY_BYTES, MAX_WORKER_BODY_BYTES } from "../protocol/limits.ts";
import { mayDo, needOf } from "../protocol/rights.ts";
import type { Route } from "../protocol/routes.ts";
import { Unreadable } from "../protocol/unreadable.ts";
import { isWorkerPath } from "../protocol/worker-path.ts";
import { Access, Keys } from "./auth.ts";
import { type Frame, textOf } from "./frames.ts";
import { type ApiRequest, type ApiResponse, CallerGone } from "./http-message.ts";
import { scoped, unscope } from "./list-tokens.ts";
import { textOfBody } from "./read-body.ts";
import { type ApiOptions, DEFAULT_OPTIONS, type RequestContext } from "./request-context.ts";
import { Room, Rooms } from "./room.ts";
import type { Input, RouteModule } from "./route-module.ts";
import { ScopedLog } from "./scoped-log.ts";
import type { ServeWorker } from "./worker/dispatch-operation.ts";
import { isEarly } from "./worker/early.ts";

const deploymentsOfKey = lazy(() => import("./deployments-of-key.ts"));
const backups = lazy(() => import("./backup.ts"));
const revalidatedCode = lazy(() => import("./revalidated.ts"));

export interface Api {
  handle(request: ApiRequest): Promise<ApiResponse>;
  /** The longest body of a request to this target, in bytes. */
  bodyLimit(target: string): number;
}

export type GivenOptions = Pick<ApiOptions, "version" | "url"> & Partial<ApiOptions>;

/** The API of these modules. */
export function apiOf(modules: readonly RouteModule[], ports: Ports, options: GivenOptions): Api {
  const api: Served = {
    ports,
    options: { ...DEFAULT_OPTIONS, ...options },
    rooms: new Rooms(),
    keys: new Keys(ports, options.keysReadAgainMs ?? DEFAULT_OPTIONS.keysReadAgainMs),
    match: compile(modules.flatMap(({ routes }) => routes ?? [])),
    handlers: Object.assign({}, ...modules.map(({ handlers }) => handlers)) as Served["handlers"],
    open: Object.assign({}, ...modules.map(({ open }) => open)) as Served["open"],
    worker: modules.find(({ worker }) => worker)?.worker,
  };
  return {
    handle: (request) => handle(api, request),
    bodyLimit: (target) => (isWorkerPath(target) ? MAX_WORKER_BODY_BYTES : MAX_BODY_BYTES),
  };
}

interface Served {
  readonly ports: Ports;
  readonly options: ApiOptions;
  readonly keys: Keys;
  readonly rooms: Rooms;
  readonly match: (method: string, path: string) => Match<Route>;
  /** By operation. */
  readonly handlers: Readonly<Record<string, (context: RequestContext, input: Input<never>) => unknown>>;
  readonly open: Readonly<Record<string, (options: ApiOptions, ports: Ports) => unknown>>;
  readonly worker: ServeWorker | undefined;
}

/** The outcome of a handler: a refusal, a value (undefined: no body, 204), or frames. */
type Outcome =
  | Refusal
  | { status: number; value: unknown; cache?: Route["cache"] }
  | { status: number; frames: AsyncIterable<Frame> }
  | { status: number; lines: AsyncIterable<unknown> }
  | { status: number; file: Backup };

async function handle(api: Served, request: ApiRequest): Promise<ApiResponse> {
  const signal = () => request.signal;
  const serving: Serving = {
    requestId: requestIdOf(api, request),
    access: new Access(api.keys, signal),
    room: new Room(api.rooms, signal),
  };
  try {
    const response = await answer(api, request, serving);
    if (request.method !== "HEAD" || response.kind === "body") return response;
    // No frame is read, so the stream does not even begin.
    return { kind: "body", status: response.status, headers: response.headers, body: "" };
  } finally {
    serving.room.leave(); // ROOM-1
  }
}

async function answer(api: Served, request: ApiRequest, serving: Serving): Promise<ApiResponse> {
  const { requestId, access } = serving;
  let outcome: Outcome;
  try {
    outcome = await serve(api, request, serving);
    if (access.ended) {
      if ("file" in outcome) await outcome.file.drop();
      outcome = unauthorized(access.ended);
    }
    if (!("value" in outcome && isEarly(outcome.value))) await api.ports.durable(); // DISPATCH-1
  } catch (error) {
    if (error instanceof CallerGone) {
      access.end();
      throw error;
    }
    api.ports.log.error("request failed", {
      request_id: requestId,
      method: request.method,
      target: request.target,
      error,
    }); // DISPATCH-2
    outcome = failed(error);
  }
  if ("frames" in outcome)
    return stream("text/event-stream", requestId, chunksOf(api, outcome.frames, requestId, access));
  if ("lines" in outcome)
    return stream("application/x-ndjson", requestId, linesOf(api, outcome.lines, requestId, access));
  if ("file" in outcome) return (await backups()).download(api.ports, outcome.file, requestId, access);
  access.end();
  if (isRefusal(outcome)) {
    const headers = { "content-type": "application/json", "x-request-id": requestId, ...outcome.headers };
    return { kind: "body", status: outcome.status, headers, body: JSON.stringify(toBody(outcome)) };
  }
  if (outcome.value === undefined) {
    return { kind: "body", status: outcome.status, headers: { "x-request-id": requestId }, body: "" };
  }
  const body = await jsonOf(api.ports, outcome.value);
  if (outcome.cache) return (await revalidatedCode()).revalidated(request, body, outcome.cache, requestId);
  const headers = { "content-type": "application/json", "x-request-id": requestId };
  return { kind: "body", status: outcome.status, headers, body };
}

/** Longer arrays are written element by element: a whole history is too much for one iteration of the event loop. */
const LONG_ARRAY = 100;

async function jsonOf(ports: Ports, value: unknown): Promise<string> {
  const isLong = (part: unknown): part is unknown[] => Array.isArray(part) && part.length > LONG_ARRAY;
  if (typeof value !== "object" || value === null || !Object.values(value).some(isLong)) return JSON.stringify(value);
  const members: string[] = [];
  for (const [name, part] of Object.entries(value)) {
    if (part === undefined) continue;
    let json = isLong(part) ? "" : JSON.stringify(part);
    if (isLong(part)) {
      const elements: string[] = [];
      for (const element of part) {
        elements.push(JSON.stringify(element) ?? "null");
        await ports.pause?.();
      }
      json = `[${elements.join(",")}]`;
    }
    members.push(`${JSON.stringify(name)}:${json}`);
  }
  return `{${members.join(",")}}`;
}

/** DISPATCH-3. */
function requestIdOf(api: Served, request: ApiRequest): string {
  const given = request.headers["x-request-id"];
  return typeof given === "string" && /^[\w.:/-]{1,128}$/.test(given) ? given : api.ports.uuid();
}

/** What a caller is told of an error that no handler has caught. */
function failed(error: unknown): Refusal {
  if (error instanceof StoreFailed) return storeFailed(error.message);
  return error instanceof Unreadable ? unreadable(error.message) : internal();
}

interface Serving {
  readonly requestId: string;
  readonly access: Access;
  readonly room: Room;
}

async function serve(api: Served, request: ApiRequest, serving: Serving): Promise<Outcome> {
  if (api.worker && isWorkerPath(request.target)) {
    const context = await authorize(api, request, serving);
    if (isRefusal(context)) return context;
    return api.worker(context, request);
  }
  const [path, search] = split(request.target);
  const match = api.match(request.method, path);
  if (match.outcome === "not_found") return noRoute(request.method, path, api.options.workerUrl);
  if (match.outcome === "method_not_allowed") return methodNotAllowed(request.method, path, match.allowed);
  if (match.outcome === "malformed") {
    return refusal(400, "MALFORMED", `The path segment '${match.segment}' is not valid percent-encoding.`);
  }
  const { route } = match;
  if (!route.auth) {
    const value = await api.open[route.operation]!(api.options, api.ports);
    return isRefusal(value) ? value : { status: 200, value, cache: route.cache };
  }
  const context = await authorize(api, request, serving, route);
  if (isRefusal(context)) return context;
  if (route.unavailable !== undefined) return notImplemented(route.unavailable);
  if (context.deployments && needOf(route) === "operate") {
    const { foreignTarget } = await deploymentsOfKey();
    const refused = await foreignTarget(context, route, match.params);
    if (refused) return refused;
  }

  const query = route.query ? parseQuery(route.query, new URLSearchParams(search)) : { value: {} };
  if ("refused" in query) return query.refused;
  const list = { operation: route.operation, params: match.params };
  const foreign = unscope(list, query.value as Record<string, unknown>);
  if (foreign) return foreign;
  const body = await bodyOf(route, request, api.ports.pause);
  if ("refused" in body) return body.refused;
  const input = {
    params: match.params,
    query: query.value,
    body: body.value,
    lastEventId: header(request, "last-event-id"),
    idempotencyKey: header(request, "idempotency-key"),
    traceparent: header(request, "traceparent"),
  } as Input<never>;
  const started = api.ports.clock.now();
  const result = await api.handlers[route.operation]!(context, input);
  if (isRefusal(result)) {
    context.log.info("request refused", { operation: route.operation, status: result.status, code: result.code });
    return result;
  }
  context.log.info("request served", { operation: route.operation, ms: api.ports.clock.now() - started });
  if (route.kind === "sse") return { status: route.success, frames: result as AsyncIterable<Frame> };
  if (route.kind === "file") return { status: route.success, file: result as Backup };
  return {
    status: route.success,
    value: route.kind === "empty" ? undefined : scoped(list, result),
    cache: route.cache,
  };
}

function header(request: ApiRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === "string" ? value : undefined;
}

function split(target: string): [path: string, search: string] {
  const question = target.indexOf("?");
  return question < 0 ? [target, ""] : [target.slice(0, question), target.slice(question + 1)];
}

async function authorize(
  api: Served,
  request: ApiRequest,
  serving: Serving,
  route?: Route,
): Promise<RequestContext | Refusal> {
  const { authorization } = request.headers;
  const key = await api.keys.authenticate(typeof authorization === "string" ? authorization : undefined);
  if (isRefusal(key)) return key;
  serving.access.key = key;
  serving.room.key = key.hash;
  const need = route ? needOf(route) : "work";
  if (!mayDo(key.rights, need)) {
    const has = key.rights.join(", ");
    return forbidden(
      `The API key '${key.name}' has the rights ${has}; this needs the right '${need}': use a key that has it.`,
    );
  }
  return new Context(api, serving, key);
}

/** A class, and no literal: an accessor that is defined anew for each request takes longer than the rest of it. */
class Context implements RequestContext {
  readonly ports: Ports;
  readonly options: ApiOptions;
  readonly workspace: string;
  readonly user: string;
  readonly rights: KeyRecord["rights"];
  readonly deployments: KeyRecord["deployments"];
  readonly expiresAt: KeyRecord["expiresAt"];
  readonly key: string;
  readonly requestId: string;
  readonly room: Room;
  readonly log: ScopedLog;
  readonly #keys: Keys;
  readonly #access: Access;

  constructor({ ports, options, keys }: Served, { requestId, room, access }: Serving, key: KeyRecord) {
    this.ports = ports;
    this.options = options;
    this.workspace = key.workspace;
    this.user = key.name;
    this.rights = key.rights;
    this.deployments = key.deployments;
    this.expiresAt = key.expiresAt;
    this.key = key.hash;
    this.requestId = requestId;
    this.room = room;
    this.log = new ScopedLog(ports.log, requestId);
    this.#keys = keys;
    this.#access = access;
  }

  get signal(): AbortSignal {
    return this.#access.signal;
  }

  forgetKey(digest: string): void {
    this.#keys.forget(digest);
  }
}

async function bodyOf(
  route: Route,
  request: ApiRequest,
  pause: Ports["pause"],
): Promise<{ value: unknown } | { refused: Refusal }> {
  if (!route.body) return { value: undefined }; // a body that the operation does not take is ignored
  const body = await textOfBody(request, MAX_BODY_BYTES);
  if ("refused" in body) return body;
  const type = request.headers["content-type"];
  if (body.text !== "" && typeof type === "string" && !/^application\/(?:[\w.-]+\+)?json\b/i.test(type)) {
    const detail = `The request has the content type ${type.slice(0, 100)}. Send JSON with \`content-type: application/json\`.`;
    return { refused: refusal(415, "UNSUPPORTED_MEDIA_TYPE", detail) };
  }
  return parseBody(route.body, body.text, { optional: route.optionalBody ?? false, pause });
}

function stream(type: string, requestId: string, chunks: AsyncIterable<string>): ApiResponse {
  const headers = {
    "content-type": type,
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
    "x-request-id": requestId,
  };
  return { kind: "stream", status: 200, headers, chunks };
}

/** A line that nobody would read is not written: its source learns it, and no line follows. */
async function* linesOf(
  api: Served,
  lines: AsyncIterable<unknown>,
  requestId: string,
  access: Access,
): AsyncGenerator<string> {
  const { signal } = access;
  try {
    for await (const line of lines) {
      if (!isEarly(line)) await api.ports.durable(); // DISPATCH-1
      if (signal.aborted) return;
      yield `${JSON.stringify(line)}\n`;
    }
  } catch (error) {
    api.ports.log.error("stream failed", { request_id: requestId, error });
  } finally {
    access.end();
  }
}

async function* chunksOf(
  api: Served,
  frames: AsyncIterable<Frame>,
  requestId: string,
  access: Access,
): AsyncGenerator<string> {
  try {
    for await (const frame of frames) {
      if (access.ended) return;
      await api.ports.durable(); // DISPATCH-1
      yield textOf(frame);
      await api.ports.pause?.();
    }
  } catch (error) {
    api.ports.log.error("stream failed", { request_id: requestId, error });
    const data = {
      error: "The stream has failed. Connect again with the last event id that you have received.",
      reason: "internal_error",
    } as const;
    yield textOf({ kind: "error", data });
  } finally {
    access.end();
  }
}
