/**
 * **close** (completed, failed, cancelled, continued) — one transaction, the only one of a run: the closing batch if its
 * position is free, and the final head if turn and run are mine and it is running. Turn lost: claim again, take in what
 * came, decide again: so an acknowledged signal is never lost to a close (interleaving 5). Effects owed, those of the
 * closing batch first: the head keeps a `due_at`; perform them; settle (interleaving 6).
 * **continue-as-new** is the same transaction with the head of the new run, then ring. The new run begins with the ids
 * that its predecessor took in (interleaving 9). (R9)
 */

import { effectsOf, outlivesRun } from "../core/effects.ts";
import type { Ports, Ref } from "../ports.ts";
import type { Head, Owed } from "../protocol/head.ts";
import type { Batch } from "../protocol/history.ts";
import { CLOSING, isClosing } from "../protocol/history.ts";
import type { ChildOutcome } from "../protocol/messages.ts";
import { checkBatch } from "./append.ts";
import { withKeys } from "./effects.ts";
import { ring } from "./enqueue.ts";
import { closeOwed, finalHead } from "./final-head.ts";
import { performOwed } from "./outbox.ts";

export interface CloseRequest {
  readonly run: string;
  readonly chain: string;
  readonly turn: number;
  readonly batch: Batch;
  readonly taken: readonly string[];
  readonly result: Head["result"];
  readonly failure: string | null;
  /** What the end of the run owes to its children. */
  readonly owed: readonly Owed[];
  readonly carried: readonly string[];
}
export type Closed =
  | { kind: "closed" }
  | { kind: "position_lost" }
  | { kind: "turn_lost" }
  | { kind: "malformed"; detail: string };

export async function close(ports: Ports, ref: Ref, p: CloseRequest): Promise<Closed> {
  const malformed = checkBatch(p.batch, true);
  if (malformed) return { kind: "malformed", detail: malformed };
  const head = await ports.executions.head(ref);
  const mine = head?.status === "RUNNING" && head.run === p.run && head.turn === p.turn;
  if (!mine) return wonEarlier(ports, ref, p, head);
  const event = p.batch.events.at(-1)!;
  if (!isClosing(event)) throw new Error("checked above");
  const now = event.at;
  const owedNow: Owed[] = [...head.owed];
  const effects = effectsOf(head, p.batch);
  if (effects.some(outlivesRun)) owedNow.push({ kind: "effects", run: p.run, first: p.batch.first });
  let next: Head;
  if (event.kind === "execution_continued") {
    next = {
      ...head,
      run: event.run,
      workflow: event.workflow,
      input: event.input,
      continued_from: head.run,
      attempt: 1,
      started_at: now,
      due_at: now + ports.settings.ringMs,
      rung: true,
      sent: 1,
      turn: head.turn + 1,
      owed: [...owedNow, ...p.owed],
      carried: [...p.carried],
      search_keys: effects.reduce(
        (keys, e) => (e.kind === "set_search_keys" ? withKeys(keys, e) : keys),
        head.search_keys,
      ),
    };
  } else {
    const owed = [...owedNow, ...closeOwed(head, outcomeOf(CLOSING[event.kind], p)), ...p.owed];
    next = finalHead(head, { status: CLOSING[event.kind], now, result: p.result, failure: p.failure, owed });
  }
  const done = await ports.executions.close(ref, { run: p.run, turn: p.turn, batch: p.batch, next });
  if (done.kind === "position_lost") return { kind: "position_lost" };
  if (done.kind === "head_lost") return wonEarlier(ports, ref, p, done.head);
  await finish(ports, ref, p, next);
  return { kind: "closed" };
}

/** A repeated call finds its own batch: it had won. What its server died over is done now, not when the sweeper comes. */
async function wonEarlier(ports: Ports, ref: Ref, p: CloseRequest, head: Head | null): Promise<Closed> {
  const [there] = await ports.executions.batches(ref, p.run, p.batch.first - 1);
  if (there?.append_id === p.batch.append_id) {
    const left = head?.status === "RUNNING" ? head.continued_from === p.run && head.rung : head?.run === p.run;
    if (head && left && head.due_at !== null) await finish(ports, ref, p, head);
    return { kind: "closed" };
  }
  if (there) return { kind: "position_lost" };
  return head?.run === p.run && head.status === "RUNNING" ? { kind: "turn_lost" } : { kind: "position_lost" };
}

async function finish(ports: Ports, ref: Ref, p: CloseRequest, next: Head): Promise<void> {
  if (p.taken.length > 0) await ports.executions.removeMessages(ref, p.chain, p.taken);
  if (next.owed.length > 0) await performOwed(ports, next);
  if (next.status === "RUNNING") await ring(ports, next);
}

function outcomeOf(status: Head["status"], p: CloseRequest): ChildOutcome {
  if (status === "COMPLETED") return { kind: "completed", result: p.result };
  const failure = { type: "ChildError", message: p.failure ?? status.toLowerCase() };
  return { kind: "failed", status: status === "CANCELED" ? "CANCELED" : "FAILED", failure };
}
