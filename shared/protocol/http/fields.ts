/** Fields that many requests and answers share. */
import * as z from "zod";
import { DEFAULT_PAGE, MAX_PAGE } from "../limits.ts";

/**
 * Any JSON value, also `null`; the key must be present. The schema does not check it in depth: requests come out of a
 * JSON parser, and answers go through a JSON writer.
 */
export const Json = z.unknown();

/** A JSON object of any content, in answers. `JsonRecord` is the one for requests. */
export const JsonObject = z.record(z.string(), z.unknown());

/** A point of time in an answer: ISO 8601 with milliseconds and `Z`. */
export const Timestamp = z.iso.datetime({ offset: true });

/** Milliseconds since the epoch as a `Timestamp`. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}

/**
 * A point of time in a request, as milliseconds since the epoch. ISO 8601 with date and time; without an offset it is
 * UTC, never the server's own zone.
 */
export const Instant = z.iso
  .datetime({ offset: true, local: true, error: "a date and time such as 2026-01-31T09:30:00Z is wanted" })
  .meta({ format: "date-time" })
  .transform((text) => Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`));

/** The token of a list's next page, from the answer with the page before. Empty counts as absent. */
export const Cursor = z.string().transform((token) => (token === "" ? undefined : token));

/** How many results one page holds, unless the request says otherwise. */
export function pageSize(max: number = MAX_PAGE, standard: number = DEFAULT_PAGE) {
  return z.int().min(1).max(max).default(standard);
}

export const Order = z.enum(["asc", "desc"]);

/**
 * An input that a worker's codec has compressed, encrypted or moved to a store. The server stores it unchanged and
 * delivers it to the worker; `input_hash` and further keys belong to the codec.
 */
export const NetworkEncodedInput = z
  .looseObject({
    b64payload: z.string(),
    encoding_options: z.array(z.string()).default([]),
    empty: z.boolean().default(false),
  })
  .meta({ id: "NetworkEncodedInput" });
export type NetworkEncodedInput = z.infer<typeof NetworkEncodedInput>;

/** Whether a codec has encoded the input: the server cannot check it against the schema of the workflow. */
export function isEncodedInput(input: unknown): input is NetworkEncodedInput {
  return typeof input === "object" && input !== null && "b64payload" in input && typeof input.b64payload === "string";
}
