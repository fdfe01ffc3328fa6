/** Counts of runs by time, in the table Feed: a partition for each subject of a workspace. */
import type { TransactWriteItem } from "@aws-sdk/client-dynamodb";
import {
  type Bucket,
  type BucketSize,
  bucketsFor,
  type FailureExample,
  type Increment,
  storedBucket,
  withIncrement,
  withoutFailure,
} from "../core/rollups.ts";
import type { RollupQuery, Rollups } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { Context } from "./context.ts";
import { ttlSeconds } from "./keys.ts";
import { type Item, type Key, keyItem, N, number, S, text, within } from "./table.ts";

const LETTER: Record<BucketSize, string> = { minute: "M", hour: "H" };
const partOf = (size: BucketSize, start: Millis): string => `${LETTER[size]}#${String(start).padStart(15, "0")}#`;
/** The feed's own partitions are called as their workspaces, which hold no slash. */
const keyOf = (workspace: string, subject: string, size: BucketSize, start: Millis, key: string): Key => ({
  pk: `${workspace}#/rollups/${subject}`,
  sk: partOf(size, start) + key,
});

/** The changed buckets of some increments, by their keys. */
export class BucketChanges {
  readonly #workspace: string;
  readonly #changes = new Map<string, { key: Key; bucket: Bucket; expiresAt: Millis }>();

  constructor(workspace: string) {
    this.#workspace = workspace;
  }

  get size(): number {
    return this.#changes.size;
  }

  add(increment: Increment, kept: { now: Millis; retentionMs: Millis }): void {
    const { subject, key: id } = increment;
    for (const { size, start, expiresAt } of bucketsFor(increment, kept)) {
      const key = keyOf(this.#workspace, subject, size, start, id);
      const name = `${key.pk} ${key.sk}`;
      const before = this.#changes.get(name)?.bucket ?? { key: id, start, counts: {} };
      this.#changes.set(name, { key, bucket: withIncrement(before, increment), expiresAt });
    }
  }

  /** Updates that add to what the buckets hold, for one transaction. */
  writes(TableName: string): TransactWriteItem[] {
    return [...this.#changes.values()].map(({ key, bucket, expiresAt }) => {
      const names: Record<string, string> = { "#ttl": "ttl" };
      const values: Item = { ":ttl": N(ttlSeconds(expiresAt)) };
      const added = Object.entries(bucket.counts).map(([name, n], i) => {
        names[`#c${i}`] = COUNT + name;
        values[`:c${i}`] = N(n);
        return `#c${i} :c${i}`;
      });
      const set = ["#ttl = :ttl"];
      if (bucket.failure) {
        Object.assign(names, { "#first": "first", "#last": "last", "#failure": "failure" });
        values[":first"] = N(bucket.first!);
        values[":last"] = N(bucket.last!);
        values[":failure"] = S(JSON.stringify(bucket.failure));
        set.push("#first = if_not_exists(#first, :first)", "#last = :last", "#failure = :failure");
      }
      return {
        Update: {
          TableName,
          Key: keyItem(key),
          UpdateExpression: `SET ${set.join(", ")} ADD ${added.join(", ")}`,
          ExpressionAttributeNames: names,
          ExpressionAttributeValues: values,
        },
      };
    });
  }
}

const COUNT = "n_";

export class AwsRollups implements Rollups {
  readonly #c: Pick<Context, "tables" | "clock" | "readable">;

  constructor(c: Pick<Context, "tables" | "clock" | "readable">) {
    this.#c = c;
  }

  /** DELETE-5: takes the examples that these increments have left out of their buckets. The counts stay. */
  async forget(workspace: string, increments: readonly Increment[], retentionMs: Millis): Promise<void> {
    const { feed } = this.#c.tables;
    for (const increment of increments) {
      if (!increment.failure) continue;
      for (const { size, start } of bucketsFor(increment, { now: this.#c.clock.now(), retentionMs })) {
        const key = keyOf(workspace, increment.subject, size, start, increment.key);
        const item = await feed.get(key);
        const next = item && withoutFailure(bucketOf(item), increment.failure.run);
        if (!next) continue;
        await feed.update(key, "SET failure = :next", {
          condition: "failure = :seen",
          values: { ":next": S(JSON.stringify(next.failure)), ":seen": item.failure! },
        });
      }
    }
  }

  async read(workspace: string, p: RollupQuery): Promise<Bucket[]> {
    const most = p.most ?? Number.POSITIVE_INFINITY;
    const { pk, sk: from } = keyOf(workspace, p.subject, p.size, p.from, "");
    // Nothing sorts between the last key of a bucket and "$", which follows "#".
    const to = `${partOf(p.size, p.until - 1).slice(0, -1)}$`;
    const buckets: Bucket[] = [];
    const pages = this.#c.tables.feed.pages({
      ...within(pk, { from, to }),
      ConsistentRead: false,
      ScanIndexForward: p.order !== "desc",
    });
    for await (const page of pages) {
      buckets.push(...this.#c.readable.of(page, (item) => `rollup ${pk}/${text(item, "sk")}`, bucketOf));
      if (buckets.length >= most) break;
    }
    return buckets.slice(0, p.most);
  }
}

function bucketOf(item: Item): Bucket {
  const [, start = "", ...key] = text(item, "sk")!.split("#");
  const counts: Record<string, number> = {};
  for (const name of Object.keys(item))
    if (name.startsWith(COUNT)) counts[name.slice(COUNT.length)] = number(item, name)!;
  const failure = text(item, "failure");
  return storedBucket({
    key: key.join("#"),
    start: Number(start),
    counts,
    ...(failure !== undefined && {
      first: number(item, "first")!,
      last: number(item, "last")!,
      failure: JSON.parse(failure) as FailureExample,
    }),
  });
}
