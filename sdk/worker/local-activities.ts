/**
 * The activities of one execution that run in this process, and their outcomes until a recorded event carries them
 * (PROTOCOL-1). The rules EXEC-2 and EXEC-5 are defined in `execution.ts`.
 */
import type { LocalOutcome } from "../../shared/core/decide.ts";
import { steadyOf } from "../../shared/lib/clock.ts";
import type { Batch, HistoryEvent } from "../../shared/protocol/history.ts";
import { isMessageActivity } from "../runtime/message.ts";
import { Attempt, type AttemptRequest } from "./attempt.ts";
import type { ExecutionHost } from "./host.ts";
import type { RunView } from "./run-view.ts";
import type { ActivitySlots } from "./slots.ts";

export interface LocalActivitiesOptions {
  readonly host: ExecutionHost;
  readonly execution: string;
  /** The view of the run that is current for this worker; null = none. */
  readonly view: () => RunView | null;
  /** An outcome is there to be recorded. */
  readonly onOutcome: () => Promise<void>;
  readonly onFailure: (error: unknown) => void;
}

export class LocalActivities {
  readonly #o: LocalActivitiesOptions;
  readonly #mine: `local:${string}`;
  readonly #running = new Map<string, Attempt>();
  #outcomes: LocalOutcome[] = [];
  #abandoned = false;

  constructor(options: LocalActivitiesOptions) {
    this.#o = options;
    this.#mine = `local:${options.host.worker.session}`;
  }

  get running(): number {
    return this.#running.size;
  }

  /** Attempts whose functions may still return a result. */
  get busy(): number {
    return this.#running
      .values()
      .filter((attempt) => !attempt.givenUp)
      .toArray().length;
  }

  get hasOutcomes(): boolean {
    return this.#outcomes.length > 0;
  }

  /** An attempt whose outcome is not recorded still counts as running. */
  isRunning(activity: number, attempt: number): boolean {
    const run = this.#o.view()?.head.run;
    if (run !== undefined && this.#running.has(keyOf(run, activity, attempt))) return true;
    return this.#outcomes.some((o) => o.activity === activity && o.attempt === attempt);
  }

  /** Does any attempt of this activity run here? */
  runsHere(activity: number): boolean {
    return this.#attemptsOf(activity).length > 0;
  }

  #attemptsOf(activity: number): Attempt[] {
    const prefix = `${this.#o.view()?.head.run}/${activity}/`;
    return [...this.#running].flatMap(([key, attempt]) => (key.startsWith(prefix) ? [attempt] : []));
  }

  // --- outcomes ------------------------------------------------------------------------------------------------

  /** The outcomes of attempts that are open; forgets the others. */
  openOutcomes(): LocalOutcome[] {
    const activities = this.#o.view()?.state.activities;
    this.#outcomes = this.#outcomes.filter((o) => activities?.get(o.activity)?.attempt === o.attempt);
    return this.#outcomes;
  }

  /** The batch is durable: forgets the outcomes that it carries, and those of attempts that are not open any more. */
  recorded(events: Batch["events"]): void {
    if (this.#outcomes.length === 0) return;
    const ended = new Set(events.filter(endsAttempt).map((e) => e.activity));
    this.#outcomes = this.#outcomes.filter((o) => !ended.has(o.activity));
    this.openOutcomes();
  }

  // --- slots ---------------------------------------------------------------------------------------------------

  #slotsFor(activity: string): ActivitySlots {
    const { slots, messageSlots } = this.#o.host;
    return isMessageActivity(activity) ? messageSlots : slots;
  }

  /** Reserves a slot for each activity that this batch places here. */
  reserve(events: Batch["events"]): void {
    const { worker } = this.#o.host;
    for (const e of events) {
      if (e.kind !== "activity_scheduled") continue;
      if (e.where === this.#mine) this.#slotsFor(e.name).reserve();
      else if (!worker.activities.has(e.name)) {
        const { execution } = this.#o;
        worker.log.warn(`activity '${e.name}' is not registered by this worker: queued for another`, { execution });
      }
    }
  }

  /** The batch is not recorded, or closes the run: its activities do not begin. */
  cancelReservations(events: Batch["events"]): void {
    for (const e of events) {
      if (e.kind === "activity_scheduled" && e.where === this.#mine) this.#slotsFor(e.name).cancelReservation();
    }
  }

  // --- attempts ------------------------------------------------------------------------------------------------

  /** Begins the attempts that the recorded batch places here, and cancels those that it wants cancelled. */
  begin(events: Batch["events"]): void {
    if (this.#abandoned) return; // the session ends as well, so that another worker takes its attempts over
    for (const e of events) {
      if (e.kind === "activity_scheduled" && e.where === this.#mine) this.#begin(e.activity, 1);
      else if (e.kind === "activity_attempt_started" && e.where === this.#mine) this.#begin(e.activity, e.attempt);
      else if (e.kind === "activity_cancel_requested") {
        for (const attempt of this.#attemptsOf(e.activity)) attempt.cancel("the workflow cancelled it");
      }
    }
  }

  #begin(activity: number, number: number): void {
    const { host, execution, view, onFailure } = this.#o;
    const { head, state } = view()!;
    const open = state.activities.get(activity)!;
    const ref = { execution, run: head.run, chain: head.chain, activity, attempt: number };
    const { name, input, args, options, scheduledAt } = open;
    const attempt = new Attempt(host, {
      ref,
      workflow: head.workflow,
      name,
      input,
      args,
      options,
      scheduledAt,
      trace: head,
    });
    const key = keyOf(head.run, activity, number);
    // At once, although the attempt may wait for a slot: `decide` would take it for an orphan.
    this.#running.set(key, attempt);
    this.#perform(attempt, key, ref, this.#slotsFor(name)).catch((error) => {
      this.#running.delete(key);
      onFailure(error);
    });
  }

  async #perform(attempt: Attempt, key: string, ref: AttemptRequest["ref"], slots: ActivitySlots): Promise<void> {
    const { host, view, onOutcome } = this.#o;
    const { worker } = host;
    const isLater = ref.attempt > 1;
    if (isLater) slots.reserve(); // `reserve` has counted the first attempts, before their batch was recorded
    const waiting = slots.acquire();
    if (waiting) await waiting;
    const began = steadyOf(worker.clock);
    try {
      // The server knows the details that an earlier attempt left.
      const begun = isLater ? await worker.transport.call("begin", ref) : null;
      const ending = attempt.run(begun?.heartbeat_details ?? null);
      if (begun?.superseded) attempt.cancel("a later attempt has begun");
      else if (begun?.cancel_requested) attempt.cancel("cancellation was requested");
      const outcome = await ending;
      this.#running.delete(key);
      const { activity, attempt: number } = ref;
      const at = host.serverClock.now();
      if (view()?.head.run === ref.run) this.#outcomes.push({ activity, attempt: number, outcome, at });
    } finally {
      slots.release(steadyOf(worker.clock) - began);
    }
    await onOutcome();
  }

  // --- the end -------------------------------------------------------------------------------------------------

  /** The run is over: its attempts are cancelled, their outcomes dropped. */
  leaveRun(): void {
    for (const attempt of this.#running.values()) attempt.cancel("the run has ended");
    this.#outcomes = [];
  }

  askToStop(): void {
    for (const attempt of this.#running.values()) attempt.askToStop();
  }

  /** The worker is stopping. */
  abandon(): void {
    this.#abandoned = true;
    for (const attempt of this.#running.values()) attempt.abandon();
    this.#running.clear();
  }
}

const keyOf = (run: string, activity: number, attempt: number) => `${run}/${activity}/${attempt}`;

type AttemptEnding = Extract<
  HistoryEvent,
  { kind: "activity_completed" | "activity_failed" | "activity_attempt_failed" }
>;
const endsAttempt = (e: HistoryEvent): e is AttemptEnding =>
  e.kind === "activity_completed" || e.kind === "activity_failed" || e.kind === "activity_attempt_failed";
