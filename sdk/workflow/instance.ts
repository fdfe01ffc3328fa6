/**
 * One run of a workflow in memory: recorded events go in, decisions come out.
 *
 * INSTANCE-1. The instance gives stimuli to workflow code one by one, in the order of the history, and after each lets the
 *     code run until no promise reaction is left (quiescence). So decisions depend on the history alone, never on how
 *     stimuli were grouped into batches.
 * INSTANCE-2. Time is the time of the last stimulus given; randomness is seeded by the run id. After a reset it is seeded by
 *     the id of the run that decided on the copied stimulus (RESET-2).
 * INSTANCE-3. Activities, timers and children are numbered from 1, each kind for itself, in the order in which code asks.
 * INSTANCE-4. A closing decision is the last one. What it says is fixed when the workflow function has ended and the code
 *     is quiescent; from then on the instance drops other decisions, except answers, task events and search keys. It still
 *     gives the code the rest of the step's stimuli, so that every message that the history holds reaches its handler, and
 *     takes the closing decision after the last one. A run that continues as new gets only the stimuli that were recorded
 *     before this step: the others are left to the next run.
 * INSTANCE-5. After a bug the instance is poisoned: no history leads to its state.
 * INSTANCE-6. A bug counts whether code awaits it or not: an error that is no failure, in a promise that nobody awaits when the
 *     code is quiescent, fails the step in which it arises, before anything of that step is recorded. Node reports such
 *     promises between two turns of the event loop, so the instance lets one pass after each new stimulus. A step that is
 *     recorded had no such bug, or is of an SDK that did not wait for the report: a replay ignores them.
 */

import type { Decision, HistoryEvent, Millis, Started, Stimulus } from "../../shared/protocol/history.ts";
import { isDecision, isStimulus, originOf } from "../../shared/protocol/history.ts";
import { HISTORY_IS_LONG_RATIO, MAX_HISTORY_BYTES, MAX_HISTORY_EVENTS } from "../../shared/protocol/limits.ts";
import type { Progress } from "../../shared/protocol/worker.ts";
import "../determinism/install.ts";
import {
  acceptChanges,
  beginStimulus,
  changesOf,
  changesOfQuiescent,
  endStimulus,
  endSuspicion,
  quiescent,
  SuspectedError,
} from "../determinism/intact.ts";
import { drained, realNow, rejectionsReported, yieldToEventLoop } from "../determinism/real.ts";
import { CancelledError, isFailure, withoutFrames } from "../errors.ts";
import { copyJson, roughSize, smallBytes } from "../json.ts";
import { FLAGS, type ReplayFlag, RunFlags, SIZE_IN_BYTES, UnknownFlagError } from "../runtime/flags.ts";
import type { WorkflowFrame } from "../runtime/frame.ts";
import { runIn, runOutside } from "../runtime/frame.ts";
import type { Log } from "../runtime/log.ts";
import type {
  ActivityRequest,
  ChildRequest,
  HandlerDeclaration,
  OpenActivity,
  OpenChild,
  OpenCondition,
  OpenInput,
  OpenTimer,
  WorkflowOps,
} from "../runtime/ops.ts";
import { derivedUuid, Random } from "../runtime/random.ts";
import { Scope } from "../runtime/scope.ts";
import { checked } from "../schema.ts";
import { activityError } from "./activity-error.ts";
import { BlockedLoopError, NotDurableError } from "./bugs.ts";
import { closingDecision, type Outcome } from "./closing.ts";
import type { AnyWorkflow } from "./define.ts";
import { Dispatch, type DispatchHost } from "./dispatch.ts";
import { DecisionRecord, DivergenceError, describe, type RecordedDecision } from "./divergence.ts";
import { humanInputHandlers } from "./human-input.ts";
import { readErrorWithin, readFieldsWithin } from "./read-within.ts";
import type { Activation, Instance, InstanceOptions, Refusal } from "./types.ts";

const LONG_EVENTS = MAX_HISTORY_EVENTS * HISTORY_IS_LONG_RATIO;
const LONG_BYTES = MAX_HISTORY_BYTES * HISTORY_IS_LONG_RATIO;
const DEFAULT_BUDGET_MS = 2_000;
/** A long replay yields to the event loop this often, so that other executions of the worker go on. */
const REPLAY_SLICE_MS = 20;
/** Search keys with this prefix belong to the runtime: code neither sees nor counts them. */
const INTERNAL_KEY = "internal.";

export class WorkflowInstance implements Instance, WorkflowOps {
  static #busy = 0;

  /** How many instances of this process are giving events to their code. */
  static get busy(): number {
    return WorkflowInstance.#busy;
  }

  readonly name: string;
  readonly execution: string;
  readonly inputs = new Map<string, OpenInput>();
  readonly searchKeys = new Map<string, string>();
  time: Millis = 0;
  started!: Started;
  random!: Random;
  replaying = false;
  closed = false;

  readonly #definition: AnyWorkflow;
  readonly #log: Log;
  readonly #onLog: InstanceOptions["onLog"];
  readonly #budgetMs: Millis;
  readonly #sandbox: boolean;
  readonly #failOnAnyError: boolean;
  readonly #handlers: Dispatch;
  readonly #main = new Scope();
  /** The scopes that a request for cancellation reaches (SCOPE-2). */
  readonly #scopes = new Set<Scope>([this.#main]);
  readonly #activities = new Map<number, OpenActivity>();
  readonly #timers = new Map<number, OpenTimer>();
  readonly #children = new Map<number, OpenChild>();
  readonly #conditions = new Set<OpenCondition>();
  readonly #numbers = { activity: 0, timer: 0, child: 0, task: 0 };
  readonly #record = new DecisionRecord();
  readonly #knownFlags: readonly ReplayFlag[];
  readonly #flags: RunFlags;
  /** Patches of the recorded steps. Code learns of a patch before the step that recorded it, as it asks within that step. */
  readonly #recordedPatches = new Set<string>();
  /** The answers that the code of this run has been given. */
  readonly #patches = new Map<string, boolean>();
  /** Decisions of the present step. */
  #decisions: Decision[] = [];
  /** Stimuli that are recorded and not given yet. */
  #pending: Stimulus[] = [];
  /** Id of the last stimulus given. */
  #given = 0;
  /** The run from whose id randomness and the ids of children follow (INSTANCE-2). */
  #origin = "";
  /** Size of the stimuli and decisions that the history holds, and the size of its values as older runs count it. */
  #bytes = 0;
  #roughBytes = 0;
  /** Steps are being replayed that are recorded (INSTANCE-6). */
  #recorded = false;
  /** A stimulus is being given: only then may code take decisions. */
  #running = false;
  /** When the code was let run last, monotonic; null = it is at rest. */
  #runsSince: Millis | null = null;
  #outcome: Outcome | null = null;
  /** The code was given a stimulus, and what it may have replaced is not compared yet. */
  #watched = false;
  /** The closing decision that the outcome led to. */
  #ending: Decision | null = null;
  #bug: { readonly error: unknown } | null = null;
  #cancelRequested: CancelledError | null = null;
  #continuationMade = false;
  /** Hash of the definition that recorded the last step; null = not recorded. */
  #recordedCode: string | null = null;

  private constructor(definition: AnyWorkflow, options: InstanceOptions) {
    this.#definition = definition;
    this.name = definition.name;
    this.execution = options.execution;
    this.#log = options.log ?? console;
    this.#onLog = options.onLog;
    this.#failOnAnyError = options.failOnAnyError ?? false;
    this.#budgetMs = options.budgetMs ?? DEFAULT_BUDGET_MS;
    this.#sandbox = (options.deterministic ?? true) && (definition.options.deterministic ?? true);
    this.#knownFlags = options.flags ?? FLAGS;
    this.#flags = new RunFlags(this.#knownFlags);
    const { handlers = [], interactive = false } = definition.options;
    this.#handlers = new Dispatch(
      this.#dispatchHost(),
      interactive ? [...handlers, ...humanInputHandlers.declared] : handlers,
    );
    if (interactive) humanInputHandlers.attach(this.#handlers, this.inputs);
  }

  /** An instance without events; the first to give it is `execution_started`. */
  static create(definition: AnyWorkflow, options: InstanceOptions): WorkflowInstance {
    return new WorkflowInstance(definition, options);
  }

  // ── For the worker ───────────────────────────────────────────────────────────────────────────────────────────────

  get poisoned(): boolean {
    return this.#bug !== null;
  }

  async replay(events: readonly HistoryEvent[]): Promise<void> {
    const before = this.#given;
    const runsCode = events.some(({ decided }) => decided !== undefined); // not of a run that has only begun
    this.#recorded = true;
    WorkflowInstance.#busy += 1;
    try {
      if (this.#sandbox && runsCode) acceptChanges();
      await this.#replay(events);
      if (runsCode) this.#checkIntact("replay");
      this.#throwBug();
      this.#endSuspicion("replay");
      if (this.#given > before) await rejectionsReported(); // INSTANCE-6
    } catch (error) {
      this.#checkIntact("replay");
      this.#endSuspicion("replay");
      this.#throwBug();
      throw error;
    } finally {
      this.#recorded = false;
      WorkflowInstance.#busy -= 1;
    }
  }

  #throwBug(): void {
    if (this.#bug) throw this.#bug.error;
  }

  async #replay(events: readonly HistoryEvent[]): Promise<void> {
    for (const event of events) if (event.kind === "patched") this.#recordedPatches.add(event.patch);
    let sliceEnd = realNow() + REPLAY_SLICE_MS;
    for (const event of events) {
      if (isStimulus(event)) this.#pending.push(event);
      else if (isDecision(event)) this.#record.expect(event as RecordedDecision);
      if (event.decided === undefined) continue;
      if (event.code !== undefined) this.#recordedCode = event.code;
      if (event.flags !== undefined) this.#loadFlags(event.flags);
      this.replaying = true;
      await this.#givePending(event.decided, event.decided);
      this.replaying = false;
      this.#throwBug();
      this.#compare(event.id);
      if (realNow() < sliceEnd) continue;
      this.#checkIntact("replay");
      this.#throwBug();
      await yieldToEventLoop();
      sliceEnd = realNow() + REPLAY_SLICE_MS;
      if (this.#sandbox) acceptChanges();
    }
  }

  /** INTACT-1. What code has replaced may have led to any other bug. */
  #checkIntact(when: "replay" | "activate", compare = changesOf): void {
    if (this.#watched) endStimulus();
    this.#watched = false;
    const change = this.#sandbox ? compare(this.execution, this.name, when) : null;
    if (change) this.#bug = { error: change };
  }

  #endSuspicion(when: "replay" | "activate"): void {
    const { error } = this.#bug ?? {};
    if (!(error instanceof SuspectedError)) endSuspicion(this.execution, when, this.#bug ? "guilty" : "cleared");
  }

  async activate(stimuli: readonly Stimulus[]): Promise<Activation> {
    const recorded = this.#pending.at(-1)?.id ?? 0;
    for (const stimulus of stimuli) this.#pending.push(stimulus);
    WorkflowInstance.#busy += 1;
    try {
      await this.#givePending(Number.POSITIVE_INFINITY, recorded);
    } finally {
      WorkflowInstance.#busy -= 1;
    }
    if (!this.#bug && !this.closed) this.#checkDurable();
    this.#endSuspicion("activate");
    if (this.#bug) return { bug: this.#bug.error };
    const decisions = this.#decisions;
    this.#decisions = [];
    this.#record.add(decisions.length);
    return { decided: this.#given, decisions, flags: this.#flags.used, closed: this.closed };
  }

  query(name: string, input: unknown): unknown {
    return this.#handlers.query(name, input);
  }

  checkUpdate(name: string, input: unknown): Refusal | null {
    return this.#handlers.checkUpdate(name, input);
  }

  checkSignal(name: string, input: unknown): string | null {
    return this.#handlers.checkSignal(name, input);
  }

  waitingOn(): string[] {
    const waits = new Set<{ describe(): string }>();
    for (const open of [this.#activities, this.#timers, this.#children, this.inputs]) {
      for (const wait of open.values()) waits.add(wait);
    }
    for (const condition of this.#conditions) waits.add(condition);
    return [...waits].map((wait) => wait.describe());
  }

  drop(): void {}

  // ── Giving stimuli ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Gives the pending stimuli up to this id; to a run that continues as new, only those up to `recorded` (INSTANCE-4). */
  async #givePending(upTo: number, recorded: number): Promise<void> {
    let given = 0;
    while (given < this.#pending.length && !this.#bug && !this.closed) {
      const stimulus = this.#pending[given]!;
      if (stimulus.id > (this.#ending?.kind === "execution_continued" ? recorded : upTo)) break;
      given++;
      await this.#give(stimulus);
    }
    this.#pending.splice(0, given);
    if (this.#ending && !this.#bug) this.#close(this.#ending);
  }

  async #give(stimulus: Stimulus): Promise<void> {
    this.#given = stimulus.id;
    const origin = originOf(stimulus.kind === "execution_started" ? stimulus : this.started, stimulus.id);
    if (origin !== this.#origin) {
      this.#origin = origin;
      this.random = new Random(origin);
    }
    this.#bytes += sizeOf(stimulus);
    this.time = Math.max(this.time, stimulus.at);
    if (stimulus.kind === "signal_received" && stimulus.ignored !== undefined) return;
    const begun = realNow();
    if (this.#sandbox && !this.#recorded) {
      beginStimulus();
      this.#watched = true;
    }
    this.#running = true;
    this.#runsSince = begun;
    try {
      if (stimulus.kind === "execution_started") this.#start(stimulus);
      else runIn(this.#frame(this.#main), () => this.#apply(stimulus));
      await quiescent();
      const testsConditions = this.#conditions.size > 0;
      if (testsConditions) await this.#testConditions();
      this.#runsSince = null;
      const blocked = this.#blockedSince(begun);
      if (blocked) this.#reportBug(blocked);
      if (!this.#recorded) this.#checkIntact("activate", testsConditions ? changesOf : changesOfQuiescent);
      if (!this.#recorded && !this.#bug) await this.#unawaited();
      if (this.#outcome && !this.#bug) this.#ending ??= this.#closingDecision(this.#outcome);
    } catch (error) {
      this.#reportBug(error);
      if (!this.#recorded) this.#checkIntact("activate");
    }
    this.#running = false;
    this.#runsSince = null;
  }

  /** Null: code that was let run at `since` has kept to its budget. */
  #blockedSince(since: Millis): BlockedLoopError | null {
    const took = realNow() - since;
    return took > this.#budgetMs && !debugging() ? new BlockedLoopError(this.name, took, this.#budgetMs) : null;
  }

  /** Lets Node report the promises of this stimulus that were rejected and that no code awaits (INSTANCE-6). */
  async #unawaited(): Promise<void> {
    this.#running = false;
    await rejectionsReported();
    this.#running = true;
  }

  /** Code that one condition lets go on may make another condition false again: so they end one at a time. */
  async #testConditions(): Promise<void> {
    for (let ended = true; ended; ) {
      ended = false;
      for (const condition of [...this.#conditions]) {
        if (!this.#conditions.has(condition) || !condition.test()) continue;
        ended = true;
        await drained();
        const blocked = this.#blockedSince(this.#runsSince!);
        if (blocked) this.#reportBug(blocked);
        if (this.#bug) return;
      }
    }
  }

  #start(started: Started): void {
    this.started = started;
    for (const [name, value] of Object.entries(started.search_keys ?? {})) this.searchKeys.set(name, value);
    this.#roughBytes += roughSize(started.input);
    runIn(this.#frame(this.#main), () => {
      const run = async () => {
        const { input } = this.#definition.options;
        return this.#definition.fn(
          checked(input, copyJson(started.input ?? {}), `the input of workflow "${this.name}"`) as never,
        );
      };
      run().then(
        (value) => this.#finish({ value }),
        (error) => this.#finish({ error }),
      );
    });
  }

  #apply(s: Exclude<Stimulus, Started>): void {
    switch (s.kind) {
      case "activity_completed": {
        const wait = this.#activities.get(s.activity);
        this.#activities.delete(s.activity);
        this.#roughBytes += roughSize(s.result);
        wait?.complete(copyJson(s.result));
        return;
      }
      case "activity_failed": {
        const wait = this.#activities.get(s.activity);
        this.#activities.delete(s.activity);
        wait?.reject(activityError(s));
        return;
      }
      case "timer_fired": {
        const wait = this.#timers.get(s.timer);
        this.#timers.delete(s.timer);
        wait?.fire();
        return;
      }
      case "child_completed": {
        const wait = this.#children.get(s.child);
        this.#children.delete(s.child);
        this.#roughBytes += roughSize(s.result);
        wait?.completed(copyJson(s.result));
        return;
      }
      case "child_failed": {
        const wait = this.#children.get(s.child);
        this.#children.delete(s.child);
        wait?.failed(s.status, s.failure);
        return;
      }
      case "signal_received":
      case "update_accepted":
        this.#roughBytes += roughSize(s.input);
        this.#handlers.deliver(s);
        return;
      case "cancel_requested": {
        if (this.#cancelRequested) return;
        this.#cancelRequested = withoutFrames(new CancelledError(s.reason));
        for (const scope of [...this.#scopes]) scope.cancel(this.#cancelRequested);
      }
    }
  }

  #close(ending: Decision): void {
    if (this.closed) return;
    this.#running = true;
    this.#handlers.close(ending.kind === "execution_continued" ? "the run continued as new" : "the execution ended");
    this.#running = false;
    if (ending.kind === "execution_completed" && this.#activities.size > 0) {
      const open = [...this.#activities.values()].map((wait) => wait.describe()).join(", ");
      this.say(
        "warn",
        `the execution ended while ${open} had no outcome yet: nobody gets that outcome, and a failure is not retried. Await each activity that the workflow calls.`,
      );
    }
    this.#decisions.push(ending);
    this.closed = true;
  }

  #closingDecision(outcome: Outcome): Decision {
    const ending = {
      run: this.started.run,
      cancelRequested: this.#cancelRequested,
      continuationMade: this.#continuationMade,
      failOnAnyError: this.#failOnAnyError,
    };
    return runIn(this.#frame(this.#main), () => closingDecision(ending, this.#definition, outcome));
  }

  /** FLAGS-3. */
  #loadFlags(ids: readonly number[]): void {
    const unknown = this.#flags.load(ids);
    if (unknown.length === 0) return;
    const error = new UnknownFlagError(this.name, this.started.run, unknown, this.#knownFlags);
    this.#reportBug(error);
    throw error;
  }

  /** Compares the decisions of the code with those recorded up to the event `checkpoint`, which carries `decided`. */
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
    this.#reportBug(error);
    throw error;
  }

  /** A workflow that has not ended and waits for nothing that can become a stimulus would wait for ever. */
  #checkDurable(): void {
    if (this.#given === 0 || this.#outcome || this.#handlers.listening) return;
    const open =
      this.#activities.size + this.#timers.size + this.#children.size + this.#conditions.size + this.inputs.size;
    if (open > 0 || this.#main.listened) return;
    this.#reportBug(new NotDurableError(this.name));
  }

  #frame(scope: Scope): WorkflowFrame {
    return { kind: "workflow", ops: this, scope, sandbox: this.#sandbox, readOnly: null };
  }

  #dispatchHost(): DispatchHost {
    const cancelRequested = () => this.#cancelRequested;
    return {
      workflow: this.name,
      failOnAnyError: this.#failOnAnyError,
      get cancelRequested() {
        return cancelRequested();
      },
      sandbox: this.#sandbox,
      frame: (scope) => this.#frame(scope),
      enter: (scope) => void this.#scopes.add(scope),
      leave: (scope) => void this.#scopes.delete(scope),
      answer: (decision) => this.#decide(decision, "even while ending"),
      finish: (outcome) => this.#finish(outcome),
      reportBug: (error) => this.#reportBug(error),
      usesFlag: (flag) => this.usesFlag(flag),
      say: (level, message) => this.say(level, message),
    };
  }

  /** Takes a decision; INSTANCE-4 says which ones it takes while the execution is ending. */
  #decide(decision: Decision, when: "unless ending" | "even while ending" = "unless ending"): void {
    if (!this.#running) throw this.#notRunning(describe(decision));
    if (this.closed || (this.#outcome && when === "unless ending")) return;
    this.#decisions.push(decision);
    this.#bytes += sizeOf(decision);
  }

  /** The next number of its kind (INSTANCE-3). */
  #number(kind: "activity" | "timer" | "child" | "task"): number {
    if (!this.#running) throw this.#notRunning(`a new ${kind}`);
    this.#numbers[kind] += 1;
    return this.#numbers[kind];
  }

  #notRunning(decision: string): NotDurableError {
    const error = new NotDurableError(this.name, decision);
    this.#reportBug(error);
    return error;
  }

  /** The workflow function, a signal handler or a callback ends the execution; the first outcome counts. */
  #finish(outcome: Outcome): void {
    if (this.#outcome === null) {
      this.#outcome = outcome;
      return;
    }
    if (!("error" in outcome)) return;
    const { error } = outcome;
    if (this.#ending && !isFailure(error) && !this.#failOnAnyError) this.#reportBug(error);
    else this.say("warn", "code failed after the workflow function had ended: the outcome stays", { error });
  }

  #reportBug(error: unknown): void {
    if (this.#bug) return;
    this.#bug = { error };
    readErrorWithin(this.#frame(this.#main), error);
  }

  // ── For workflow code: `WorkflowOps` says what each does ─────────────────────────────────────────────────────────

  get interactive(): boolean {
    return this.#definition.options.interactive ?? false;
  }

  get historyIsLong(): boolean {
    if (this.#given >= LONG_EVENTS) return true;
    const bytes = this.#bytes >= LONG_BYTES;
    const rough = this.#roughBytes >= LONG_BYTES;
    // The flag is recorded only where it makes a difference.
    return bytes === rough ? bytes : this.usesFlag(SIZE_IN_BYTES) ? bytes : rough;
  }

  get historyLength(): number {
    return this.#given;
  }

  scheduleActivity({ name, input, options }: ActivityRequest, wait: OpenActivity): number {
    const activity = this.#number("activity");
    this.#activities.set(activity, wait);
    this.#roughBytes += roughSize(input);
    this.#decide({ kind: "activity_scheduled", activity, name, input, where: "queue", options });
    return activity;
  }

  cancelActivity(activity: number): void {
    this.#activities.delete(activity);
    this.#decide({ kind: "activity_cancel_requested", activity });
  }

  startTimer(ms: Millis, wait: OpenTimer): number {
    const timer = this.#number("timer");
    this.#timers.set(timer, wait);
    this.#decide({ kind: "timer_started", timer, fire_at: this.time + ms });
    return timer;
  }

  cancelTimer(timer: number): void {
    if (this.#timers.delete(timer)) this.#decide({ kind: "timer_cancelled", timer });
  }

  startChild({ workflow, input, id, onParentClose, timeoutMs }: ChildRequest, wait: OpenChild) {
    const child = this.#number("child");
    const execution = id ?? derivedUuid(this.#origin, "child", child);
    this.#children.set(child, wait);
    this.#roughBytes += roughSize(input);
    this.#decide({
      kind: "child_scheduled",
      child,
      workflow,
      execution,
      input,
      on_parent_close: onParentClose,
      ...(timeoutMs === undefined ? {} : { timeout_ms: timeoutMs }),
    });
    return { number: child, execution };
  }

  cancelChild(child: number, execution: string): void {
    this.#decide({ kind: "child_cancel_requested", child, execution });
  }

  addCondition(condition: OpenCondition): void {
    this.#conditions.add(condition);
  }

  removeCondition(condition: OpenCondition): void {
    this.#conditions.delete(condition);
  }

  openInput(input: OpenInput): void {
    this.inputs.set(input.id, input);
  }

  closeInput(id: string): void {
    this.inputs.delete(id);
  }

  newTaskId(): string {
    return derivedUuid(this.#origin, "task", this.#number("task"));
  }

  publishTask(progress: Omit<Progress, "at">): void {
    this.#decide({ kind: "custom_task", ...progress }, "even while ending");
  }

  setSearchKeys(set: Record<string, string>, remove: readonly string[]): void {
    for (const [key, value] of Object.entries(set)) if (!key.startsWith(INTERNAL_KEY)) this.searchKeys.set(key, value);
    for (const key of remove) this.searchKeys.delete(key);
    // Code goes on to see what it has set, so that runs replay as before. The history has it without halves of surrogate pairs
    // (VALUES-1), which the cut of a long value may have left.
    const whole = Object.entries(set).map(([key, value]) => [key, value.toWellFormed()]);
    this.#decide({ kind: "search_keys_set", set: Object.fromEntries(whole), remove: [...remove] }, "even while ending");
  }

  handle(handler: HandlerDeclaration, fn: (input: unknown) => unknown, validate?: (input: never) => void): void {
    this.#handlers.attach(handler, fn, validate);
  }

  get busyMs(): Millis | null {
    return this.#runsSince === null ? null : realNow() - this.#runsSince;
  }

  checkBudget(): void {
    if (this.#runsSince === null) return;
    const blocked = this.#blockedSince(this.#runsSince);
    if (!blocked) return;
    this.#reportBug(blocked);
    throw blocked;
  }

  noteContinuation(): void {
    this.#continuationMade = true;
  }

  patched(id: string): boolean {
    let taken = this.#patches.get(id);
    if (taken === undefined) {
      taken = !this.replaying || this.#recordedPatches.has(id);
      this.#patches.set(id, taken);
      if (taken) this.#decide({ kind: "patched", patch: id });
    }
    return taken;
  }

  deprecatePatch(id: string): void {
    if (this.replaying && this.#recordedPatches.has(id)) this.patched(id);
  }

  usesFlag(flag: ReplayFlag): boolean {
    return this.#flags.uses(flag, this.#running && !this.replaying);
  }

  say(level: keyof Log, message: string, fields?: Record<string, unknown>): void {
    if (this.replaying) return;
    const ids = { execution: this.execution, run: this.started.run, root: this.started.root, workflow: this.name };
    const read = fields && readFieldsWithin(this.#frame(this.#main), fields);
    runOutside(() => {
      this.#log[level](message, { ...ids, ...read });
      this.#onLog?.(level, message, read);
    });
  }

  printed(level: keyof Log, line: () => string): void {
    if (this.#onLog) runOutside(() => this.#onLog?.(level, line()));
  }

  runCallback(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#finish({ error });
    }
  }

  /** A failure may still be awaited later; any other error is a bug (INSTANCE-6). */
  unhandledRejection(reason: unknown): void {
    if (this.closed || this.#recorded) return;
    if (isFailure(reason) || this.#failOnAnyError)
      this.say("debug", "a promise of workflow code was rejected before the code awaited it", { reason });
    else this.#reportBug(reason);
  }
}

/** What only a recorded event has. Its size counts as if `id` and `at` were 0 and the others absent. */
const isRecordedField = (key: string): boolean =>
  key === "id" || key === "at" || key === "decided" || key === "code" || key === "flags";
const EMPTY_BYTES = smallBytes({ id: 0, at: 0 });
/** The options of one activity are one object in all its calls. */
const optionsBytes = new WeakMap<object, number>();

/** Bytes of an event, without what only the recorded one has. */
function sizeOf(event: Stimulus | Decision): number {
  let bytes = EMPTY_BYTES;
  for (const key of Object.keys(event)) {
    const value = (event as unknown as Record<string, unknown>)[key];
    if (value === undefined || isRecordedField(key)) continue;
    bytes += key.length + 4 + (key === "options" ? sizeOfOptions(value as object) : smallBytes(value));
  }
  return bytes;
}

function sizeOfOptions(options: object): number {
  const known = optionsBytes.get(options);
  if (known !== undefined) return known;
  const bytes = smallBytes(options);
  optionsBytes.set(options, bytes);
  return bytes;
}

/** A stop at a breakpoint is not the fault of the code. */
const debugging = (): boolean => process.getBuiltinModule("node:inspector").url() !== undefined;
