/** Search keys: values by which an execution can be found. */

import { searchKeyProblem } from "../../shared/core/search-keys.ts";
import { MAX_SEARCH_KEY, MAX_SEARCH_KEYS, MAX_SEARCH_VALUE } from "../../shared/protocol/limits.ts";
import { UsageError } from "../errors.ts";
import { commandFrame } from "../runtime/frame.ts";

/**
 * Sets search keys. An execution has at most 20: further ones are dropped with a warning, not with an error. Names have up
 * to 256 characters and must not begin with `internal.`; values are cut at 8,192 characters. Both are stored as plain
 * text.
 */
export function setSearchKeys(keys: Readonly<Record<string, string | number | boolean>>): void {
  const { ops } = commandFrame("setSearchKeys()");
  const set: Record<string, string> = {};
  let added = 0;
  for (const [key, value] of Object.entries(keys)) {
    checkKey(key);
    if (!ops.searchKeys.has(key)) {
      if (ops.searchKeys.size + added >= MAX_SEARCH_KEYS) {
        ops.say("warn", `search key "${key}" was dropped: the execution has ${MAX_SEARCH_KEYS} already`);
        continue;
      }
      added += 1;
    }
    set[key] = String(value).slice(0, MAX_SEARCH_VALUE);
  }
  if (Object.keys(set).length > 0) ops.setSearchKeys(set, []);
}

/** Removes search keys; keys that are not set are ignored. */
export function deleteSearchKeys(keys: readonly string[]): void {
  const { ops } = commandFrame("deleteSearchKeys()");
  for (const key of keys) checkKey(key);
  const remove = [...new Set(keys)].filter((key) => ops.searchKeys.has(key));
  if (remove.length > 0) ops.setSearchKeys({}, remove);
}

function checkKey(key: string): void {
  if (key.length < 1 || key.length > MAX_SEARCH_KEY) {
    throw new UsageError(
      `search key ${JSON.stringify(key.slice(0, 40))}: names have 1 to ${MAX_SEARCH_KEY} characters.`,
    );
  }
  const problem = searchKeyProblem(key);
  if (problem) throw new UsageError(`search key "${key}": ${problem}.`);
  if (key.startsWith("internal."))
    throw new UsageError(`search key "${key}": names that begin with internal. are reserved.`);
}
