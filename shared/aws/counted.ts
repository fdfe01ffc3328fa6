/**
 * Counts what executions come to, where it becomes durable: what was written already, or was lost to another writer, is
 * not counted again. With the units that the clients' meter counts this gives the price of a step and of an execution.
 */
import type { Ref } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import type { Batch, Kind } from "../protocol/history.ts";
import type { Message } from "../protocol/messages.ts";
import type { CloseRequest } from "./close.ts";
import type { Context } from "./context.ts";
import { AwsExecutions } from "./executions.ts";
import type { Meter } from "./meter.ts";

/** A step is an activity whose outcome the workflow has been given. */
const OUTCOMES = new Set<Kind>(["activity_completed", "activity_failed"]);
const stepsOf = (batch: Batch): number => batch.events.filter((event) => OUTCOMES.has(event.kind)).length;

export class CountedExecutions extends AwsExecutions {
  readonly #meter: Meter;

  constructor(c: Context) {
    super(c);
    this.#meter = c.clients.meter;
  }

  override async create(head: Head, overFinal: boolean) {
    const put = await super.create(head, overFinal);
    if (put.kind === "created") this.#meter.count({ started: 1 });
    return put;
  }

  override async putMessage(ref: Ref, chain: string, message: Message) {
    await super.putMessage(ref, chain, message);
    this.#meter.count({ messages: 1 });
  }

  override async putBatch(ref: Ref, run: string, batch: Batch, maxBytes: number) {
    const put = await super.putBatch(ref, run, batch, maxBytes);
    if (put.kind === "written") this.#meter.count({ steps: stepsOf(batch) });
    return put;
  }

  override async close(ref: Ref, p: CloseRequest) {
    const done = await super.close(ref, p);
    // A run that continues as new has not ended its execution.
    if (done.kind === "closed") {
      this.#meter.count({ steps: stepsOf(p.batch), closed: p.next.status === "RUNNING" ? 0 : 1 });
    }
    return done;
  }
}
