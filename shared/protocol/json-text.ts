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
 */
import { cutText } from "./cut-text.ts";
import { MAX_JSON_DEPTH } from "./limits.ts";

export interface JsonProblem {
  /** Keys and indexes that lead to the place. */
  readonly loc: readonly (string | number)[];
  /** Of `json_invalid`: goes on after "… is". */
  readonly msg: string;
  readonly type: "json_invalid" | "json_too_deep" | "json_number" | "json_surrogate";
}
export type JsonRead = { readonly value: unknown } | { readonly problem: JsonProblem };

export function readJson(text: string, maxDepth: number = MAX_JSON_DEPTH): JsonRead {
  const found = findProblem(text, maxDepth);
  if (found) return { problem: { ...found.problem, loc: placeAt(text, found.offset) } };
  try {
    return { value: JSON.parse(text) };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    return { problem: { loc: [], msg: `not JSON: ${why}`, type: "json_invalid" } };
  }
}

const QUOTE = 34;
const MINUS = 45;
const BACKSLASH = 92;
const isOpening = (c: number) => c === 123 || c === 91;
const isClosing = (c: number) => c === 125 || c === 93;
const isDigit = (c: number) => c >= 48 && c <= 57;
/** Digits, `.`, `e`, `E`, `+`, `-`. */
const isOfNumber = (c: number) => isDigit(c) || c === 46 || c === 101 || c === 69 || c === 43 || c === MINUS;

interface Found {
  readonly offset: number;
  readonly problem: Omit<JsonProblem, "loc">;
}

/** Most texts have no escape of a surrogate, and need no further look (JSON-4). */
const SURROGATE = /\\u[dD][89a-fA-F]/;

function findProblem(text: string, maxDepth: number): Found | null {
  const mayBeTorn = SURROGATE.test(text);
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) {
      const end = endOfString(text, i);
      if (end < 0) return null; // JSON.parse says what is wrong
      if (mayBeTorn && isTorn(text.slice(i, end + 1)))
        return { offset: i, problem: { msg: TORN, type: "json_surrogate" } };
      i = end;
    } else if (isOpening(c)) {
      depth += 1;
      if (depth > maxDepth) {
        const msg = `arrays and objects are nested more than ${maxDepth} deep here: flatten the value, or send it as a text`;
        return { offset: i, problem: { msg, type: "json_too_deep" } };
      }
    } else if (isClosing(c)) depth -= 1;
    else if (isDigit(c) || c === MINUS) {
      const end = endOfNumber(text, i);
      const msg = numberProblem(text, i, end);
      if (msg) return { offset: i, problem: { msg, type: "json_number" } };
      i = end - 1;
    }
  }
  return null;
}

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
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return end;
  }
  return -1;
}

function endOfNumber(text: string, start: number): number {
  let end = start + 1;
  while (end < text.length && isOfNumber(text.charCodeAt(end))) end += 1;
  return end;
}

/** JavaScript keeps every number of so many digits and signs, unless it has an exponent. */
const ALWAYS_EXACT = 15;
const SHOWN = 40;

function numberProblem(text: string, start: number, end: number): string | null {
  const length = end - start;
  if (length <= 4 || (length <= ALWAYS_EXACT && !/[eE]/.test(text.slice(start, end)))) return null;
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
    } else if (c === 58 && key !== undefined) place[place.length - 1] = keyOf(key);
    else if (isOpening(c)) place.push(c === 91 ? 0 : "");
    else if (isClosing(c)) place.pop();
    else if (c === 44) {
      const last = place.at(-1);
      place[place.length - 1] = typeof last === "number" ? last + 1 : "";
    }
  }
  return place.slice(0, MAX_PLACE);
}

const keyOf = (quoted: string): string => cutText(unquoted(quoted) ?? quoted.slice(1), 100);
