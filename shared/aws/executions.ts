/** The durable state of executions over DynamoDB. Each method is one call of the protocol; the write that decides is conditional. */

import type { RefusedUpdate } from "../core/decide.ts";
import type {
  DueEntry,
  Executions,
  LogPart,
  OpenInputsQuery,
  Ref,
  Refusals,
  RunsQuery,
  WaitingExecution,
} from "../ports.ts";
import type { Head, OpenInputs } from "../protocol/head.ts";
import type { Batch, Millis } from "../protocol/history.ts";
import type { InboxMessage, Message } from "../protocol/messages.ts";
import type { ExecutionStatus } from "../protocol/status.ts";
import type { CloseRequest } from "./close.ts";
import type { Context } from "./context.ts";
import {
  all,
  HAS_FENCE,
  IS_RUNNING,
  NO_WAKE_PENDING,
  OF_CHAIN,
  OF_RUN,
  placeholders,
  RAISE_FENCE,
} from "./head-expressions.ts";
import {
  decodeHead,
  dueAttributes,
  encodeHead,
  isExpired,
  isTombstone,
  requireFence,
  storeHeadBlobs,
} from "./heads.ts";
import { Inbox } from "./inbox.ts";
import { headKey, needsPointer, pkOf } from "./keys.ts";
import { Log } from "./log.ts";
import { INDEXES } from "./names.ts";
import { RunIndex } from "./run-index.ts";
import { pointerItem } from "./run-items.ts";
import { ABSENT, type Item, N, S, type Update, type Written } from "./table.ts";

/** Loaded at their first use. The worker's function closes executions all the time and imports `close.ts` itself. */
const load = {
  close: () => import("./close.ts"),
  logEndText: () => import("./log-end-text.ts"),
  due: () => import("./due.ts"),
  clearOutbox: () => import("./clear-outbox.ts"),
  createOver: () => import("./create-over.ts"),
  deletion: () => import("./deletion.ts"),
  runs: () => import("./runs.ts"),
  inputs: () => import("./open-inputs.ts"),
  searchKeys: () => import("./search-keys.ts"),
  refusals: () => import("./refusals.ts"),
};

const RUNNING = { ":running": S("RUNNING") };

export class AwsExecutions implements Executions {
  readonly #c: Context;
  readonly #log: Log;
  readonly #inbox: Inbox;
  readonly #runIndex: RunIndex;

  constructor(c: Context) {
    this.#c = c;
    this.#log = new Log(c);
    this.#inbox = new Inbox(c);
    this.#runIndex = new RunIndex(c);
  }

  get #table() {
    return this.#c.tables.executions;
  }

  async head(ref: Ref): Promise<Head | null> {
    return this.#decode(await this.#table.get(headKey(ref)));
  }

  async #decode(item: Item | null): Promise<Head | null> {
    if (!item || isTombstone(item) || isExpired(item, this.#c.clock.now())) return null;
    const head = await decodeHead(this.#c.blobs, item);
    this.#log.remember(head, item);
    return this.#known(head);
  }

  #known(head: Head): Head {
    this.#runIndex.remember(head, head.run);
    this.#inbox.remember(head.chain, head.deadline);
    return head;
  }

  async create(head: Head, over: readonly ExecutionStatus[], seen?: string) {
    const encoded = await encodeHead(this.#c, { ...head, fence: 1 }, { fresh: true });
    const item = await storeHeadBlobs(this.#c.blobs, encoded);
    if (needsPointer(head.run, head.started_at)) await this.#table.put(pointerItem(head, head.run));
    const put = await this.#table.put(item, ABSENT);
    if (!put.ok) {
      const { createOver } = await load.createOver();
      const there = await createOver(this.#c, { head, encoded, item, over, seen, found: put.found });
      if (there === "deleted") return { kind: "deleted" as const };
      if (there) return { kind: "exists" as const, head: this.#known(there) };
    }
    this.#known(head);
    return { kind: "created" as const };
  }

  putMessage(ref: Ref, chain: string, message: Message): Promise<void> {
    return this.#inbox.put(ref, chain, message);
  }
  removeMessages(ref: Ref, chain: string, ids: readonly string[]): Promise<void> {
    return this.#inbox.remove(ref, chain, ids);
  }
  async refuseUpdates(ref: Ref, p: Refusals): Promise<boolean> {
    return (await load.refusals()).refuseUpdates(this.#c, ref, p);
  }
  async takeRefusal(ref: Ref, id: string): Promise<RefusedUpdate | null> {
    return (await load.refusals()).takeRefusal(this.#c, ref, id);
  }
  inbox(ref: Ref, chain: string, most?: number): Promise<InboxMessage[]> {
    return this.#inbox.all(ref, chain, most);
  }

  async requestWake(ref: Ref, chain: string, dueAt: Millis) {
    const { partition, sort } = INDEXES.due;
    const due = dueAttributes(this.#c, pkOf(ref), dueAt);
    const requested = await this.#raiseFence(
      ref,
      `SET ${partition} = :shard, ${sort} = :due, wake_due_at = :due, wake_pending = :true, ${RAISE_FENCE} ADD n_wakes :one`,
      {
        condition: all(IS_RUNNING, OF_CHAIN, NO_WAKE_PENDING),
        names: placeholders("status", "fence", "chain"),
        values: {
          ...RUNNING,
          ":shard": due[partition]!,
          ":due": due[sort]!,
          ":true": { BOOL: true },
          ":one": N(1),
          ":chain": S(chain),
        },
      },
    );
    if (requested.ok) return { kind: "requested" as const };
    return { kind: "refused" as const, head: await this.#decode(requested.found) };
  }

  /**
   * `wake_due_at` is the due time that a start or `requestWake` set. Where it is present, the claim writes `due_at` with
   * the same value again: the entry in the index does not move, and the claim costs one write unit instead of three. A
   * due time that turns out not to lie after `keepAfter` is moved by a second write.
   */
  async claim(ref: Ref, p: { dueAt: Millis; keepAfter?: Millis; session: string; deployment?: string }) {
    const { partition, sort } = INDEXES.due;
    const due = dueAttributes(this.#c, pkOf(ref), p.dueAt);
    const kept = p.keepAfter === undefined ? ":due" : "if_not_exists(wake_due_at, :due)";
    const claimed = await this.#raiseFence(
      ref,
      `SET ${partition} = :shard, ${sort} = ${kept}, #owner = :session, ${RAISE_FENCE} REMOVE wake_pending, wake_due_at, fresh ADD n_claims :one`,
      {
        condition: p.deployment === undefined ? IS_RUNNING : all(IS_RUNNING, "deployment = :deployment"),
        names: placeholders("status", "fence", "owner"),
        values: {
          ...RUNNING,
          ...(p.deployment !== undefined && { ":deployment": S(p.deployment) }),
          ":shard": due[partition]!,
          ":due": due[sort]!,
          ":session": S(p.session),
          ":one": N(1),
        },
        returns: "ALL_NEW",
      },
    );
    const head = claimed.ok ? await this.#decode(claimed.item) : null;
    if (head === null || head.due_at === p.dueAt || head.due_at! > p.keepAfter!) return head;
    const { run, fence, effects_done_through: effectsDoneThrough } = head;
    // A refused park: a wake-up or another claim came between, and set a due time of its own.
    const moved = await this.park(ref, { run, fence, effectsDoneThrough, dueAt: p.dueAt });
    return moved ? { ...head, due_at: p.dueAt } : head;
  }

  putBatch(ref: Ref, run: string, batch: Batch, maxBytes: number) {
    return this.#log.put(ref, run, batch, maxBytes);
  }
  async logEnd(ref: Ref, run: string): Promise<string | undefined> {
    const known = this.#log.known(ref, run);
    return known && (await load.logEndText()).logEndText(known);
  }
  async learnLogEnd(ref: Ref, run: string, text: string): Promise<void> {
    const end = (await load.logEndText()).logEndIn(text);
    if (end && end.tail > (this.#log.known(ref, run)?.tail ?? 0)) this.#log.written(ref, run, end);
  }
  batches(ref: Ref, run: string, after: number): Promise<Batch[]> {
    return this.#log.batches(ref, run, after);
  }
  part(ref: Ref, run: string, p: LogPart): Promise<Batch[]> {
    return this.#log.part(ref, run, p);
  }

  async park(
    ref: Ref,
    p: { run: string; fence: number; dueAt: Millis | null; effectsDoneThrough: number },
  ): Promise<boolean> {
    const { partition, sort } = INDEXES.due;
    const due = p.dueAt === null ? null : dueAttributes(this.#c, pkOf(ref), p.dueAt);
    const parked = await this.#table.update(
      headKey(ref),
      due
        ? `SET effects_done_through = :done, ${partition} = :shard, ${sort} = :due ADD n_timers :one`
        : `SET effects_done_through = :done REMOVE ${partition}, ${sort} ADD n_parks :one`,
      {
        condition: all(IS_RUNNING, OF_RUN, HAS_FENCE),
        names: placeholders("status", "run", "fence"),
        values: {
          ...RUNNING,
          ":done": N(p.effectsDoneThrough),
          ":run": S(p.run),
          ":fence": N(p.fence),
          ":one": N(1),
          ...(due && { ":shard": due[partition]!, ":due": due[sort]! }),
        },
      },
    );
    return parked.ok;
  }

  async close(ref: Ref, p: CloseRequest) {
    const { close } = await load.close();
    const done = await close(this.#c, this.#log, ref, p);
    if (done.kind === "closed") this.#runIndex.remember(ref, p.next.run);
    return done;
  }

  async prepare(next: Head, batches: readonly Batch[]) {
    const { prepare } = await import("./reset.ts");
    return prepare(this.#c, this.#log, next, batches);
  }

  async reopen(next: Head, seen: { run: string; fence: number }) {
    const { reopen } = await import("./reset.ts");
    const done = await reopen(this.#c, next, seen);
    if (done) this.#runIndex.remember(next, next.run);
    return done;
  }

  async hide(ref: Ref, seen: { run: string; fence: number }): Promise<boolean> {
    return (await load.deletion()).hide(this.#c, ref, seen);
  }
  async hideDamaged(ref: Ref): Promise<boolean> {
    return (await load.deletion()).hideDamaged(this.#c, ref);
  }
  async erase(ref: Ref, until: Millis): Promise<void> {
    return (await load.deletion()).erase(this.#c, ref, until);
  }
  async deletedAt(ref: Ref): Promise<Millis | null> {
    return (await load.deletion()).deletedAt(this.#c, ref);
  }

  async clearOutbox(ref: Ref, seen: { run: string; status: ExecutionStatus }): Promise<void> {
    return (await load.clearOutbox()).clearOutbox(this.#c, ref, seen);
  }

  async due(until: Millis, limit: number, after?: DueEntry): Promise<DueEntry[]> {
    const { readDue, shardsTo } = await load.due();
    return readDue(this.#table, until, limit, after, shardsTo(this.#c.dueShards));
  }

  async run(workspace: string, run: string): Promise<Head | null> {
    return this.#decode(await this.#runIndex.item(workspace, run));
  }

  async runs(query: RunsQuery) {
    const { listRuns } = await load.runs();
    return listRuns(this.#c, this.#runIndex, query);
  }

  async setSearchKeys(ref: Ref, run: string, keys: Record<string, string>): Promise<void> {
    return (await load.searchKeys()).setSearchKeys(this.#c, ref, run, keys);
  }
  async setOpenInputs(ref: Ref, run: string, p: { seen: OpenInputs | undefined; next: OpenInputs }): Promise<boolean> {
    return (await load.inputs()).setOpenInputs(this.#table, ref, run, p);
  }
  async openInputs(q: OpenInputsQuery): Promise<WaitingExecution[]> {
    return (await load.inputs()).openInputs(this.#c, q);
  }

  /** An update with `RAISE_FENCE`, which DynamoDB refuses without a clear reason where the head has no fence. */
  async #raiseFence(ref: Ref, expression: string, p: Update): Promise<Written> {
    try {
      return await this.#table.update(headKey(ref), expression, p);
    } catch (error) {
      const head = (error as Error).name === "ValidationException" ? await this.#table.get(headKey(ref)) : null;
      if (head) await requireFence(head);
      throw error;
    }
  }
}
