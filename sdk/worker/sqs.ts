/**
 * Tasks straight from the deployment's queues in SQS, with credentials that the server gave for them and nothing else.
 * They last an hour; the SDK's client asks for new ones before they end, which is what registering again answers.
 *
 * The client is loaded only here: whoever works against an embedded server needs no package of AWS.
 */
import { inflateRawSync } from "node:zlib";
import type { Message, SQSClient } from "@aws-sdk/client-sqs";
import type { Millis } from "../../shared/protocol/history.ts";
import type { Delivery, WorkerAnswer } from "../../shared/protocol/worker.ts";
import { Task } from "../../shared/protocol/worker.ts";
import type { TaskSource } from "./source.ts";
import type { WorkerContext } from "./types.ts";

export type SqsTasks = Extract<WorkerAnswer<"register">["tasks"], { via: "sqs" }>;

export interface SqsOptions {
  readonly worker: Pick<WorkerContext, "transport" | "log">;
  readonly tasks: SqsTasks;
  readonly leaseMs: Millis;
  /** Fresh credentials for the same queues. */
  readonly renew: () => Promise<SqsTasks>;
  /** A server time as a time of this process. */
  readonly local: (at: Millis) => Millis;
}

const WAIT_SECONDS = 20;
const MAX_VISIBILITY_SECONDS = 12 * 3_600;
const BATCH = 10;

type Sqs = typeof import("@aws-sdk/client-sqs");

export async function sqsSource(options: SqsOptions): Promise<TaskSource> {
  const sqs = await load();
  const { region, endpoint, workflow_queue, activity_queue } = options.tasks;
  let given: SqsTasks | null = options.tasks;
  const client = new sqs.SQSClient({
    region,
    ...(endpoint !== null && { endpoint }),
    maxAttempts: 5,
    // A long poll answers within its wait; a connection that does not is dead.
    requestHandler: { connectionTimeout: 3_000, requestTimeout: (WAIT_SECONDS + 10) * 1000 },
    credentials: async () => {
      const { credentials } = given ?? (await options.renew());
      given = null;
      return {
        accessKeyId: credentials.access_key_id,
        secretAccessKey: credentials.secret_access_key,
        sessionToken: credentials.session_token,
        expiration: new Date(options.local(credentials.expires_at)),
      };
    },
  });
  return new SqsSource(sqs, client, { workflow: workflow_queue, activity: activity_queue }, options);
}

async function load(): Promise<Sqs> {
  try {
    return await import("@aws-sdk/client-sqs");
  } catch (cause) {
    throw new Error(
      "this server hands out tasks through SQS, which needs the package @aws-sdk/client-sqs: npm install @aws-sdk/client-sqs",
      { cause },
    );
  }
}

type Kind = "workflow" | "activity";

class SqsSource implements TaskSource {
  readonly #sqs: Sqs;
  readonly #client: SQSClient;
  readonly #urls: Record<Kind, string>;
  readonly #o: SqsOptions;

  constructor(sqs: Sqs, client: SQSClient, urls: Record<Kind, string>, options: SqsOptions) {
    this.#sqs = sqs;
    this.#client = client;
    this.#urls = urls;
    this.#o = options;
  }

  async receive(queue: Kind, max: number, signal: AbortSignal): Promise<Delivery[]> {
    const command = new this.#sqs.ReceiveMessageCommand({
      QueueUrl: this.#urls[queue],
      MaxNumberOfMessages: Math.min(BATCH, max),
      WaitTimeSeconds: WAIT_SECONDS,
      VisibilityTimeout: Math.max(1, Math.ceil(this.#o.leaseMs / 1000)),
      MessageSystemAttributeNames: ["ApproximateReceiveCount"],
    });
    // Called off: what SQS has chosen by then is delivered again when its lease lapses.
    const { Messages = [] } = await this.#client.send(command, { abortSignal: signal });
    const deliveries = await Promise.all(Messages.map((message) => this.#delivery(queue, message)));
    return deliveries.filter((delivery) => delivery !== null);
  }

  async #delivery(queue: Kind, message: Message): Promise<Delivery | null> {
    try {
      return {
        receipt: `${queue}/${message.ReceiptHandle}`,
        attempt: Number(message.Attributes?.ApproximateReceiveCount ?? 1),
        task: await this.#task(message.Body ?? ""),
      };
    } catch (error) {
      // It is delivered again; what nobody can read ends with the dead letters.
      this.#o.worker.log.error("a message from the queue holds no task", { messageId: message.MessageId, error });
      return null;
    }
  }

  /** JSON; `z`: compressed JSON in base64; `@`: the name of a task that was too large for a message. */
  async #task(body: string): Promise<Task> {
    if (body.startsWith("@")) return (await this.#o.worker.transport.call("task", { name: body.slice(1) })).task;
    const json = body.startsWith("z") ? inflateRawSync(Buffer.from(body.slice(1), "base64")).toString() : body;
    return Task.parse(JSON.parse(json));
  }

  async extend(receipts: readonly string[], leaseMs: Millis): Promise<string[]> {
    const seconds = Math.min(MAX_VISIBILITY_SECONDS, Math.max(0, Math.ceil(leaseMs / 1000)));
    return this.#inBatches(receipts, async (QueueUrl, entries) => {
      const Entries = entries.map((entry) => ({ ...entry, VisibilityTimeout: seconds }));
      const command = new this.#sqs.ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries });
      return (await this.#client.send(command)).Failed;
    });
  }

  async finish(receipts: readonly string[]): Promise<void> {
    await this.#inBatches(receipts, async (QueueUrl, Entries) => {
      const command = new this.#sqs.DeleteMessageBatchCommand({ QueueUrl, Entries });
      return (await this.#client.send(command)).Failed;
    });
  }

  /** Ten at a time, each queue apart. Answers the receipts that SQS does not know (any more). */
  async #inBatches(
    receipts: readonly string[],
    call: (
      queueUrl: string,
      entries: { Id: string; ReceiptHandle: string }[],
    ) => Promise<readonly { Id?: string | undefined; SenderFault?: boolean | undefined }[] | undefined>,
  ): Promise<string[]> {
    const lost: string[] = [];
    for (const kind of ["workflow", "activity"] as const) {
      const prefix = `${kind}/`;
      const mine = receipts.filter((receipt) => receipt.startsWith(prefix));
      for (let i = 0; i < mine.length; i += BATCH) {
        const some = mine.slice(i, i + BATCH);
        const entries = some.map((r, n) => ({ Id: String(n), ReceiptHandle: r.slice(prefix.length) }));
        // What failed through no fault of ours (a throttle) is still held: the next round tries again.
        for (const f of (await call(this.#urls[kind], entries)) ?? []) {
          if (f.SenderFault !== false) lost.push(some[Number(f.Id)]!);
        }
      }
    }
    return lost;
  }

  close(): void {
    this.#client.destroy();
  }
}
