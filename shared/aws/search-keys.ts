/** Replaces the search keys of a run. Loaded at the first use. */
import type { Ref } from "../ports.ts";
import type { Context } from "./context.ts";
import { all, OF_RUN, placeholders } from "./head-expressions.ts";
import { packSearchKeys } from "./heads.ts";
import { headKey, runKey } from "./keys.ts";
import { FED } from "./names.ts";
import { type Packed, upload } from "./pack.ts";
import { N, S } from "./table.ts";

/**
 * Of the head, or of the item of the run where its execution has a later run. A closing batch in the head came after an answered
 * append of each change (LOG-6), so a later change is a repetition. It would put that batch into the change stream again.
 */
export async function setSearchKeys(c: Context, ref: Ref, run: string, keys: Record<string, string>): Promise<void> {
  const packed: Partial<Record<string, Packed>> = await packSearchKeys({ ...ref, run, search_keys: keys });
  const fields = ["search_keys", "search_keys_packed"];
  const [set] = fields.filter((f) => packed[f]);
  const remove = fields.filter((f) => !packed[f]).join(", ");
  const value = set && packed[set];
  if (value) await upload(c.blobs, [value]);
  const expression = `${value ? `SET ${set} = :keys ` : ""}REMOVE ${remove} ADD n_changes :one`;
  const values = { ":run": S(run), ":one": N(1), ...(value && { ":keys": value.attribute }) };
  const condition = all(OF_RUN, `attribute_not_exists(#${FED.closing})`);
  const change = { condition, names: placeholders("run", FED.closing), values };
  for (const key of [headKey(ref), runKey(ref, run)]) {
    const done = await c.tables.executions.update(key, expression, change);
    if (done.ok) return;
  }
}
