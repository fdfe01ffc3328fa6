/**
 * Follows all events through the official client's stream. After a lost connection it continues after the last sequence number
 * that it received. It records the events, so that the audit can find doubled and missing ones.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Mistral } from "@mistralai/mistralai";

export type Phase = "running" | "completed" | "failed";

export interface Watched {
  phase: Phase;
  /** Ids of activities that have started and not ended. */
  readonly open: Set<string>;
  /** Time at which the last event arrived, ms since the epoch. */
  lastAt: number;
  started: number;
  ended: number;
}

/** One frame of the official client's stream. */
type Streamed =
  Awaited<ReturnType<Mistral["workflows"]["events"]["getStreamEvents"]>> extends ReadableStream<infer Frame>
    ? Frame
    : never;

const ENDS: Readonly<Record<string, Phase>> = {
  WORKFLOW_EXECUTION_COMPLETED: "completed",
  WORKFLOW_EXECUTION_FAILED: "failed",
};

export class Watcher {
  readonly executions = new Map<string, Watched>();
  /** Ids of the events, in the order of their arrival. */
  readonly eventIds: string[] = [];
  connections = 0;
  /** Number of events whose sequence number did not rise. */
  disorder = 0;
  readonly #mistral: Mistral;
  readonly #watched: ReadonlySet<string>;
  readonly #stop = new AbortController();
  readonly #listeners = new Set<() => void>();
  #last = -1;

  constructor(mistral: Mistral, executionIds: Iterable<string>) {
    this.#mistral = mistral;
    this.#watched = new Set(executionIds);
  }

  async run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const stream = await this.#mistral.workflows.events.getStreamEvents({
          workflowName: "process_invoice",
          startSeq: this.#last + 1,
        });
        this.connections += 1;
        await this.#read(stream.getReader());
      } catch {
        // the server cannot be reached: the next connection continues where this one ended
      }
      await delay(100, undefined, { signal }).catch(() => {});
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  async #read(reader: ReadableStreamDefaultReader<Streamed>): Promise<void> {
    const { signal } = this.#stop;
    signal.addEventListener("abort", () => void reader.cancel().catch(() => {}), { once: true });
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const { data } = next.value;
      if (data && "brokerSequence" in data) this.#record(data.brokerSequence, data.data);
    }
  }

  /** Resolves as soon as `holds` answers true; rejects with a message that names `what` after `limitMs`. */
  async until(what: string, limitMs: number, holds: () => boolean): Promise<void> {
    const deadline = Date.now() + limitMs;
    while (!holds()) {
      if (Date.now() > deadline) throw new Error(`not within ${Math.round(limitMs / 1000)} s: ${what}`);
      await this.#change(250);
    }
  }

  count(phase: Phase): number {
    return [...this.executions.values()].filter((e) => e.phase === phase).length;
  }

  get closed(): number {
    return this.count("completed") + this.count("failed");
  }

  /** Ids of executions that are in an activity. */
  busy(): string[] {
    return [...this.executions].filter(([, e]) => e.phase === "running" && e.open.size > 0).map(([id]) => id);
  }

  #change(atMostMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#listeners.delete(done);
        resolve();
      };
      const timer = setTimeout(done, atMostMs);
      this.#listeners.add(done);
    });
  }

  #record(
    sequence: number,
    event: { eventId: string; eventType?: string; workflowExecId: string; attributes: unknown },
  ): void {
    if (sequence <= this.#last) this.disorder += 1;
    this.#last = Math.max(this.#last, sequence);
    if (!this.#watched.has(event.workflowExecId)) return;
    this.eventIds.push(event.eventId);
    const one = this.executions.get(event.workflowExecId) ?? fresh();
    this.executions.set(event.workflowExecId, one);
    one.lastAt = Date.now();
    const { taskId } = event.attributes as { taskId?: string };
    const type = event.eventType ?? "";
    if (type === "WORKFLOW_EXECUTION_STARTED") one.started += 1;
    if (type === "ACTIVITY_TASK_STARTED") one.open.add(taskId ?? "");
    if (type === "ACTIVITY_TASK_COMPLETED" || type === "ACTIVITY_TASK_FAILED") one.open.delete(taskId ?? "");
    const end = ENDS[type];
    if (end) {
      one.phase = end;
      one.ended += 1;
    }
    for (const listener of [...this.#listeners]) listener();
  }
}

const fresh = (): Watched => ({ phase: "running", open: new Set(), lastAt: 0, started: 0, ended: 0 });
