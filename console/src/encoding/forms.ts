/** The forms in which workers and clients encode payloads (ENCODING-1), as they stand within values. */
import { isBigNumber } from "../api/json.ts";

export interface Encoded {
  readonly b64payload: string;
  readonly encoding_options?: readonly string[];
  readonly empty?: boolean;
}
/** The payload of a public event. */
export interface EncodedEvent {
  readonly type: "json" | "json_patch";
  readonly value: unknown;
  readonly encoding_options: readonly string[];
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !isBigNumber(value);

export const isEncoded = (value: unknown): value is Encoded => isObject(value) && typeof value.b64payload === "string";

export const isEncodedEvent = (value: unknown): value is EncodedEvent =>
  isObject(value) &&
  (value.type === "json" || value.type === "json_patch") &&
  Array.isArray(value.encoding_options) &&
  value.encoding_options.length > 0;

export function holdsEncoded(value: unknown): boolean {
  if (typeof value !== "object" || value === null || isBigNumber(value)) return false;
  if (isEncoded(value) || isEncodedEvent(value)) return true;
  return Object.values(value).some(holdsEncoded);
}

/** As a line of text: what was done to it, and its size. */
export const lockOf = (options: readonly string[] | undefined, base64: string): string =>
  `🔒 ${(options ?? []).join(", ") || "encoded"} (${bytesIn(base64)} bytes)`;

export const bytesIn = (base64: string): number => Math.floor((base64.replace(/=+$/, "").length * 3) / 4);
