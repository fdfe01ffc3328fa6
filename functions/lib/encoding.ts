/**
 * Compressed bodies between workers and the function URL. Lambda takes an event of 6 MB, in which the request's body is
 * escaped JSON, and streams what is beyond the first 6 MB of an answer at 2 MB/s: uncompressed, calls that are within
 * every limit of the API would not fit, and a long history would take half a minute.
 */
import { pipeline } from "node:stream";
import { promisify } from "node:util";
import { createGzip, gunzip } from "node:zlib";
import type { ApiResponse } from "../../shared/api/index.ts";
import { streamed } from "./front.ts";

const inflate = promisify(gunzip);
/** Below this an answer is not worth the time. */
const LONG_BYTES = 64 * 1024;

interface Sent {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body?: string;
  readonly isBase64Encoded: boolean;
}

/** Whether a list of encodings names gzip, other than with the weight nought, which says that it must not be. */
const isGzip = (header: string | undefined): boolean =>
  (header ?? "").split(",").some((one) => /^\s*gzip\s*(?:;|$)/i.test(one) && !/;\s*q=0(?:\.0*)?\s*$/i.test(one));
const headerOf = ({ headers }: Sent, wanted: string): string | undefined =>
  Object.entries(headers).find(([name]) => name.toLowerCase() === wanted)?.[1];

/**
 * The body as text if it came compressed. `undefined`: it did not, or cannot be unpacked whatever it says: what came is
 * then refused as no JSON. `null`: it would have more than `maxBytes`.
 */
export async function compressedBody(event: Sent, maxBytes: number): Promise<string | null | undefined> {
  if (!isGzip(headerOf(event, "content-encoding"))) return undefined;
  try {
    const content = Buffer.from(event.body ?? "", event.isBase64Encoded ? "base64" : "latin1");
    return (await inflate(content, { maxOutputLength: maxBytes })).toString();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ERR_BUFFER_TOO_LARGE") return null;
    if (code?.startsWith("Z_")) return undefined;
    throw error;
  }
}

/** The answer, compressed if the caller can read that and it is long. It tells that requests may be compressed too (RFC 7694). */
export function encoded(event: Sent, answer: ApiResponse) {
  const plain = streamed(answer);
  const headers = { ...plain.headers, "accept-encoding": "gzip" };
  const short = answer.kind === "body" && answer.body.length < LONG_BYTES;
  if (short || !isGzip(headerOf(event, "accept-encoding"))) return { ...plain, headers };
  const gzip = createGzip({ level: 1 });
  // Each ends with the other: an answer that breaks off is no shorter answer, and one whose reader has gone is not produced.
  pipeline(plain.body, gzip, () => {});
  return { ...plain, headers: { ...headers, "content-encoding": "gzip" }, body: gzip };
}
