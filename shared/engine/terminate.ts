/**
 * **terminate / time out** — by the server, without the turn: read head and tail, one transaction of closing batch and
 * final head; the position lost: read again. Messages not taken in by then are dropped; that is documented. (PROTOCOL-9)
 * Only a run past its deadline is timed out, whatever an index said; and with `chain`, only that start of the execution
 * is ended: the id may have been used again between the reading of whoever calls and our own.
 */
import { childrenOutbox, openEffects, outlivesRun } from "../core/effects.ts";
import { fold, stateOf } from "../core/state.ts";
import type { Ports, Ref } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import { startedOf } from "../protocol/head.ts";
import { type Batch, tailOf } from "../protocol/history.ts";
import type { ChildOutcome } from "../protocol/messages.ts";
import { closeOutbox, finalHead } from "./final-head.ts";
import { flushOutbox } from "./outbox.ts";

export type Ending = { kind: "terminated"; reason: string | null } | { kind: "timed_out" };
/** `not_running`: there is no such run to end, any more or yet; `head` is what was found. */
export type TerminateResult = { kind: "closed"; head: Head } | { kind: "not_running"; head: Head | null };

export async function terminate(ports: Ports, ref: Ref, ending: Ending, chain?: string): Promise<TerminateResult> {
  for (;;) {
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
    if (state.closed) continue; // closed between the two reads
    const now = Math.max(ports.clock.now(), state.at);
    const first = tailOf(batches) + 1;
    const event =
      ending.kind === "terminated"
        ? ({ kind: "execution_terminated", reason: ending.reason, id: first, at: now } as const)
        : ({ kind: "execution_timed_out", id: first, at: now } as const);
    const status = ending.kind === "terminated" ? ("TERMINATED" as const) : ("TIMED_OUT" as const);
    const failure = ending.kind === "terminated" ? ending.reason : "execution timeout";
    const batch: Batch = { first, events: [event], append_id: ports.uuid() };
    const message = ending.kind === "terminated" ? `terminated: ${ending.reason ?? "no reason given"}` : "timed out";
    const outcome: ChildOutcome = { kind: "failed", status, failure: { type: "ChildError", message } };
    const outbox = [...head.outbox, ...closeOutbox(head, outcome), ...childrenOutbox(state)];
    // A driver may be just about to start the children of its last steps: first they are started, then ended.
    const unsent = batches.filter((b) => b.first > head.effects_done_through);
    if (openEffects(head, unsent).some(outlivesRun)) {
      outbox.unshift({ kind: "effects", run: head.run, first: unsent[0]!.first });
    }
    const next = finalHead(head, { status, now, result: null, failure, outbox });
    const closed = await ports.executions.close(ref, { run: head.run, fence: null, batch, next });
    if (closed.kind !== "closed") continue;
    const left = await ports.executions.inbox(ref, head.chain);
    await ports.executions.removeMessages(
      ref,
      head.chain,
      left.map((m) => m.id),
    );
    if (outbox.length > 0) await flushOutbox(ports, next);
    return { kind: "closed", head: next };
  }
}
