/**
 * Closes a run without the fence, for **terminate** and for time-outs: read head and log, then one transaction of closing
 * batch and final head; after a conflict, read again. It drops messages that no worker has taken in by then: the
 * documents say so. (PROTOCOL-9)
 */
import { childrenOutbox, openEffects, outlivesRun } from "../core/effects.ts";
import { fold, stateOf } from "../core/state.ts";
import type { Ports, Ref } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import { startedOf } from "../protocol/head.ts";
import { type Batch, tailOf } from "../protocol/history.ts";
import type { ChildOutcome } from "../protocol/messages.ts";
import { Unreadable } from "../protocol/unreadable.ts";
import { closeOutbox, finalHead } from "./final-head.ts";

export type Ending = { kind: "terminated"; reason: string | null } | { kind: "timed_out" };
/** `not_running`: there is no such run to end. `head` is the present one. */
export type ForceClosed = { kind: "closed"; head: Head } | { kind: "not_running"; head: Head | null };

/** The head says that the execution runs while the log of its run takes no event: no call can bring it further. */
export class DamagedExecution extends Unreadable {
  constructor(ref: Ref, run: string, why = "has ended") {
    super(`execution '${ref.execution}' is damaged: it runs, but the log of its run ${run} ${why}`);
    this.name = "DamagedExecution";
  }
}

/** More conflicts in a row than workers can cause. */
const MOST_TRIES = 100;

/**
 * The caller flushes the outbox of the head that it answers. `chain`: ends only that start of the execution, because the
 * id may belong to another start since the caller has read it. A run is timed out only past its own deadline: the index
 * that the caller has read may be stale.
 */
export async function forceClose(ports: Ports, ref: Ref, ending: Ending, chain?: string): Promise<ForceClosed> {
  let closedRun: string | null = null;
  /** Run and end of the log at the first conflict; null: they have changed since. */
  let stuck: string | null | undefined;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const head = await ports.executions.head(ref);
    if (head?.status !== "RUNNING") return { kind: "not_running", head };
    if (chain !== undefined && head.chain !== chain) return { kind: "not_running", head };
    const late = head.deadline !== null && head.deadline <= ports.clock.now();
    if (ending.kind === "timed_out" && !late) return { kind: "not_running", head };
    const batches = await ports.executions.batches(ref, head.run, 1);
    const state = fold(
      stateOf(startedOf(head)),
      batches.flatMap((b) => b.events),
    );
    if (state.closed) {
      if (closedRun === head.run) throw new DamagedExecution(ref, head.run);
      closedRun = head.run; // it closed between the two reads, or is damaged: the next read of the head tells
      continue;
    }
    const now = Math.max(ports.clock.now(), state.at);
    const first = tailOf(batches) + 1;
    const { event, status, failure, message } = closingOf(ending);
    const batch: Batch = { first, events: [{ ...event, id: first, at: now }], append_id: ports.uuid() };
    const outcome: ChildOutcome = { kind: "failed", status, failure: { type: "ChildError", message } };
    const outbox = [...head.outbox, ...closeOutbox(head, outcome), ...childrenOutbox(state)];
    // The worker may be about to start the children of its last batches: the outbox starts them first, then ends them.
    const notPerformed = batches.filter((b) => b.first > head.effects_done_through);
    if (openEffects(head, notPerformed).some(outlivesRun)) {
      outbox.unshift({ kind: "effects", run: head.run, first: notPerformed[0]!.first });
    }
    const next = finalHead(head, { status, now, result: null, failure, outbox });
    const closed = await ports.executions.close(ref, { run: head.run, fence: null, batch, next });
    if (closed.kind !== "closed") {
      const at = closed.kind === "conflict" ? `${head.run} ${first}` : null;
      if (at !== stuck) stuck = stuck === undefined ? at : null;
      continue;
    }
    const left = await ports.executions.inbox(ref, head.chain);
    await ports.executions.removeMessages(
      ref,
      head.chain,
      left.map((m) => m.id),
    );
    return { kind: "closed", head: next };
  }
  if (stuck) throw new DamagedExecution(ref, stuck.split(" ")[0]!, "takes no event at its end");
  throw new Error(`execution '${ref.execution}' changed at each of ${MOST_TRIES} tries to end it`);
}

function closingOf(ending: Ending) {
  if (ending.kind === "timed_out") {
    const event = { kind: "execution_timed_out" } as const;
    return { event, status: "TIMED_OUT", failure: "execution timeout", message: "timed out" } as const;
  }
  const { reason } = ending;
  const event = { kind: "execution_terminated", reason } as const;
  const message = `terminated: ${reason ?? "no reason given"}`;
  return { event, status: "TERMINATED", failure: reason, message } as const;
}
