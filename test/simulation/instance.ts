/**
 * A second, compact runtime of workflow code: programs are generators that yield the conditions that they wait for. It
 * shares only the events with the SDK's runtime, so that each checks the other's reading of the protocol.
 */
import type {
  ActivityOptions,
  Decision,
  Failure,
  HistoryEvent,
  OnParentClose,
  Started,
  Stimulus,
} from "../../shared/protocol/history.ts";
import { isDecision, isStimulus } from "../../shared/protocol/history.ts";

export type Ending =
  | { readonly result: unknown }
  | { readonly next: unknown }
  | { readonly failed: string }
  | { readonly cancelled: string | null };
/** Yields conditions; goes on when the last one holds. */
export type Program = (c: Context) => Generator<() => boolean, Ending>;

type Outcome = { readonly value: unknown } | { readonly failure: Failure };
export const RETRY = { max_attempts: 0, first_ms: 500, factor: 2, max_ms: 8_000, non_retryable: [] };

/** The state that a program reads, and the decisions that it makes. */
export class Context {
  readonly started: Started;
  readonly activities = new Map<number, Outcome>();
  readonly fired = new Set<number>();
  readonly children = new Map<number, Outcome>();
  readonly signals: { name: string; input: unknown }[] = [];
  readonly updates: { message: string; name: string; input: unknown }[] = [];
  cancelled: { reason: string | null } | null = null;
  decisions: Decision[] = [];
  time: number;
  readonly #answered = new Set<string>();
  #numbers = { activity: 0, timer: 0, child: 0 };

  constructor(started: Started) {
    this.started = started;
    this.time = started.at;
  }

  get input(): Record<string, unknown> {
    return (this.started.input ?? {}) as Record<string, unknown>;
  }
  activity(name: string, input: unknown, options: Partial<ActivityOptions> = {}): number {
    const activity = ++this.#numbers.activity;
    const decision = {
      kind: "activity_scheduled",
      activity,
      name,
      input,
      where: "queue",
      options: { retry: RETRY, ...options },
    };
    this.decisions.push(decision as Decision);
    return activity;
  }
  timer(ms: number): number {
    const timer = ++this.#numbers.timer;
    this.decisions.push({ kind: "timer_started", timer, fire_at: this.time + ms });
    return timer;
  }
  cancelActivity(activity: number): void {
    this.decisions.push({ kind: "activity_cancel_requested", activity });
  }
  cancelTimer(timer: number): void {
    this.decisions.push({ kind: "timer_cancelled", timer });
  }
  child(workflow: string, execution: string, input: unknown, policy: OnParentClose): number {
    const child = ++this.#numbers.child;
    const decision = { kind: "child_scheduled", child, workflow, execution, input, on_parent_close: policy };
    this.decisions.push(decision as Decision);
    return child;
  }
  cancelChild(child: number, execution: string): void {
    this.decisions.push({ kind: "child_cancel_requested", child, execution });
  }
  answer(update: { message: string; name: string }, result: unknown): void {
    const { message, name } = update;
    this.#answered.add(message);
    this.decisions.push({ kind: "update_completed", message, name, result: result as never });
  }
  /** The run closes: answers the updates that it leaves open. */
  refuseOpenUpdates(): void {
    for (const { message, name } of this.updates) {
      if (this.#answered.has(message)) continue;
      this.decisions.push({ kind: "update_failed", message, name, failure: { message: "the run ended" } });
    }
  }
  value(of: Map<number, Outcome>, n: number): unknown {
    const outcome = of.get(n)!;
    if ("failure" in outcome) throw new Error(outcome.failure.message);
    return outcome.value;
  }
}

export class Divergence extends Error {}
/** A program throws it for a mistake in its code, which is no failure of the execution. */
export class Bug extends Error {}

export class ProgramInstance {
  readonly #program: Program;
  #context: Context | null = null;
  #run: Generator<() => boolean, Ending> | null = null;
  #waits: () => boolean = () => true;
  #pending: Stimulus[] = [];
  #recorded: string[] = [];
  #delivered = 0;
  #ending: Decision | null = null;
  readonly #hearsToTheEnd: boolean;
  closed = false;

  /** `hearsToTheEnd`: false is a weaker runtime, which drops the stimuli after the one at which the program ends. */
  constructor(program: Program, hearsToTheEnd = true) {
    this.#program = program;
    this.#hearsToTheEnd = hearsToTheEnd;
  }

  replay(events: readonly HistoryEvent[]): void {
    for (const event of events) {
      if (isStimulus(event)) this.#pending.push(event);
      else if (isDecision(event)) this.#recorded.push(event.kind);
      if (event.decided === undefined) continue;
      this.#deliver(event.decided, event.decided);
      const replayed = this.#take().map((d) => d.kind);
      if (replayed.join() !== this.#recorded.join()) {
        throw new Divergence(`up to event ${event.id}: recorded ${this.#recorded.join()}, replayed ${replayed.join()}`);
      }
      this.#recorded = [];
    }
  }

  /** `recorded`: id of the last stimulus that the history holds already. */
  activate(
    stimuli: readonly Stimulus[],
    recorded = this.#pending.at(-1)?.id ?? 0,
  ): { decided: number; decisions: Decision[] } {
    this.#pending.push(...stimuli);
    this.#deliver(Number.POSITIVE_INFINITY, recorded);
    return { decided: this.#delivered, decisions: this.#take() };
  }

  #take(): Decision[] {
    const taken = this.#context?.decisions ?? [];
    if (this.#context) this.#context.decisions = [];
    return taken;
  }

  /** A run that continues as new gets only the stimuli up to `recorded`: the others are left to its next run. */
  #deliver(upTo: number, recorded: number): void {
    while (!this.closed && this.#pending.length > 0) {
      const last = this.#ending?.kind === "execution_continued" ? recorded : upTo;
      if (this.#pending[0]!.id > last || (this.#ending && !this.#hearsToTheEnd)) break;
      const stimulus = this.#pending.shift()!;
      this.#delivered = stimulus.id;
      this.#apply(stimulus);
      this.#go();
    }
    if (!this.#ending || this.closed) return;
    this.closed = true;
    this.#context!.refuseOpenUpdates();
    this.#context!.decisions.push(this.#ending);
  }

  #go(): void {
    while (!this.#ending && this.#waits()) {
      let step: IteratorResult<() => boolean, Ending>;
      try {
        step = this.#run!.next();
      } catch (error) {
        if (error instanceof Bug) throw error;
        step = { done: true, value: { failed: (error as Error).message } };
      }
      if (step.done) this.#ending = this.#endingOf(step.value);
      else this.#waits = step.value;
    }
  }

  #endingOf(ending: Ending): Decision {
    if ("result" in ending) return { kind: "execution_completed", result: ending.result as never };
    if ("failed" in ending)
      return { kind: "execution_failed", failure: { message: ending.failed, type: "WorkflowError" } };
    if ("cancelled" in ending) return { kind: "execution_cancelled", reason: ending.cancelled };
    const { run, workflow } = this.#context!.started;
    const next = `${run.slice(0, 24)}${((Number.parseInt(run.slice(24), 16) + 1) % 2 ** 48).toString(16).padStart(12, "0")}`;
    return { kind: "execution_continued", run: next, workflow, input: ending.next as never };
  }

  #apply(s: Stimulus): void {
    if (s.kind === "execution_started") {
      this.#context = new Context(s);
      this.#run = this.#program(this.#context);
      return;
    }
    const c = this.#context!;
    c.time = Math.max(c.time, s.at);
    switch (s.kind) {
      case "activity_completed":
        return void c.activities.set(s.activity, { value: s.result });
      case "activity_failed":
        return void c.activities.set(s.activity, { failure: s.failure });
      case "timer_fired":
        return void c.fired.add(s.timer);
      case "child_completed":
        return void c.children.set(s.child, { value: s.result });
      case "child_failed":
        return void c.children.set(s.child, { failure: { message: s.status } });
      case "signal_received":
        return void c.signals.push({ name: s.name, input: s.input });
      case "update_accepted":
        return void c.updates.push({ message: s.message, name: s.name, input: s.input });
      case "cancel_requested":
        c.cancelled ??= { reason: s.reason };
    }
  }
}
