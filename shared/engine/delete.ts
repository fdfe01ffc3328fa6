/**
 * **delete**: removes a closed execution with all its runs, and what is stored of them.
 *
 * 1. Read the head. Running: refused. A final head with an outbox is flushed first, as for a start.
 * 2. Hide: one conditional write (DELETE-1).
 * 3. Erase what is stored. A crash before 2 leaves the whole execution. After it the rounds of maintenance erase.
 *
 * DELETE-1. One write hides the execution whole: head, runs, entries of lists. Its condition is that of a reset and of a start
 *     over a final head: final, not due, of this run and fence. So one of these wins, and the others read again. A store may
 *     hide the runs that it has continued from before that, some at a time, as its retention does.
 * DELETE-2. `erase` deletes only what belongs to the runs and chains that were hidden. So one that lags cannot touch a later
 *     start of the id. A start under the id first removes what would show the hidden runs beside its own.
 * DELETE-3. A call that had read a run before it was hidden may still write to it. Nothing reads such a write, because reads
 *     begin at the head. Where the store cannot refuse it, it is erased by a second round, an hour later.
 * DELETE-4. A tombstone keeps the id and the start tokens for one retention, and nothing else. So a repeated delete succeeds,
 *     and a start that a client, a parent or a schedule repeats does not begin a deleted execution again.
 * DELETE-5. Counts of runs stay. The example of a failure is taken out of them, because it has an id and a message.
 * DELETE-6. An execution that is damaged can be neither ended nor reset, so an operator may delete it while it runs. Only one whose
 *     head, log or run cannot be read, or contradict each other, is deleted so. Where the head is readable, its parent and its
 *     schedule are told first that it was terminated; doing so twice is harmless. Its children are named by the log alone and go on.
 */
import { fold, stateOf } from "../core/state.ts";
import { readable } from "../lib/readable.ts";
import type { Ports, Ref } from "../ports.ts";
import { type Head, startedOf } from "../protocol/head.ts";
import type { Millis } from "../protocol/history.ts";
import { closeOutbox } from "./final-head.ts";
import { flushOutbox, performOutbox } from "./outbox.ts";

export type Deleted =
  /** Also if an earlier call has deleted it. */
  { kind: "deleted" } | { kind: "not_found" } | { kind: "running"; head: Head } | { kind: "another"; head: Head };

/** More changes in a row than callers can cause. */
const MOST_TRIES = 100;
/** So long the caller waits for what is stored to be erased. It is hidden before. */
const ERASE_MS: Millis = 10_000;

/** `chain`: deletes only this start of the execution. */
export async function deleteExecution(ports: Ports, ref: Ref, chain?: string): Promise<Deleted> {
  const { executions, clock } = ports;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const head = await executions.head(ref);
    if (!head) {
      if ((await executions.deletedAt(ref)) === null) return { kind: "not_found" };
      // The caller of the delete that hid it may have died.
      await executions.erase(ref, clock.now() + ERASE_MS);
      return { kind: "deleted" };
    }
    if (chain !== undefined && head.chain !== chain) return { kind: "another", head };
    if (head.status === "RUNNING") return { kind: "running", head };
    if (head.due_at !== null) {
      await flushOutbox(ports, head);
      continue;
    }
    if (!(await executions.hide(ref, { run: head.run, fence: head.fence }))) continue;
    await executions.erase(ref, clock.now() + ERASE_MS);
    return { kind: "deleted" };
  }
  throw new Error(`execution '${ref.execution}' changed at each of ${MOST_TRIES} tries to delete it`);
}

export type DamagedDeleted =
  /** `told`: whether its parent or schedule, if it has one, was told; null: the head that names them cannot be read. */
  | { kind: "deleted"; told: boolean | null }
  | { kind: "not_found" }
  /** It can be read: it is ended and deleted as others are. */
  | { kind: "sound"; head: Head };

/** DELETE-6. */
export async function deleteDamaged(ports: Ports, ref: Ref): Promise<DamagedDeleted> {
  const { executions, clock } = ports;
  const head = await readable(() => executions.head(ref));
  if (head === null) return { kind: "not_found" };
  let told: boolean | null = null;
  if (head) {
    if (!(await isDamaged(ports, head))) return { kind: "sound", head };
    told = await tellOfEnd(ports, head);
  }
  if (!(await executions.hideDamaged(ref))) return { kind: "not_found" };
  await executions.erase(ref, clock.now() + ERASE_MS);
  return { kind: "deleted", told };
}

/** Whether its run is not one of this execution, its log cannot be read, or says that the run has ended while the head runs. */
async function isDamaged(ports: Ports, seen: Head): Promise<boolean> {
  const { executions } = ports;
  let closedRun: string | null = null;
  for (let head: Head | null = seen; head !== null; head = await executions.head(head)) {
    const { run } = head;
    const known = await readable(() => executions.run(seen.workspace, run));
    if (known?.execution !== seen.execution) return true;
    const state = await readable(async () =>
      fold(
        stateOf(startedOf(head!)),
        (await executions.batches(head!, run, 1)).flatMap((batch) => batch.events),
      ),
    );
    if (!state) return true;
    if (head.status !== "RUNNING" || !state.closed) return false;
    if (closedRun === run) return true;
    closedRun = run; // it closed between the two reads, or is damaged: the next read of the head tells
  }
  return false;
}

/** What the outbox still holds may name a damaged log, so each entry stands alone. False: an entry was not performed. */
async function tellOfEnd(ports: Ports, head: Head): Promise<boolean> {
  const failure = { type: "ChildError", message: "terminated: what was stored of it was damaged, and it was deleted" };
  const own = head.status === "RUNNING" ? closeOutbox(head, { kind: "failed", status: "TERMINATED", failure }) : [];
  let told = true;
  for (const entry of [...head.outbox, ...own]) {
    const performed = await readable(async () => {
      await performOutbox(ports, { ...head, outbox: [entry] });
      return true;
    });
    if (!performed) told = false;
  }
  return told;
}
