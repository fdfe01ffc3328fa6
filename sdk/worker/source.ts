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
import { PartsTrial, TRIAL_MS } from "./poll-parts.ts";
import { ServerUnreachable } from "./transport.ts";
import type { WorkerContext } from "./types.ts";

/** The reason of an abort after which nothing is handed back, as after the death of the process. */
export const KILLED = "killed";

export interface TaskSource {
  /** Tasks are received with a lease that must be extended after this time. Absent: with a whole lease. */
  readonly firstExtensionMs?: Millis;
  /** The server has the tasks: a close can finish those of its run in the same call. */
  readonly ofServer?: true;
  /**
   * Waits a while for up to `max` tasks; may answer none. Of the `max` some may be given to `onPart` before, one group after
   * another. Absent: all are answered.
   */
  receive(
    queue: "workflow" | "activity",
    max: number,
    signal: AbortSignal,
    onPart?: (deliveries: Delivery[]) => void,
  ): Promise<Delivery[]>;
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
  const who = { deployment, worker: name, session };
  const trial = new PartsTrial(clock, (onPart) => {
    const body = { ...who, queue: "workflow", max: 0, wait_ms: TRIAL_MS, parts: true } as const;
    return transport.call("poll", body, { retry: false, timeoutMs: TRIAL_MS + EXTEND_MS, onPart });
  });
  return {
    ofServer: true,
    async receive(queue, max, signal, onPart) {
      const claim = queue === "workflow" ? { claim: true as const, claim_again: true as const } : {};
      const body = { ...who, queue, max, wait_ms: WAIT_MS, ...claim };
      const cut = new AbortController();
      let isEnding = false;
      let stopWaiting = () => {};
      const end = () => {
        if (isEnding) return;
        isEnding = true;
        stopWaiting = clock.at(clock.now() + END_MS, () => cut.abort());
        transport
          .call("poll", { ...who, queue, max: 0, wait_ms: 0 }, { retry: false, timeoutMs: END_MS })
          .catch(() => cut.abort());
      };
      const stopListening = onAbort(signal, () => (signal.reason === KILLED ? cut.abort(KILLED) : end()));
      const handingBack: Promise<unknown>[] = [];
      const handBack = (deliveries: readonly Delivery[]) => {
        const receipts = deliveries.map(({ receipt }) => receipt);
        if (receipts.length > 0) handingBack.push(extend(receipts, 0).catch(() => []));
      };
      const inParts = queue === "workflow" && onPart !== undefined && trial.flow;
      const take = (deliveries: Delivery[]) => {
        // Tasks for code that does not run would wait here until their leases lapse.
        if (deliveries.length > 0 && worker.watch?.alive?.() === false) end();
        if (isEnding) handBack(deliveries);
        else if (deliveries.length > 0) onPart?.(deliveries);
      };
      try {
        // If the answer is lost, its tasks are delivered again when their leases lapse.
        const options = { signal: cut.signal, timeoutMs: WAIT_MS + 10_000 };
        const { deliveries } = inParts
          ? await transport.call("poll", { ...body, parts: true }, { ...options, retry: false, onPart: take })
          : await transport.call("poll", body, options);
        if (queue === "workflow" && transport.inParts && !signal.aborted) trial.begin();
        if (!isEnding) return deliveries;
        handBack(deliveries); // POLL-1
        return [];
      } catch (error) {
        if (!inParts || signal.aborted || !(error instanceof ServerUnreachable)) throw error;
        trial.failed(); // FLOW-2; the next poll finds out whether the server can be reached
        return [];
      } finally {
        stopListening();
        stopWaiting();
        await Promise.all(handingBack);
      }
    },
    extend,
    async finish(receipts) {
      await transport.call("finish", { receipts: [...receipts] });
    },
    close: () => {},
  };
}
