/**
 * Values as histories and calls hold them: plain JSON, copied, so that code cannot change a recorded object.
 *
 * VALUES-1. The copy is what `JSON.parse(JSON.stringify(value))` answers: `toJSON` is called once (a Date becomes its ISO text),
 *     keys with `undefined` and symbol keys are left out, `undefined` and holes in arrays become null, -0 becomes 0, an
 *     instance of a class becomes an object of its own fields. Beyond that, half of a surrogate pair (a text that was cut inside
 *     an emoji) becomes U+FFFD, because UTF-8 cannot hold it and some clients fail at it. The code that called and every replay see this copy.
 * VALUES-2. It throws `NotJsonError` where `JSON.stringify` would throw or would silently lose the value: NaN and infinite
 *     numbers, bigints, symbols, functions, invalid Dates, errors, promises, binary data, Maps, Sets and all other objects
 *     that have an inner state and no field; cycles; and values that are nested too deep for the server.
 * VALUES-3. It throws `TooLargeError` as soon as the copy has more than `MAX_COPIED_BYTES` (4 payloads). A small value can stand for
 *     an endless JSON text: a list of length 2^32 - 1, or an object that holds the same object twice, which holds the same
 *     object twice, and so on. Its copy would take all memory of the worker.
 */

import { types } from "node:util";
import { MAX_JSON_DEPTH, MAX_PAYLOAD_BYTES } from "../shared/protocol/limits.ts";
import { InvalidValueError } from "./errors.ts";
import { type Json, setKey } from "./plain-json.ts";

export { copyJson, isPlainObject, type Json } from "./plain-json.ts";

/** No call carries so much: what has more is refused without its exact size. Bytes, of which the copier counts the least possible. */
const MAX_COPIED_BYTES = 4 * MAX_PAYLOAD_BYTES;

/** A value that JSON cannot represent; the message names the place. */
export class NotJsonError extends TypeError {
  constructor(message: string) {
    super(message);
    this.name = "NotJsonError";
  }
}

/** A value with more bytes as JSON than anything may carry. Code and histories see an `InvalidValueError`. */
export class TooLargeError extends InvalidValueError {}

/**
 * A deep copy of `value` as JSON (VALUES-1 to VALUES-3).
 * `what` names the value in the error.
 */
export function toJson(value: unknown, what: string, deepest = MAX_JSON_DEPTH, most = MAX_COPIED_BYTES): Json {
  return new Copier(what, deepest, most).copy("", value, what) ?? null;
}

/** `toJson` of a value that one call, event or message carries: throws `InvalidValueError` when it is too large for that. */
export function toPayload(value: unknown, what: string): Json {
  const json = toJson(value, what);
  const bytes = bytesOver(MAX_PAYLOAD_BYTES, json);
  if (bytes === null) return json;
  throw new InvalidValueError(
    `${what} has ${bytes} bytes as JSON, the limit is ${MAX_PAYLOAD_BYTES}: store it elsewhere and send a reference.`,
  );
}

class Copier {
  readonly #what: string;
  readonly #deepest: number;
  /** The objects that contain the present one. */
  readonly #above: object[] = [];
  readonly #most: number;
  /** How many bytes more the copy may have (VALUES-3). */
  #left: number;

  constructor(what: string, deepest: number, most: number) {
    this.#what = what;
    this.#deepest = deepest;
    this.#most = most;
    this.#left = most;
  }

  /** Undefined: JSON leaves the value out. */
  copy(key: string, value: unknown, path: string): Json | undefined {
    const plain = unboxed(ownJson(key, value, path));
    this.#take(2);
    switch (typeof plain) {
      case "string":
        this.#take(plain.length);
        return plain.toWellFormed();
      case "boolean":
        return plain;
      case "number":
        if (Number.isFinite(plain)) return plain + 0; // -0 becomes 0
        throw refuse(path, String(plain), "send null or a string");
      case "object":
        return plain === null ? null : this.#object(plain, path);
      case "undefined":
        return undefined;
      default:
        throw refuse(path, `a ${typeof plain}`, typeof plain === "bigint" ? "send it as a string" : "leave it out");
    }
  }

  #take(bytes: number): void {
    if (bytes <= this.#left) {
      this.#left -= bytes;
      return;
    }
    throw new TooLargeError(
      `${this.#what} has more than ${this.#most} bytes as JSON: store it elsewhere and send a reference.`,
    );
  }

  #object(value: object, path: string): Json {
    const above = this.#above;
    if (above.includes(value)) throw refuse(path, "an object that contains itself", "send ids instead");
    if (above.length >= this.#deepest) {
      const start = path.length > 100 ? `${path.slice(0, 100)}…` : path;
      throw new NotJsonError(`${start} is nested deeper than ${this.#deepest} levels: send a flatter value.`);
    }
    above.push(value);
    const copy = Array.isArray(value) ? this.#array(value, path) : this.#fields(value, path);
    above.pop();
    return copy;
  }

  #array(list: readonly unknown[], path: string): Json[] {
    const copy: Json[] = [];
    if (2 * list.length > this.#left) this.#take(2 * list.length);
    for (let i = 0; i < list.length; i++) copy.push(this.copy(String(i), list[i], `${path}[${i}]`) ?? null);
    return copy;
  }

  #fields(value: object, path: string): Json {
    const keys = Object.keys(value);
    refuseHidden(value, keys.length, path);
    const copy: { [key: string]: Json } = {};
    for (const key of keys) {
      this.#take(key.length + 1);
      const json = this.copy(key, (value as Record<string, unknown>)[key], `${path}.${key}`);
      if (json !== undefined) setKey(copy, key.toWellFormed(), json);
    }
    return copy;
  }
}

/** The value that `toJSON` of the value answers, or the value itself. */
function ownJson(key: string, value: unknown, path: string): unknown {
  if ((typeof value !== "object" || value === null) && typeof value !== "bigint" && typeof value !== "function")
    return value;
  if (types.isDate(value) && Number.isNaN(value.getTime())) throw refuse(path, "an invalid Date", "send null");
  const { toJSON } = value as { toJSON?: unknown };
  return typeof toJSON === "function" ? toJSON.call(value, key) : value;
}

const unboxed = (value: unknown): unknown =>
  types.isBoxedPrimitive(value) ? (value as { valueOf(): unknown }).valueOf() : value;

/** VALUES-2: objects of which JSON would keep nothing, or not what matters. */
function refuseHidden(value: object, fields: number, path: string): void {
  if (types.isPromise(value)) throw refuse(path, "a Promise", "await it first");
  if (isError(value)) throw refuse(path, `an error (${classOf(value)})`, "send its message, or throw it");
  if (types.isAnyArrayBuffer(value) || ArrayBuffer.isView(value) || types.isMap(value) || types.isSet(value))
    throw refuse(path, `a ${classOf(value)}`, "send an array, an object or base64 text");
  if (fields > 0 || isPlain(value)) return;
  throw refuse(path, `a ${classOf(value)} without fields of its own`, "send an array, an object or text");
}

/** Its prototype is null, or the `Object.prototype` of any realm. */
function isPlain(value: object): boolean {
  const prototype: object | null = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** An error of any realm. */
export const isError = (value: unknown): value is Error => types.isNativeError(value) || value instanceof Error;

function classOf(value: object): string {
  const made: unknown = value.constructor;
  return (typeof made === "function" && made.name) || "object";
}

const refuse = (path: string, found: string, advice: string) =>
  new NotJsonError(`${path} is ${found}, which JSON cannot hold: ${advice}.`);

/** The exact size of a JSON value as a payload, bytes. */
export const payloadBytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value ?? null));

/** Texts up to this length are counted here: the JSON text of a longer one costs less than the count. */
const SHORT_TEXT = 64;

function textBytes(text: string): number {
  if (text.length > SHORT_TEXT) return payloadBytes(text);
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    const isOneByte = c >= 0x20 && c <= 0x7e && c !== 0x22 && c !== 0x5c;
    if (!isOneByte) return payloadBytes(text);
  }
  return text.length + 2;
}

/** `payloadBytes` of a small value, which most are: it makes no JSON text of it. */
export function smallBytes(value: unknown): number {
  switch (typeof value) {
    case "string":
      return textBytes(value);
    case "number":
      return Number.isFinite(value) ? String(value).length : 4;
    case "boolean":
      return value ? 4 : 5;
    case "object": {
      if (value === null) return 4;
      if (typeof (value as { toJSON?: unknown }).toJSON === "function") return payloadBytes(value);
      let bytes = 1;
      if (Array.isArray(value)) for (const item of value) bytes += 1 + smallBytes(item);
      else {
        for (const key of Object.keys(value)) {
          const field = (value as Record<string, unknown>)[key];
          if (field !== undefined) bytes += 2 + textBytes(key) + smallBytes(field);
        }
      }
      return Math.max(2, bytes);
    }
    default:
      return 4;
  }
}

/** No character of a text takes more bytes: an escape has six. No number takes more. */
const MOST_PER_CHARACTER = 6;
const MOST_PER_NUMBER = 25;

/** The size of a JSON value as a payload or more, bytes. It costs a fraction of the exact size. */
export function atMostBytes(value: unknown): number {
  if (typeof value === "string") return MOST_PER_CHARACTER * value.length + 2;
  if (typeof value !== "object" || value === null) return MOST_PER_NUMBER;
  let bytes = 2;
  if (Array.isArray(value)) {
    for (const item of value) bytes += 1 + atMostBytes(item);
  } else {
    for (const key in value)
      bytes += MOST_PER_CHARACTER * key.length + 4 + atMostBytes((value as Record<string, unknown>)[key]);
  }
  return bytes;
}

/** The size of a JSON value as a payload if it has more bytes than `limit`; null: it has not. */
export function bytesOver(limit: number, value: unknown): number | null {
  if (atMostBytes(value) <= limit) return null;
  const bytes = payloadBytes(value);
  return bytes > limit ? bytes : null;
}

/**
 * The size of a JSON value as runs without the replay flag `size-in-bytes` count it: characters of texts and keys, no digits.
 * Everything else uses `payloadBytes`.
 */
export function roughSize(value: unknown): number {
  if (typeof value === "string") return value.length + 2;
  if (typeof value !== "object" || value === null) return 5;
  let size = 2;
  if (Array.isArray(value)) {
    for (const item of value) size += 1 + roughSize(item);
  } else {
    for (const key of Object.keys(value)) size += key.length + 4 + roughSize((value as Record<string, unknown>)[key]);
  }
  return size;
}
