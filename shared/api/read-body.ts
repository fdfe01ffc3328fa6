/** The text of a request's body, or the refusal of a body that cannot be read as text. */
import { isUtf8 } from "node:buffer";
import { payloadTooLarge, type Refusal, refusal } from "../protocol/errors.ts";
import type { ApiRequest } from "./http-message.ts";

/** `limit`: in bytes. An encoding that the front door has undone is no longer among the headers. */
export async function textOfBody(
  { body: given, headers }: ApiRequest,
  limit: number,
): Promise<{ text: string } | { refused: Refusal }> {
  const encoding = headers["content-encoding"];
  if (encoding !== undefined && !/^\s*(?:identity\s*)?$/i.test(String(encoding))) {
    const detail = `The request has the content encoding ${String(encoding).slice(0, 100)}. Send it without one.`;
    return { refused: refusal(415, "UNSUPPORTED_MEDIA_TYPE", detail) };
  }
  const body = typeof given === "function" ? await given() : given;
  if (body === null) return { refused: payloadTooLarge("request body", limit) };
  if (typeof body === "string") return { text: body };
  if (!isUtf8(body)) {
    return { refused: refusal(400, "MALFORMED", "The body is not valid UTF-8. Send JSON in UTF-8.") };
  }
  return { text: Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString() };
}
