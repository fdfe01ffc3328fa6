/**
 * The encoding of a client: inputs are encoded before a request leaves, results, events and inputs of schedules are decoded in
 * its answers. Works under any client that takes a `fetch`, the official one of TypeScript included.
 */
import { randomUUID } from "node:crypto";

import { isObject } from "../protocol/json-value.ts";
import { isEncoded, isEventPayload, PayloadCodec, type PayloadContext } from "./codec.ts";
import { EncodingError } from "./errors.ts";
import type { EncodingOptions } from "./options.ts";

type Body = Readonly<Record<string, unknown>>;

const EXECUTE = /\/v1\/workflows\/(?:registrations\/)?[^/]+\/execute$/;
const MESSAGE = /\/v1\/workflows\/executions\/([^/]+)\/(?:signals|queries|updates)$/;
const SCHEDULES = /\/v1\/workflows\/schedules(?:\/[^/]+)?$/;
const JOBS = /\/v1\/workflows\/jobs$/;
/** Stands in the names of blobs for an execution that is not known yet. */
const SCHEDULED = "__scheduled_workflow__";

/** The body with an encoded input. `namespace`: asked only if it is needed. Throws `EncodingError`. */
export async function encodedBody(
  codec: PayloadCodec,
  request: { readonly method: string; readonly path: string; readonly body: unknown },
  namespace: () => Promise<string>,
): Promise<unknown> {
  const { method, path, body } = request;
  if (!isObject(body) || !codec.encodes || (method !== "POST" && method !== "PATCH")) return body;
  const context = async (execution: string): Promise<PayloadContext> => ({ namespace: await namespace(), execution });
  if (EXECUTE.test(path)) {
    if (!isPlain(body.input)) return body;
    const execution_id =
      typeof body.execution_id === "string" ? body.execution_id : codec.offloads ? randomUUID() : undefined;
    const input = await codec.encode(body.input, await context(execution_id ?? ""));
    if (input === body.input) return body;
    return { ...body, ...(execution_id && { execution_id }), input: null, encoded_input: input };
  }
  const [, execution] = MESSAGE.exec(path) ?? [];
  if (execution !== undefined) {
    if (!isPlain(body.input)) return body;
    return { ...body, input: await codec.encode(body.input, await context(decodeURIComponent(execution))) };
  }
  // One input goes to many executions, at any time: it stays with the server.
  if (JOBS.test(path) && isPlain(body.input))
    return { ...body, input: await codec.encode(body.input, await context(SCHEDULED), { offload: false }) };
  if (SCHEDULES.test(path) && isObject(body.schedule) && isPlain(body.schedule.input)) {
    const { input } = body.schedule;
    const encoded = await codec.encode(input, await context(SCHEDULED), { offload: false });
    if (encoded === input) return body;
    const schedule = { ...body.schedule, input: { ...(encoded as object), input_hash: codec.inputHash(input) } };
    return { ...body, schedule };
  }
  return body;
}

const isPlain = (input: unknown): input is Body => isObject(input) && !isEncoded(input);

/**
 * The answer with decoded payloads, wherever they stand in it. A result that cannot be decoded throws `EncodingError`; in lists
 * and events, where others stand beside it, a payload stays as it is.
 */
export async function decodedBody(codec: PayloadCodec, body: unknown): Promise<unknown> {
  if (!isObject(body) || !isEncoded(body.result)) return decodedWithin(codec, body);
  const { result, ...rest } = body;
  return { ...((await decodedWithin(codec, rest)) as object), result: await codec.decode(result) };
}

/** The value with decoded payloads; those that cannot be decoded stay. */
export async function decodedWithin(codec: PayloadCodec, value: unknown): Promise<unknown> {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return Promise.all(value.map((each) => decodedWithin(codec, each)));
  if (isEncoded(value)) return kept(value, codec.decode(value));
  if (isEventPayload(value) && (value.encoding_options ?? []).length > 0) return kept(value, codec.decodeEvent(value));
  const entries = Object.entries(value).map(async ([key, each]) => [key, await decodedWithin(codec, each)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

async function kept<T>(value: T, decoded: Promise<unknown>): Promise<unknown> {
  try {
    return await decoded;
  } catch (error) {
    if (error instanceof EncodingError) return value;
    throw error;
  }
}

type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** What `encodingFetch` needs besides the encoding. */
export interface EncodingFetchOptions {
  /** Sends the requests. Default: the global `fetch`. */
  readonly fetch?: Fetch;
  /** A result that cannot be decoded throws `EncodingError`, or stays as it is. Default: it throws. */
  readonly undecodable?: "throw" | "keep";
}

/**
 * A `fetch` for clients of the API. It encodes what goes out and decodes what comes in, so the program sees plain values on
 * both sides. Throws `EncodingOptionsError` at once for wrong options.
 */
export function encodingFetch(encoding: EncodingOptions | PayloadCodec, options: EncodingFetchOptions = {}): Fetch {
  const codec = encoding instanceof PayloadCodec ? encoding : new PayloadCodec(encoding);
  const send: Fetch = options.fetch ?? ((input, init) => fetch(input, init));
  const namespaces = new Map<string, Promise<string>>();
  return async (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    const answer = await send(await encoded(request, url));
    return answer.ok ? decodedResponse(codec, answer, options.undecodable ?? "throw") : answer;
  };

  async function encoded(request: Request, url: URL): Promise<Request> {
    if (!codec.encodes || !/json/.test(request.headers.get("content-type") ?? "")) return request;
    const text = await request.clone().text();
    const body = parsed(text);
    const { method } = request;
    const changed = await encodedBody(codec, { method, path: url.pathname, body }, () => namespaceAt(request, url));
    return changed === body ? request : new Request(request, { body: JSON.stringify(changed) });
  }

  /** Only the names of blobs have it. */
  async function namespaceAt({ headers }: Request, url: URL): Promise<string> {
    if (!codec.offloads) return "default";
    const authorization = headers.get("authorization") ?? "";
    const who = `${url.origin}${url.pathname.slice(0, url.pathname.indexOf("/v1/"))}/v1/workflows/workers/whoami`;
    const id = `${who} ${authorization}`;
    const known = namespaces.get(id) ?? asked(who, authorization);
    namespaces.set(id, known);
    return known.catch((error) => {
      namespaces.delete(id);
      throw error;
    });
  }

  async function asked(who: string, authorization: string): Promise<string> {
    const answer = await send(new Request(who, { headers: { authorization } }));
    const { namespace } = (await answer.json()) as { namespace?: unknown };
    if (!answer.ok || typeof namespace !== "string")
      throw new Error(
        `the server did not say its namespace, which names offloaded payloads: ${answer.status} of ${who}`,
      );
    return namespace;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the server says what is wrong with it
  }
}

async function decodedResponse(
  codec: PayloadCodec,
  answer: Response,
  undecodable: "throw" | "keep",
): Promise<Response> {
  const type = answer.headers.get("content-type") ?? "";
  const { status, statusText } = answer;
  const headers = new Headers(answer.headers);
  headers.delete("content-length");
  headers.delete("content-encoding"); // `fetch` has undone it
  if (type.includes("text/event-stream") && answer.body)
    return new Response(answer.body.pipeThrough(decodedLines(codec)), { status, statusText, headers });
  if (!type.includes("json") || status === 204) return answer;
  const body = parsed(await answer.clone().text());
  if (body === undefined) return answer;
  const decoded = await (undecodable === "keep" ? decodedWithin(codec, body) : decodedBody(codec, body));
  return new Response(JSON.stringify(decoded), { status, statusText, headers });
}

/** A frame of a stream has its JSON on one line that begins with `data:`. */
function decodedLines(codec: PayloadCodec): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let rest = "";
  const decodedLine = async (line: string) => {
    const body = line.startsWith("data:") ? parsed(line.slice("data:".length)) : undefined;
    return body === undefined ? line : `data: ${JSON.stringify(await decodedWithin(codec, body))}`;
  };
  return new TransformStream({
    async transform(chunk, controller) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines) controller.enqueue(encoder.encode(`${await decodedLine(line)}\n`));
    },
    async flush(controller) {
      if (rest !== "") controller.enqueue(encoder.encode(await decodedLine(rest)));
    },
  });
}
