/** Requests of API Gateway and of function URLs, as the API takes them, and its answers as they want them. */
import { Readable } from "node:stream";
import { type Api, type ApiRequest, type ApiResponse, apiOf } from "../../shared/api/dispatch-request.ts";
import type { ApiOptions } from "../../shared/api/request-context.ts";
import type { RouteModule } from "../../shared/api/route-module.ts";
import { VERSION } from "../../shared/protocol/version.ts";
import type { LambdaContext } from "./envelope.ts";
import { installation } from "./installation.ts";

/** As much as is used of a REST proxy event. */
export interface RestEvent {
  readonly httpMethod: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>> | null;
  readonly multiValueQueryStringParameters: Readonly<Record<string, readonly string[] | undefined>> | null;
  readonly body: string | null;
  readonly isBase64Encoded: boolean;
  readonly requestContext: { readonly domainName?: string; readonly stage: string; readonly path?: string };
}

/** As much as is used of a function URL's event (payload format 2.0). */
export interface UrlEvent {
  readonly rawPath: string;
  readonly rawQueryString: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body?: string;
  readonly isBase64Encoded: boolean;
  readonly requestContext: { readonly domainName: string; readonly http: { readonly method: string } };
}

/** Whoever waits is answered this long before Lambda would end the invocation. */
const SPARE_MS = 2_000;

const bodyOf = (e: { body?: string | null; isBase64Encoded: boolean }): string =>
  e.isBase64Encoded ? Buffer.from(e.body ?? "", "base64").toString() : (e.body ?? "");

const lowerCase = (headers: RestEvent["headers"]): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));

const deadline = (context: LambdaContext): AbortSignal =>
  AbortSignal.timeout(Math.max(1, context.getRemainingTimeInMillis() - SPARE_MS));

export function fromRest(event: RestEvent, context: LambdaContext): ApiRequest {
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
    signal: deadline(context),
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

/** Parts of the API, which tell their address to those who ask: that under which this request came. */
export function apiAt(
  url: string,
  parts: readonly RouteModule[],
  options: Partial<Pick<ApiOptions, "tasks">> = {},
): Api {
  let api = apis.get(url);
  if (!api) {
    const ports = installation();
    const made = apiOf(parts, ports, { version: VERSION, url, ...options });
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

/** Under AWS's own host name the stage is part of each path, under one of one's own it is not. */
export function restUrl({ requestContext: { domainName, stage, path } }: RestEvent): string {
  const host = `https://${domainName ?? "localhost"}`;
  return path === undefined || path.startsWith(`/${stage}/`) ? `${host}/${stage}` : host;
}

interface LambdaAnswer<Body> {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: Body;
}

/** For a handler in streamify mode: every answer is a stream. */
export function streamed(answer: ApiResponse): LambdaAnswer<Readable> {
  const chunks = answer.kind === "stream" ? answer.chunks : [answer.body];
  return { statusCode: answer.status, headers: answer.headers, body: Readable.from(chunks, { objectMode: false }) };
}

/** For a handler that answers at once. */
export function buffered(answer: ApiResponse): LambdaAnswer<string> {
  if (answer.kind === "stream") throw new Error("this function buffers: its routes must not stream");
  return { statusCode: answer.status, headers: answer.headers, body: answer.body };
}
