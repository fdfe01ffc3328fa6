/**
 * Compressed bodies between workers and the function URL. Lambda limits an event to 6 MB, in which the request's body is
 * escaped JSON: without compression, calls within every limit of the API would be refused. Lambda streams the part of an
 * answer beyond 6 MB at 2 MB/s: without compression, a long history would take half a minute.
 */
import { pipeline } from "node:stream";
import { promisify } from "node:util";
import { createGzip, gunzip } from "node:zlib";
import type { ApiRequest, ApiResponse } from "../../shared/api/http-message.ts";
import { streamed } from "./http.ts";

const inflate = promisify(gunzip);
/** A shorter answer is not worth the time of compressing it. */
const MIN_COMPRESSED_BYTES = 64 * 1024;

interface HttpEvent {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body?: string;
  readonly isBase64Encoded: boolean;
}

/** Whether a list of encodings names gzip with a weight other than zero, which excludes it. */
const isGzip = (header: string | undefined): boolean =>
  (header ?? "").split(",").some((one) => /^\s*gzip\s*(?:;|$)/i.test(one) && !/;\s*q=0(?:\.0*)?\s*$/i.test(one));
const headerOf = ({ headers }: HttpEvent, wanted: string): string | undefined =>
  Object.entries(headers).find(([name]) => name.toLowerCase() === wanted)?.[1];

/**
 * The request with its body decompressed, if it is gzip. Invalid gzip is left as it came: the API then refuses the bytes as
 * no text, and not as missing. The body is null if it would exceed `maxBytes`.
 */
export async function decompressed(event: HttpEvent, request: ApiRequest, maxBytes: number): Promise<ApiRequest> {
  if (!isGzip(headerOf(event, "content-encoding"))) return request;
  const { "content-encoding": _, ...headers } = request.headers;
  const body = await inflated(event, maxBytes);
  return body === undefined ? { ...request, headers } : { ...request, headers, body };
}

async function inflated(event: HttpEvent, maxBytes: number): Promise<Uint8Array | null | undefined> {
  try {
    const content = Buffer.from(event.body ?? "", event.isBase64Encoded ? "base64" : "latin1");
    return await inflate(content, { maxOutputLength: maxBytes });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ERR_BUFFER_TOO_LARGE") return null;
    if (code?.startsWith("Z_")) return undefined;
    throw error;
  }
}

/** The answer, compressed if it is long and the caller accepts gzip. Its header says that requests may be gzip, too (RFC 7694). */
export function encoded(event: HttpEvent, answer: ApiResponse) {
  const plain = streamed(answer);
  const headers = { ...plain.headers, "accept-encoding": "gzip" };
  const short = answer.kind === "body" && answer.body.length < MIN_COMPRESSED_BYTES;
  if (short || !isGzip(headerOf(event, "accept-encoding"))) return { ...plain, headers };
  const gzip = createGzip({ level: 1 });
  // `pipeline` ends each stream with the other: a failed answer is an error and not a shorter answer, and an answer whose
  // reader has gone is not produced any further.
  pipeline(plain.body, gzip, () => {});
  return { ...plain, headers: { ...headers, "content-encoding": "gzip" }, body: gzip };
}
