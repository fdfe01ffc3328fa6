/**
 * Groups of log records: one item each in the partition of their execution, and an entry in shards of their deployment in the
 * index `due`, which costs one write unit more. The items expire; nothing else deletes them.
 */
import { isUnreadable, shownTime } from "../lib/readable.ts";
import type { DeploymentPlace, LogRecords, Ref } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { type LastGroup, type LogGroup, storedGroup, unreadGroup } from "../protocol/log-records.ts";
import type { Context } from "./context.ts";
import { isExpired } from "./heads.ts";
import { logRecordsKey, pkOf, RECORD_SHARDS, RECORDS, recordShard, recordShardOf, refOf, ttlSeconds } from "./keys.ts";
import { INDEXES } from "./names.ts";
import { pack, unpack } from "./pack.ts";
import type { PollBackoff } from "./poll-backoff.ts";
import { ABSENT, type Item, keyItem, N, number, S, text } from "./table.ts";

/** Groups of one answer: an item has 300 KB at most, and 100 records seldom have more than 4 KB. */
const MOST_GROUPS = 25;
/** An entry of the index appears within this after the server took the group, but for rare delays of DynamoDB. */
const SETTLED_MS: Millis = 5_000;
/** Beyond the last place. */
const END = `${RECORDS}~`;

type Order = "asc" | "desc";

export class AwsLogRecords implements LogRecords {
  readonly #c: Context;
  readonly #backoff: PollBackoff;

  constructor(c: Context, backoff: PollBackoff) {
    this.#c = c;
    this.#backoff = backoff;
  }

  get #table() {
    return this.#c.tables.executions;
  }

  async last(ref: Ref): Promise<LastGroup | null> {
    const pages = this.#pages(ref, { order: "desc", most: 1 });
    for await (const page of pages) {
      const item = page.find((each) => !isExpired(each, this.#c.clock.now())); // expired ones stay for days
      if (item) return (await this.#groupsOf([item]))[0] ?? unreadGroup(firstOf(item));
    }
    return null;
  }

  async put(ref: Ref, group: LogGroup, until: Millis): Promise<boolean> {
    const { first, deployment, at, dropped, execution: _, ...body } = group;
    const packed = await pack(JSON.stringify(body), "", Number.POSITIVE_INFINITY);
    const item: Item = {
      ...keyItem(logRecordsKey(ref, first)),
      group: packed.attribute,
      deployment: S(deployment),
      ...(dropped > 0 && { dropped: N(dropped) }),
      [INDEXES.due.partition]: S(recordShardOf(ref, deployment)),
      [INDEXES.due.sort]: N(at),
      ttl: N(ttlSeconds(until)),
    };
    return (await this.#table.put(item, ABSENT)).ok;
  }

  async addDropped(ref: Ref, first: number, n: number): Promise<void> {
    await this.#table.update(logRecordsKey(ref, first), "ADD dropped :n", {
      condition: "attribute_exists(pk)",
      values: { ":n": N(n) },
    });
  }

  async ofExecution(ref: Ref, { from, order }: { from?: number; order: Order }): Promise<LogGroup[]> {
    const groups = await this.#read(ref, { ...(from !== undefined && { from }), order, most: MOST_GROUPS });
    if (groups.length > 0) this.#backoff.reset(pkOf(ref));
    return groups;
  }

  async #read(ref: Ref, p: { from?: number; order: Order; most: number }): Promise<LogGroup[]> {
    for await (const page of this.#pages(ref, p)) {
      const groups = await this.#groupsOf(page);
      if (groups.length > 0) return groups;
    }
    return [];
  }

  #pages(ref: Ref, { from, order, most }: { from?: number; order: Order; most: number }) {
    const at = from === undefined ? undefined : logRecordsKey(ref, from).sk;
    return this.#table.pages({
      KeyConditionExpression: "pk = :pk AND sk BETWEEN :from AND :to",
      ExpressionAttributeValues: {
        ":pk": S(pkOf(ref)),
        ":from": S(order === "asc" ? (at ?? RECORDS) : RECORDS),
        ":to": S(order === "asc" ? END : (at ?? END)),
      },
      ScanIndexForward: order === "asc",
      limit: () => most,
    });
  }

  async ofDeployment(
    workspace: string,
    deployment: string,
    { from, order, settled }: { from?: DeploymentPlace; order: Order; settled?: boolean },
  ): Promise<LogGroup[]> {
    const until = settled ? this.#c.clock.now() - SETTLED_MS : Number.MAX_SAFE_INTEGER;
    const sign = order === "asc" ? 1 : -1;
    const entries = (
      await Promise.all(
        Array.from({ length: RECORD_SHARDS }, (_, shard) =>
          this.#entries(recordShard(workspace, deployment, shard), { from, order, until }),
        ),
      )
    ).flat();
    entries.sort((a, b) => sign * compare(a, b));
    const places = entries.slice(0, MOST_GROUPS);
    const last = places.at(-1);
    if (!last) return [];
    const keys = places.map(({ execution, first }) => logRecordsKey({ workspace, execution }, first));
    const items = new Map((await this.#table.getAll(keys)).map((item) => [idOf(item), item]));
    const groups = await this.#groupsOf(
      keys.map((key) => items.get(`${key.pk} ${key.sk}`)).filter((i) => i !== undefined),
    );
    if (groups.length === 0) {
      const next = { ...last, first: last.first + sign };
      return this.ofDeployment(workspace, deployment, { from: next, order, ...(settled && { settled }) });
    }
    this.#backoff.reset(workspace);
    return groups;
  }

  /** The functions' time is never set back (AWSCLOCK-1). */
  async ahead(): Promise<Millis> {
    return 0;
  }

  async #entries(
    shard: string,
    { from, order, until }: { from: DeploymentPlace | undefined; order: Order; until: Millis },
  ): Promise<DeploymentPlace[]> {
    const { name, partition, sort } = INDEXES.due;
    const found: DeploymentPlace[] = [];
    const low = order === "asc" ? (from?.at ?? 0) : 0;
    const high = Math.min(until, order === "desc" ? (from?.at ?? until) : until);
    if (low > high) return found;
    const pages = this.#table.pages({
      IndexName: name,
      KeyConditionExpression: `${partition} = :shard AND ${sort} BETWEEN :low AND :high`,
      ExpressionAttributeValues: { ":shard": S(shard), ":low": N(low), ":high": N(high) },
      ScanIndexForward: order === "asc",
      limit: () => MOST_GROUPS,
    });
    for await (const page of pages) {
      for (const item of page) {
        const place = {
          at: number(item, sort)!,
          execution: refOf(text(item, "pk")!).execution,
          first: firstOf(item),
        };
        if (!from || (order === "asc" ? compare(place, from) >= 0 : compare(place, from) <= 0)) found.push(place);
      }
      if (found.length >= MOST_GROUPS) break;
    }
    return found;
  }

  async #groupsOf(items: readonly Item[]): Promise<LogGroup[]> {
    const groups: LogGroup[] = [];
    for (const item of items) {
      if (isExpired(item, this.#c.clock.now())) continue;
      try {
        groups.push(await this.#groupOf(item));
      } catch (error) {
        if (!isUnreadable(error)) throw error;
        this.#c.readable.leftOut(`log records ${idOf(item)}`, error);
      }
    }
    return groups;
  }

  async #groupOf(item: Item): Promise<LogGroup> {
    const body = await unpack<Omit<LogGroup, "execution" | "first" | "deployment" | "at" | "dropped">>(
      this.#c.blobs,
      item.group!,
    );
    return {
      ...storedGroup(body),
      execution: refOf(text(item, "pk")!).execution,
      first: firstOf(item),
      deployment: text(item, "deployment")!,
      at: shownTime(number(item, INDEXES.due.sort)),
      dropped: number(item, "dropped") ?? 0,
    };
  }
}

const firstOf = (item: Item): number => Number(text(item, "sk")!.slice(RECORDS.length));
const idOf = (item: Item): string => `${text(item, "pk")} ${text(item, "sk")}`;

function compare(a: DeploymentPlace, b: DeploymentPlace): number {
  if (a.at !== b.at) return a.at - b.at;
  if (a.execution !== b.execution) return a.execution < b.execution ? -1 : 1;
  return a.first - b.first;
}
