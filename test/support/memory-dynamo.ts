/**
 * DynamoDB in memory, for tests that count units over many items: the operations and expressions that the adapter uses,
 * with the units that DynamoDB would charge. It has no delay, no throttling and no streams.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  TransactionCanceledException,
} from "@aws-sdk/client-dynamodb";
import type { Clients } from "../../shared/aws/clients.ts";
import { Meter } from "../../shared/aws/meter.ts";
import { DUE_ATTRIBUTES, INDEXES, INPUTS_ATTRIBUTES, RUNS_ATTRIBUTES } from "../../shared/aws/names.ts";
import type { S3 } from "../../shared/aws/s3.ts";
import type { Item } from "../../shared/aws/table.ts";
import type { Clock } from "../../shared/ports.ts";

type Value = Item[string];
type Input = Record<string, unknown> & {
  readonly TableName: string;
  readonly Key?: Item;
  readonly Item?: Item;
  readonly ExpressionAttributeNames?: Record<string, string>;
  readonly ExpressionAttributeValues?: Item;
};

/** A long poll of SQS that finds nothing. */
const EMPTY_RECEIVE_MS = 20;
const PAGE_BYTES = 1024 * 1024;
const INDEXED: Record<string, { partition: string; sort: string; attributes: ReadonlySet<string> }> = {};
for (const [index, included] of [
  [INDEXES.due, DUE_ATTRIBUTES],
  [INDEXES.runs, RUNS_ATTRIBUTES],
  [INDEXES.inputs, INPUTS_ATTRIBUTES],
] as const) {
  const { name, partition, sort } = index;
  INDEXED[name] = { partition, sort, attributes: new Set(["pk", "sk", partition, sort, ...included]) };
}

const sizeOfValue = (value: Value): number => {
  if (value.S !== undefined) return Buffer.byteLength(value.S);
  if (value.B !== undefined) return value.B.length;
  if (value.N !== undefined) return Math.ceil(value.N.length / 2) + 1;
  if (value.SS !== undefined) return value.SS.reduce((sum, s) => sum + Buffer.byteLength(s), 0);
  if (value.M !== undefined) return 3 + sizeOf(value.M);
  if (value.L !== undefined) return value.L.reduce((sum, one) => sum + 1 + sizeOfValue(one), 3);
  return 1;
};
const sizeOf = (item: Item): number =>
  Object.entries(item).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + sizeOfValue(value), 0);

/** A sort value as a comparable: text, number or bytes of one attribute are of one kind. */
const plain = (value: Value | undefined): string | number | undefined =>
  value === undefined ? undefined : value.N !== undefined ? Number(value.N) : (value.S ?? JSON.stringify(value));
const compare = (a: string | number, b: string | number): number => (a < b ? -1 : a > b ? 1 : 0);

interface Entry {
  readonly sort: string | number;
  readonly id: string;
}

/** Items of one partition of a table or an index, always in the order of their sort keys: a change moves one entry. */
class Partition {
  readonly #entries = new Map<string, Entry>();
  readonly #order: Entry[] = [];
  readonly #items: Item[] = [];
  readonly #sort: string;

  constructor(sort: string) {
    this.#sort = sort;
  }
  set(id: string, item: Item): void {
    this.delete(id);
    const entry = { sort: plain(item[this.#sort])!, id };
    const at = this.#placeOf(entry);
    this.#order.splice(at, 0, entry);
    this.#items.splice(at, 0, item);
    this.#entries.set(id, entry);
  }
  delete(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    const at = this.#placeOf(entry);
    this.#order.splice(at, 1);
    this.#items.splice(at, 1);
    this.#entries.delete(id);
  }
  /** The first place whose entry does not come before this one. */
  #placeOf({ sort, id }: Entry): number {
    let [low, high] = [0, this.#order.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#order[middle]!;
      if ((compare(other.sort, sort) || compare(other.id, id)) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
  get sorted(): readonly Item[] {
    return this.#items;
  }
}

export interface PartitionUnits {
  writes: number;
  reads: number;
}

class MemoryTable {
  readonly items = new Map<string, Item>();
  /** Units by partition of the table or of an index, of which DynamoDB allows 1,000 writes and 3,000 reads a second. */
  readonly units = new Map<string, PartitionUnits>();
  use(index: string | undefined, value: string, used: Partial<PartitionUnits>): void {
    const name = `${index ?? "table"} ${value}`;
    const units = this.units.get(name) ?? { writes: 0, reads: 0 };
    units.writes += used.writes ?? 0;
    units.reads += used.reads ?? 0;
    this.units.set(name, units);
  }
  readonly #partitions = new Map<string, Partition>();

  static idOf = (item: Item): string => `${item.pk!.S}\u0000${item.sk!.S}`;
  partition(index: string | undefined, value: string): Partition {
    const name = `${index ?? ""}\u0000${value}`;
    let partition = this.#partitions.get(name);
    if (!partition) {
      partition = new Partition(index ? INDEXED[index]!.sort : "sk");
      this.#partitions.set(name, partition);
    }
    return partition;
  }

  /** Answers the write units. */
  write(id: string, next: Item | null): number {
    const before = this.items.get(id);
    const base = Math.max(1, Math.ceil(Math.max(before ? sizeOf(before) : 0, next ? sizeOf(next) : 0) / 1024));
    if (next) {
      this.items.set(id, next);
      this.partition(undefined, next.pk!.S!).set(id, next);
    } else if (before) {
      this.items.delete(id);
      this.partition(undefined, before.pk!.S!).delete(id);
    }
    let units = base;
    const [pk = ""] = id.split("\u0000");
    this.use(undefined, pk, { writes: base });
    for (const [index, { partition, sort, attributes }] of Object.entries(INDEXED)) {
      const entryOf = (item: Item | null | undefined) =>
        item?.[partition] && item[sort]
          ? Object.fromEntries(Object.entries(item).filter(([name]) => attributes.has(name)))
          : null;
      const [old, fresh] = [entryOf(before), entryOf(next)];
      if (JSON.stringify(old) === JSON.stringify(fresh)) continue;
      const moved =
        old && fresh && (plain(old[partition]) !== plain(fresh[partition]) || plain(old[sort]) !== plain(fresh[sort]));
      units += moved ? 2 : 1;
      for (const entry of moved ? [old, fresh] : [fresh ?? old]) this.use(index, entry![partition]!.S!, { writes: 1 });
      if (old) this.partition(index, old[partition]!.S!).delete(id);
      if (fresh) this.partition(index, fresh[partition]!.S!).set(id, fresh);
    }
    return units;
  }
}

// --- expressions -------------------------------------------------------------------------------------------------

const TOKEN = /\s*(#\w+|:\w+|<>|<=|>=|[=<>(),+-]|[A-Za-z_][\w]*)/y;
const read = new Map<string, readonly string[]>();
function tokensOf(expression: string): readonly string[] {
  const known = read.get(expression);
  if (known) return known;
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < expression.trimEnd().length) {
    const found = TOKEN.exec(expression);
    if (!found) throw new Error(`memory-dynamo cannot read the expression: ${expression}`);
    tokens.push(found[1]!);
  }
  read.set(expression, tokens);
  return tokens;
}

/** A set has no order. */
const same = (a: Value | undefined, b: Value | undefined): boolean =>
  a?.SS && b?.SS
    ? a.SS.length === b.SS.length && a.SS.every((one) => b.SS!.includes(one))
    : JSON.stringify(a) === JSON.stringify(b);

class Reader {
  readonly #tokens: readonly string[];
  readonly #names: Record<string, string>;
  readonly #values: Item;
  #at = 0;

  constructor(expression: string, { ExpressionAttributeNames = {}, ExpressionAttributeValues = {} }: Input) {
    this.#tokens = tokensOf(expression);
    this.#names = ExpressionAttributeNames;
    this.#values = ExpressionAttributeValues;
  }
  get done(): boolean {
    return this.#at >= this.#tokens.length;
  }
  peek(): string | undefined {
    return this.#tokens[this.#at];
  }
  next(): string {
    return this.#tokens[this.#at++]!;
  }
  take(token: string): boolean {
    if (this.peek()?.toUpperCase() !== token) return false;
    this.#at += 1;
    return true;
  }
  expect(token: string): void {
    if (!this.take(token)) throw new Error(`memory-dynamo expected ${token}, found ${this.peek()}`);
  }
  path(): string {
    const token = this.next();
    const name = token.startsWith("#") ? this.#names[token] : token;
    if (name === undefined) throw new Error(`memory-dynamo: no name for ${token}`);
    return name;
  }
  /** A value, an attribute, or a function of one. */
  operand(item: Item): Value | undefined {
    const token = this.peek()!;
    if (token.startsWith(":")) {
      const value = this.#values[this.next()];
      if (value === undefined) throw new Error(`memory-dynamo: no value for ${token}`);
      return value;
    }
    if (token === "size" || token === "if_not_exists") {
      this.next();
      this.expect("(");
      const name = this.path();
      const there = item[name];
      if (token === "size") {
        this.expect(")");
        const n = there?.SS?.length ?? there?.L?.length ?? there?.S?.length;
        return n === undefined ? undefined : { N: String(n) };
      }
      this.expect(",");
      const otherwise = this.operand(item);
      this.expect(")");
      return there ?? otherwise;
    }
    return item[this.path()];
  }

  condition(item: Item): boolean {
    let holds = this.#and(item);
    while (this.take("OR")) holds = this.#and(item) || holds;
    return holds;
  }
  #and(item: Item): boolean {
    let holds = this.#not(item);
    while (this.take("AND")) holds = this.#not(item) && holds;
    return holds;
  }
  #not(item: Item): boolean {
    if (this.take("NOT")) return !this.#not(item);
    if (this.take("(")) {
      const holds = this.condition(item);
      this.expect(")");
      return holds;
    }
    const token = this.peek()!;
    if (token === "attribute_exists" || token === "attribute_not_exists") {
      this.next();
      this.expect("(");
      const there = item[this.path()] !== undefined;
      this.expect(")");
      return there === (token === "attribute_exists");
    }
    if (token === "begins_with" || token === "contains") {
      this.next();
      this.expect("(");
      const whole = this.operand(item);
      this.expect(",");
      const part = this.operand(item)!.S!;
      this.expect(")");
      if (token === "begins_with") return whole?.S?.startsWith(part) ?? false;
      return whole?.SS?.includes(part) ?? whole?.S?.includes(part) ?? false;
    }
    const left = this.operand(item);
    if (this.take("BETWEEN")) {
      const low = plain(this.operand(item))!;
      this.expect("AND");
      const high = plain(this.operand(item))!;
      const value = plain(left);
      return value !== undefined && value >= low && value <= high;
    }
    if (this.take("IN")) {
      this.expect("(");
      let found = false;
      do found = JSON.stringify(this.operand(item)) === JSON.stringify(left) || found;
      while (this.take(","));
      this.expect(")");
      return found;
    }
    const operator = this.next();
    const right = this.operand(item);
    if (operator === "=") return left !== undefined && same(left, right);
    if (operator === "<>") return !same(left, right);
    const [a, b] = [plain(left), plain(right)];
    if (a === undefined || b === undefined) return false;
    return operator === "<" ? a < b : operator === "<=" ? a <= b : operator === ">" ? a > b : a >= b;
  }

  update(item: Item): Item {
    const next = { ...item };
    while (!this.done) {
      const clause = this.next().toUpperCase();
      do {
        const name = this.path();
        if (clause === "REMOVE") delete next[name];
        else if (clause === "SET") {
          this.expect("=");
          let value = this.operand(item)!;
          if (this.peek() === "+" || this.peek() === "-") {
            const sign = this.next() === "+" ? 1 : -1;
            value = { N: String(Number(value.N) + sign * Number(this.operand(item)!.N)) };
          }
          next[name] = value;
        } else {
          const value = this.operand(item)!;
          const there = item[name];
          if (value.N !== undefined) next[name] = { N: String(Number(there?.N ?? 0) + Number(value.N)) };
          else {
            const change = new Set(there?.SS ?? []);
            for (const one of value.SS!) clause === "ADD" ? change.add(one) : change.delete(one);
            if (change.size > 0) next[name] = { SS: [...change] };
            else delete next[name];
          }
        }
      } while (this.take(","));
    }
    return next;
  }
}

// --- operations --------------------------------------------------------------------------------------------------

export interface MemoryClients extends Clients {
  /** Messages that were sent to each queue URL. */
  readonly sent: Map<string, string[]>;
  /** The keys of all objects in the bucket. */
  objects(): string[];
  /** All items of a table. */
  items(table: string): Item[];
  /** Units of each partition of a table and of its indexes since the last call, the most used first: `<index> <partition>`. */
  takeUnits(table: string): [name: string, units: PartitionUnits][];
}

/** What payloads need of S3. */
function memoryObjects(objects: Map<string, Buffer>): S3 {
  const missing = () => Object.assign(new Error("there is no such object"), { name: "NoSuchKey" });
  const calls: Pick<S3, "put" | "get" | "delete" | "renew"> = {
    put: async ({ Key }, body) => void objects.set(Key, body),
    async get({ Key }) {
      const found = objects.get(Key);
      if (!found) throw missing();
      return found;
    },
    delete: async ({ Key }) => void objects.delete(Key),
    async renew({ Key }) {
      if (!objects.has(Key)) throw missing();
    },
  };
  return calls as S3;
}

/**
 * Several instances of the adapter share one store: `sharing` is another result. `objects`: with a bucket in memory; else
 * S3 fails as a service that cannot be reached. `clock`: brings delayed messages in their time; else they come at once.
 */
export function memoryClients(o: { sharing?: MemoryClients; objects?: boolean; clock?: Clock } = {}): MemoryClients {
  const tables: Map<string, MemoryTable> = o.sharing ? stores.get(o.sharing)! : new Map();
  const meter = new Meter();
  const sent: Map<string, string[]> = o.sharing?.sent ?? new Map();
  const tableOf = (name: string): MemoryTable => {
    let table = tables.get(name);
    if (!table) {
      table = new MemoryTable();
      tables.set(name, table);
    }
    return table;
  };
  const holds = (input: Input, item: Item | undefined): boolean =>
    input.ConditionExpression === undefined ||
    new Reader(String(input.ConditionExpression), input).condition(item ?? {});
  const refused = (input: Input, item: Item | undefined) =>
    new ConditionalCheckFailedException({
      message: "The conditional request failed",
      $metadata: {},
      ...(input.ReturnValuesOnConditionCheckFailure === "ALL_OLD" && item && { Item: structuredClone(item) }),
    });
  const nextOf = (kind: string, input: Input, before: Item | undefined): Item | null => {
    if (kind === "Put") return structuredClone(input.Item!);
    if (kind === "Delete") return null;
    return new Reader(String(input.UpdateExpression), input).update(before ?? { ...input.Key! });
  };
  const write = (kind: "Put" | "Update" | "Delete", input: Input) => {
    const table = tableOf(input.TableName);
    const id = MemoryTable.idOf(input.Item ?? input.Key!);
    const before = table.items.get(id);
    if (!holds(input, before)) {
      meter.add(`${kind}Item`, { dynamo: 1, writeUnits: 1 });
      throw refused(input, before);
    }
    const next = nextOf(kind, input, before);
    meter.add(`${kind}Item`, { dynamo: 1, writeUnits: table.write(id, next) });
    const returned = { ALL_NEW: next, ALL_OLD: before, UPDATED_OLD: before }[String(input.ReturnValues)];
    return { Attributes: returned ? structuredClone(returned) : undefined };
  };
  const read = (
    operation: string,
    bytes: number,
    { TableName, ConsistentRead, IndexName }: Input,
    partition: string,
  ) => {
    const units = Math.max(1, Math.ceil(bytes / 4096)) / (ConsistentRead === true ? 1 : 2);
    meter.add(operation, { dynamo: 1, readUnits: units });
    tableOf(TableName).use(IndexName as string | undefined, partition, { reads: units });
  };

  const operations: Record<string, (input: Input) => unknown> = {
    GetItem(input) {
      const item = tableOf(input.TableName).items.get(MemoryTable.idOf(input.Key!));
      read("GetItem", item ? sizeOf(item) : 0, input, input.Key!.pk!.S!);
      return { Item: item && structuredClone(item) };
    },
    BatchGetItem(input) {
      const [[name, wanted] = []] = Object.entries(
        input.RequestItems as Record<string, { Keys: Item[]; ConsistentRead?: boolean }>,
      );
      const items = wanted!.Keys.map((key) => tableOf(name!).items.get(MemoryTable.idOf(key))).filter(
        (i) => i !== undefined,
      );
      const units = wanted!.Keys.length - items.length + items.reduce((sum, i) => sum + Math.ceil(sizeOf(i) / 4096), 0);
      meter.add("BatchGetItem", { dynamo: 1, readUnits: wanted!.ConsistentRead ? units : units / 2 });
      return { Responses: { [name!]: structuredClone(items) } };
    },
    PutItem: (input) => write("Put", input),
    UpdateItem: (input) => write("Update", input),
    DeleteItem: (input) => write("Delete", input),
    TransactWriteItems(input) {
      const writes = (input.TransactItems as Record<string, Input>[]).map((one) => Object.entries(one)[0]!);
      const targets = writes.map(([kind, p]) => ({
        kind,
        p,
        table: tableOf(p.TableName),
        id: MemoryTable.idOf(p.Item ?? p.Key!),
      }));
      const failed = targets.map(({ p, table, id }) => !holds(p, table.items.get(id)));
      if (failed.some(Boolean)) {
        meter.add("TransactWriteItems", { dynamo: 1 });
        throw new TransactionCanceledException({
          message: "Transaction cancelled",
          $metadata: {},
          CancellationReasons: targets.map(({ p, table, id }, i) => {
            if (!failed[i]) return { Code: "None" };
            const item = p.ReturnValuesOnConditionCheckFailure === "ALL_OLD" ? table.items.get(id) : undefined;
            return { Code: "ConditionalCheckFailed", ...(item && { Item: structuredClone(item) }) };
          }),
        });
      }
      let units = 0;
      for (const { kind, p, table, id } of targets) {
        // The transaction doubles the price of the items, and not of their index entries.
        const next = kind === "ConditionCheck" ? (table.items.get(id) ?? null) : nextOf(kind, p, table.items.get(id));
        const base = Math.max(1, Math.ceil(sizeOf(next ?? table.items.get(id) ?? {}) / 1024));
        units += (kind === "ConditionCheck" ? 1 : table.write(id, next)) + base;
        table.use(undefined, id.split("\u0000")[0]!, { writes: base });
      }
      meter.add("TransactWriteItems", { dynamo: 1, writeUnits: units });
      return {};
    },
    Query(input) {
      const {
        IndexName,
        Limit = Number.POSITIVE_INFINITY,
        ExclusiveStartKey,
      } = input as {
        IndexName?: string;
        Limit?: number;
        ExclusiveStartKey?: Item;
      };
      const forward = input.ScanIndexForward !== false;
      const condition = String(input.KeyConditionExpression);
      const [, name = "", value = ""] = /^(#?\w+) = (:\w+)/.exec(condition) ?? [];
      const sorted = tableOf(input.TableName).partition(IndexName, input.ExpressionAttributeValues![value]!.S!).sorted;
      const sort = IndexName ? INDEXED[IndexName]!.sort : "sk";
      const place = (item: Item) => ({ at: plain(item[sort])!, id: `${item.pk?.S} ${item.sk?.S}` });
      const from = ExclusiveStartKey && place(ExclusiveStartKey);
      const isAfter = (item: Item) => {
        if (!from) return true;
        const { at, id } = place(item);
        const order = compare(at, from.at) || compare(id, from.id);
        return forward ? order > 0 : order < 0;
      };
      // Binary searches for the ends of the range, so that a large partition costs a test no more than a small one.
      const between = /BETWEEN (:\w+) AND (:\w+)/.exec(condition);
      const prefix = /begins_with\(#?\w+, (:\w+)\)/.exec(condition);
      const values = input.ExpressionAttributeValues!;
      const low = between ? plain(values[between[1]!])! : prefix ? values[prefix[1]!]!.S! : undefined;
      const begin = low === undefined ? 0 : firstIndex(sorted, (item) => plain(item[sort])! >= low);
      const inRange = (item: Item) =>
        between
          ? plain(item[sort])! <= plain(values[between[2]!])!
          : prefix
            ? item[sort]!.S!.startsWith(prefix[1] ? values[prefix[1]]!.S! : "")
            : true;
      const end = begin + firstIndex(sorted, (item) => !inRange(item), begin) - begin;
      let at = forward ? begin : end - 1;
      if (from)
        at = forward
          ? Math.max(begin, firstIndex(sorted, isAfter))
          : Math.min(end - 1, firstIndex(sorted, (i) => !isAfter(i)) - 1);
      if (!name) throw new Error(`memory-dynamo cannot read the key condition: ${condition}`);
      const looked: Item[] = [];
      let bytes = 0;
      for (; at >= begin && at < end && looked.length < Limit && bytes < PAGE_BYTES; at += forward ? 1 : -1) {
        looked.push(sorted[at]!);
        bytes += sizeOf(sorted[at]!);
      }
      read("Query", bytes, input, input.ExpressionAttributeValues![value]!.S!);
      const more = at >= begin && at < end;
      const filter = input.FilterExpression === undefined ? null : String(input.FilterExpression);
      const found = filter ? looked.filter((item) => new Reader(filter, input).condition(item)) : looked;
      return {
        Items: structuredClone(found),
        ...(more && looked.length > 0 && { LastEvaluatedKey: looked.at(-1) }),
      };
    },
  };

  const send = async (command: { constructor: { name: string }; input: Input }) => {
    const operation = command.constructor.name.replace(/Command$/, "");
    const handler = operations[operation];
    if (!handler) throw new Error(`memory-dynamo has no operation ${operation}`);
    return handler(command.input);
  };
  const held = new Map<string, string>();
  const sqs = {
    async send(command: { constructor: { name: string }; input: Record<string, unknown> }) {
      const operation = command.constructor.name.replace(/Command$/, "");
      meter.add(operation, { sqs: 1 });
      const url = String(command.input.QueueUrl ?? "");
      const enqueue = (body: unknown, delaySeconds: unknown = 0): void => {
        if (o.clock && Number(delaySeconds) > 0) {
          o.clock.at(o.clock.now() + Number(delaySeconds) * 1_000, () => enqueue(body));
          return;
        }
        const bodies = sent.get(url);
        if (bodies) bodies.push(String(body));
        else sent.set(url, [String(body)]);
      };
      const entries = command.input.Entries as { Id: string; ReceiptHandle: string; VisibilityTimeout?: number }[];
      const unknown = () => entries.filter(({ ReceiptHandle }) => !held.has(ReceiptHandle)).map(({ Id }) => ({ Id }));
      if (operation === "GetQueueUrl" || operation === "CreateQueue")
        return { QueueUrl: `memory:${command.input.QueueName}` };
      if (operation === "ReceiveMessage") {
        // A poll of a real worker: its clock, and not that of the test, ends it.
        if (!sent.get(url)?.length && Number(command.input.WaitTimeSeconds ?? 0) > 0) await delay(EMPTY_RECEIVE_MS);
        const bodies = sent.get(url) ?? [];
        const taken = bodies.slice(0, Number(command.input.MaxNumberOfMessages));
        sent.set(url, bodies.slice(taken.length));
        const Messages = taken.map((Body) => {
          const ReceiptHandle = randomUUID();
          held.set(ReceiptHandle, Body);
          return { Body, ReceiptHandle, MessageId: ReceiptHandle, Attributes: { ApproximateReceiveCount: "1" } };
        });
        return { Messages };
      }
      if (operation === "ChangeMessageVisibilityBatch") {
        const Failed = unknown();
        for (const { ReceiptHandle, VisibilityTimeout } of entries) {
          if (VisibilityTimeout !== 0 || !held.has(ReceiptHandle)) continue;
          enqueue(held.get(ReceiptHandle));
          held.delete(ReceiptHandle);
        }
        return { Failed };
      }
      if (operation === "DeleteMessageBatch") for (const { ReceiptHandle } of entries) held.delete(ReceiptHandle);
      if (operation === "SendMessage") enqueue(command.input.MessageBody, command.input.DelaySeconds);
      if (operation === "SendMessageBatch")
        for (const entry of command.input.Entries as { MessageBody: string; DelaySeconds?: number }[])
          enqueue(entry.MessageBody, entry.DelaySeconds);
      return {};
    },
    destroy: () => {},
  };
  const none = () => Promise.reject(new Error("memory-dynamo has DynamoDB and SQS only"));
  const bucket = new Map<string, Buffer>();
  const objects = o.objects ? memoryObjects(bucket) : null;
  const clients: MemoryClients = {
    dynamo: { send, destroy: () => {} } as unknown as DynamoDBClient,
    sqs: sqs as unknown as Clients["sqs"],
    s3: objects ? () => Promise.resolve(objects) : none,
    sts: none,
    scheduler: none,
    meter,
    destroy: async () => {},
    sent,
    objects: () => [...bucket.keys()],
    items: (table) => [...tableOf(table).items.values()],
    takeUnits(table) {
      const units = [...tableOf(table).units].sort(([, a], [, b]) => b.writes + b.reads / 3 - a.writes - a.reads / 3);
      tableOf(table).units.clear();
      return units;
    },
  };
  stores.set(clients, tables);
  return clients;
}

const stores = new WeakMap<MemoryClients, Map<string, MemoryTable>>();

/** The first index from `begin` at which `is` holds, for items that first do not and then do. */
function firstIndex(items: readonly Item[], is: (item: Item) => boolean, begin = 0): number {
  let [low, high] = [begin, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (is(items[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}
