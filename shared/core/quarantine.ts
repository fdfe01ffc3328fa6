/**
 * Quarantine: workflow code that harms its worker is kept away from all workers for a while.
 *
 * QUARANTINE-1. A `workflow_task_failed` with the hash of a definition in `quarantined` begins it. Until it ends, no worker
 *     gives this run to code with that hash; outcomes and timers are recorded as for any bug (EXEC-6).
 * QUARANTINE-2. Code with another hash runs at once. Code with the same hash is tried again when the quarantine ends: the
 *     hash covers the workflow function, not the functions that it calls, and one of those may have been repaired.
 * QUARANTINE-3. Each further quarantine of a run lasts twice as long, because each try may cost a worker its process. A
 *     further failure of the same try does not count. A recorded decision of the code ends the series.
 * QUARANTINE-4. A process can die without a word (out of memory, an abort in native code). The deliveries of the workflow
 *     task count such deaths across workers, along with other deliveries that came to nothing. After `UNFINISHED_DELIVERIES`
 *     the next worker records a quarantine first and then tries the code all the same: if the process dies of it, no other
 *     worker tries the code for a while; if the code comes to rest, a decision or `quarantine_ended` ends the quarantine.
 */
import type { EventOf, Millis } from "../protocol/history.ts";

const FIRST_MS: Millis = 10 * 60_000;
const LONGEST_MS: Millis = 24 * 3_600_000;

/** QUARANTINE-4. */
export const UNFINISHED_DELIVERIES = 3;
export const WORKER_DIED = "WorkerDied";

export interface Quarantine {
  /** Hash of the definition. */
  readonly code: string;
  readonly until: Millis;
  /** How many there were in a row. */
  readonly count: number;
  readonly failure: EventOf<"workflow_task_failed">["failure"];
}

/** The quarantine after this event, which carries `quarantined`. */
export function nextQuarantine(before: Quarantine | null, e: EventOf<"workflow_task_failed">): Quarantine {
  // A process that dies slowly may be found by its watchdog after it has tried the code in quarantine: that is one death.
  const isSameTry = before?.code === e.quarantined && e.at < before!.until;
  const count = (before?.count ?? 0) + (isSameTry ? 0 : 1);
  const until = e.at + Math.min(LONGEST_MS, FIRST_MS * 2 ** (count - 1));
  return { code: e.quarantined!, until, count, failure: e.failure };
}

/** QUARANTINE-4: whether this code is to be quarantined before it is tried. `deliveries`: of the workflow task, with this one. */
export function isSuspect(quarantine: Quarantine | null, code: string, deliveries: number): boolean {
  const again = quarantine?.code === code && quarantine.failure.type === WORKER_DIED;
  return again || deliveries > UNFINISHED_DELIVERIES;
}

/** Must code with this hash not run now? */
export const isQuarantined = (quarantine: Quarantine | null, code: string, now: Millis): quarantine is Quarantine =>
  quarantine !== null && quarantine.code === code && now < quarantine.until;
