/**
 * Schedules: one item each, replaced by compare-and-set on its version, with an entry in the sparse index `due`. Log
 * entries that the schedule's state no longer holds have items of their own.
 */

import { forEachConcurrent } from "../lib/for-each-concurrent.ts";
import { isDamage, shownList } from "../lib/readable.ts";
import {
  type DueSchedule,
  type ScheduleKey,
  type ScheduleLife,
  type Schedules,
  type StoredSchedule,
  UnreadableSchedule,
} from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { LogEntry, ScheduleState } from "../schedule/rules/index.ts";
import { readState } from "../schedule/rules/read-state.ts"; // without the other rules, which most functions do not need
import type { Context } from "./context.ts";
import type { EventBridgeTimer } from "./event-bridge-timer.ts";
import { DUE_SHARDS, dueShard, dueShardOf, ttlSeconds } from "./keys.ts";
import { INDEXES, KEYS } from "./names.ts";
import { expireValue, INLINE_ONCE, stored, unpackText } from "./pack.ts";
import { type Item, type Key, keyItem, N, number, S, text, within } from "./table.ts";

const keyOf = (workspace: string, id: string): Key => ({ pk: workspace, sk: `S#${id}` });
const logPk = ({ workspace, schedule }: ScheduleKey): string => `${workspace}#${schedule}`;
/** Times and sequences as text that sorts like the number. */
const padded = (n: number): string => String(n).padStart(16, "0");
const logPrefix = (life: ScheduleLife): string => `LOG#${padded(life.createdAt)}#`;

const CONCURRENCY = 25;

export class AwsSchedules implements Schedules {
  readonly #c: Context;
  readonly #timer: EventBridgeTimer | undefined;

  /** Without a timer the sweeper alone wakes schedules, up to a minute late. */
  constructor(c: Context, timer: EventBridgeTimer | undefined) {
    this.#c = c;
    this.#timer = timer;
  }

  get #table() {
    return this.#c.tables.schedules;
  }

  async get({ workspace, schedule }: ScheduleKey): Promise<StoredSchedule | null> {
    const item = await this.#table.get(keyOf(workspace, schedule));
    if (!item) return null;
    const { state } = await this.#read(item);
    if (state instanceof UnreadableSchedule) throw state;
    return { state, wakeAt: number(item, INDEXES.due.sort) ?? null };
  }

  /** Throws if S3 fails, which another attempt may find repaired. */
  async #read(item: Item): Promise<{ state: ScheduleState | UnreadableSchedule; bytes: number }> {
    const unreadable = (problem: string) => {
      const schedule = text(item, KEYS.sort)!.slice("S#".length);
      return new UnreadableSchedule(schedule, number(item, "created_at") ?? 0, problem);
    };
    let stored: string;
    try {
      stored = await unpackText(this.#c.blobs, item.state);
    } catch (error) {
      if (!isDamage(error)) throw error;
      return { state: unreadable((error as Error).message), bytes: 0 };
    }
    const state = readState(stored);
    return { state: "problem" in state ? unreadable(state.problem) : state, bytes: stored.length };
  }

  async create(workspace: string, next: StoredSchedule): Promise<boolean> {
    const item = await this.#encode(workspace, next);
    const created = await this.#table.put(item, { expression: `attribute_not_exists(${KEYS.partition})` });
    if (!created.ok) await expireValue(this.#c.blobs, item.state, created.found?.state);
    return created.ok;
  }

  async replace(workspace: string, seen: ScheduleState, next: StoredSchedule): Promise<boolean> {
    const item = await this.#encode(workspace, next);
    const condition = {
      expression: "#version = :version AND created_at = :created",
      names: { "#version": "version" },
      values: { ":version": N(seen.version), ":created": N(seen.created_at) },
    };
    const replaced = await this.#table.put(item, condition, { returnOld: true });
    if (replaced.ok) await expireValue(this.#c.blobs, replaced.item?.state, item.state);
    else await expireValue(this.#c.blobs, item.state, replaced.found?.state);
    return replaced.ok;
  }

  async #encode(workspace: string, { state, wakeAt }: StoredSchedule): Promise<Item> {
    const key = keyOf(workspace, state.schedule_id);
    const { partition, sort } = INDEXES.due;
    const where = { owner: `${workspace}/schedules/${state.schedule_id}`, inline: INLINE_ONCE };
    return {
      ...keyItem(key),
      version: N(state.version),
      created_at: N(state.created_at),
      state: await stored(this.#c.blobs, state, where),
      ...(wakeAt !== null && { [partition]: S(dueShardOf(`${key.pk}#${key.sk}`)), [sort]: N(wakeAt) }),
    };
  }

  async delete(key: ScheduleKey): Promise<boolean> {
    const deleted = await this.#table.delete(keyOf(key.workspace, key.schedule));
    await this.#timer?.set(key, null);
    const query = { ...within(logPk(key)), ProjectionExpression: "pk, sk" };
    for await (const page of this.#table.pages(query)) {
      await forEachConcurrent(CONCURRENCY, page, async (item) => {
        await this.#table.delete({ pk: text(item, "pk")!, sk: text(item, "sk")! });
      });
    }
    await expireValue(this.#c.blobs, deleted?.state);
    return deleted !== null;
  }

  async list(workspace: string, p: { after?: string; limit: number; maxBytes?: number }) {
    const found: Item[] = [];
    // A tilde sorts after every character of an id.
    const sort = { from: `S#${p.after ?? ""}`, to: "S#~" };
    for await (const page of this.#table.pages({ ...within(workspace, sort), limit: () => p.limit + 1 })) {
      found.push(...page.filter((item) => text(item, "sk") !== `S#${p.after ?? ""}`));
      if (found.length >= p.limit) break;
    }
    const states: (ScheduleState | UnreadableSchedule)[] = [];
    let bytes = 0;
    for (let i = 0; i < Math.min(found.length, p.limit); i += CONCURRENCY) {
      const some = found.slice(i, Math.min(i + CONCURRENCY, p.limit));
      for (const read of await Promise.all(some.map((item) => this.#read(item)))) {
        states.push(read.state);
        bytes += read.bytes;
        if (bytes >= (p.maxBytes ?? Number.POSITIVE_INFINITY)) return states;
      }
    }
    return states;
  }

  async clearWakeAt({ workspace, schedule }: ScheduleKey): Promise<void> {
    const { partition, sort } = INDEXES.due;
    await this.#table.update(keyOf(workspace, schedule), `REMOVE ${partition}, ${sort}`, {
      condition: `attribute_exists(${KEYS.partition})`,
    });
  }

  async due(until: Millis, limit: number): Promise<DueSchedule[]> {
    const shards = Array.from({ length: DUE_SHARDS }, (_, shard) => this.#dueIn(dueShard(shard), until, limit));
    return (await Promise.all(shards))
      .flat()
      .sort((a, b) => a.wakeAt - b.wakeAt)
      .slice(0, limit);
  }

  async #dueIn(shard: string, until: Millis, limit: number): Promise<DueSchedule[]> {
    const { name, partition, sort } = INDEXES.due;
    const found: DueSchedule[] = [];
    const pages = this.#table.pages({
      IndexName: name,
      KeyConditionExpression: `${partition} = :shard AND ${sort} <= :until`,
      ExpressionAttributeValues: { ":shard": S(shard), ":until": N(until) },
      limit: () => limit - found.length,
    });
    for await (const page of pages) {
      for (const item of page) {
        const schedule = text(item, "sk")!.slice("S#".length);
        found.push({ workspace: text(item, "pk")!, schedule, wakeAt: number(item, sort)! });
      }
      if (found.length >= limit) break;
    }
    return found;
  }

  async arm(key: ScheduleKey, at: Millis | null): Promise<void> {
    await this.#timer?.set(key, at);
  }

  async putLog(life: ScheduleLife, entries: readonly LogEntry[]): Promise<void> {
    const [first] = entries;
    const last = entries.at(-1);
    if (!first || !last) return;
    const where = { owner: `${life.workspace}/schedules/${life.schedule}`, inline: INLINE_ONCE, short: true } as const;
    await this.#table.put({
      ...keyItem({ pk: logPk(life), sk: logPrefix(life) + padded(first.seq) }),
      entries: await stored(this.#c.blobs, entries, where),
      ttl: N(ttlSeconds(last.at + this.#c.settings.retentionMs)),
    });
  }

  async log(life: ScheduleLife, p: { before: number; limit: number }): Promise<LogEntry[]> {
    const prefix = logPrefix(life);
    const before = Math.min(p.before, Number.MAX_SAFE_INTEGER);
    const sort = { from: prefix, to: prefix + padded(before) };
    const found: LogEntry[] = [];
    const pages = this.#table.pages({ ...within(logPk(life), sort), ScanIndexForward: false, limit: () => 20 });
    for await (const page of pages) {
      for (const item of page) {
        const name = `log of schedule ${life.workspace}/${life.schedule} at ${text(item, "sk")}`;
        const entries = await this.#c.readable.one(name, async () =>
          shownList(JSON.parse(await unpackText(this.#c.blobs, item.entries)) as LogEntry[]),
        );
        found.push(...(entries ?? []).filter((entry) => entry.seq < before).reverse());
      }
      if (found.length >= p.limit) break;
    }
    return found.slice(0, p.limit);
  }
}
