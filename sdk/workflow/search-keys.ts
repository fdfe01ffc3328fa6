/** Search keys: values by which an execution can be found. */

import { searchKeyProblem } from "../../shared/core/search-keys.ts";
import { cutText } from "../../shared/protocol/cut-text.ts";
import { MAX_SEARCH_KEYS, MAX_SEARCH_VALUE } from "../../shared/protocol/limits.ts";
import { NOT_ALLOWED } from "../../shared/protocol/text.ts";
import { UsageError } from "../errors.ts";
import { SEARCH_KEY_NAMES } from "../runtime/flags.ts";
import { commandFrame } from "../runtime/frame.ts";
import type { WorkflowOps } from "../runtime/ops.ts";

/**
 * Sets search keys. An execution has at most 20: further ones are dropped with a warning, not with an error. Names have up
 * to 256 characters, no control characters and no `:` or `^=`, and must not begin with `internal.`; values are cut at 8,192
 * characters. Both are stored as plain text.
 */
export function setSearchKeys(keys: Readonly<Record<string, string | number | boolean>>): void {
  const { ops } = commandFrame("setSearchKeys()");
  const set: Record<string, string> = {};
  let added = 0;
  for (const [key, value] of Object.entries(keys)) {
    checkKey(ops, key);
    if (!ops.searchKeys.has(key)) {
      if (ops.searchKeys.size + added >= MAX_SEARCH_KEYS) {
        ops.say("warn", `search key "${key}" was dropped: the execution has ${MAX_SEARCH_KEYS} already`);
        continue;
      }
      added += 1;
    }
    set[key] = String(value).slice(0, MAX_SEARCH_VALUE); // `ops` leaves no half of a surrogate pair in the history
  }
  if (Object.keys(set).length > 0) ops.setSearchKeys(set, []);
}

/** Removes search keys; keys that are not set are ignored. */
export function deleteSearchKeys(keys: readonly string[]): void {
  const { ops } = commandFrame("deleteSearchKeys()");
  for (const key of keys) checkKey(ops, key);
  const remove = [...new Set(keys)].filter((key) => ops.searchKeys.has(key));
  if (remove.length > 0) ops.setSearchKeys({}, remove);
}

function checkKey(ops: WorkflowOps, key: string): void {
  const shown = JSON.stringify(cutText(key, 40));
  const problem = searchKeyProblem(key);
  // Runs without the flag may hold such a name: only the control characters were accepted.
  if (problem && (problem !== NOT_ALLOWED || ops.usesFlag(SEARCH_KEY_NAMES))) {
    throw new UsageError(`search key ${shown}: ${problem}.`);
  }
  if (key.startsWith("internal."))
    throw new UsageError(`search key ${shown}: names that begin with internal. are reserved.`);
}
