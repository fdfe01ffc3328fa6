/** Requests of API Gateway and function URLs in the form of the API, and the API's answers in the form that Lambda wants. */
import { Readable } from "node:stream";
import middy from "@middy/core";
import { type Api, apiOf } from "../../shared/api/dispatch-request.ts";
import type { ApiRequest, ApiResponse } from "../../shared/api/http-message.ts";
import type { ApiOptions } from "../../shared/api/request-context.ts";
import type { RouteModule } from "../../shared/api/route-module.ts";
import { ENV } from "../../shared/aws/names.ts";
import { VERSION } from "../../shared/protocol/version.ts";
import { envelope, type LambdaContext } from "./envelope.ts";
import { installation } from "./installation.ts";

/** The fields of a REST proxy event that are used here. */
export interface RestEvent {
  readonly httpMethod: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>> | null;
  readonly multiValueQueryStringParameters: Readonly<Record<string, readonly string[] | undefined>> | null;
  readonly body: string | null;
  readonly isBase64Encoded: boolean;
  readonly requestContext: { readonly domainName?: string; readonly stage: string; readonly path?: string };
}

/** The fields of a function URL's event (payload format 2.0) that are used here. */
export interface UrlEvent {
  readonly rawPath: string;
  readonly rawQueryString: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body?: string;
  readonly isBase64Encoded: boolean;
  readonly requestContext: { readonly domainName: string; readonly http: { readonly method: string } };
}

/** Another function may have revoked a key: no key is accepted for longer than 5 s after that. */
const KEYS_READ_AGAIN_MS = 4_000;

/** A call that waits is answered this long before Lambda would end the invocation. */
const SPARE_MS = 2_000;

const bodyOf = (e: { body?: string | null; isBase64Encoded: boolean }): Uint8Array | string =>
  e.isBase64Encoded ? Buffer.from(e.body ?? "", "base64") : (e.body ?? "");

const lowerCase = (headers: RestEvent["headers"]): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));

const deadline = (context: LambdaContext, mostMs = Number.POSITIVE_INFINITY): AbortSignal =>
  AbortSignal.timeout(Math.max(1, Math.min(mostMs, context.getRemainingTimeInMillis() - SPARE_MS)));

/** `mostMs`: the longest time for which the function answers. */
export function fromRest(event: RestEvent, context: LambdaContext, mostMs = Number.POSITIVE_INFINITY): ApiRequest {
  const query = new URLSearchParams();
  for (const [name, values] of Object.entries(event.multiValueQueryStringParameters ?? {})) {
    for (const value of values ?? []) query.append(name, value);
  }
  const search = query.toString();
  return {
    method: event.httpMethod,
    target: search === "" ? event.path : `${event.path}?${search}`,
    headers: lowerCase(event.headers),
    body: bodyOf(event),
    signal: deadline(context, mostMs),
  };
}

export function fromUrl(event: UrlEvent, context: LambdaContext): ApiRequest {
  return {
    method: event.requestContext.http.method,
    target: event.rawQueryString === "" ? event.rawPath : `${event.rawPath}?${event.rawQueryString}`,
    headers: lowerCase(event.headers),
    body: bodyOf(event),
    signal: deadline(context),
  };
}

const apis = new Map<string, Api>();

/** The API of some route modules. `url`: its public address, which its answers contain. */
export function apiAt(
  url: string,
  modules: readonly RouteModule[],
  options: Partial<Pick<ApiOptions, "tasks">> = {},
): Api {
  let api = apis.get(url);
  if (!api) {
    const ports = installation();
    const workerUrl = process.env[ENV.workerUrl]?.replace(/\/$/, "");
    const own = { version: VERSION, url, keysReadAgainMs: KEYS_READ_AGAIN_MS, ...(workerUrl && { workerUrl }) };
    const made = apiOf(modules, ports, { ...own, ...options });
    api = {
      ...made,
      handle(request) {
        ports.clients.meter.count({ requests: 1 });
        return made.handle(request);
      },
    };
    apis.set(url, api);
  }
  return api;
}

/** The API's address. Under AWS's host name each path begins with the stage, under a custom domain it does not. */
export function restUrl({ requestContext: { domainName, stage, path } }: RestEvent): string {
  const host = `https://${domainName ?? "localhost"}`;
  return path === undefined || path.startsWith(`/${stage}/`) ? `${host}/${stage}` : host;
}

interface LambdaAnswer<Body> {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: Body;
}

export async function answerRest(
  modules: readonly RouteModule[],
  event: RestEvent,
  request: ApiRequest,
): Promise<ApiResponse> {
  const answer = await apiAt(restUrl(event), modules).handle(request);
  // The answer to HEAD has no body. Where node:http leaves it out by itself, API Gateway would send it.
  return event.httpMethod === "HEAD" && answer.kind === "body" ? { ...answer, body: "" } : answer;
}

/** A handler that answers in one piece, for a function whose `response` in `shared/aws/names.ts` is `buffered`. */
export function bufferedRest(modules: readonly RouteModule[]) {
  return middy<RestEvent, unknown>()
    .use(envelope)
    .handler(async (event, context) =>
      buffered(await answerRest(modules, event, fromRest(event, context as unknown as LambdaContext))),
    );
}

/**
 * The request without its question whether a kept answer is still the same. An answer that streams must have a body, so a
 * streaming function sends the whole answer instead of 304.
 */
export function whole(request: ApiRequest): ApiRequest {
  const { "if-none-match": _, ...headers } = request.headers;
  return { ...request, headers };
}

/** A comment, which clients of event streams skip. */
const BEGINNING = ":\n\n";

/** The chunks of a stream. One of events may end without an event; others have a body. */
async function* beginning({ headers, chunks }: ApiResponse & { kind: "stream" }): AsyncGenerator<string | Uint8Array> {
  if (headers["content-type"] === "text/event-stream") yield BEGINNING;
  yield* chunks;
}

/** The answer of a handler in streamify mode, never empty: Lambda may hold an empty one open until the function's timeout. */
export function streamed(answer: ApiResponse): LambdaAnswer<Readable> {
  const chunks = answer.kind === "stream" ? beginning(answer) : [answer.body === "" ? "\n" : answer.body];
  return { statusCode: answer.status, headers: answer.headers, body: Readable.from(chunks, { objectMode: false }) };
}

function buffered(answer: ApiResponse): LambdaAnswer<string> {
  if (answer.kind === "stream")
    throw new Error(
      "a buffered function got an answer that streams: set its response to stream in shared/aws/names.ts",
    );
  return { statusCode: answer.status, headers: answer.headers, body: answer.body };
}
