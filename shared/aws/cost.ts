/**
 * The units that an execution uses, by DynamoDB's rules (COST-1, COST-2).
 *
 * USED-1. The write that makes an entry of the index `due` is charged for its removal too, so that no write has to know
 *     whether there was one. The entry that a start or a wake-up makes is charged to the claim that keeps it.
 * USED-2. The head holds a counter (`n_…`) of each kind of write, and a batch totals of its run (`used`). The close writes the
 *     size of the head without its outcome (`close_bytes`), and the last totals. Readers make units of them.
 */
import type { ExecutionCost } from "../protocol/cost.ts";
import { type Item, number, text } from "./table.ts";
import { usedIn, writeUnits } from "./units.ts";

/** `head`: the item of a run that has closed. `before`: the cost of the chain's earlier runs. */
export function costOf(head: Item, before: ExecutionCost | undefined): ExecutionCost {
  const n = (kind: "claims" | "wakes" | "parks" | "timers" | "changes") => number(head, `n_${kind}`) ?? 0;
  const used = usedIn(text(head, "used"));
  const units = writeUnits(number(head, "close_bytes") ?? 0);
  const [claims, timers, changes] = [n("claims"), n("timers"), n("changes")];
  const updates = claims + n("wakes") + n("parks") + timers + changes;
  // The first head of a chain is a put with an entry in `runs`; a later one is part of the close before it.
  const put = before ? 0 : units + 1;
  return {
    worker_calls: (before?.worker_calls ?? 0) + used.calls + claims + n("parks") + timers,
    tasks: (before?.tasks ?? 0) + 1 + n("wakes") + timers + used.tasks,
    write_units: (before?.write_units ?? 0) + used.writes + put + updates * units + 2 * (claims + timers) + changes,
    read_units: (before?.read_units ?? 0) + used.reads,
    commits: null,
    bytes_written: null,
  };
}
