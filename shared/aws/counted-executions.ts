/**
 * Counts the executions, messages and steps that a store has made durable: nothing that was there before, and nothing
 * that lost to another writer. With the units that the clients' meter counts this gives the price of a step.
 */
import type { Executions } from "../ports.ts";
import type { Batch, Kind } from "../protocol/history.ts";
import type { Meter } from "./meter.ts";

/** A step is an activity whose outcome is in the history. */
const OUTCOMES = new Set<Kind>(["activity_completed", "activity_failed"]);
const stepsOf = (batch: Batch): number => batch.events.filter((event) => OUTCOMES.has(event.kind)).length;

/** The same store, with its writes counted. */
export function counted(store: Executions, meter: Meter): Executions {
  return {
    async create(head, over, seen) {
      const put = await store.create(head, over, seen);
      if (put.kind === "created") meter.count({ started: 1 });
      return put;
    },
    async putMessage(ref, chain, message) {
      await store.putMessage(ref, chain, message);
      meter.count({ messages: 1 });
    },
    async putBatch(ref, run, batch, maxBytes) {
      const put = await store.putBatch(ref, run, batch, maxBytes);
      if (put.kind === "written") meter.count({ steps: stepsOf(batch) });
      return put;
    },
    async close(ref, p) {
      const done = await store.close(ref, p);
      // A run that continues as new does not close its execution.
      const closed = p.next.status === "RUNNING" ? 0 : 1;
      if (done.kind === "closed") meter.count({ steps: stepsOf(p.batch), closed });
      return done;
    },
    head: (ref) => store.head(ref),
    removeMessages: (ref, chain, ids) => store.removeMessages(ref, chain, ids),
    inbox: (ref, chain, most) => store.inbox(ref, chain, most),
    requestWake: (ref, chain, dueAt) => store.requestWake(ref, chain, dueAt),
    claim: (ref, p) => store.claim(ref, p),
    ...(store.logEnd && { logEnd: (ref, run) => store.logEnd!(ref, run) }),
    ...(store.learnLogEnd && { learnLogEnd: (ref, run, end) => store.learnLogEnd!(ref, run, end) }),
    batches: (ref, run, after) => store.batches(ref, run, after),
    part: (ref, run, p) => store.part(ref, run, p),
    park: (ref, p) => store.park(ref, p),
    prepare: (next, batches) => store.prepare(next, batches),
    reopen: (next, seen) => store.reopen(next, seen),
    hide: (ref, seen) => store.hide(ref, seen),
    erase: (ref, until) => store.erase(ref, until),
    deletedAt: (ref) => store.deletedAt(ref),
    clearOutbox: (ref, seen) => store.clearOutbox(ref, seen),
    due: (until, limit, after) => store.due(until, limit, after),
    run: (workspace, run) => store.run(workspace, run),
    runs: (query) => store.runs(query),
    setOpenInputs: (ref, run, p) => store.setOpenInputs(ref, run, p),
    openInputs: (query) => store.openInputs(query),
    setSearchKeys: (ref, run, keys) => store.setSearchKeys(ref, run, keys),
  };
}
