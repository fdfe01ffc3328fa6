/** A worker that a test controls: it makes the calls of the worker API one at a time. */
import { randomUUID } from "node:crypto";
import type { Clock } from "../../../shared/ports.ts";
import type { Head } from "../../../shared/protocol/head.ts";
import type { Batch, HistoryEvent, NewEvent } from "../../../shared/protocol/history.ts";
import type { Message } from "../../../shared/protocol/messages.ts";
import {
  type AppendResult,
  type Delivery,
  WORKER_ROUTES,
  type WorkerAnswer,
  type WorkerBody,
  type WorkerOperation,
} from "../../../shared/protocol/worker.ts";

export interface ScriptedOptions {
  readonly url: string;
  readonly key: string;
  readonly clock: Clock;
  readonly deployment: string;
  readonly name: string;
}

export class ScriptedWorker {
  readonly session = randomUUID();
  readonly deployment: string;
  readonly name: string;
  readonly #o: ScriptedOptions;

  constructor(o: ScriptedOptions) {
    this.#o = o;
    this.deployment = o.deployment;
    this.name = o.name;
  }

  get who() {
    return { deployment: this.deployment, worker: this.name, session: this.session };
  }

  /** Sends this body unchecked. */
  async raw(operation: WorkerOperation, body: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
    const response = await fetch(this.#o.url + WORKER_ROUTES[operation].path, {
      method: "POST",
      headers: { authorization: `Bearer ${this.#o.key}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  /** Answers the body of a 200 that fits its schema; throws for every other answer. */
  async call<K extends WorkerOperation>(operation: K, body: WorkerBody<K>): Promise<WorkerAnswer<K>> {
    const answer = await this.raw(operation, body);
    if (answer.status !== 200) throw new Error(`${operation}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return WORKER_ROUTES[operation].response.parse(answer.body) as WorkerAnswer<K>;
  }

  register(
    definitions: readonly ({ name: string } & Record<string, unknown>)[],
    more: Partial<WorkerBody<"register">> = {},
  ): Promise<WorkerAnswer<"register">> {
    const full = definitions.map((d) => ({ input_schema: {}, ...d }));
    const body = { ...this.who, definitions: full as never, activities: [], sdk: "scripted/1", ...more };
    return this.call("register", body);
  }

  heartbeat(): Promise<WorkerAnswer<"heartbeat">> {
    return this.call("heartbeat", this.who);
  }

  stop(): Promise<WorkerAnswer<"stop">> {
    return this.call("stop", this.who);
  }

  async poll(queue: "workflow" | "activity" = "workflow", wait_ms = 0): Promise<Delivery[]> {
    const { deliveries } = await this.call("poll", { ...this.who, queue, max: 10, wait_ms });
    return deliveries;
  }

  /** Polls until a query comes, and answers it. */
  async answerQuery(answer: WorkerBody<"answer">["answer"]): Promise<Extract<Delivery["task"], { kind: "query" }>> {
    for (;;) {
      for (const { task, receipt } of await this.poll("workflow", 60_000)) {
        await this.call("finish", { receipts: [receipt] });
        if (task.kind !== "query") continue;
        await this.call("answer", { query: task.query, answer });
        return task;
      }
    }
  }

  /** Claims an execution; the answer has its position and appends to it. */
  async claim(execution: string): Promise<Drive> {
    const claimed = await this.call("claim", { execution, session: this.session });
    if (claimed.kind !== "claimed") throw new Error(`${execution} is ${claimed.kind}`);
    return new Drive(this, this.#o.clock, claimed.head, claimed.batches, claimed.messages);
  }

  /** Claims and completes an execution in one go. */
  async complete(execution: string, result: unknown = null): Promise<void> {
    const drive = await this.claim(execution);
    await drive.close({ kind: "execution_completed", result: result as never }, { result });
  }
}

export class Drive {
  readonly head: Head;
  readonly messages: readonly Message[];
  tail: number;
  readonly #worker: ScriptedWorker;
  readonly #clock: Clock;

  constructor(
    worker: ScriptedWorker,
    clock: Clock,
    head: Head,
    batches: readonly Batch[],
    messages: readonly Message[],
  ) {
    this.#worker = worker;
    this.#clock = clock;
    this.head = head;
    this.messages = messages;
    this.tail = batches.reduce((tail, b) => tail + b.events.length, 1);
  }

  get position() {
    const { execution, run, chain, fence } = this.head;
    return { execution, run, chain, fence };
  }

  batch(events: readonly NewEvent[], at = this.#clock.now()): Batch {
    const placed = events.map((e, i) => ({ ...e, id: this.tail + 1 + i, at }) as HistoryEvent);
    return { first: this.tail + 1, events: placed, append_id: randomUUID() };
  }

  /** Appends these events and answers the result, whatever it is. */
  async tryAppend(events: readonly NewEvent[], taken: string[] = []): Promise<AppendResult> {
    const batch = this.batch(events);
    const { results } = await this.#worker.call("append", { items: [{ ...this.position, batch, taken }] });
    const [result] = results;
    if (result?.kind === "appended") this.tail += events.length;
    return result!;
  }

  /** Appends these events; throws unless they were appended. */
  async append(events: readonly NewEvent[], taken: string[] = []): Promise<Message[]> {
    const result = await this.tryAppend(events, taken);
    if (result.kind !== "appended") throw new Error(`append: ${JSON.stringify(result)}`);
    return result.messages;
  }

  async close(
    event: NewEvent,
    o: { result?: unknown; failure?: string; taken?: string[]; carried?: string[] } = {},
  ): Promise<WorkerAnswer<"close">> {
    const answer = await this.#worker.call("close", {
      ...this.position,
      batch: this.batch([event]),
      taken: o.taken ?? [],
      result: (o.result ?? null) as never,
      failure: o.failure ?? null,
      outbox: [],
      carried: o.carried ?? [],
    });
    if (answer.kind !== "closed") throw new Error(`close: ${JSON.stringify(answer)}`);
    return answer;
  }

  park(due_at: number | null = null): Promise<WorkerAnswer<"park">> {
    const { execution, run, fence } = this.head;
    return this.#worker.call("park", { items: [{ execution, run, fence, due_at, effects_done_through: this.tail }] });
  }
}
