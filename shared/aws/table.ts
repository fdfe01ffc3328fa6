/**
 * One DynamoDB table through the low-level client: attributes have their form on the wire, so that the code shows their
 * size, which is their price.
 *
 * TABLE-1. A failed condition is an answer, not an error. The answer carries the item that failed it.
 * TABLE-2. Reads are strongly consistent, except those of an index, for which DynamoDB has no such read, and those where
 *     the caller asks for less.
 * TABLE-3. This class repeats a write that conflicted with a transaction on the same item. The SDK repeats throttled calls.
 */

import { setTimeout as delay } from "node:timers/promises";
import {
  type AttributeValue,
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  type ConsumedCapacity,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  type QueryCommandInput,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { LruCache } from "../lib/lru-cache.ts";

export type Item = Record<string, AttributeValue>;
export interface Key {
  readonly pk: string;
  readonly sk: string;
}
export interface Condition {
  readonly expression: string;
  readonly names?: Record<string, string>;
  readonly values?: Item;
}
export interface Update {
  readonly names?: Record<string, string>;
  readonly values?: Item;
  readonly condition?: string;
  readonly returns?: "ALL_NEW" | "UPDATED_OLD";
}
/** The condition of a put that creates an item. */
export const ABSENT: Condition = { expression: "attribute_not_exists(pk)" };
export type Written = { ok: true; item: Item | null } | { ok: false; found: Item | null };

export const S = (value: string): AttributeValue => ({ S: value });
export const N = (value: number): AttributeValue => ({ N: String(value) });
export const keyItem = ({ pk, sk }: Key): Item => ({ pk: S(pk), sk: S(sk) });
export const text = (item: Item, name: string): string | undefined => item[name]?.S;
export const number = (item: Item, name: string): number | undefined =>
  item[name]?.N === undefined ? undefined : Number(item[name].N);

/** Partitions of which reads are remembered at a time. */
const MOST_READ = 10_000;

export class Table {
  readonly name: string;
  /** Read units by partition since `takeReads`. */
  readonly #reads = new LruCache<number>(MOST_READ);
  readonly #dynamo: DynamoDBClient;

  constructor(dynamo: DynamoDBClient, name: string) {
    this.#dynamo = dynamo;
    this.name = name;
  }

  async get(key: Key, { consistent = true } = {}): Promise<Item | null> {
    const input = { TableName: this.name, Key: keyItem(key), ConsistentRead: consistent };
    const answer = await this.#dynamo.send(new GetItemCommand(input));
    this.#addReads(key.pk, answer.ConsumedCapacity);
    return answer.Item ?? null;
  }

  /** `used`: absent unless the client is metered. */
  #addReads(partition: string | undefined, used: ConsumedCapacity | undefined): void {
    const units = used?.CapacityUnits;
    if (partition !== undefined && units) this.#reads.set(partition, (this.#reads.get(partition) ?? 0) + units);
  }

  /** The read units that this process has used for a partition since the last call (COST-2). */
  takeReads(partition: string): number {
    const units = this.#reads.get(partition) ?? 0;
    this.#reads.delete(partition);
    return units;
  }

  /** The items that exist, in no order. `consistent: false` costs half, for keys that came from an index anyway. */
  async getAll(keys: readonly Key[], { consistent = true } = {}): Promise<Item[]> {
    const found: Item[] = [];
    for (let i = 0; i < keys.length; i += 100) {
      let wanted = keys.slice(i, i + 100).map(keyItem);
      for (let tries = 0; wanted.length > 0; tries++) {
        if (tries > 0) await pause(tries);
        const RequestItems = { [this.name]: { Keys: wanted, ConsistentRead: consistent } };
        const answer = await this.#dynamo.send(new BatchGetItemCommand({ RequestItems }));
        found.push(...(answer.Responses?.[this.name] ?? []));
        wanted = (answer.UnprocessedKeys?.[this.name]?.Keys as Item[] | undefined) ?? [];
      }
    }
    return found;
  }

  /** `returnOld`: answer the item that the put replaced. */
  put(item: Item, condition?: Condition, { returnOld = false } = {}): Promise<Written> {
    return conditional(async () => {
      const input = { TableName: this.name, Item: item, ...conditionInput(condition) };
      const answer = await this.#dynamo.send(
        new PutItemCommand({ ...input, ...(returnOld && { ReturnValues: "ALL_OLD" as const }) }),
      );
      return answer.Attributes ?? null;
    });
  }

  /** `expression`: an update expression. Answers the item as `returns` says. */
  update(key: Key, expression: string, p: Update): Promise<Written> {
    return conditional(async () => {
      const answer = await this.#dynamo.send(
        new UpdateItemCommand({
          TableName: this.name,
          Key: keyItem(key),
          UpdateExpression: expression,
          ...(p.returns && { ReturnValues: p.returns }),
          ...(p.condition && { ConditionExpression: p.condition, ReturnValuesOnConditionCheckFailure: "ALL_OLD" }),
          ...(p.names && { ExpressionAttributeNames: p.names }),
          ...(p.values && { ExpressionAttributeValues: p.values }),
        }),
      );
      return answer.Attributes ?? null;
    });
  }

  /** Answers the deleted item, null = there was none, or the condition did not hold. */
  async delete(key: Key, condition?: Condition): Promise<Item | null> {
    const done = await conditional(async () => {
      const old = { ReturnValues: "ALL_OLD" as const };
      const input = { TableName: this.name, Key: keyItem(key), ...old, ...conditionInput(condition) };
      return (await this.#dynamo.send(new DeleteItemCommand(input))).Attributes ?? null;
    });
    return done.ok ? done.item : null;
  }

  /** Pages of 1 MB at most. `limit`: how many items a page reads, before any filter. */
  async *pages(
    query: Omit<QueryCommandInput, "TableName"> & { limit?: () => number | undefined },
  ): AsyncGenerator<Item[]> {
    const { limit, ...rest } = query;
    let from: Item | undefined;
    do {
      const Limit = limit?.();
      const answer = await this.#dynamo.send(
        new QueryCommand({
          ConsistentRead: rest.IndexName === undefined,
          ...rest,
          TableName: this.name,
          ...(Limit !== undefined && { Limit }),
          ...(from && { ExclusiveStartKey: from }),
        }),
      );
      if (rest.IndexName === undefined)
        this.#addReads(rest.ExpressionAttributeValues?.[":pk"]?.S, answer.ConsumedCapacity);
      yield answer.Items ?? [];
      from = answer.LastEvaluatedKey;
    } while (from);
  }

  async query(query: Omit<QueryCommandInput, "TableName">): Promise<Item[]> {
    const items: Item[] = [];
    for await (const page of this.pages(query)) items.push(...page);
    return items;
  }

  /** The first item of a query, none = null. */
  async first(query: Omit<QueryCommandInput, "TableName" | "Limit">): Promise<Item | null> {
    for await (const page of this.pages({ ...query, limit: () => 1 })) if (page[0]) return page[0];
    return null;
  }
}

function conditionInput(condition: Condition | undefined) {
  if (!condition) return {};
  return {
    ConditionExpression: condition.expression,
    ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const,
    ...(condition.names && { ExpressionAttributeNames: condition.names }),
    ...(condition.values && { ExpressionAttributeValues: condition.values }),
  };
}

/** Exponential backoff with jitter, so that writers of one item do not repeat at the same moment. */
export const pause = (tries: number): Promise<void> =>
  delay(Math.min(1_000, 10 * 2 ** tries) * (0.5 + Math.random() / 2)) as Promise<void>;

const CONFLICTS = 12;

/** TABLE-1, TABLE-3. */
async function conditional(write: () => Promise<Item | null>): Promise<Written> {
  for (let tries = 1; ; tries++) {
    try {
      return { ok: true, item: await write() };
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return { ok: false, found: error.Item ?? null };
      if ((error as Error).name !== "TransactionConflictException" || tries >= CONFLICTS) throw error;
      await pause(tries);
    }
  }
}

/** A key condition: one partition, and a prefix or a range of its sort keys. */
export function within(
  pk: string,
  sort?: { prefix: string } | { from: string; to: string },
): {
  KeyConditionExpression: string;
  ExpressionAttributeValues: Item;
} {
  if (!sort) return { KeyConditionExpression: "pk = :pk", ExpressionAttributeValues: { ":pk": S(pk) } };
  if ("prefix" in sort) {
    return {
      KeyConditionExpression: "pk = :pk AND begins_with(sk, :sk)",
      ExpressionAttributeValues: { ":pk": S(pk), ":sk": S(sort.prefix) },
    };
  }
  return {
    KeyConditionExpression: "pk = :pk AND sk BETWEEN :from AND :to",
    ExpressionAttributeValues: { ":pk": S(pk), ":from": S(sort.from), ":to": S(sort.to) },
  };
}
