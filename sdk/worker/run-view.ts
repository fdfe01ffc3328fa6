/**
 * The view that a worker has of the current run of one execution: head, state, inbox, and the instance of the workflow
 * code that was given the same events. A run has one view in a worker; the next run gets a new one. The rules EXEC-2 to
 * EXEC-4 are defined in `execution.ts`.
 */
import { isQuarantined } from "../../shared/core/quarantine.ts";
import { fold, type RunState, stateOf } from "../../shared/core/state.ts";
import type { Answer } from "../../shared/core/step.ts";
import { type Head, startedOf } from "../../shared/protocol/head.ts";
import type { Batch, HistoryEvent, Millis, Stimulus } from "../../shared/protocol/history.ts";
import type { InboxMessage } from "../../shared/protocol/messages.ts";
import { SuspectedError } from "../determinism/intact.ts";
import { toFailure } from "../failure.ts";
import { fromFailure } from "../revive.ts";
import type { Log } from "../runtime/log.ts";
import { BlockedLoopError } from "../workflow/bugs.ts";
import { DivergenceError } from "../workflow/divergence.ts";
import type { Instance } from "../workflow/types.ts";
import { undecodedEvent, undecodedMessage } from "./encoding.ts";
import type { Said } from "./log-record.ts";
import type { LogSink } from "./log-shipper.ts";
import type { WorkerContext } from "./types.ts";

type LogLine = [level: keyof Log, message: string, fields?: Record<string, unknown>];

export class RunView {
  readonly #worker: WorkerContext;
  readonly #execution: string;
  readonly #now: () => Millis;
  readonly #logs: LogSink | null;
  head: Head;
  state: RunState;
  /** It has been given exactly the events of `state`. Null: not built yet, or dropped (EXEC-2). */
  get instance(): Instance | null {
    return this.#instance;
  }
  set instance(next: Instance | null) {
    if (this.#instance !== next) {
      this.#instance?.drop();
      this.#given = 0;
    }
    this.#instance = next;
  }
  #instance: Instance | null = null;
  /** Id of the last stimulus that the instance was given by `activate`; 0 = none since it was built. */
  #given = 0;
  /** Why there is no instance: the code threw this, or this worker does not have the workflow. Null = no reason. */
  bug: unknown = null;
  /** Hash of the definition that the bug puts into quarantine; null = it harms no worker. */
  quarantines: string | null = null;
  /** QUARANTINE-4: this worker tries code that it has quarantined itself. */
  isTrial = false;
  /** This worker's claim raised the fence last, as far as it knows (EXEC-4). */
  isOwner = false;
  /** This worker had the effects of all batches up to this event performed, or knows from a claim that they were (EXEC-4). */
  effectsDoneThrough = 1;
  /** What the server said of the end of the log after the last event of `state`, for the next batch. */
  logEnd: string | undefined;
  inbox = new Map<string, InboxMessage>();
  inboxReadAt: Millis = 0;
  /** EXEC-7: the run ends at the messages that its code was given last. */
  ending = false;
  /** Activities in the queue that a worker has begun, of those that the server was asked about. */
  readonly begun = new Set<number>();
  /** When the server was last asked which other sessions are alive. */
  sessionsAskedAt: Millis = 0;

  /** What the code has logged in the step that is not recorded yet (SHIP-3); null: no step is under way. */
  #said: Said[] | null = null;

  /** `now`: the server's time. */
  constructor(worker: WorkerContext, execution: string, head: Head, now: () => Millis, logs: LogSink | null = null) {
    this.#worker = worker;
    this.#now = now;
    this.#logs = logs;
    this.#execution = execution;
    this.head = head;
    this.state = stateOf(startedOf(head));
  }

  /** It was invalidated: the worker must read the whole log before the next step. */
  get stale(): boolean {
    return this.instance === null && this.bug === null;
  }

  /** The part of the log that the server need not send again; undefined = it sends the whole log. */
  get have(): { run: string; tail: number } | undefined {
    return this.instance ? { run: this.head.run, tail: this.state.tail } : undefined;
  }

  /** `further`: the batches follow the events of `state`; else they are the whole log. */
  async read(head: Head, batches: readonly Batch[], further: boolean): Promise<void> {
    if (batches.length > 0 || !further) this.logEnd = undefined;
    this.head = head;
    const events = batches.flatMap((b) => b.events);
    if (further) {
      fold(this.state, events);
      if (this.#keepOut()) return;
      // An instance that was dropped while the server answered cannot be built from these alone: the view is stale.
      if (this.instance) await this.#replay(this.instance, events);
      return;
    }
    const started = startedOf(head);
    this.state = fold(stateOf(started), events);
    await this.#build([started, ...events]);
  }

  async #build(events: readonly HistoryEvent[]): Promise<void> {
    const { workflows, deployment, log, deterministic, failOnAnyError, flags } = this.#worker;
    const { workflow } = this.head;
    const definition = workflows.get(workflow);
    this.instance = null;
    if (!definition) {
      this.bug = new Error(
        `this worker has no workflow '${workflow}' (it has: ${[...workflows.keys()].join(", ") || "none"}): a worker of deployment '${deployment}' must have all its workflows`,
      );
      return;
    }
    if (this.#keepOut()) return;
    const options = {
      execution: this.#execution,
      log,
      deterministic,
      failOnAnyError,
      ...(flags && { flags }),
      ...(this.#logs && { onLog: (...line: LogLine) => this.#note(...line) }),
    };
    const instance = definition.create(options);
    this.instance = instance;
    if (events.length > 1) this.#worker.metrics?.replay(workflow);
    await this.#replay(instance, events);
  }

  /** QUARANTINE-1. */
  #keepOut(): boolean {
    const { quarantine } = this.state;
    const code = this.#code;
    const now = this.#now();
    if (this.isTrial || code === undefined || !isQuarantined(quarantine, code, now)) return false;
    this.instance = null;
    this.bug = fromFailure(quarantine.failure);
    this.quarantines = null;
    return true;
  }

  /** EXEC-8. */
  quarantine(why: unknown): void {
    this.isTrial = false;
    if (this.#keepOut()) return;
    this.#fail(why);
    this.quarantines = this.#code ?? null;
  }

  /** Hash of the definition that this worker has of the workflow. */
  get #code(): string | undefined {
    return this.#worker.workflows.get(this.head.workflow)?.hash;
  }

  async #replay(instance: Instance, events: readonly HistoryEvent[]): Promise<void> {
    try {
      const unread = undecodedEvent(events);
      if (unread) throw unread; // ENCODING-6
      await instance.replay(events);
      this.bug = null;
    } catch (bug) {
      this.#fail(bug);
    }
  }

  /** ENCODING-6: a message that cannot be decoded waits in the inbox, and the code with it. */
  checkMessages(): void {
    if (!this.instance || this.inbox.size === 0) return;
    const unread = undecodedMessage(this.inbox.values());
    if (unread) this.#fail(unread);
  }

  /** Workflow code was given every stimulus of `state`. */
  get isCaughtUp(): boolean {
    return Math.max(this.#given, this.state.decided) >= this.state.lastStimulus;
  }

  /** Gives the stimuli to workflow code. Null: the view is stale, so that the code gets them again (INTACT-2). */
  async activate(stimuli: readonly Stimulus[]): Promise<Answer | null> {
    this.#given = this.state.lastStimulus;
    this.#said = [];
    const activation = await this.instance!.activate(stimuli);
    if ("bug" in activation) {
      this.#fail(activation.bug);
      if (this.stale) return null;
      return { bug: toFailure(activation.bug), quarantines: this.quarantines };
    }
    const { decided, decisions, flags } = activation;
    return { decided, decisions, flags, code: this.#worker.workflows.get(this.head.workflow)!.hash };
  }

  /**
   * The instance, after its code was given everything that is recorded: a step without decisions leaves no event, and a
   * worker that replays the log does not know that another worker has made it. Decisions that the code takes now are for the
   * owner of the fence to record: this worker drops the instance (EXEC-2), which the caller may still query. Null: a bug, or
   * the view is stale.
   */
  async caughtUp(): Promise<Instance | null> {
    const { instance, state } = this;
    if (!instance || state.closed || state.lastStimulus <= state.decided) return instance;
    const answer = await this.activate([]);
    if (answer === null || "bug" in answer) return null;
    if (answer.decisions.length > 0) this.instance = null;
    return instance;
  }

  #fail(bug: unknown): void {
    this.instance = null; // EXEC-2
    this.bug = bug instanceof SuspectedError ? null : bug;
    this.quarantines = bug instanceof BlockedLoopError ? (this.#code ?? null) : null;
    if (this.bug !== null) this.#worker.metrics?.error(bug instanceof DivergenceError ? "divergence" : "bug");
  }

  logBug(): void {
    const { message, stack } = toFailure(this.bug);
    const { workflow, run } = this.head;
    const line = `workflow code failed, the execution waits for repaired code: ${message}`;
    this.#worker.log.error(line, { execution: this.#execution, workflow, run, stack });
    this.#said ??= [];
    this.#note("error", line, { stack });
  }

  /** Outside of a step, as in a query, there is nothing to wait for. */
  #note(level: keyof Log, message: string, fields?: Record<string, unknown>): void {
    const said = { at: this.#now(), level, message, fields };
    if (this.#said) this.#said.push(said);
    else this.#logs?.add({ execution: this.#execution, run: this.head.run }, said);
  }

  /** SHIP-3. The step is recorded, or had nothing to record; `lost`: it will be repeated. */
  stepEnded(how: "kept" | "lost"): void {
    const said = this.#said ?? [];
    this.#said = null;
    if (how === "lost") return;
    for (const line of said) this.#logs?.add({ execution: this.#execution, run: this.head.run }, line);
  }

  /** The batch is durable: the log has it, its messages need not be kept. */
  recorded(batch: Batch, taken: readonly string[]): void {
    if (this.effectsDoneThrough === this.state.tail) this.effectsDoneThrough += batch.events.length; // EXEC-4
    fold(this.state, batch.events);
    this.drop(taken);
  }

  /** Takes messages out of the inbox. */
  drop(messages: readonly string[]): void {
    for (const id of messages) this.inbox.delete(id);
  }

  /** The view may be old: the next step claims and replays first. */
  invalidate(): void {
    this.instance = null;
    this.bug = null;
    this.isOwner = false;
  }
}
