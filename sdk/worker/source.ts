/** Where tasks come from: a long poll of the server here, the deployment's own queues on AWS. */
import type { Delivery } from "../../shared/protocol/worker.ts";
import type { WorkerContext } from "./types.ts";

export interface TaskSource {
  /** Waits a while for up to `max` tasks; may answer none. */
  receive(queue: "workflow" | "activity", max: number, signal: AbortSignal): Promise<Delivery[]>;
  close(): void;
}

const WAIT_MS = 20_000;

export function pollSource(worker: WorkerContext, name: string): TaskSource {
  const { deployment, session, transport } = worker;
  return {
    async receive(queue, max, signal) {
      const body = { deployment, worker: name, session, queue, max, wait_ms: WAIT_MS };
      // A lost answer loses nothing: the tasks in it come again when their leases lapse.
      const answer = await transport.call("poll", body, { signal, timeoutMs: WAIT_MS + 10_000 });
      return answer.deliveries;
    },
    close: () => {},
  };
}
