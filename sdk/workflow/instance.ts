/**
 * One run of a workflow, held in memory: recorded events go in, decisions come out.
 *
 * INSTANCE-1. Workflow code learns stimuli one by one, in the order of the history, and runs until nothing moves (quiescence)
 *     after each. So what it decides depends on the history alone, never on how stimuli were grouped.
 * INSTANCE-2. Time is the time of the last stimulus given; randomness is seeded by the run id.
 * INSTANCE-3. Activities, timers and children are numbered from 1, each kind for itself, in the order in which code asks.
 * INSTANCE-4. A closing decision is the last: it is taken when the workflow function has settled and everything else has come
 *     to rest; what is asked for in between is dropped, except answers, task events and search keys.
 * INSTANCE-5. After a bug the instance is poisoned: its state is not one that any history leads to.
 */

import type { Decision, HistoryEvent, Millis, Started, Stimulus } from "../../shared/protocol/history.ts";
import { isDecision, isStimulus } from "../../shared/protocol/history.ts";
import { HISTORY_IS_LONG_RATIO, MAX_HISTORY_BYTES, MAX_HISTORY_EVENTS } from "../../shared/protocol/limits.ts";
import type { WorkflowFrame } from "../determinism/frame.ts";
import { runIn, runOutside } from "../determinism/frame.ts";
import { install } from "../determinism/install.ts";
import { Random } from "../determinism/random.ts";
import { drained, realNow, turn } from "../determinism/real.ts";
import { CancelledError, isFailure, withoutFrames } from "../errors.ts";
import { copyJson, roughSize } from "../json.ts";
import { checked } from "../schema.ts";
import { activityError } from "./activity-error.ts";
import { BlockedLoopError, NotDurableError } from "./bugs.ts";
import type { ChildRun } from "./children.ts";
import { closingDecision, type Outcome } from "./closing.ts";
import type { ContinueAsNew } from "./continue.ts";
import type { AnyWorkflow } from "./define.ts";
import { Dispatch } from "./dispatch.ts";
import { DecisionRecord, DivergenceError, describe, type RecordedDecision } from "./divergence.ts";
import { humanInputHandlers, type PendingInput } from "./human-input.ts";
import { Scope } from "./scope.ts";
import type { Activation, Instance, InstanceOptions, Log, Refusal } from "./types.ts";
import type { ActivityWait, ConditionWait, TimerWait } from "./waits.ts";

const LONG_EVENTS = MAX_HISTORY_EVENTS * HISTORY_IS_LONG_RATIO;
const LONG_BYTES = MAX_HISTORY_BYTES * HISTORY_IS_LONG_RATIO;
const DEFAULT_BUDGET_MS = 2_000;
/** A long replay lets others run this often. */
const REPLAY_TURN_MS = 20;

export class WorkflowInstance implements Instance {
  readonly name: string;
  readonly handlers: Dispatch;
  readonly failOnAnyError: boolean;
  readonly execution: string;
  readonly scopes = new Set<Scope>();
  readonly activities = new Map<number, ActivityWait>();
  readonly children = new Map<number, ChildRun>();
  readonly conditions = new Set<ConditionWait>();
  readonly inputs = new Map<string, PendingInput>();
  readonly searchKeys = new Map<string, string>();
  /** Time of the last stimulus given (INSTANCE-2). */
  time: Millis = 0;
  started!: Started;
  random!: Random;
  /** Recorded stimuli are being given again: code says what it said before, and nobody wants to read it twice. */
  replaying = false;
  cancelRequested: CancelledError | null = null;
  continuation: ContinueAsNew | null = null;
  closed = false;

  readonly #definition: AnyWorkflow;
  readonly #log: Log;
  readonly #budgetMs: Millis;
  readonly #sandbox: boolean;
  readonly #main = new Scope();
  readonly #timers = new Map<number, TimerWait>();
  readonly #numbers = { activity: 0, timer: 0, child: 0, task: 0 };
  #decisions: Decision[] = [];
  #pending: Stimulus[] = [];
  readonly #record = new DecisionRecord();
  #given = 0;
  #bytes = 0;
  #running = false;
  #outcome: Outcome | null = null;
  #bug: { readonly error: unknown } | null = null;

  private constructor(definition: AnyWorkflow, options: InstanceOptions) {
    this.#definition = definition;
    this.name = definition.name;
    this.execution = options.execution;
    this.#log = options.log ?? console;
    this.failOnAnyError = options.failOnAnyError ?? false;
    this.#budgetMs = options.budgetMs ?? DEFAULT_BUDGET_MS;
    this.#sandbox = (options.deterministic ?? true) && (definition.options.deterministic ?? true);
    this.scopes.add(this.#main);
    const declared = definition.options.handlers ?? [];
    this.handlers = new Dispatch(
      this,
      definition.options.interactive ? [...declared, ...humanInputHandlers.declared] : declared,
    );
    if (definition.options.interactive) humanInputHandlers.register(this);
  }

  /** An instance that knows nothing yet; its first event is `execution_started`. */
  static create(definition: AnyWorkflow, options: InstanceOptions): WorkflowInstance {
    install();
    return new WorkflowInstance(definition, options);
  }

  // ── What the driver calls ────────────────────────────────────────────────────────────────────────────────────────

  get poisoned(): boolean {
    return this.#bug !== null;
  }

  #recordedCode: string | null = null;

  async replay(events: readonly HistoryEvent[]): Promise<void> {
    let turnAt = realNow() + REPLAY_TURN_MS;
    for (const event of events) {
      if (isStimulus(event)) this.#pending.push(event);
      else if (isDecision(event)) this.#record.expect(event as RecordedDecision);
      if (event.decided === undefined) continue;
      if (event.code !== undefined) this.#recordedCode = event.code;
      this.replaying = true;
      await this.#givePending(event.decided);
      this.replaying = false;
      if (this.#bug) throw this.#bug.error;
      this.#compare(event.id);
      if (realNow() < turnAt) continue;
      await turn();
      turnAt = realNow() + REPLAY_TURN_MS;
    }
  }

  async activate(stimuli: readonly Stimulus[]): Promise<Activation> {
    for (const stimulus of stimuli) this.#pending.push(stimulus);
    await this.#givePending(Number.POSITIVE_INFINITY);
    if (!this.#bug && !this.closed) this.#checkDurable();
    if (this.#bug) return { bug: this.#bug.error };
    const decisions = this.#decisions;
    this.#decisions = [];
    this.#record.add(decisions.length);
    return { decided: this.#given, decisions, closed: this.closed };
  }

  query(name: string, input: unknown): unknown {
    return this.handlers.query(name, input);
  }

  checkUpdate(name: string, input: unknown): Refusal | null {
    return this.handlers.checkUpdate(name, input);
  }

  checkSignal(name: string, input: unknown): string | null {
    return this.handlers.checkSignal(name, input);
  }

  waitingOn(): string[] {
    const waits = new Set<{ describe(): string }>();
    for (const part of [this.activities, this.#timers, this.children, this.inputs]) {
      for (const wait of part.values()) waits.add(wait);
    }
    for (const condition of this.conditions) waits.add(condition);
    return [...waits].map((wait) => wait.describe());
  }

  // ── Giving stimuli ───────────────────────────────────────────────────────────────────────────────────────────────

  async #givePending(upTo: number): Promise<void> {
    let given = 0;
    while (given < this.#pending.length && !this.#bug && !this.closed) {
      const stimulus = this.#pending[given]!;
      if (stimulus.id > upTo) break;
      given++;
      await this.#give(stimulus);
    }
    this.#pending.splice(0, given);
  }

  async #give(stimulus: Stimulus): Promise<void> {
    this.#given = stimulus.id;
    this.time = Math.max(this.time, stimulus.at);
    if (stimulus.kind === "signal_received" && stimulus.ignored !== undefined) return;
    const begun = realNow();
    this.#running = true;
    try {
      if (stimulus.kind === "execution_started") this.#start(stimulus);
      else runIn(this.frame(this.#main), () => this.#apply(stimulus));
      await drained();
      if (this.conditions.size > 0) await this.#testConditions();
      if (this.#outcome && !this.#bug) this.#close(this.#outcome);
    } catch (error) {
      this.reportBug(error);
    }
    this.#running = false;
    const took = realNow() - begun;
    if (took > this.#budgetMs && !debugging()) this.reportBug(new BlockedLoopError(this.name, took, this.#budgetMs));
  }

  /** A condition that lets a path go on may make another false again: one at a time, until none holds. */
  async #testConditions(): Promise<void> {
    for (let moved = true; moved; ) {
      moved = false;
      for (const condition of [...this.conditions]) {
        if (!this.conditions.has(condition) || !condition.test()) continue;
        moved = true;
        await drained();
      }
    }
  }

  #start(started: Started): void {
    this.started = started;
    this.random = new Random(started.run);
    for (const [name, value] of Object.entries(started.search_keys ?? {})) this.searchKeys.set(name, value);
    this.#bytes += roughSize(started.input);
    runIn(this.frame(this.#main), () => {
      const run = async () => {
        const { input } = this.#definition.options;
        return this.#definition.fn(
          checked(input, copyJson(started.input ?? {}), `the input of workflow "${this.name}"`) as never,
        );
      };
      run().then(
        (value) => this.settle({ value }),
        (error) => this.settle({ error }),
      );
    });
  }

  #apply(s: Exclude<Stimulus, Started>): void {
    switch (s.kind) {
      case "activity_completed": {
        const wait = this.activities.get(s.activity);
        this.activities.delete(s.activity);
        this.#bytes += roughSize(s.result);
        wait?.complete(copyJson(s.result));
        return;
      }
      case "activity_failed": {
        const wait = this.activities.get(s.activity);
        this.activities.delete(s.activity);
        wait?.reject(activityError(s));
        return;
      }
      case "timer_fired": {
        const wait = this.#timers.get(s.timer);
        this.#timers.delete(s.timer);
        wait?.fire();
        return;
      }
      case "child_completed":
        this.#bytes += roughSize(s.result);
        this.children.get(s.child)?.completed(copyJson(s.result));
        return;
      case "child_failed":
        this.children.get(s.child)?.failed(s.status, s.failure);
        return;
      case "signal_received":
      case "update_accepted":
        this.#bytes += roughSize(s.input);
        this.handlers.deliver(s);
        return;
      case "cancel_requested": {
        if (this.cancelRequested) return;
        this.cancelRequested = withoutFrames(new CancelledError(s.reason));
        for (const scope of [...this.scopes]) scope.cancel(this.cancelRequested);
      }
    }
  }

  #close(outcome: Outcome): void {
    this.handlers.closeUpdates();
    this.#decisions.push(runIn(this.frame(this.#main), () => closingDecision(this, this.#definition, outcome)));
    this.closed = true;
  }

  #compare(checkpoint: number): void {
    const actual = this.#decisions;
    this.#decisions = [];
    const difference = this.#record.compare(actual, checkpoint);
    if (!difference) return;
    const error = new DivergenceError({
      workflow: this.name,
      run: this.started.run,
      waiting: this.waitingOn(),
      recordedCode: this.#recordedCode,
      code: this.#definition.hash,
      ...difference,
    });
    this.reportBug(error);
    throw error;
  }

  /** Code that neither ended nor waits for anything that a history can bring will wait for ever. */
  #checkDurable(): void {
    if (this.#given === 0 || this.#outcome || this.handlers.listening) return;
    const open =
      this.activities.size + this.#timers.size + this.children.size + this.conditions.size + this.inputs.size;
    if (open > 0 || this.#main.listened) return;
    this.reportBug(new NotDurableError(this.name));
  }

  // ── What workflow code calls, through the functions of the SDK ───────────────────────────────────────────────────

  frame(scope: Scope): WorkflowFrame {
    return { kind: "workflow", instance: this, scope, sandbox: this.#sandbox, readOnly: null };
  }

  /** May ask people: see `waitForInput`. */
  get interactive(): boolean {
    return this.#definition.options.interactive ?? false;
  }

  /** Logs with the ids of the execution, and nothing that was said before. */
  say(level: keyof Log, message: string, fields?: Record<string, unknown>): void {
    if (this.replaying) return;
    const ids = { execution: this.execution, run: this.started.run, root: this.started.root, workflow: this.name };
    runOutside(() => this.#log[level](message, { ...ids, ...fields }));
  }

  get historyIsLong(): boolean {
    return this.#given >= LONG_EVENTS || this.#bytes >= LONG_BYTES;
  }

  get historyLength(): number {
    return this.#given;
  }

  /** Takes a decision. `always`: also while the execution is ending (INSTANCE-4). Answers whether it was taken. */
  decide(decision: Decision, always = false): boolean {
    if (!this.#running) throw this.#outOfTurn(describe(decision));
    if (this.closed || (this.#outcome && !always)) return false;
    this.#decisions.push(decision);
    return true;
  }

  /** The next number of its kind (INSTANCE-3). */
  number(kind: "activity" | "timer" | "child" | "task"): number {
    if (!this.#running) throw this.#outOfTurn(`a new ${kind}`);
    this.#numbers[kind] += 1;
    return this.#numbers[kind];
  }

  countBytes(value: unknown): void {
    this.#bytes += roughSize(value);
  }

  startTimer(ms: Millis, wait: TimerWait): number {
    const timer = this.number("timer");
    this.#timers.set(timer, wait);
    this.decide({ kind: "timer_started", timer, fire_at: this.time + ms });
    return timer;
  }

  cancelTimer(timer: number): void {
    if (this.#timers.delete(timer)) this.decide({ kind: "timer_cancelled", timer });
  }

  /** A callback that nobody awaits, such as that of `setTimeout`. */
  runCallback(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.settle({ error });
    }
  }

  /** Ends the workflow function's part of the execution; the first end counts. */
  settle(outcome: Outcome): void {
    this.#outcome ??= outcome;
  }

  reportBug(error: unknown): void {
    this.#bug ??= { error };
  }

  /** A rejection that nobody handles, yet: a failure may still be awaited later, anything else is a bug. */
  unhandled(reason: unknown): void {
    if (this.closed) return;
    if (isFailure(reason) || this.failOnAnyError)
      this.say("debug", "a promise failed before anything awaited it", { reason });
    else this.reportBug(reason);
  }

  #outOfTurn(what: string): NotDurableError {
    const error = new NotDurableError(this.name, what);
    this.reportBug(error);
    return error;
  }
}

/** A debugger that stands at a breakpoint is no fault of the code. */
const debugging = (): boolean => process.getBuiltinModule("node:inspector").url() !== undefined;
