/**
 * The one reader of JSON that comes from outside: bodies of both APIs, filters, encoded payloads, files of the command.
 *
 * JSON-1. Nothing is nested deeper than the reader's limit. Everything behind the door may therefore walk a value by
 *     recursion, as `JSON.stringify` and the schemas do.
 * JSON-2. A number that comes out of the reader is the number that was written: one that JavaScript cannot hold is refused
 *     (`1e400`, `1e-400`, whole numbers that would come back with other digits). Other fractions are rounded to doubles.
 * JSON-3. The text is walked once, without recursion, before `JSON.parse` builds anything from it.
 * JSON-4. Every text and key that comes out of the reader is Unicode: half of a surrogate pair, which an escape can write
 *     (`"\ud83d"`), is refused. UTF-8 cannot hold it, and clients in other languages fail at the whole page that shows it.
 * JSON-5. With bounds, the number of values, and of different keys, is bounded: `JSON.parse` takes up to ten times as long for
 *     an object of a new form as for one that has the same keys in the same order as an earlier one, which counts no key.
 */
import { cutText } from "./cut-text.ts";
import { MAX_JSON_DEPTH, MAX_JSON_KEYS, MAX_JSON_VALUES } from "./limits.ts";

export interface JsonProblem {
  /** Keys and indexes that lead to the place. */
  readonly loc: readonly (string | number)[];
  /** Of `json_invalid`: goes on after "… is". */
  readonly msg: string;
  readonly type: "json_invalid" | "json_too_deep" | "json_too_many" | "json_number" | "json_surrogate";
}
export type JsonRead = { readonly value: unknown } | { readonly problem: JsonProblem };

/** JSON-5. */
export interface JsonBounds {
  readonly values: number;
  readonly keys: number;
}

export function readJson(text: string, maxDepth: number = MAX_JSON_DEPTH, bounds: JsonBounds = NO_BOUNDS): JsonRead {
  const refused = jsonProblem(text, maxDepth, bounds);
  return refused ? { problem: refused } : parsedJson(text);
}

/** The first half of the reader: what it refuses in a text that may be JSON. */
export function jsonProblem(text: string, maxDepth: number, bounds: JsonBounds = NO_BOUNDS): JsonProblem | null {
  const found = findProblem(text, maxDepth, bounds);
  return found && { ...found.problem, loc: placeAt(text, found.offset) };
}

/** The second half, for a text in which the first has found nothing. */
export function parsedJson(text: string): JsonRead {
  try {
    return { value: JSON.parse(text) };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    return { problem: { loc: [], msg: `not JSON: ${why}`, type: "json_invalid" } };
  }
}

/** Of a body of the API. */
export const JSON_BOUNDS: JsonBounds = { values: MAX_JSON_VALUES, keys: MAX_JSON_KEYS };
const NO_BOUNDS: JsonBounds = { values: Number.POSITIVE_INFINITY, keys: Number.POSITIVE_INFINITY };

const QUOTE = 34;
const COMMA = 44;
const MINUS = 45;
const DOT = 46;
const COLON = 58;
const BACKSLASH = 92;
const OPEN_OBJECT = 123;
const isOpening = (c: number) => c === OPEN_OBJECT || c === 91;
const isClosing = (c: number) => c === 125 || c === 93;
const isDigit = (c: number) => c >= 48 && c <= 57;
/** The first letters of `true`, `false` and `null`, which no later letter of the three repeats. */
const isLiteral = (c: number) => c === 116 || c === 102 || c === 110;

interface Found {
  readonly offset: number;
  readonly problem: Omit<JsonProblem, "loc">;
}

/** Most texts have no escape of a surrogate, and need no further look (JSON-4). */
const SURROGATE = /\\u[dD][89a-fA-F]/;

/** Of the hashes of keys: nobody outside can choose keys that have the same. */
const SEED = Math.trunc(Math.random() * 0x7fffffff);

function findProblem(text: string, maxDepth: number, bounds: JsonBounds): Found | null {
  const mayBeTorn = text.includes("\\u") && SURROGATE.test(text);
  const countsKeys = bounds.keys !== Number.POSITIVE_INFINITY;
  let depth = 0;
  let values = 0;
  /** Whether a text that begins here is a key. */
  let isKey = false;
  /** Of each open object or array: where it begins, the hash of its keys, and their number. */
  const begins: number[] = [0];
  const hashes: number[] = [0];
  const counts: number[] = [0];
  const forms = new Set<number>();
  let keys = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) {
      let end: number;
      if (isKey && countsKeys) {
        let hash = hashes[depth]!;
        for (end = i + 1; end < text.length; end++) {
          const k = text.charCodeAt(end);
          if (k === QUOTE) break;
          hash = Math.imul(hash ^ k, 0x01000193);
          if (k === BACKSLASH) end += 1;
        }
        hashes[depth] = Math.imul(hash ^ QUOTE, 0x01000193);
        counts[depth]! += 1;
        if (end >= text.length) return null; // JSON.parse says what is wrong
      } else {
        if (!isKey) values += 1;
        end = endOfString(text, i);
        if (end < 0) return null;
      }
      if (mayBeTorn && isTorn(text.slice(i, end + 1)))
        return { offset: i, problem: { msg: TORN, type: "json_surrogate" } };
      i = end;
    } else if (c === COMMA) isKey = text.charCodeAt(begins[depth]!) === OPEN_OBJECT;
    else if (c === COLON) isKey = false;
    else if (isDigit(c) || c === MINUS) {
      values += 1;
      const end = endOfNumber(text, i);
      const msg = numberProblem(text, i, end);
      if (msg) return { offset: i, problem: { msg, type: "json_number" } };
      i = end - 1;
    } else if (isOpening(c)) {
      values += 1;
      depth += 1;
      if (depth > maxDepth) {
        const msg = `arrays and objects are nested more than ${maxDepth} deep here: flatten the value, or send it as a text`;
        return { offset: i, problem: { msg, type: "json_too_deep" } };
      }
      isKey = c === OPEN_OBJECT;
      begins[depth] = i;
      hashes[depth] = SEED;
      counts[depth] = 0;
    } else if (isClosing(c)) {
      const form = hashes[depth]!;
      if (counts[depth]! > 0 && !forms.has(form)) {
        forms.add(form);
        keys += counts[depth]!;
        if (keys > bounds.keys) return { offset: begins[depth]!, problem: tooMany("different keys", bounds.keys) };
      }
      if (depth > 0) depth -= 1;
    } else if (isLiteral(c)) values += 1;
    if (values > bounds.values) return { offset: i, problem: tooMany("values", bounds.values) };
  }
  return null;
}

const tooMany = (what: string, most: number) => ({
  msg: `the JSON has more than ${most.toLocaleString("en")} ${what} up to here: send a part of it as a text, or its address`,
  type: "json_too_many" as const,
});

const TORN =
  "a key or text here has half of a surrogate pair, as of a text that was cut inside an emoji: cut between characters, or replace it by U+FFFD";

function isTorn(quoted: string): boolean {
  const text = unquoted(quoted);
  return text !== undefined && !text.isWellFormed();
}

/** The text that the JSON of a text stands for; undefined: it is not JSON. */
function unquoted(quoted: string): string | undefined {
  try {
    return String(JSON.parse(quoted));
  } catch {
    return undefined;
  }
}

/** The offset of the quote that ends the string which begins at `start`; -1: there is none. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  if (end < 0 || text.charCodeAt(end - 1) !== BACKSLASH) return end;
  for (end = start + 1; end < text.length; end++) {
    const c = text.charCodeAt(end);
    if (c === QUOTE) return end;
    if (c === BACKSLASH) end += 1;
  }
  return -1;
}

/** Digits, `.`, `e`, `E`, `+`, `-`. */
const isOfNumber = (c: number) => isDigit(c) || c === DOT || isExponent(c) || c === 43 || c === MINUS;
const isExponent = (c: number) => c === 101 || c === 69;

function endOfNumber(text: string, start: number): number {
  let end = start + 1;
  while (end < text.length && isOfNumber(text.charCodeAt(end))) end += 1;
  return end;
}

/** Without an exponent, JavaScript keeps every whole number of so many characters, and holds every fraction of so many. */
const EXACT_WHOLE = 15;
const HELD_FRACTION = 300;
const SHOWN = 40;

function numberProblem(text: string, start: number, end: number): string | null {
  if (end - start <= 4) return null;
  let most = EXACT_WHOLE;
  for (let i = start; i < end; i++) {
    const c = text.charCodeAt(i);
    if (c === DOT) most = HELD_FRACTION;
    if (isExponent(c)) most = 0;
  }
  if (end - start <= most) return null;
  const written = text.slice(start, end);
  const shown = written.length > SHOWN ? `${written.slice(0, SHOWN)}…` : written;
  const number = Number(written);
  if (number === Number.POSITIVE_INFINITY || number === Number.NEGATIVE_INFINITY) {
    return `the number ${shown} is too large for a double: send it as a text`;
  }
  if (number === 0 && /^[^eE]*[1-9]/.test(written)) {
    return `the number ${shown} is too small for a double, it would be read as 0: send it as a text`;
  }
  if (/^-?\d+$/.test(written) && written !== "-0" && String(number) !== written) {
    return `the whole number ${shown} would lose digits, because numbers are doubles: send it as a text`;
  }
  return null;
}

/** A place is named to this depth; deeper ones are the same to a reader. */
const MAX_PLACE = 12;

/** Keys and indexes that lead to the value at `offset`, in a text that is JSON up to there. */
function placeAt(text: string, offset: number): (string | number)[] {
  const place: (string | number)[] = [];
  let key: string | undefined;
  for (let i = 0; i < offset; i++) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) {
      const end = endOfString(text, i);
      if (end < 0) break;
      key = text.slice(i, end + 1);
      i = end;
    } else if (c === COLON && key !== undefined) place[place.length - 1] = keyOf(key);
    else if (isOpening(c)) place.push(c === 91 ? 0 : "");
    else if (isClosing(c)) place.pop();
    else if (c === COMMA) {
      const last = place.at(-1);
      place[place.length - 1] = typeof last === "number" ? last + 1 : "";
    }
  }
  return place.slice(0, MAX_PLACE);
}

const keyOf = (quoted: string): string => cutText(unquoted(quoted) ?? quoted.slice(1), 100);
