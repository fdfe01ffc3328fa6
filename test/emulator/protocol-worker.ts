/** A deployed installation, and a worker that makes the calls of the protocol one by one, as a test says. */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { STSClient } from "@aws-sdk/client-sts";
import { httpTransport } from "../../sdk/worker/http-transport.ts";
import type { Transport } from "../../sdk/worker/transport.ts";
import { headKey } from "../../shared/aws/keys.ts";
import { INDEXES } from "../../shared/aws/names.ts";
import type { HistoryEvent } from "../../shared/protocol/history.ts";
import { Task, type WorkerAnswer, type WorkerBody } from "../../shared/protocol/worker.ts";
import { DEFAULTS } from "../../shared/server/settings.ts";
import { definition } from "../contract/subject.ts";
import { functionOf, reconfigure } from "./lambda.ts";
import { ownStack } from "./shared-stack.ts";
import { type Seen, type Stall, stalling } from "./stall.ts";
import { eventually } from "./support.ts";

export type Claimed = Extract<WorkerAnswer<"claim">, { kind: "claimed" }>;
export type Answer = { readonly status: number; readonly body: Record<string, unknown> | null };
type Distributed<T> = T extends unknown ? Omit<T, "id" | "at"> : never;

const HANDLER = { input_schema: { type: "object" } };

export type ProtocolWorker = Awaited<ReturnType<typeof startProtocolWorker>>;

/**
 * Registers the workflow `orders` with the signal `go` and the query `peek`, in a stack of its own, whose functions it
 * changes for a moment. The sweeper runs each second.
 */
export async function startProtocolWorker() {
  const { account, stack, workspace, key } = await ownStack("handlers");
  const { endpoint, region, credentials } = account;
  const clients = { endpoint, region, credentials };
  const [sqs, sts, dynamo] = [new SQSClient(clients), new STSClient(clients), new DynamoDBClient(clients)];
  const worker: Transport = httpTransport({ url: stack.workerUrl, apiKey: key });
  const session = randomUUID();
  const who = { deployment: "shop", worker: "protocol-worker", session };
  const definitions = [
    definition("orders", { signals: [{ name: "go", ...HANDLER }], queries: [{ name: "peek", ...HANDLER }] }),
  ];
  const { tasks } = await worker.call("register", { ...who, definitions, activities: [], sdk: "test" });
  if (tasks.via !== "sqs") throw new Error("on AWS tasks come from SQS");
  const queues = { workflow: tasks.workflow_queue, activity: tasks.activity_queue };
  const stall = await stalling(endpoint);
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };

  const api = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const url = `${stack.apiUrl}/v1/workflows${path}`;
    const answer = await fetch(url, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
    return { status: answer.status, body: (await answer.json().catch(() => null)) as Answer["body"] };
  };

  return {
    stack,
    workspace,
    key,
    worker,
    session,
    api,
    async start(execution: string): Promise<Answer> {
      await worker.call("heartbeat", who);
      return api("POST", "/orders/execute", { execution_id: execution, input: { n: 1 } });
    },
    signal: (execution: string, input: unknown) =>
      api("POST", `/executions/${execution}/signals`, { name: "go", input }),

    async claim(execution: string, by = session): Promise<Claimed> {
      const claimed = await worker.call("claim", { execution, session: by });
      if (claimed.kind !== "claimed") throw new Error(`execution ${execution} is closed`);
      return claimed;
    },

    /** Receives all tasks of a queue and deletes them. */
    async tasks(queue: keyof typeof queues): Promise<Task[]> {
      const found: Task[] = [];
      for (;;) {
        const input = { QueueUrl: queues[queue], MaxNumberOfMessages: 10, WaitTimeSeconds: 0 };
        const { Messages = [] } = await sqs.send(new ReceiveMessageCommand(input));
        if (Messages.length === 0) return found;
        for (const { Body, ReceiptHandle } of Messages) {
          await sqs.send(new DeleteMessageCommand({ QueueUrl: queues[queue], ReceiptHandle }));
          found.push(Task.parse(JSON.parse(Body!)));
        }
      }
    },
    /** Waits for a workflow task of the execution. */
    woken(execution: string): Promise<true> {
      return eventually(`a workflow task of ${execution}`, async () =>
        (await this.tasks("workflow")).some((task) => task.execution === execution) ? true : undefined,
      );
    },
    /** Sets the due time into the past, beyond the sweeper's grace time, so that the test need not wait for it. */
    async overdue(execution: string): Promise<void> {
      const { pk, sk } = headKey({ workspace, execution });
      await dynamo.send(
        new UpdateItemCommand({
          TableName: stack.outputs.ExecutionsTable,
          Key: { pk: { S: pk }, sk: { S: sk } },
          UpdateExpression: `SET ${INDEXES.due.sort} = :past`,
          ConditionExpression: `attribute_exists(${INDEXES.due.sort})`,
          ExpressionAttributeValues: { ":past": { N: String(Date.now() - DEFAULTS.graceMs - 1_000) } },
        }),
      );
    },

    /**
     * Runs `act` while the function has a timeout of `timeout` seconds, and stalls the first request that `choose` names. Restores the
     * function. Answers the result of `act` and the stalled request.
     */
    async killed<T>(
      id: string,
      choose: (seen: Seen) => Stall,
      act: () => Promise<T>,
      timeout = 3,
    ): Promise<{ result: T; at: Seen }> {
      const found = await functionOf(sts, stack.stackName, id);
      const environment = { AWS_ENDPOINT_URL_DYNAMODB: stall.url, AWS_ENDPOINT_URL_SQS: stall.url };
      const undo = await reconfigure(sts, found, { timeout, environment });
      try {
        const met = stall.next(choose);
        const doing = act();
        const at = await Promise.race([
          met,
          delay(180_000).then(() => {
            throw new Error(`the function ${id} made no request that the test stalls`);
          }),
        ]);
        await at.gone; // not before, because restoring the settings would end the process as well
        return { result: await doing, at };
      } finally {
        await undo();
      }
    },

    async end(): Promise<void> {
      worker.close();
      await stall.close();
      for (const client of [sqs, sts, dynamo]) client.destroy();
    },
  };
}

export const event = (id: number, of: Distributed<HistoryEvent> | Record<string, unknown>): HistoryEvent =>
  ({ id, at: Date.now(), ...of }) as HistoryEvent;

const position = ({ head }: Claimed) => {
  const { execution, run, chain, fence } = head;
  return { execution, run, chain, fence };
};
const batchOf = (events: HistoryEvent[]) => ({
  first: events[0]!.id,
  events,
  append_id: randomUUID(),
});

/** The body of an append, with an `append_id`. A repeated call must have the same body. */
export const appendOf = (by: Claimed, events: HistoryEvent[], taken: string[] = []): WorkerBody<"append"> => ({
  items: [{ ...position(by), batch: batchOf(events), taken, look: true }],
});

export const closeOf = (by: Claimed, id: number, over: Partial<WorkerBody<"close">> = {}): WorkerBody<"close"> => ({
  ...position(by),
  batch: batchOf([event(id, { kind: "execution_completed", result: { done: true } })]),
  taken: [],
  result: { done: true },
  failure: null,
  outbox: [],
  carried: [],
  ...over,
});
