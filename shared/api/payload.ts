/** Sizes of payloads, and payloads that a client's codec has encoded. */
import { isUtf8 } from "node:buffer";
import { invalidAt, payloadTooLarge, type Refusal } from "../protocol/errors.ts";
import { isEncodedInput } from "../protocol/http/fields.ts";
import { JSON_BOUNDS, readJson } from "../protocol/json-text.ts";
import { isObject } from "../protocol/json-value.ts";
import { MAX_JSON_DEPTH, MAX_PAYLOAD_BYTES } from "../protocol/limits.ts";

/** A text of this many characters cannot have more bytes of UTF-8 than a payload may. */
export const CHARACTERS_WITHIN_LIMIT = Math.floor(MAX_PAYLOAD_BYTES / 3);

/** Of the usual alphabet or of that for URLs, with or without padding. `Buffer` passes over whatever else a text has. */
const BASE64 = /^[\w+/-]*={0,2}\s*$/;

export const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value ?? null));

/** The refusal (413) of a payload over the limit; null: it is within. `what`: as in "input of the signal". */
export function tooLarge(what: string, value: unknown): Refusal | null {
  const bytes = bytesOf(value);
  return bytes > MAX_PAYLOAD_BYTES ? payloadTooLarge(what, MAX_PAYLOAD_BYTES, bytes) : null;
}

/**
 * The input of a request. An encoded one without encodings is plain JSON in base64, which the server decodes, so that schema,
 * search keys and workflow see the input itself.
 */
export function inputOf(input: unknown, loc: readonly string[]): { value: unknown } | { refused: Refusal } {
  if (!isEncodedInput(input) || (input.encoding_options ?? []).length > 0) return { value: input };
  if (input.empty) return { value: null };
  const at = [...loc, "b64payload"];
  if (!BASE64.test(input.b64payload))
    return { refused: invalidAt(at, "base64 is wanted: A-Z a-z 0-9 + / and = at its end") };
  const bytes = Buffer.from(input.b64payload, "base64");
  if (!isUtf8(bytes))
    return { refused: invalidAt(at, "base64 of JSON in UTF-8 is wanted: the bytes are not valid UTF-8") };
  const read = readJson(bytes.toString("utf8"), MAX_JSON_DEPTH, JSON_BOUNDS);
  if ("problem" in read) {
    const { msg, loc: within, type } = read.problem;
    const why =
      type === "json_invalid" ? `base64 of JSON is wanted where encoding_options is empty; it is ${msg}` : msg;
    return { refused: invalidAt([...at, ...within], why, type) };
  }
  if (read.value === null || isObject(read.value)) return { value: read.value };
  return { refused: invalidAt(at, "an object with the parameters by name is wanted") };
}

/**
 * `decode_payloads` of a history: decodes an encoded value whose only encoding is base64. A value that was compressed,
 * encrypted or stored elsewhere is left as it is, because only the client's codec can undo that.
 */
export function decoded(value: unknown): unknown {
  if (!isEncodedInput(value)) return value;
  if (value.empty) return null;
  if ((value.encoding_options ?? []).length > 0) return value;
  const read = readJson(Buffer.from(value.b64payload, "base64").toString("utf8"));
  return "value" in read ? read.value : value;
}
