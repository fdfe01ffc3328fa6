/**
 * Sends the workflow tasks of a sweep ten at a time: a call takes more processor time than the look at four entries. Tasks that
 * are offered in one turn of the event loop travel together. What SQS refuses is sent alone, which says why.
 */
import { SendMessageBatchCommand, type SendMessageBatchRequestEntry } from "@aws-sdk/client-sqs";
import { SQS_BATCH } from "../lib/sqs-batch.ts";
import type { QueueRef, Tasks } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { Task } from "../protocol/worker.ts";
import type { Context } from "./context.ts";
import type { Queues } from "./queues.ts";
import { attributesOf, writeTask } from "./task-writing.ts";

interface Offer {
  readonly p: Parameters<Tasks["send"]>;
  readonly entry: Omit<SendMessageBatchRequestEntry, "Id">;
  readonly done: PromiseWithResolvers<void>;
}

export class TaskBatcher {
  readonly #c: Context;
  readonly #queues: Queues;
  readonly #tasks: Tasks;
  #offers = new Map<string, Offer[]>();

  constructor(c: Context, queues: Queues, tasks: Tasks) {
    this.#c = c;
    this.#queues = queues;
    this.#tasks = tasks;
  }

  async send(...p: Parameters<Tasks["send"]>): Promise<void> {
    const [queue, task, { at } = {} as { at?: Millis }] = p;
    const url = at === undefined && task.kind === "workflow" ? await this.#queues.url(queue) : null;
    if (url === null) return this.#tasks.send(...p);
    const entry = await this.#entry(queue, task);
    const done = Promise.withResolvers<void>();
    const waiting = this.#offers.get(url);
    if (waiting) waiting.push({ p, entry, done });
    else {
      if (this.#offers.size === 0) setImmediate(() => this.#sendAll());
      this.#offers.set(url, [{ p, entry, done }]);
    }
    return done.promise;
  }

  async #entry(queue: QueueRef, task: Task): Promise<Offer["entry"]> {
    const MessageBody = await writeTask(this.#c.blobs, queue.workspace, task);
    return { MessageBody, MessageAttributes: attributesOf(queue) };
  }

  #sendAll(): void {
    const all = this.#offers;
    this.#offers = new Map();
    for (const [url, offers] of all) {
      for (let i = 0; i < offers.length; i += SQS_BATCH) void this.#sendBatch(url, offers.slice(i, i + SQS_BATCH));
    }
  }

  async #sendBatch(QueueUrl: string, offers: readonly Offer[]): Promise<void> {
    const Entries = offers.map(({ entry }, i) => ({ ...entry, Id: String(i) }));
    const refused = await this.#c.clients.sqs
      .send(new SendMessageBatchCommand({ QueueUrl, Entries }))
      .then(({ Failed = [] }) => new Set(Failed.map(({ Id }) => Id)))
      .catch(() => new Set(Entries.map(({ Id }) => Id)));
    for (const [i, { p, done }] of offers.entries()) {
      if (refused.has(String(i))) this.#tasks.send(...p).then(done.resolve, done.reject);
      else done.resolve();
    }
  }
}
