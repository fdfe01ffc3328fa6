/**
 * A poll that is answered in parts: lines of JSON, each with tasks. A poll for each task would be a request for each run, which the
 * server handles just before the next run.
 *
 * PARTS-1. The head and a first line without tasks leave at once, and a line with tasks whenever some come, until there were
 *     `max` of them, the poll's time is over, or the worker ends the poll (POLL-1). The last line says `end`: an answer without
 *     it was cut short.
 * PARTS-2. The server takes the tasks of a line once the line before it has been written. If it cannot write a line, because the
 *     caller has gone or the server stops, it hands the tasks of that line back at once.
 * PARTS-3. A poll in parts with `max: 0` is a trial: its time is over without tasks, and the worker sees whether something
 *     between the two holds the first line back.
 */
import { mayLeaveEarly } from "../../engine/claim-with-task.ts";
import { onAbort } from "../../lib/on-abort.ts";
import type { Clock, QueueRef } from "../../ports.ts";
import type { Millis } from "../../protocol/history.ts";
import type { Delivery, PollPart, WorkerBody } from "../../protocol/worker.ts";
import type { RequestContext } from "../request-context.ts";
import { leavesEarly } from "./early.ts";

/** Where the queues of the server can do that. Otherwise the poll is answered as others are. */
export async function* pollInParts(context: RequestContext, body: WorkerBody<"poll">): AsyncGenerator<PollPart> {
  const { ports, workspace, signal } = context;
  const { deployment, queue: kind, session, max, wait_ms: waitMs, claim, claim_again: again = false } = body;
  const queue: QueueRef = { workspace, deployment, queue: kind };
  yield { deliveries: [] };
  if (max === 0) {
    await passed(ports.clock, waitMs, signal); // PARTS-3
    yield { deliveries: [], end: true };
    return;
  }
  let left = max;
  let unwritten: readonly Delivery[] = [];
  try {
    for await (const taken of ports.tasks.receiveInParts!(queue, { session, max, waitMs, signal })) {
      unwritten = taken;
      left -= taken.length;
      const claimed = claim && !signal.aborted && (await ports.withClaims?.(queue, { session, again }, taken)); // CLAIM-1, CLAIM-3
      const part = { deliveries: claimed || [...taken], ...(left === 0 && { end: true as const }) };
      yield claimed && mayLeaveEarly(ports, claimed) ? leavesEarly(part) : part;
      unwritten = [];
      if (left === 0) return;
    }
    yield { deliveries: [], end: true };
  } finally {
    if (unwritten.length > 0) {
      const receipts = unwritten.map(({ receipt }) => receipt);
      await ports.tasks.extend(workspace, receipts, 0); // PARTS-2
    }
  }
}

function passed(clock: Clock, ms: Millis, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.at(clock.now() + ms, done);
    const stopListening = onAbort(signal, done);
    function done(): void {
      cancel();
      stopListening();
      resolve();
    }
  });
}
