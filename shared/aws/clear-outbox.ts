/** The removal of a performed outbox from its head (PROTOCOL-9). A final head gets its expiry with it. Loaded at its first use. */
import type { Ref } from "../ports.ts";
import type { ExecutionStatus } from "../protocol/status.ts";
import type { Context } from "./context.ts";
import { all, HAS_STATUS, OF_RUN, placeholders } from "./head-expressions.ts";
import { headKey, ttlSeconds } from "./keys.ts";
import { INDEXES } from "./names.ts";
import { expireValue } from "./pack.ts";
import { N, S } from "./table.ts";

export async function clearOutbox(c: Context, ref: Ref, seen: { run: string; status: ExecutionStatus }): Promise<void> {
  const { partition, sort } = INDEXES.due;
  const final = seen.status !== "RUNNING";
  const cleared = await c.tables.executions.update(
    headKey(ref),
    final ? `SET #ttl = :ttl REMOVE outbox, ${partition}, ${sort}` : "REMOVE outbox",
    {
      condition: all(OF_RUN, HAS_STATUS),
      names: placeholders("run", "status", ...(final ? ["ttl"] : [])),
      values: {
        ":run": S(seen.run),
        ":status": S(seen.status),
        ...(final && { ":ttl": N(ttlSeconds(c.clock.now() + c.settings.retentionMs)) }),
      },
      returns: "UPDATED_OLD",
    },
  );
  if (cleared.ok) await expireValue(c.blobs, cleared.item?.outbox);
}
