/** A backlog of overdue executions in the emulator's table, and what a round of the sweeper reads there, counted. */
import { BatchWriteItemCommand, DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { SQSClient } from "@aws-sdk/client-sqs";
import { dueAttributes } from "../../shared/aws/heads.ts";
import { DUE_SHARDS, headKey } from "../../shared/aws/keys.ts";
import { metered } from "../../shared/aws/meter.ts";
import { INDEXES } from "../../shared/aws/names.ts";
import { type Item, keyItem, S } from "../../shared/aws/table.ts";
import { TaskBatcher } from "../../shared/aws/task-batcher.ts";
import { itemBytes } from "../../shared/aws/units.ts";
import { forEachConcurrent } from "../../shared/lib/for-each-concurrent.ts";
import { headOf } from "../contract/subject.ts";
import type { Installation } from "./account.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const WORKSPACE = "w";
const ALIVE = 20;
/** DynamoDB takes as many items in a call. */
const BATCH = 25;
/** Half a unit for each 4 KB, as the index is read with eventual consistency. */
const UNIT_BYTES = 4_096;

export interface Counts {
  /** Executions of the living deployment that got no task. */
  readonly missed: number;
  /** Of reads of the index, by the sizes of the answered entries: until the last task of the living deployment, and in the whole round. */
  readonly unitsUntilAlive: number;
  readonly units: number;
  readonly queries: number;
  readonly looked: number;
}

/** Heads as the adapter writes them, written many at a time: the deployment's last worker ended between one and three hours ago. */
export async function fillBacklog(on: Installation, entries: number): Promise<void> {
  const ports = on.adapter();
  const { dynamo } = ports.clients;
  const model = { workspace: WORKSPACE, execution: "dead-model" };
  await ports.executions.create(headOf(model, Date.now(), { deployment: "dead" }), []);
  const Key = keyItem(headKey(model));
  const { Item: image } = await dynamo.send(
    new GetItemCommand({ TableName: on.tables.executions, Key, ConsistentRead: true }),
  );
  const { [INDEXES.runs.partition]: _, ...unlisted } = image!;
  const itemAt = (i: number): Item => {
    const { pk, sk } = headKey({ workspace: WORKSPACE, execution: `dead-${i}` });
    return {
      ...unlisted,
      pk: S(pk),
      sk: S(sk),
      ...dueAttributes({ dueShards: DUE_SHARDS }, pk, Date.now() - HOUR - (i * 2 * HOUR) / entries),
    };
  };
  const batches = Array.from({ length: Math.ceil(entries / BATCH) }, (_, n) =>
    Array.from({ length: Math.min(BATCH, entries - n * BATCH) }, (_, i) => itemAt(n * BATCH + i)),
  );
  await forEachConcurrent(8, batches, async (items) => {
    const requests = items.map((Item) => ({ PutRequest: { Item } }));
    const { UnprocessedItems = {} } = await dynamo.send(
      new BatchWriteItemCommand({ RequestItems: { [on.tables.executions]: requests } }),
    );
    if (Object.keys(UnprocessedItems).length > 0) throw new Error("the emulator left items of a batch unwritten");
  });
}

/** The emulator looks through the whole shard for each query, and serves one call at a time: all may take longer than AWS is given. */
function patientClients(on: Installation) {
  const { endpoint, region, credentials } = on.account;
  const clients = on.clients();
  const patient = { endpoint, region, credentials, requestHandler: { requestTimeout: 300_000 } };
  const dynamo = metered(new DynamoDBClient(patient), clients.meter, "dynamo");
  return { ...clients, dynamo, sqs: metered(new SQSClient(patient), clients.meter, "sqs") };
}

/** Makes some executions of a living deployment due, and runs one round. `workMs`: the time that it has. */
export async function countedRound(on: Installation, workMs: number): Promise<Counts> {
  const ports = on.adapter({ clients: patientClients(on) });
  const names = Array.from({ length: ALIVE }, (_, i) => `alive-${Date.now()}-${i}`);
  for (const [i, execution] of names.entries()) {
    const dueAt = Date.now() - 6_000 - i * 1_000;
    await ports.executions.create(
      headOf({ workspace: WORKSPACE, execution }, dueAt, { due_at: dueAt, deployment: "alive" }),
      [],
    );
  }
  const missed = new Set(names);
  let [units, unitsUntilAlive, queries] = [0, 0, 0];
  const { dynamo, sqs } = ports.clients;
  dynamo.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const answer = await next(args);
        const { IndexName } = args.input as { IndexName?: string };
        if (commandName !== "QueryCommand" || IndexName !== INDEXES.due.name) return answer;
        const { Items = [] } = answer.output as { Items?: Item[] };
        const bytes = Items.reduce((sum, item) => sum + itemBytes(item), 0);
        queries += 1;
        units += Math.max(1, Math.ceil(bytes / UNIT_BYTES)) / 2;
        return answer;
      },
    { step: "initialize", name: "countedReads" },
  );
  sqs.middlewareStack.add(
    (next) => (args) => {
      const sent = JSON.stringify(args.input);
      for (const name of missed) if (sent.includes(`\\"${name}\\"`) && missed.delete(name)) unitsUntilAlive = units;
      return next(args);
    },
    { step: "initialize", name: "seenTasks" },
  );
  const { due } = await ports.sweep(MINUTE, ports.clock.now() + workMs, { batcher: TaskBatcher });
  dynamo.destroy();
  sqs.destroy();
  return { missed: missed.size, unitsUntilAlive, units, queries, looked: due };
}
