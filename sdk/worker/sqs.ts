/**
 * Tasks straight from the deployment's queues in SQS. The server gives credentials for these queues and nothing else,
 * which last an hour. The SQS client asks for new ones before they end, and the worker gets them by registering again.
 * If SQS refuses a call although they last (an operator deleted the queues, or revoked the session), the worker
 * registers again at once.
 *
 * Only this file loads the SQS client: a worker of an embedded server needs no package of AWS.
 */
import type { Message, SQSClient } from "@aws-sdk/client-sqs";
import { callInBatches, type FailedEntry, type ReceiptEntry, SQS_BATCH } from "../../shared/lib/sqs-batch.ts";
import { decodeTaskBody } from "../../shared/lib/task-message.ts";
import type { Millis } from "../../shared/protocol/history.ts";
import type { Delivery, WorkerAnswer } from "../../shared/protocol/worker.ts";
import { Task } from "../../shared/protocol/worker.ts";
import type { TaskSource } from "./source.ts";
import type { WorkerContext } from "./types.ts";

export type SqsTasks = Extract<WorkerAnswer<"register">["tasks"], { via: "sqs" }>;

export interface SqsOptions {
  readonly worker: Pick<WorkerContext, "transport" | "log" | "deployment">;
  readonly tasks: SqsTasks;
  readonly leaseMs: Millis;
  /** Fresh credentials for the same queues. */
  readonly renew: () => Promise<SqsTasks>;
  /** A server time as a time of this process. */
  readonly local: (at: Millis) => Millis;
}

const WAIT_SECONDS = 20;
const MAX_VISIBILITY_SECONDS = 12 * 3_600;

/** Between two renewals after refusals: an operator may have withdrawn the rights on purpose. */
const RENEW_AGAIN_MS: Millis = 15_000;
/** Refusals that new credentials, or queues that are made again, may end. */
const STALE = new Set([
  "QueueDoesNotExist",
  "AWS.SimpleQueueService.NonExistentQueue",
  "ExpiredToken",
  "ExpiredTokenException",
  "InvalidClientTokenId",
  "UnrecognizedClientException",
  "AccessDenied",
  "AccessDeniedException",
]);

type Sqs = typeof import("@aws-sdk/client-sqs");

export const sqsSource = async (options: SqsOptions): Promise<TaskSource> => new SqsSource(await load(), options);

function clientFor(sqs: Sqs, options: SqsOptions, tasks: SqsTasks): SQSClient {
  const { region, endpoint } = tasks;
  let unused: SqsTasks | null = tasks; // its credentials serve first
  return new sqs.SQSClient({
    region,
    ...(endpoint !== null && { endpoint }),
    maxAttempts: 5,
    // A long poll answers within its wait; a connection that does not is dead.
    requestHandler: { connectionTimeout: 3_000, requestTimeout: (WAIT_SECONDS + 10) * 1000 },
    credentials: async () => {
      const { credentials } = unused ?? (await options.renew());
      unused = null;
      return {
        accessKeyId: credentials.access_key_id,
        secretAccessKey: credentials.secret_access_key,
        sessionToken: credentials.session_token,
        expiration: new Date(options.local(credentials.expires_at)),
      };
    },
  });
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
  readonly #o: SqsOptions;
  #client: SQSClient;
  #tasks: SqsTasks;
  #renewing: Promise<void> | null = null;
  #renewedAt = Number.NEGATIVE_INFINITY;

  constructor(sqs: Sqs, options: SqsOptions) {
    this.#sqs = sqs;
    this.#o = options;
    this.#tasks = options.tasks;
    this.#client = clientFor(sqs, options, options.tasks);
  }

  #url(kind: Kind): string {
    return kind === "workflow" ? this.#tasks.workflow_queue : this.#tasks.activity_queue;
  }

  /** One renewal serves all calls that were refused, and there is none within `RENEW_AGAIN_MS` after it. */
  #renew(why: unknown): Promise<void> {
    if (performance.now() - this.#renewedAt < RENEW_AGAIN_MS) return Promise.resolve();
    this.#renewing ??= this.#renewNow(why).finally(() => {
      this.#renewedAt = performance.now();
      this.#renewing = null;
    });
    return this.#renewing;
  }

  async #renewNow(why: unknown): Promise<void> {
    this.#o.worker.log.warn(
      "SQS refuses this worker: the worker asks the server for its queues and for credentials again",
      {
        error: why,
      },
    );
    this.#tasks = await this.#o.renew();
    const previous = this.#client;
    this.#client = clientFor(this.#sqs, this.#o, this.#tasks);
    previous.destroy();
  }

  async receive(queue: Kind, max: number, signal: AbortSignal): Promise<Delivery[]> {
    const command = new this.#sqs.ReceiveMessageCommand({
      QueueUrl: this.#url(queue),
      MaxNumberOfMessages: Math.min(SQS_BATCH, max),
      WaitTimeSeconds: WAIT_SECONDS,
      VisibilityTimeout: Math.max(1, Math.ceil(this.#o.leaseMs / 1000)),
      MessageSystemAttributeNames: ["ApproximateReceiveCount"],
    });
    // After an abort, SQS delivers the messages that it had chosen again when their leases lapse.
    const { Messages = [] } = await this.#client.send(command, { abortSignal: signal }).catch(async (error: Error) => {
      if (STALE.has(error.name) && !signal.aborted) await this.#renew(error);
      throw error;
    });
    const deliveries = await Promise.all(Messages.map((message) => this.#delivery(queue, message)));
    return deliveries.filter((delivery) => delivery !== null);
  }

  async #delivery(queue: Kind, message: Message): Promise<Delivery | null> {
    try {
      return {
        // As the server makes them: `extend` through the server hands back what a dead worker core held (HOST-6).
        receipt: `${queue}/${this.#o.worker.deployment}/${message.ReceiptHandle}`,
        attempt: Number(message.Attributes?.ApproximateReceiveCount ?? 1),
        task: await this.#task(message.Body ?? ""),
      };
    } catch (error) {
      // SQS delivers it again; a message that no worker can read ends in the dead-letter queue.
      this.#o.worker.log.error("a message from the queue holds no task", { messageId: message.MessageId, error });
      return null;
    }
  }

  /** The server reads a task that exceeds a message: the worker has no right to the bucket. */
  async #task(text: string): Promise<Task> {
    const body = decodeTaskBody(text);
    if (body.kind === "json") return Task.parse(JSON.parse(body.json));
    return (await this.#o.worker.transport.call("task", { name: body.name })).task;
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

  /** Groups the receipts by queue. Answers those that SQS refused. */
  async #inBatches(
    receipts: readonly string[],
    call: (queueUrl: string, entries: ReceiptEntry[]) => Promise<readonly FailedEntry[] | undefined>,
  ): Promise<string[]> {
    const refused: string[] = [];
    for (const kind of ["workflow", "activity"] as const) {
      const prefix = `${kind}/${this.#o.worker.deployment}/`;
      const mine = receipts.filter((receipt) => receipt.startsWith(prefix));
      const handleOf = (receipt: string) => receipt.slice(prefix.length);
      refused.push(...(await callInBatches(mine, handleOf, (entries) => call(this.#url(kind), entries))));
    }
    return refused;
  }

  close(): void {
    this.#client.destroy();
  }
}
