/** Values as histories and calls hold them: plain JSON, copied, so that code cannot change a recorded object. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A value that JSON cannot represent; the message names the place. */
export class NotJsonError extends TypeError {
  constructor(message: string) {
    super(message);
    this.name = "NotJsonError";
  }
}

/**
 * A deep copy of `value` as JSON. Like `JSON.stringify` it calls `toJSON` (a Date becomes its ISO text) and leaves out keys
 * with `undefined`. Unlike it, it throws `NotJsonError` for values that would silently change: NaN, bigint, Map, Set,
 * functions, cycles. `what` names the value in the error.
 */
export function toJson(value: unknown, what: string): Json {
  return value === undefined ? null : convert(value, what, []);
}

function convert(value: unknown, path: string, above: object[]): Json {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      if (Number.isFinite(value)) return value;
      throw refuse(path, String(value), "send null or a string");
    case "object":
      return value === null ? null : fromObject(value, path, above);
    case "undefined":
      return null; // only reached inside an array, where `JSON.stringify` writes null
    default:
      throw refuse(path, `a ${typeof value}`, typeof value === "bigint" ? "send it as a string" : "leave it out");
  }
}

function fromObject(value: object, path: string, above: object[]): Json {
  if (above.includes(value)) throw refuse(path, "an object that contains itself", "send ids instead");
  if (Array.isArray(value)) {
    above.push(value);
    const copy = value.map((item, index) => convert(item, `${path}[${index}]`, above));
    above.pop();
    return copy;
  }
  if ("toJSON" in value && typeof value.toJSON === "function") {
    above.push(value);
    const copy = convert(value.toJSON(), path, above);
    above.pop();
    return copy;
  }
  if (value instanceof Map || value instanceof Set || value instanceof Promise || ArrayBuffer.isView(value)) {
    const advice = value instanceof Promise ? "await it first" : "send an array, an object or base64 text";
    throw refuse(path, `a ${value.constructor.name}`, advice);
  }
  above.push(value);
  const copy: { [key: string]: Json } = {};
  for (const key of Object.keys(value)) {
    const item = (value as Record<string, unknown>)[key];
    if (item === undefined) continue;
    const json = convert(item, `${path}.${key}`, above);
    if (key === "__proto__")
      Object.defineProperty(copy, key, { value: json, enumerable: true, configurable: true, writable: true });
    else copy[key] = json;
  }
  above.pop();
  return copy;
}

const refuse = (path: string, found: string, advice: string) =>
  new NotJsonError(`${path} is ${found}, which JSON cannot hold: ${advice}.`);

/** A deep copy of a JSON value. */
export function copyJson<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(copyJson) as T;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const item = copyJson((value as Record<string, unknown>)[key]);
    if (key === "__proto__")
      Object.defineProperty(copy, key, { value: item, enumerable: true, configurable: true, writable: true });
    else copy[key] = item;
  }
  return copy as T;
}

/** The exact size of a JSON value as a payload, bytes. */
export const payloadBytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value ?? null));

/** The approximate size of a JSON value, bytes: cheap to compute, and the same on every machine, as replays need it. */
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

export const isPlainObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
