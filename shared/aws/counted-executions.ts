/**
 * Counts the executions, messages and steps that a store has made durable: nothing that was there before, and nothing
 * that lost to another writer. With the units that the clients' meter counts this gives the price of a step.
 */
import { overriding } from "../lib/overriding.ts";
import type { Executions } from "../ports.ts";
import type { Batch, Kind } from "../protocol/history.ts";
import type { Meter } from "./meter.ts";

/** A step is an activity whose outcome is in the history. */
const OUTCOMES = new Set<Kind>(["activity_completed", "activity_failed"]);
const stepsOf = (batch: Batch): number => batch.events.filter((event) => OUTCOMES.has(event.kind)).length;

/** The same store, with its writes counted. */
export function counted(store: Executions, meter: Meter): Executions {
  return overriding(store, {
    async create(head, over, seen) {
      const put = await store.create(head, over, seen);
      if (put.kind === "created") meter.count({ started: 1 });
      return put;
    },
    async putMessage(ref, chain, message) {
      await store.putMessage(ref, chain, message);
      meter.count({ messages: 1 });
    },
    async putBatch(ref, run, batch, ...more) {
      const put = await store.putBatch(ref, run, batch, ...more);
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
  });
}
