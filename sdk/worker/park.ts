/**
 * An execution at rest in one worker: it is parked until it is due, its tasks are finished, and a timer goes on for it
 * while local activities run here. The rules EXEC-4 and EXEC-5 are defined in `execution.ts`.
 */
import { dueAt } from "../../shared/core/due.ts";
import type { Millis } from "../../shared/protocol/history.ts";
import { RENEW_MS } from "../../shared/protocol/limits.ts";
import { arrivals, inOrder } from "../../shared/protocol/messages.ts";
import type { ExecutionHost } from "./host.ts";
import type { RunView } from "./run-view.ts";

/** If something is due and yet did not happen (the worker's clock is a little ahead), the worker looks again so soon. */
const SOON_MS: Millis = 100;
/** The times of two clocks are rounded, so the same time of the server comes out by as much earlier or later. */
const ROUNDING_MS: Millis = 2;
/** After a failure the execution is tried again so much later, twice as much later each time. */
const FIRST_RETRY_MS: Millis = 2_000;
const LONGEST_RETRY_MS: Millis = 60_000;

export class Parking {
  readonly #host: ExecutionHost;
  readonly #execution: string;
  readonly #onDue: () => void;
  /** Tasks that are leased and not finished. */
  readonly #receipts = new Set<string>();
  #cancelTimer: (() => void) | null = null;
  /** When the timer fires, by the process's clock. */
  #timerAt: Millis = 0;
  /** When a claim or a park set the due time last. */
  #dueSetAt: Millis = 0;
  #failures = 0;

  /** `onDue`: the execution is to be advanced. */
  constructor(host: ExecutionHost, execution: string, onDue: () => void) {
    this.#host = host;
    this.#execution = execution;
    this.#onDue = onDue;
  }

  get holdsTasks(): boolean {
    return this.#receipts.size > 0;
  }

  /** A task was delivered: its lease is extended until the task is finished. */
  hold(receipt: string): void {
    this.#receipts.add(receipt);
    this.#host.leases.hold(receipt, () => this.#receipts.delete(receipt));
  }

  /** A claim has set the due time, at this time of the server. */
  claimed(at: Millis): void {
    this.#dueSetAt = at;
  }

  /** Nothing is left to do now. `busy`: local activities run here. */
  async rest(view: RunView, busy: boolean): Promise<void> {
    this.#failures = 0;
    const now = this.#host.serverClock.now();
    const renewed = busy && now - this.#dueSetAt < RENEW_MS;
    if (!renewed) {
      this.stopTimer();
      if (view.isOwner) await this.#park(view);
      this.#dueSetAt = now;
    }
    if (busy) this.#wakeAt(Math.min(this.#dueAt(view) ?? Number.POSITIVE_INFINITY, this.#dueSetAt + RENEW_MS));
    this.finishTasks(busy ? 1 : 0); // EXEC-5 needs one, and every message brings one more
  }

  #dueAt({ state, bug, inbox }: RunView): Millis | null {
    return dueAt(state, {
      now: this.#host.serverClock.now(),
      session: this.#host.worker.session,
      broken: bug !== null,
      nextArrival: arrivals([...inbox.values()].sort(inOrder))[0] ?? null,
      diesAt: (session) => this.#host.sessions.diesAt(session),
    });
  }

  /** EXEC-4. */
  async #park(view: RunView): Promise<void> {
    const { run, fence } = view.head;
    const effects_done_through = view.effectsDoneThrough;
    const due_at = this.#dueAt(view);
    const parked = await this.#host.park({ execution: this.#execution, run, fence, due_at, effects_done_through });
    if (parked) view.head = { ...view.head, effects_done_through };
    else view.isOwner = false; // a wake-up or a claim has raised the fence: a task is on its way to some worker
  }

  #wakeAt(at: Millis): void {
    const { serverClock, worker } = this.#host;
    const now = serverClock.now();
    const timerAt = serverClock.toLocal(at > now ? at : now + SOON_MS);
    if (this.#cancelTimer && Math.abs(timerAt - this.#timerAt) <= ROUNDING_MS) return; // most steps change nothing of it
    this.stopTimer();
    this.#timerAt = timerAt;
    this.#cancelTimer = worker.clock.at(timerAt, () => {
      this.#cancelTimer = null;
      this.#onDue();
    });
  }

  stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  /** Tasks that the close of the run finishes. */
  get finishedByClose(): string[] {
    return this.#host.leases.finishedByClose(this.#receipts);
  }

  /** The server has finished these tasks. */
  finished(receipts: readonly string[]): void {
    for (const receipt of receipts) {
      this.#receipts.delete(receipt);
      this.#host.leases.forget(receipt);
    }
  }

  /** Finishes all tasks but the latest `keep`. */
  finishTasks(keep = 0): void {
    let left = this.#receipts.size - keep;
    for (const receipt of this.#receipts) {
      if (left-- <= 0) return;
      this.#receipts.delete(receipt);
      this.#host.leases.finish(receipt);
    }
  }

  /**
   * A step failed. Nobody else has outcomes of local activities (PROTOCOL-1): with `outcomes` this worker tries again.
   * Without them, and without attempts that run (EXEC-5), it hands the tasks back, to be delivered again later.
   */
  retry(o: { outcomes: boolean; busy: boolean }): void {
    const wait = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures);
    this.#failures += 1;
    if (o.outcomes) this.#wakeAt(this.#host.serverClock.now() + wait);
    if (o.outcomes || o.busy) return;
    for (const receipt of this.#receipts) void this.#host.leases.release(receipt, wait).catch(() => {});
    this.#receipts.clear();
  }

  /** The worker is stopping; the leases hand the tasks back. */
  abandon(): void {
    this.stopTimer();
    this.#receipts.clear();
  }
}
