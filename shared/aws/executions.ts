/** The durable state of executions over DynamoDB: each method is one step of the protocol, one conditional write. */

import type { DueEntry, Executions, Ref, RunsQuery } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import type { Batch, ExecutionStatus, Millis } from "../protocol/history.ts";
import type { Message } from "../protocol/messages.ts";
import { type CloseRequest, close, leftBehind, pointerItem } from "./close.ts";
import type { Context } from "./context.ts";
import { readDue } from "./due.ts";
import { decodeHead, dueAttributes, encodeHead, isExpired, packSearchKeys, storeHeadBlobs } from "./heads.ts";
import { Inbox } from "./inbox.ts";
import { headKey, needsPointer, pkOf, runKey, ttlSeconds } from "./keys.ts";
import { Log } from "./log.ts";
import { INDEXES } from "./names.ts";
import { expireValue, type Packed, upload } from "./pack.ts";
import { RunIndex } from "./run-index.ts";
import { listRuns } from "./runs.ts";
import { type Item, N, number, S, text } from "./table.ts";

const NAMES = { "#status": "status", "#run": "run", "#fence": "fence" };
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
    if (!item || isExpired(item, this.#c.clock.now())) return null;
    const head = await decodeHead(this.#c.blobs, item);
    this.#runIndex.remember(head, head.run);
    this.#log.remember(head, item);
    this.#inbox.remember(head.chain, head.deadline);
    return head;
  }

  async create(head: Head, overFinal: boolean) {
    const encoded = await encodeHead({ ...head, fence: 1 }, { fresh: true });
    const item = await storeHeadBlobs(this.#c.blobs, encoded);
    if (needsPointer(head.run, head.started_at)) await this.#table.put(pointerItem(head, head.run));
    let put = await this.#table.put(item, { expression: "attribute_not_exists(pk)" });
    while (!put.ok) {
      const old = put.found;
      if (!old) {
        put = await this.#table.put(item, { expression: "attribute_not_exists(pk)" }); // it went away meanwhile
        continue;
      }
      const expired = isExpired(old, this.#c.clock.now());
      const over = overFinal && text(old, "status") !== "RUNNING" && old[INDEXES.due.sort] === undefined;
      const there = expired ? null : await this.#decode(old);
      // Of the same token it is the same start, even if it has closed since.
      if (there && (!over || there.token === head.token)) {
        if (there.run !== head.run) {
          await Promise.all(encoded.blobs.map(({ attribute }) => expireValue(this.#c.blobs, attribute)));
        }
        return { kind: "exists" as const, head: there };
      }
      if (!expired) await this.#table.put(leftBehind(head, old)); // the old run stays listed under its own key
      put = await this.#table.put(
        { ...item, fence: N(number(old, "fence")! + 1) },
        {
          expression: "#run = :run AND #fence = :fence AND #status <> :running",
          names: NAMES,
          values: { ":run": old.run!, ":fence": old.fence!, ...RUNNING },
        },
      );
    }
    this.#runIndex.remember(head, head.run);
    this.#inbox.remember(head.chain, head.deadline);
    return { kind: "created" as const };
  }

  putMessage(ref: Ref, chain: string, message: Message): Promise<void> {
    return this.#inbox.put(ref, chain, message);
  }
  removeMessages(ref: Ref, chain: string, ids: readonly string[]): Promise<void> {
    return this.#inbox.remove(ref, chain, ids);
  }
  inbox(ref: Ref, chain: string): Promise<Message[]> {
    return this.#inbox.all(ref, chain);
  }

  async requestWake(ref: Ref, chain: string, dueAt: Millis) {
    const { partition, sort } = INDEXES.due;
    const due = dueAttributes(pkOf(ref), dueAt);
    const requested = await this.#table.update(
      headKey(ref),
      `SET ${partition} = :shard, ${sort} = :due, promised = :due, wake_pending = :true, #fence = #fence + :one`,
      {
        condition: "#status = :running AND #chain = :chain AND attribute_not_exists(wake_pending)",
        names: { "#status": "status", "#fence": "fence", "#chain": "chain" },
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
   * `promised` is the due time that was set with `rung`: where it is there, `due_at` becomes what it is, the index stands
   * still, and the claim costs one write unit instead of three. Found to be old, it is moved after all.
   */
  async claim(ref: Ref, p: { dueAt: Millis; keepAfter?: Millis; session: string }) {
    const { partition, sort } = INDEXES.due;
    const due = dueAttributes(pkOf(ref), p.dueAt);
    const kept = p.keepAfter === undefined ? ":due" : "if_not_exists(promised, :due)";
    const claimed = await this.#table.update(
      headKey(ref),
      `SET ${partition} = :shard, ${sort} = ${kept}, #owner = :session, #fence = #fence + :one REMOVE wake_pending, promised, fresh`,
      {
        condition: "#status = :running",
        names: { "#status": "status", "#fence": "fence", "#owner": "owner" },
        values: {
          ...RUNNING,
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
    // Refused: it was marked or claimed meanwhile, and is due by that.
    const moved = await this.park(ref, { run, fence, effectsDoneThrough, dueAt: p.dueAt });
    return moved ? { ...head, due_at: p.dueAt } : head;
  }

  putBatch(ref: Ref, run: string, batch: Batch, maxBytes: number) {
    return this.#log.put(ref, run, batch, maxBytes);
  }
  batches(ref: Ref, run: string, after: number): Promise<Batch[]> {
    return this.#log.batches(ref, run, after);
  }

  async park(
    ref: Ref,
    p: { run: string; fence: number; dueAt: Millis | null; effectsDoneThrough: number },
  ): Promise<boolean> {
    const { partition, sort } = INDEXES.due;
    const due = p.dueAt === null ? null : dueAttributes(pkOf(ref), p.dueAt);
    const parked = await this.#table.update(
      headKey(ref),
      due
        ? `SET effects_done_through = :done, ${partition} = :shard, ${sort} = :due`
        : `SET effects_done_through = :done REMOVE ${partition}, ${sort}`,
      {
        condition: "#status = :running AND #run = :run AND #fence = :fence",
        names: NAMES,
        values: {
          ...RUNNING,
          ":done": N(p.effectsDoneThrough),
          ":run": S(p.run),
          ":fence": N(p.fence),
          ...(due && { ":shard": due[partition]!, ":due": due[sort]! }),
        },
      },
    );
    return parked.ok;
  }

  async close(ref: Ref, p: CloseRequest) {
    const done = await close(this.#c, this.#log, ref, p);
    if (done.kind === "closed") this.#runIndex.remember(ref, p.next.run);
    return done;
  }

  async clearOutbox(ref: Ref, seen: { run: string; status: ExecutionStatus }): Promise<void> {
    const { partition, sort } = INDEXES.due;
    const final = seen.status !== "RUNNING";
    const settled = await this.#table.update(
      headKey(ref),
      final ? `SET #ttl = :ttl REMOVE outbox, ${partition}, ${sort}` : "REMOVE outbox",
      {
        condition: "#run = :run AND #status = :status",
        names: { "#run": "run", "#status": "status", ...(final && { "#ttl": "ttl" }) },
        values: {
          ":run": S(seen.run),
          ":status": S(seen.status),
          ...(final && { ":ttl": N(ttlSeconds(this.#c.clock.now() + this.#c.settings.retentionMs)) }),
        },
        returns: "UPDATED_OLD",
      },
    );
    if (settled.ok) await expireValue(this.#c.blobs, settled.item?.outbox);
  }

  due(until: Millis, limit: number, after?: DueEntry): Promise<DueEntry[]> {
    return readDue(this.#table, until, limit, after);
  }

  async run(workspace: string, run: string): Promise<Head | null> {
    return this.#decode(await this.#runIndex.item(workspace, run));
  }

  runs(query: RunsQuery) {
    return listRuns(this.#c, this.#runIndex, query);
  }

  async setSearchKeys(ref: Ref, run: string, keys: Record<string, string>): Promise<void> {
    const packed: Partial<Record<string, Packed>> = await packSearchKeys({ ...ref, run, search_keys: keys });
    const fields = ["search_keys", "search_keys_packed"];
    const [set] = fields.filter((f) => packed[f]);
    const remove = fields.filter((f) => !packed[f]).join(", ");
    const value = set && packed[set];
    if (value) await upload(this.#c.blobs, [value]);
    const expression = value ? `SET ${set} = :keys REMOVE ${remove}` : `REMOVE ${remove}`;
    const values = { ":run": S(run), ...(value && { ":keys": value.attribute }) };
    for (const key of [headKey(ref), runKey(ref, run)]) {
      const condition = "#run = :run";
      const done = await this.#table.update(key, expression, { condition, names: { "#run": "run" }, values });
      if (done.ok) return;
    }
  }
}
