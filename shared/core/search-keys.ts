/** Search keys: values of the input at the dot paths that the workflow's definition names. Stored as plain text. */
import { cutText } from "../protocol/cut-text.ts";
import { isEncodedInput } from "../protocol/http/fields.ts";
import { MAX_SEARCH_KEY, MAX_SEARCH_KEYS, MAX_SEARCH_VALUE } from "../protocol/limits.ts";
import { isPlainLine, NOT_ALLOWED } from "../protocol/text.ts";

/** Why no filter, which is `key:value` or `key^=prefix`, could name the key; null: one can. */
export function searchKeyProblem(key: string): string | null {
  if (key.length < 1 || key.length > MAX_SEARCH_KEY) return `names have 1 to ${MAX_SEARCH_KEY} characters`;
  if (/:|\^=/.test(key)) return 'names hold neither ":" nor "^=", because a filter separates key and value by these';
  return isPlainLine(key) ? null : NOT_ALLOWED;
}

/** Leaves out paths without a value, and paths over the limits: a search key never fails a start. */
export function searchKeysOf(paths: readonly string[], input: unknown): Record<string, string> {
  if (isEncodedInput(input)) return {};
  const found = paths
    .filter((path) => path.length <= MAX_SEARCH_KEY)
    .map((path) => [path, valueAt(input, path.split("."))] as const)
    .filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(found.slice(0, MAX_SEARCH_KEYS).map(([path, value]) => [path, textOf(value)]));
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const step of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, step)) return undefined;
    at = (at as Record<string, unknown>)[step];
  }
  return at;
}

function textOf(value: unknown): string {
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return cutText(text, MAX_SEARCH_VALUE);
}
