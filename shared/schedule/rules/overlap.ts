/**
 * One pass over the waiting runs decides which start, which continue to wait and which are dropped.
 *
 * OVERLAP-1. A run under ALLOW_ALL starts. If no run is active, the first other run of the pass is the candidate to start, under
 *     any policy. Every further run overlaps with the candidate or with the active runs.
 * OVERLAP-2. The policy of a run is its own override, or else the schedule's present policy, not the policy at the time when the
 *     run was queued.
 * OVERLAP-3. CANCEL_OTHER and TERMINATE_OTHER never let an old and a new run overlap. If runs are active, the new run asks them to
 *     stop and waits for their close; if none is, a newer candidate replaces an older one. Each run asks once, so each due
 *     time asks again.
 * OVERLAP-4. A scheduled run is dropped if the schedule is paused or exhausted when the run would start; until then it waits.
 *     Manual runs start even then and do not reduce `remaining`.
 * OVERLAP-5. If a run of the pass asks the active runs to stop, runs that would start in the same pass are superseded. A trigger
 *     with ALLOW_ALL is not: its caller asked for a start beside any other run.
 */
import { Overlap } from "./definition.ts";
import { count, type Draft, record } from "./draft.ts";
import { start, stopAll } from "./effects.ts";
import { ACTIVE_LIMIT } from "./limits.ts";
import type { StopKind, WaitingRun } from "./state.ts";

export function processBuffer(draft: Draft): void {
  if (draft.state.buffer.length === 0) return;
  const pass = new Pass(draft);
  for (const run of draft.state.buffer) pass.consider(run);
  pass.finish();
}

class Pass {
  readonly #draft: Draft;
  readonly #busy: boolean;
  /** In order of arrival. */
  readonly #starting = new Set<WaitingRun>();
  readonly #waiting: WaitingRun[] = [];
  #candidate: WaitingRun | undefined;
  #stop: StopKind | undefined;
  #slots: number;

  constructor(draft: Draft) {
    this.#draft = draft;
    this.#busy = draft.state.active.length > 0;
    this.#slots = draft.state.remaining ?? Number.POSITIVE_INFINITY;
  }

  consider(run: WaitingRun): void {
    const policy = run.overlap ?? this.#draft.state.definition.policy.overlap;
    if (policy === Overlap.ALLOW_ALL) {
      this.#choose(run);
      return;
    }
    if (!this.#busy && !this.#candidate) {
      if (this.#choose(run)) this.#candidate = run;
      return;
    }
    switch (policy) {
      case Overlap.SKIP:
        this.#skip(run, this.#busy ? "a run is active" : "an earlier run starts at the same time");
        return;
      case Overlap.BUFFER_ONE:
        if (this.#waiting.length === 0) this.#waiting.push(run);
        else this.#skip(run, "one run is waiting already");
        return;
      case Overlap.BUFFER_ALL:
        this.#waiting.push(run);
        return;
      case Overlap.CANCEL_OTHER:
      case Overlap.TERMINATE_OTHER:
        if (this.#busy) this.#askToStop(run, policy === Overlap.TERMINATE_OTHER ? "terminate" : "cancel");
        else this.#replaceCandidate(run);
        return;
    }
  }

  finish(): void {
    const { state } = this.#draft;
    if (this.#stop) {
      for (const run of this.#starting) if (run.overlap !== Overlap.ALLOW_ALL) this.#supersede(run);
      stopAll(this.#draft, this.#stop);
    }
    const limited = state.remaining !== null;
    if (limited && this.#slots !== state.remaining) state.remaining = this.#slots;
    for (const run of this.#starting) start(this.#draft, run, limited && run.manual === null);
    for (const run of this.#waiting) if (!run.waited) record(this.#draft, run, "buffered");
    const waiting = this.#waiting.map((run) => (run.waited ? run : { ...run, waited: true }));
    const same = waiting.length === state.buffer.length && waiting.every((run, index) => run === state.buffer[index]);
    if (!same) state.buffer = waiting;
  }

  /** Takes a slot and starts the run at the end of the pass, or drops it. */
  #choose(run: WaitingRun): boolean {
    if (run.manual === null) {
      const lost = this.#draft.state.paused ? "paused" : this.#slots === 0 ? "exhausted" : undefined;
      if (lost) {
        record(this.#draft, run, lost);
        return false;
      }
    }
    if (this.#draft.state.active.length + this.#starting.size >= ACTIVE_LIMIT) {
      count(this.#draft, "refused");
      record(this.#draft, run, "refused", {
        reason: `${ACTIVE_LIMIT} runs of this schedule are active, the most allowed`,
      });
      return false;
    }
    if (run.manual === null) this.#slots--;
    this.#starting.add(run);
    return true;
  }

  #unchoose(run: WaitingRun): void {
    this.#starting.delete(run);
    if (run.manual === null) this.#slots++;
  }

  #supersede(run: WaitingRun): void {
    this.#unchoose(run);
    record(this.#draft, run, "superseded", { reason: "a run that stops the others came due" });
  }

  #skip(run: WaitingRun, reason: string): void {
    count(this.#draft, "overlap_skipped");
    record(this.#draft, run, "skipped_overlap", { reason });
  }

  #askToStop(run: WaitingRun, kind: StopKind): void {
    if (!run.asked && this.#stop !== "terminate") this.#stop = kind;
    this.#waiting.push(run.asked ? run : { ...run, asked: true });
  }

  #replaceCandidate(run: WaitingRun): void {
    const before = this.#candidate!;
    this.#unchoose(before);
    if (this.#choose(run)) {
      this.#candidate = run;
      record(this.#draft, before, "superseded", { reason: "a newer run came due before it started" });
    } else this.#choose(before);
  }
}
