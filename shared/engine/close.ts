/**
 * **close** (completed, failed, cancelled, continued) (PROTOCOL-9): the only transaction of a run.
 *
 * 1. The closing batch if its position is free, and the final head if it is running and fence and run are the caller's.
 *    `fenced`: the caller claims again, takes in the new messages and decides again. So a close never loses an
 *    acknowledged message (PROTOCOL-10; interleaving "the closing batch is written before the head").
 * 2. Flush the outbox, the effects of the closing batch first; the head has a `due_at` until its outbox is empty
 *    (interleaving "close removes the due time, then tells the parent").
 *
 * **continue-as-new** is the same transaction with the head of the new run, then a workflow task, delayed while runs follow
 * each other too quickly (PACE-1). The server makes the
 * new run's id. The run begins with the ids of the messages that its predecessors took in (interleaving "continue with a
 * taken message in the inbox"). It may belong to another deployment than the old one (CURRENT-1).
 */

import { effectsOf, outlivesRun } from "../core/effects.ts";
import { beginsAt, nextPace } from "../core/run-interval.ts";
import type { Ports, Ref, RegistrationRecord } from "../ports.ts";
import type { Head, OutboxEntry } from "../protocol/head.ts";
import type { Batch, HistoryEvent } from "../protocol/history.ts";
import { CLOSING, isClosing } from "../protocol/history.ts";
import type { ChildOutcome } from "../protocol/messages.ts";
import { checkBatch } from "./append.ts";
import { withKeys } from "./effects.ts";
import { enqueueRun } from "./enqueue.ts";
import { closeOutbox, finalHead } from "./final-head.ts";
import { flushOutbox } from "./outbox.ts";

export interface CloseRequest {
  readonly run: string;
  readonly chain: string;
  readonly fence: number;
  readonly batch: Batch;
  readonly taken: readonly string[];
  readonly result: Head["result"];
  readonly failure: string | null;
  /** Effects of the end of the run on its children. */
  readonly outbox: readonly OutboxEntry[];
  readonly carried: readonly string[];
}
export type Closed =
  | { kind: "closed" }
  | { kind: "conflict" }
  | { kind: "fenced" }
  | { kind: "malformed"; detail: string };

/** Where the next run of an execution goes; null: it stays in its deployment. */
export type Follow = (head: Head, workflow: string) => Promise<Pick<RegistrationRecord, "id" | "deployment"> | null>;

export async function close(ports: Ports, ref: Ref, p: CloseRequest, follow?: Follow): Promise<Closed> {
  const malformed = checkBatch(p.batch, true);
  if (malformed) return { kind: "malformed", detail: malformed };
  const head = await ports.executions.head(ref);
  const mine = head?.status === "RUNNING" && head.run === p.run && head.fence === p.fence;
  if (!mine) return wonEarlier(ports, ref, p, head);
  const batch = withRunId(ports, p.batch);
  const event = batch.events.at(-1)!;
  if (!isClosing(event)) throw new Error("checked above");
  const now = event.at;
  const inherited: OutboxEntry[] = [...head.outbox];
  const effects = effectsOf(head, batch);
  if (effects.some(outlivesRun)) inherited.push({ kind: "effects", run: p.run, first: p.batch.first });
  let next: Head;
  if (event.kind === "execution_continued") {
    const { reset: _reset, open_inputs: _openInputs, ...unreset } = head;
    const paced_until = nextPace(head, event.id, ports.clock.now());
    const elsewhere = await follow?.(head, event.workflow);
    next = {
      ...unreset,
      ...(elsewhere && { deployment: elsewhere.deployment, registration: elsewhere.id, owner: null }),
      paced_until,
      run: event.run,
      workflow: event.workflow,
      input: event.input,
      continued_from: head.run,
      attempt: 1,
      started_at: now,
      due_at: (beginsAt({ paced_until }, ports.clock.now()) ?? now) + ports.settings.wakeTimeoutMs,
      wake_pending: true,
      effects_done_through: 1,
      fence: head.fence + 1,
      outbox: [...inherited, ...p.outbox],
      carried: [...p.carried],
      search_keys: effects.reduce(
        (keys, e) => (e.kind === "set_search_keys" ? withKeys(keys, e) : keys),
        head.search_keys,
      ),
    };
  } else {
    const outbox = [...inherited, ...closeOutbox(head, outcomeOf(event, p)), ...p.outbox];
    next = finalHead(head, { status: CLOSING[event.kind], now, result: p.result, failure: p.failure, outbox });
  }
  const done = await ports.executions.close(ref, { run: p.run, fence: p.fence, batch, next });
  if (done.kind === "conflict") return { kind: "conflict" };
  if (done.kind === "fenced") return wonEarlier(ports, ref, p, done.head);
  await finish(ports, ref, p, next);
  return { kind: "closed" };
}

/** The server makes the id of the next run: an id that a worker chose could be that of a run that exists. */
function withRunId(ports: Ports, batch: Batch): Batch {
  const last = batch.events.at(-1);
  if (last?.kind !== "execution_continued") return batch;
  return { ...batch, events: [...batch.events.slice(0, -1), { ...last, run: ports.uuid() }] };
}

/**
 * The head is not the caller's. A repeated call finds its own batch: it has closed the run before, and performs now what
 * a dead server left, instead of leaving it to the sweeper.
 */
async function wonEarlier(ports: Ports, ref: Ref, p: CloseRequest, head: Head | null): Promise<Closed> {
  const [there] = await ports.executions.batches(ref, p.run, p.batch.first - 1);
  if (there?.append_id === p.batch.append_id) {
    const unfinished =
      head?.status === "RUNNING" ? head.continued_from === p.run && head.wake_pending : head?.run === p.run;
    if (head && unfinished && head.due_at !== null) await finish(ports, ref, p, head);
    return { kind: "closed" };
  }
  if (there) return { kind: "conflict" };
  return head?.run === p.run && head.status === "RUNNING" ? { kind: "fenced" } : { kind: "conflict" };
}

async function finish(ports: Ports, ref: Ref, p: CloseRequest, next: Head): Promise<void> {
  if (p.taken.length > 0) await ports.executions.removeMessages(ref, p.chain, p.taken);
  if (next.outbox.length > 0) await flushOutbox(ports, next);
  if (next.status === "RUNNING") await enqueueRun(ports, next);
}

/** What a parent learns of the end of its child: the failure as the child recorded it. */
function outcomeOf(event: HistoryEvent, p: CloseRequest): ChildOutcome {
  if (event.kind === "execution_failed") return { kind: "failed", status: "FAILED", failure: event.failure };
  if (event.kind !== "execution_cancelled") return { kind: "completed", result: p.result };
  const { reason } = event;
  const failure = { type: "Cancelled", message: p.failure ?? "cancelled", details: { reason } };
  return { kind: "failed", status: "CANCELED", failure };
}
