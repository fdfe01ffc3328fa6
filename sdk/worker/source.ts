/**
 * The source of a worker's tasks: a long poll of the server (here), or the deployment's queues in SQS (`sqs.ts`).
 *
 * POLL-1. A worker that stops, or that is full, does not just cut off its poll: the server may have answered it with a task,
 *     which nobody would then have until its lease lapses. It asks the server to end the poll, waits for the answer, and hands
 *     back what it brings.
 */
import { onAbort } from "../../shared/lib/on-abort.ts";
import type { Millis } from "../../shared/protocol/history.ts";
import type { Delivery } from "../../shared/protocol/worker.ts";
import type { WorkerContext } from "./types.ts";

/** The reason of an abort after which nothing is handed back, as after the death of the process. */
export const KILLED = "killed";

export interface TaskSource {
  /** Tasks are received with a lease that must be extended after this time. Absent: with a whole lease. */
  readonly firstExtensionMs?: Millis;
  /** The server has the tasks: a close can finish those of its run in the same call. */
  readonly ofServer?: true;
  /** Waits a while for up to `max` tasks; may answer none. */
  receive(queue: "workflow" | "activity", max: number, signal: AbortSignal): Promise<Delivery[]>;
  /**
   * Extends leases by `leaseMs` from now; 0 = hands the tasks back. Answers the receipts whose lease is lost. `patiently`:
   * the source repeats the call while the server cannot be reached.
   */
  extend(receipts: readonly string[], leaseMs: Millis, o?: { patiently?: true }): Promise<string[]>;
  /** The tasks are done, and are not delivered again. */
  finish(receipts: readonly string[]): Promise<void>;
  close(): void;
}

const WAIT_MS = 20_000;
const EXTEND_MS = 5_000;
/** POLL-1: the worker waits for so long until the poll has ended. */
const END_MS = 2_000;

export function pollSource(worker: WorkerContext, name: string): TaskSource {
  const { deployment, session, transport, clock } = worker;
  const extend: TaskSource["extend"] = async (receipts, leaseMs, { patiently = false } = {}) => {
    const body = { receipts: [...receipts], lease_ms: leaseMs };
    // A call that hangs must not use up the lease: the next round still has time.
    const options = patiently ? {} : { retry: false, timeoutMs: EXTEND_MS };
    return (await transport.call("extend", body, options)).lost;
  };
  return {
    ofServer: true,
    async receive(queue, max, signal) {
      const claim = queue === "workflow" ? { claim: true as const } : {};
      const body = { deployment, worker: name, session, queue, max, wait_ms: WAIT_MS, ...claim };
      const cut = new AbortController();
      let stopWaiting = () => {};
      const stopListening = onAbort(signal, () => {
        if (signal.reason === KILLED) return cut.abort(KILLED);
        stopWaiting = clock.at(clock.now() + END_MS, () => cut.abort());
        const end = { deployment, worker: name, session, queue, max: 0, wait_ms: 0 };
        transport.call("poll", end, { retry: false, timeoutMs: END_MS }).catch(() => cut.abort());
      });
      try {
        // If the answer is lost, its tasks are delivered again when their leases lapse.
        const { deliveries } = await transport.call("poll", body, { signal: cut.signal, timeoutMs: WAIT_MS + 10_000 });
        if (!signal.aborted || deliveries.length === 0) return deliveries;
        const receipts = deliveries.map(({ receipt }) => receipt); // POLL-1
        await extend(receipts, 0).catch(() => []);
        return [];
      } finally {
        stopListening();
        stopWaiting();
      }
    },
    extend,
    async finish(receipts) {
      await transport.call("finish", { receipts: [...receipts] });
    },
    close: () => {},
  };
}
