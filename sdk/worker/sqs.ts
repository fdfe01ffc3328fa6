/**
 * Tasks straight from the deployment's queues in SQS. The server gives credentials for these queues and nothing else,
 * which last an hour. The SQS client asks for new ones before they end, and the worker gets them by registering again.
 * If SQS refuses a call although they last (an operator deleted the queues, or revoked the session), the worker
 * registers again at once.
 *
 * SQS-1. A task is received with a short lease, which the worker extends: the activity's before its code gets it, because
 *     that code may block the event loop; a workflow's if the worker still has the task a moment later (`leases.ts`). So a
 *     task that SQS gives to a connection which nobody reads any more comes again after seconds, not after a whole lease.
 * SQS-2. A poll is not aborted, because SQS may give it a task that it then keeps for the lease. Polls are short instead: a
 *     worker that stops, or that is full, waits for the end of its poll and hands back what it brings.
 * SQS-3. Every call ends, also where a firewall drops its packets.
 *
 * Only this file loads the SQS client: a worker of an embedded server needs no package of AWS.
 */
import type { Message, SQSClient } from "@aws-sdk/client-sqs";
import { onAbort } from "../../shared/lib/on-abort.ts";
import { callInBatches, type FailedEntry, type ReceiptEntry, SQS_BATCH } from "../../shared/lib/sqs-batch.ts";
import { decodeTaskBody } from "../../shared/lib/task-message.ts";
import type { Millis } from "../../shared/protocol/history.ts";
import type { Delivery, WorkerAnswer } from "../../shared/protocol/worker.ts";
import { Task } from "../../shared/protocol/worker.ts";
import { KILLED, type TaskSource } from "./source.ts";
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

/** SQS-2: how long a worker that stops may have to wait. Each poll is a request, so a shorter wait costs more. */
export const WAIT_SECONDS = 5;
/** SQS-1. */
const FIRST_LEASE_MS: Millis = 6_000;
const FIRST_EXTENSION_MS: Millis = 1_500;
const TIMEOUT_MS: Millis = 3_000;
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
    requestHandler: {
      connectionTimeout: 3_000,
      requestTimeout: TIMEOUT_MS,
      socketTimeout: WAIT_SECONDS * 1_000 + 2 * TIMEOUT_MS,
      throwOnRequestTimeout: true, // SQS-3
    },
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
  readonly firstExtensionMs = FIRST_EXTENSION_MS;

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
      VisibilityTimeout: Math.max(1, Math.ceil(Math.min(FIRST_LEASE_MS, this.#o.leaseMs) / 1000)),
      MessageSystemAttributeNames: ["ApproximateReceiveCount"],
    });
    const ended = new AbortController();
    const giveUp = () => {
      if (signal.reason === KILLED) return ended.abort();
      const timer = setTimeout(() => ended.abort(), WAIT_SECONDS * 1_000 + 1_000);
      timer.unref();
    };
    const stopListening = onAbort(signal, giveUp);
    const requestTimeout = WAIT_SECONDS * 1_000 + TIMEOUT_MS;
    const { Messages = [] } = await this.#client
      .send(command, { abortSignal: ended.signal, requestTimeout })
      .catch(async (error: Error) => {
        if (STALE.has(error.name) && !signal.aborted) await this.#renew(error);
        throw error;
      })
      .finally(stopListening);
    const handles = Messages.map((message) => this.#receipt(queue, message));
    if (signal.aborted) {
      await this.extend(handles, 0); // SQS-2
      return [];
    }
    if (queue === "activity" && handles.length > 0) {
      const lost = new Set(await this.extend(handles, this.#o.leaseMs)); // SQS-1
      for (let i = Messages.length - 1; i >= 0; i--) if (lost.has(handles[i]!)) Messages.splice(i, 1);
    }
    const deliveries = await Promise.all(Messages.map((message) => this.#delivery(queue, message)));
    return deliveries.filter((delivery) => delivery !== null);
  }

  /** As the server makes them: `extend` through the server hands back what a dead worker core held (HOST-6). */
  #receipt(queue: Kind, message: Message): string {
    return `${queue}/${this.#o.worker.deployment}/${message.ReceiptHandle}`;
  }

  async #delivery(queue: Kind, message: Message): Promise<Delivery | null> {
    try {
      return {
        receipt: this.#receipt(queue, message),
        attempt: Number(message.Attributes?.ApproximateReceiveCount ?? 1),
        task: await this.#task(message.Body ?? ""),
      };
    } catch (error) {
      // SQS delivers it again; a message that no worker can read ends in the dead-letter queue.
      this.#o.worker.log.error("a message from the queue holds no task", { message_id: message.MessageId, error });
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
