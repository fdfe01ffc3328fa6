/** Values that an execution can be found by. */
import { MAX_SEARCH_KEY, MAX_SEARCH_KEYS, MAX_SEARCH_VALUE } from "../../shared/protocol/limits.ts";
import { commandFrame } from "../determinism/frame.ts";
import { UsageError } from "../errors.ts";

/**
 * Sets search keys: at most 20 an execution (further ones are dropped with a warning, never an error), names up to 256
 * characters and not beginning with `internal.`, values cut at 8,192 characters. They are stored as plain text.
 */
export function setSearchKeys(keys: Readonly<Record<string, string | number | boolean>>): void {
  const { instance } = commandFrame("setSearchKeys()");
  const set: Record<string, string> = {};
  for (const [key, value] of Object.entries(keys)) {
    checkKey(key);
    if (!instance.searchKeys.has(key) && instance.searchKeys.size >= MAX_SEARCH_KEYS) {
      instance.say("warn", `search key "${key}" was dropped: the execution has ${MAX_SEARCH_KEYS} already`);
      continue;
    }
    set[key] = String(value).slice(0, MAX_SEARCH_VALUE);
    instance.searchKeys.set(key, set[key]);
  }
  if (Object.keys(set).length > 0) instance.decide({ kind: "search_keys_set", set, remove: [] }, true);
}

/** Removes search keys; those not set are passed over. */
export function deleteSearchKeys(keys: readonly string[]): void {
  const { instance } = commandFrame("deleteSearchKeys()");
  for (const key of keys) checkKey(key);
  const remove = keys.filter((key) => instance.searchKeys.delete(key));
  if (remove.length > 0) instance.decide({ kind: "search_keys_set", set: {}, remove }, true);
}

function checkKey(key: string): void {
  if (key.length < 1 || key.length > MAX_SEARCH_KEY) {
    throw new UsageError(
      `search key ${JSON.stringify(key.slice(0, 40))}: names have 1 to ${MAX_SEARCH_KEY} characters.`,
    );
  }
  if (key.startsWith("internal."))
    throw new UsageError(`search key "${key}": names that begin with internal. are reserved.`);
}
