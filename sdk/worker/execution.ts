/**
 * The driver of one execution in one worker: claims it, replays what is new, lets workflow code decide, records, runs
 * local activities, parks or closes. The protocol's steps are in `shared/engine`; these are the driver's own rules.
 *
 * EXEC-1. One thing at a time: claims, advances and queries of an execution run one after another in this worker.
 * EXEC-2. What has been given to workflow code and could not be recorded (position or turn lost, a bug) is undone by dropping
 *     the instance and replaying the log. Outcomes of local work are kept until a recorded event carries them (PROTOCOL-1).
 * EXEC-3. Messages come only from a claim, or from an append, that found the turn still ours; never from a plain read.
 * EXEC-4. Only the holder parks, and what it parks on covers everything its view contains. It vouches only for effects that
 *     it has had performed: those of batches known from a claim, or appended here; never of batches that it merely read.
 * EXEC-5. While a local attempt runs here the execution is not evicted and its tasks stay leased: if this process dies, they
 *     reappear.
 * EXEC-6. Code that throws a bug is recorded once per distinct error and tried again later; outcomes and timers are still
 *     taken in meanwhile, undecided. Messages wait in the inbox while there is no instance that could check them, those
 *     included on which the bug came: repaired code may leave them to its next run.
 * EXEC-7. Messages are taken in so many at a time as fit into one call. A run that ends at some of them is undone, the others
 *     are recorded undecided, and it ends when there are none left.
 */
import { decide, isYounger, type LocalOutcome, type Situation } from "../../shared/core/decide.ts";
import { dueAt } from "../../shared/core/due.ts";
import { childrenOutbox } from "../../shared/core/effects.ts";
import { fold, type RunState, sessionOf, stateOf } from "../../shared/core/state.ts";
import type { Head } from "../../shared/protocol/head.ts";
import { startedOf } from "../../shared/protocol/head.ts";
import type { Batch, Decision, HistoryEvent, Millis, NewEvent, Where } from "../../shared/protocol/history.ts";
import { isClosing, isStimulus, rootMessage } from "../../shared/protocol/history.ts";
import { RENEW_MS } from "../../shared/protocol/limits.ts";
import { inOrder, type Message } from "../../shared/protocol/messages.ts";
import type { WorkerAnswer, WorkerBody } from "../../shared/protocol/worker.ts";
import { QueryRefused } from "../errors.ts";
import { toFailure } from "../failure.ts";
import { roughSize } from "../json.ts";
import { WorkflowInstance } from "../workflow/instance.ts";
import type { Instance } from "../workflow/types.ts";
import { type Attempt, startAttempt } from "./attempt.ts";
import type { WorkerRuntime } from "./runtime.ts";
import { refusedFor, ServerRefusal } from "./transport.ts";

const CARRY: Millis = 15 * 60_000;
/** A continued run is told no more of its predecessor's message ids: the head carries them to every claim. */
const CARRIED = 1_000;
/** EXEC-7, bytes: far below what a call may have, for what code decides comes on top. */
const MESSAGES_AT_ONCE = 4 * 1024 * 1024;
/** The same for outcomes of local work, which may all come while one call is under way. */
const OUTCOMES_AT_ONCE = 2 * 1024 * 1024;
const SOON: Millis = 100;
/** Appends in quick succession ask for new messages so seldom: every message is announced by a task besides. */
const LOOK: Millis = 1_000;
/** Whether other sessions live is asked again so much later. */
const ASK_AGAIN: Millis = 2_000;
/** After trouble it is tried again so much later, twice as much later each time. */
const RETRY: Millis = 2_000;
const LONGEST_RETRY: Millis = 60_000;

interface Running {
  readonly attempt: number;
  readonly handle: Attempt;
}

export class Execution {
  readonly id: string;
  readonly #runtime: WorkerRuntime;
  #head: Head | null = null;
  #state: RunState | null = null;
  /** Effects of all batches up to this event were performed. */
  #effectsDoneThrough = 1;
  /** Null: not built yet, or its code threw. Else it has been given exactly the events that `#state` has. */
  #instance: Instance | null = null;
  #isOwner = false;
  #inbox = new Map<string, Message>();
  /** This run ends at what it was given last: all that was sent to it is recorded before it is asked again (EXEC-7). */
  #ending = false;
  #outcomes: LocalOutcome[] = [];
  readonly #running = new Map<string, Running>();
  readonly #receipts = new Set<string>();
  /** Queued activities that a worker has begun, of those that were asked about. */
  readonly #begun = new Set<number>();
  /** When it was last asked who of the other sessions lives. */
  #askedAt: Millis = 0;
  #lock: Promise<unknown> = Promise.resolve();
  #queued = 0;
  #wake: (() => void) | null = null;
  #parkedAt: Millis = 0;
  /** When the inbox was read last. */
  #lookedAt: Millis = 0;
  #troubles = 0;
  #gone = false;

  constructor(id: string, runtime: WorkerRuntime) {
    this.id = id;
    this.#runtime = runtime;
  }

  /** Nothing would be lost by forgetting it (EXEC-5). */
  get idle(): boolean {
    return this.#queued === 0 && this.#running.size === 0 && this.#outcomes.length === 0 && this.#receipts.size === 0;
  }

  get running(): number {
    return this.#running.size;
  }

  get working(): boolean {
    return this.#queued > 0 || this.#running.size > 0 || this.#outcomes.length > 0;
  }

  /** EXEC-1. */
  #serial<T>(fn: () => Promise<T>): Promise<T> {
    this.#queued += 1;
    const next = this.#lock.then(fn, fn).finally(() => {
      this.#queued -= 1;
      if (this.idle) this.#runtime.onIdle(this);
    });
    this.#lock = next.catch(() => {});
    return next;
  }

  /** A workflow task came: claim and advance. */
  deliver(receipt: string): Promise<void> {
    this.#receipts.add(receipt);
    this.#runtime.leases.hold(receipt, () => this.#receipts.delete(receipt));
    return this.#serial(async () => {
      if (await this.#claim()) await this.#advance();
      else this.#finishTasks();
    });
  }

  /** Answers a query on a state that is at least as new as the query. */
  query(name: string, input: unknown): Promise<unknown> {
    return this.#serial(async () => {
      await this.#refresh();
      if (!this.#instance) {
        const why = this.#bug instanceof Error ? this.#bug.message : String(this.#bug);
        throw new QueryRefused(424, `the workflow code of this execution does not replay: ${why}`);
      }
      return this.#instance.query(name, input);
    });
  }

  // --- reading -------------------------------------------------------------------------------------------------

  #have() {
    return this.#state && this.#instance && this.#head ? { run: this.#head.run, tail: this.#state.tail } : undefined;
  }

  /** False: closed. */
  async #claim(): Promise<boolean> {
    const have = this.#have();
    const body = { execution: this.id, session: this.#runtime.worker.session, ...(have ? { have } : {}) };
    const answer = await this.#runtime.worker.transport.call("claim", body);
    if (answer.kind === "closed") {
      this.#close();
      return false;
    }
    this.#isOwner = !answer.fenced;
    this.#askedAt = 0;
    this.#parkedAt = this.#runtime.now();
    this.#lookedAt = this.#parkedAt;
    await this.#takeLog(answer.head, answer.batches, have !== undefined);
    this.#effectsDoneThrough = this.#state!.tail;
    this.#inbox = new Map(answer.messages.map((m) => [m.id, m])); // not before: the log may be of another run than ours
    return true;
  }

  async #refresh(): Promise<void> {
    const have = this.#have();
    const answer = await this.#runtime.worker.transport.call("read", { execution: this.id, ...(have ? { have } : {}) });
    const before = this.#head;
    await this.#takeLog(answer.head, answer.batches, have !== undefined);
    if (before?.run === answer.head.run)
      this.#head = { ...answer.head, fence: before.fence }; // EXEC-3
    else this.#isOwner = false;
  }

  /** `further`: the batches follow what we have; else they are the whole log. */
  async #takeLog(head: Head, batches: readonly Batch[], further: boolean): Promise<void> {
    const same = this.#state !== null && this.#head?.run === head.run;
    if (this.#head && !same) this.#leaveRun();
    this.#head = head;
    const events = batches.flatMap((b) => b.events);
    if (same && further && this.#instance) {
      fold(this.#state!, events);
      await this.#replay(this.#instance, events);
      return;
    }
    const started = startedOf(head);
    this.#state = fold(stateOf(started), events);
    await this.#create([started, ...events]);
  }

  async #create(events: readonly HistoryEvent[]): Promise<void> {
    const { worker } = this.#runtime;
    const definition = worker.workflows.get(this.#head!.workflow);
    this.#instance = null;
    if (!definition) {
      this.#bug = new Error(
        `this worker has no workflow '${this.#head!.workflow}' (it has: ${[...worker.workflows.keys()].join(", ") || "none"}): a worker of deployment '${worker.deployment}' must have all its workflows`,
      );
      return;
    }
    const instance = WorkflowInstance.create(definition, {
      execution: this.id,
      log: worker.log,
      deterministic: worker.deterministic,
      failOnAnyError: worker.failOnAnyError,
      ...(worker.flags ? { flags: worker.flags } : {}),
    });
    this.#instance = instance;
    await this.#replay(instance, events);
  }

  #bug: unknown = null;

  async #replay(instance: Instance, events: readonly HistoryEvent[]): Promise<void> {
    try {
      await instance.replay(events);
      this.#bug = null;
    } catch (bug) {
      this.#instance = null;
      this.#bug = bug;
    }
  }

  // --- advancing -----------------------------------------------------------------------------------------------

  async #advance(): Promise<void> {
    if (!this.#head) return this.#finishTasks(); // it has ended; what still runs here is of no use to anybody
    // After trouble what is known may be old, and nobody is promised to look again.
    if (!this.#instance && this.#bug === null && !(await this.#claim())) return;
    while (!this.#gone) {
      const went = await this.#step();
      if (went === "again") continue;
      if (went === "closed") return;
      break;
    }
    if (!this.#gone) await this.#settle();
  }

  async #step(): Promise<"again" | "nothing" | "closed"> {
    const state = this.#state!;
    if (state.closed) {
      this.#close();
      return "closed";
    }
    if (this.#runtime.now() >= (state.started.deadline ?? Number.POSITIVE_INFINITY)) {
      return (await this.#claim()) ? "again" : "closed"; // the server times it out
    }
    const facts = await this.#facts(state);
    let step = decide(state, facts);
    const more = facts.messages.length > 0 && facts.messages.length < this.#inbox.size;
    const gathers = this.#ending && more;
    const at = Math.max(this.#runtime.now(), state.at);
    const placed = () => step.events.map((e, i) => place(e, state.tail + 1 + i, at));
    let events: HistoryEvent[] = placed();
    const decisions: Decision[] = [];
    let decided: number | null = null;
    let flags: number[] = [];
    if (this.#instance && !gathers && (state.lastStimulus > state.decided || events.some(isStimulus))) {
      const activation = await this.#instance.activate(events.filter(isStimulus));
      if ("bug" in activation) {
        this.#fail(activation.bug);
        step = decide(state, { ...facts, messages: [] }); // EXEC-6
        events = placed();
      } else {
        decisions.push(...activation.decisions);
        decided = activation.decided;
        flags = activation.flags.filter((flag) => !state.flags.has(flag));
        this.#ending = more && decisions.some((d) => isClosing(d) && d.kind !== "execution_continued");
        if (this.#ending) {
          this.#instance = null; // EXEC-2
          return (await this.#claim()) ? "again" : "closed";
        }
        if (decisions.at(-1)?.kind === "execution_continued") leaveToNext(events, step.taken, decided);
      }
    }
    for (const d of decisions) events.push(this.#placeDecision(d, state.tail + 1 + events.length, at));
    if (this.#bug !== null) this.#note(events, state, at);
    if (events.length === 0) {
      if (step.taken.length > 0) await this.#discard(step.taken);
      return more ? "again" : "nothing";
    }
    if (decided !== null) {
      const code = this.#runtime.worker.workflows.get(this.#head!.workflow)!.hash;
      events[events.length - 1] = {
        ...events.at(-1)!,
        decided,
        ...(code === state.code ? {} : { code }),
        ...(flags.length > 0 ? { flags } : {}), // FLAGS-2
      };
    }
    const batch: Batch = { first: state.tail + 1, events, append_id: this.#runtime.worker.uuid() };
    const went = await this.#record(batch, step.taken);
    if (!gathers || went === "closed") return went;
    this.#instance = null; // it has not been given what was recorded
    return (await this.#claim()) ? "again" : "closed";
  }

  #fail(bug: unknown): void {
    this.#instance = null; // EXEC-2
    this.#bug = bug;
    this.#ending = false;
  }

  /** EXEC-6: WORKFLOW_TASK_FAILED once per distinct error. */
  #note(events: HistoryEvent[], state: RunState, at: Millis): void {
    const failure = toFailure(this.#bug);
    const fingerprint = `${failure.type ?? "Error"}: ${failure.message}`.slice(0, 500);
    this.#runtime.worker.log.error(`workflow code failed, the execution waits for repaired code: ${failure.message}`, {
      execution: this.id,
      workflow: this.#head!.workflow,
      run: this.#head!.run,
      stack: failure.stack,
    });
    if (state.taskFailures.has(fingerprint)) return;
    const id = state.tail + 1 + events.length;
    events.push({ kind: "workflow_task_failed", id, at, failure, fingerprint });
  }

  #placeDecision(d: Decision, id: number, at: Millis): HistoryEvent {
    const { worker } = this.#runtime;
    if (d.kind === "activity_scheduled") {
      const local = this.#runtime.canRun(d.name) && this.#runtime.promise();
      if (!local && !worker.activities.has(d.name)) {
        worker.log.warn(`activity '${d.name}' is not registered by this worker: queued for another`, {
          execution: this.id,
        });
      }
      const where: Where = local ? `local:${worker.session}` : "queue";
      return place({ ...d, where }, id, at);
    }
    if (d.kind === "activity_cancel_requested") {
      const mine = [...this.#running.keys()].some((key) => key.startsWith(`${this.#head!.run}/${d.activity}/`));
      return place(mine ? { ...d, where: `local:${worker.session}` } : d, id, at);
    }
    return place(d, id, at);
  }

  async #record(batch: Batch, taken: readonly string[]): Promise<"again" | "closed"> {
    const closing = isClosing(batch.events.at(-1)!);
    const sent = closing ? this.#sendClose(batch, taken) : this.#sendAppend(batch, taken);
    const answer = await sent.catch((error) => {
      this.#returnSlots(batch);
      throw error;
    });
    if (answer.kind === "refused") return this.#refused(batch, answer);
    if (answer.kind !== "appended" && answer.kind !== "closed") {
      this.#returnSlots(batch);
      this.#instance = null; // EXEC-2: workflow code has seen what was not recorded
      const { run } = this.#head!;
      if (answer.kind === "fenced" || !this.#isOwner) return (await this.#claim()) ? "again" : "closed";
      await this.#refresh();
      if (this.#head?.run === run) return "again";
      this.#close(); // another run has begun: it comes with its own task
      return "closed";
    }
    if (this.#effectsDoneThrough === this.#state!.tail) this.#effectsDoneThrough += batch.events.length;
    fold(this.#state!, batch.events);
    this.#forget(batch);
    for (const id of taken) this.#inbox.delete(id);
    if (answer.kind === "closed") {
      this.#returnSlots(batch); // activities that nobody waits for any more do not begin
      this.#close();
      return "closed";
    }
    if (answer.fenced) this.#isOwner = false;
    for (const message of answer.messages) this.#inbox.set(message.id, message);
    this.#startLocal(batch);
    return "again";
  }

  #sendAppend(batch: Batch, taken: readonly string[]): Promise<WorkerAnswer<"append">["results"][number]> {
    const { run, chain, fence } = this.#head!;
    const now = this.#runtime.now();
    const look = now - this.#lookedAt >= LOOK;
    if (look) this.#lookedAt = now;
    return this.#runtime.append({ execution: this.id, run, chain, fence, batch, taken: [...taken], look });
  }

  async #sendClose(batch: Batch, taken: readonly string[]): Promise<WorkerAnswer<"close">> {
    const { run, chain, fence } = this.#head!;
    const last = batch.events.at(-1)!;
    const failure =
      last.kind === "execution_failed"
        ? rootMessage(last.failure)
        : last.kind === "execution_cancelled"
          ? (last.reason ?? "cancelled")
          : null;
    const state = this.#after(batch);
    const now = this.#runtime.now();
    const unconfirmed = (id: string) => this.#inbox.has(id);
    const recent = [...state.taken].filter(([id, at]) => at > now - CARRY && !unconfirmed(id)).slice(-CARRIED);
    const carried = [...[...state.taken.keys()].filter(unconfirmed), ...recent.map(([id]) => id)];
    const body: WorkerBody<"close"> = {
      execution: this.id,
      run,
      chain,
      fence,
      batch,
      taken: [...taken],
      failure,
      outbox: childrenOutbox(state),
      carried: last.kind === "execution_continued" ? carried : [],
    };
    try {
      return await this.#runtime.worker.transport.call("close", body);
    } catch (error) {
      const refused = refusedFor(error);
      if (refused) return refused;
      throw error;
    }
  }

  /** What the state would be, for those parts that a close needs. */
  #after(batch: Batch): RunState {
    const state = this.#state!;
    const copy: RunState = {
      ...state,
      activities: new Map(),
      timers: new Map(),
      updates: new Map(),
      taskFailures: new Map(),
      flags: new Set(),
      children: new Map(state.children),
      taken: new Map(state.taken),
    };
    return fold(copy, batch.events);
  }

  /** The server will never take this batch: too long a history, a batch it finds malformed. The execution ends of it. */
  async #refused(batch: Batch, answer: { status: number; code: string; detail: string }): Promise<"again" | "closed"> {
    this.#returnSlots(batch);
    this.#instance = null;
    const state = this.#state!;
    const at = Math.max(this.#runtime.now(), state.at);
    this.#runtime.worker.log.error(`the server refuses a batch: ${answer.detail}`, {
      execution: this.id,
      code: answer.code,
    });
    const failure = { type: answer.code, message: answer.detail, non_retryable: true };
    const first = state.tail + 1;
    const events: HistoryEvent[] = [{ kind: "execution_failed", id: first, at, failure }];
    const last: Batch = { first, events, append_id: this.#runtime.worker.uuid() };
    const closed = await this.#sendClose(last, []);
    if (closed.kind === "closed") {
      this.#close();
      return "closed";
    }
    if (closed.kind === "refused") throw new ServerRefusal("close", closed.status, closed.code, closed.detail);
    return (await this.#claim()) ? "again" : "closed";
  }

  /** Messages that mean nothing any more. */
  async #discard(taken: readonly string[]): Promise<void> {
    for (const id of taken) this.#inbox.delete(id);
    const { run, chain } = this.#head!;
    await this.#runtime.discard({ execution: this.id, run, chain, ids: [...taken] });
  }

  /** Outcomes that the batch recorded are safe; drop them. */
  #forget(batch: Batch): void {
    const ended = new Set<number>();
    for (const e of batch.events) {
      if (e.kind === "activity_completed" || e.kind === "activity_failed" || e.kind === "activity_attempt_failed") {
        ended.add(e.activity);
      }
    }
    // An outcome that recorded nothing was of an attempt not open any more: no use either.
    this.#outcomes = this.#outcomes.filter((o) => !ended.has(o.activity) && this.#isOpen(o));
  }

  #isOpen(o: LocalOutcome): boolean {
    return this.#state!.activities.get(o.activity)?.attempt === o.attempt;
  }

  // --- facts ---------------------------------------------------------------------------------------------------

  async #facts(state: RunState): Promise<Situation> {
    const { worker } = this.#runtime;
    const now = this.#runtime.now();
    const others = new Set<string>();
    const late: number[] = [];
    for (const [number, open] of state.activities) {
      const session = sessionOf(open.where);
      if (session !== null && session !== worker.session && open.startedAt !== null) others.add(session);
      const limit = open.options.schedule_to_start_ms;
      const waits = session === null && open.attempt === 1 && !this.#begun.has(number);
      if (waits && limit !== undefined && now >= open.scheduledAt + limit) late.push(number);
    }
    // Asked after each claim, when one of them may have died, and now and then in between: not with every step.
    const mayBeDead = [...others].some((session) => (this.#runtime.diesAt(session) ?? 0) < now);
    if (others.size > 0 && (mayBeDead || now >= this.#askedAt + ASK_AGAIN)) {
      await this.#runtime.askSessions([...others]);
      this.#askedAt = now;
    }
    const { run } = this.#head!;
    if (late.length > 0) {
      const { begun } = await worker.transport.call("begun", { execution: this.id, run, activities: late });
      for (const activity of begun) this.#begun.add(activity);
    }
    const instance = this.#instance;
    return {
      now,
      session: worker.session,
      messages: instance ? this.#nextMessages(state) : [], // EXEC-6
      outcomes: this.#nextOutcomes(),
      isRunning: (activity, attempt) =>
        this.#running.has(`${run}/${activity}/${attempt}`) ||
        this.#outcomes.some((o) => o.activity === activity && o.attempt === attempt),
      isDead: (session) => this.#runtime.isDead(session),
      canRun: (name) => this.#runtime.canRun(name),
      hasBegun: (activity) => this.#begun.has(activity),
      checkSignal: (name, input) => instance?.checkSignal(name, input) ?? null,
      checkUpdate: (name, input) => instance?.checkUpdate(name, input) ?? null,
    };
  }

  /** EXEC-7. */
  #nextMessages(state: RunState): Message[] {
    const all = [...this.#inbox.values()].filter((m) => !isYounger(state, m)).sort(inOrder);
    return firstOf(all, MESSAGES_AT_ONCE);
  }

  /** The others are still called running. What means nothing any more goes. */
  #nextOutcomes(): LocalOutcome[] {
    this.#outcomes = this.#outcomes.filter((o) => this.#isOpen(o));
    return firstOf(this.#outcomes, OUTCOMES_AT_ONCE);
  }

  // --- local activities ----------------------------------------------------------------------------------------

  #startLocal(batch: Batch): void {
    if (this.#gone) return; // its session ends as well, so that others take it over
    const mine = `local:${this.#runtime.worker.session}`;
    for (const e of batch.events) {
      if (e.kind === "activity_scheduled" && e.where === mine) this.#run(e.activity, 1, false);
      else if (e.kind === "activity_attempt_started" && e.where === mine) this.#run(e.activity, e.attempt, true);
      else if (e.kind === "activity_cancel_requested") {
        for (const [key, running] of this.#running) {
          if (key.startsWith(`${this.#head!.run}/${e.activity}/`)) running.handle.cancel("the workflow cancelled it");
        }
      }
    }
  }

  /** `again`: a later attempt, which has been promised no slot yet and may find details of its predecessors. */
  #run(activity: number, attempt: number, again: boolean): void {
    const key = `${this.#head!.run}/${activity}/${attempt}`;
    if (again) this.#runtime.promiseAnyway();
    let cancelled: string | null = null;
    let gone = false;
    // Until its function runs it must count as running, or it would be taken for an orphan.
    const waiting: Attempt = {
      outcome: new Promise(() => {}),
      superseded: false,
      cancel: (reason) => {
        cancelled = reason;
      },
      abandon: () => {
        gone = true;
      },
    };
    this.#running.set(key, { attempt, handle: waiting });
    this.#perform(key, activity, attempt, again, (handle) => {
      if (gone) handle.abandon();
      if (cancelled !== null) handle.cancel(cancelled);
    }).catch((error) => {
      this.#running.delete(key);
      this.#runtime.trouble(this, error);
    });
  }

  async #perform(key: string, activity: number, attempt: number, again: boolean, begun: (handle: Attempt) => void) {
    const open = this.#state!.activities.get(activity)!;
    const { run, chain, workflow } = this.#head!;
    const { worker } = this.#runtime;
    const ref = { execution: this.id, run, chain, activity, attempt };
    const slot = this.#runtime.enter();
    if (slot) await slot;
    const began = worker.clock.now();
    try {
      const news = again ? await worker.transport.call("begin", ref) : null;
      const handle = startAttempt(worker, {
        ref,
        workflow,
        name: open.name,
        input: open.input,
        options: open.options,
        scheduledAt: this.#runtime.local(open.scheduledAt),
        serverNow: () => this.#runtime.now(),
        lastHeartbeat: news?.heartbeat_details ?? null,
      });
      this.#running.set(key, { attempt, handle });
      begun(handle);
      if (news?.superseded) handle.cancel("a later attempt has begun");
      else if (news?.cancel_requested) handle.cancel("cancellation was requested");
      const outcome = await handle.outcome;
      this.#running.delete(key);
      if (this.#head?.run === run) this.#outcomes.push({ activity, attempt, outcome });
    } finally {
      this.#runtime.leave(worker.clock.now() - began);
    }
    await this.#serial(() => this.#advance());
  }

  #returnSlots(batch: Batch): void {
    const mine = `local:${this.#runtime.worker.session}`;
    for (const e of batch.events) if (e.kind === "activity_scheduled" && e.where === mine) this.#runtime.unpromise();
  }

  // --- at rest -------------------------------------------------------------------------------------------------

  /** Nothing left to do now. */
  async #settle(): Promise<void> {
    this.#wake?.();
    this.#wake = null;
    this.#troubles = 0;
    this.#outcomes = this.#outcomes.filter((o) => this.#isOpen(o));
    const busy = this.#running.size > 0;
    const now = this.#runtime.now();
    if (busy && now - this.#parkedAt < RENEW_MS) {
      this.#wakeAt(Math.min(this.#dueAt() ?? Number.POSITIVE_INFINITY, this.#parkedAt + RENEW_MS));
      this.#finishTasks(1); // EXEC-5 needs one, and every message brings one more
      return;
    }
    if (this.#isOwner) await this.#park();
    this.#parkedAt = now;
    if (busy) this.#wakeAt(Math.min(this.#dueAt() ?? Number.POSITIVE_INFINITY, now + RENEW_MS));
    this.#finishTasks(busy ? 1 : 0);
  }

  #dueAt(): Millis | null {
    return dueAt(this.#state!, {
      now: this.#runtime.now(),
      session: this.#runtime.worker.session,
      broken: this.#bug !== null,
      diesAt: (session) => this.#runtime.diesAt(session),
    });
  }

  /** EXEC-4. */
  async #park(): Promise<void> {
    const { run, fence } = this.#head!;
    const effects_done_through = this.#effectsDoneThrough;
    const parked = await this.#runtime.park({
      execution: this.id,
      run,
      fence,
      due_at: this.#dueAt(),
      effects_done_through,
    });
    if (parked) this.#head = { ...this.#head!, effects_done_through };
    else this.#isOwner = false; // marked or claimed since: a task is on its way to somebody
  }

  #wakeAt(at: Millis): void {
    this.#wake?.();
    const now = this.#runtime.now();
    // What is due and yet did not happen (our clock is a little ahead) is looked at again soon, but not without end.
    const then = at > now ? at : now + SOON;
    this.#wake = this.#runtime.worker.clock.at(this.#runtime.local(then), () => {
      this.#wake = null;
      void this.#serial(() => this.#advance()).catch((error) => this.#runtime.trouble(this, error));
    });
  }

  /** All but the latest `keep`. */
  #finishTasks(keep = 0): void {
    let left = this.#receipts.size - keep;
    for (const receipt of this.#receipts) {
      if (left-- <= 0) return;
      this.#receipts.delete(receipt);
      this.#runtime.leases.finish(receipt);
    }
  }

  #leaveRun(): void {
    for (const running of this.#running.values()) running.handle.cancel("the run has ended");
    this.#outcomes = [];
    this.#begun.clear();
    this.#askedAt = 0;
    this.#instance = null;
    this.#state = null;
    this.#inbox.clear();
    this.#ending = false;
    this.#bug = null;
  }

  /** The run is over; a next one comes with its own task. */
  #close(): void {
    this.#wake?.();
    this.#wake = null;
    this.#leaveRun();
    this.#head = null;
    this.#isOwner = false;
    this.#finishTasks();
  }

  /** The worker is stopping: ends everything without a trace. Tasks are handed back by the leases. */
  abandon(): void {
    this.#gone = true;
    this.#wake?.();
    this.#wake = null;
    for (const running of this.#running.values()) running.handle.abandon();
    this.#running.clear();
    this.#receipts.clear();
  }

  /**
   * Something went wrong outside our control: forget what is cached, and try again soon. Outcomes of local work nobody
   * else has (PROTOCOL-1): with those it is tried again here; else the task is handed back.
   */
  reset(): void {
    this.#instance = null;
    this.#bug = null;
    this.#isOwner = false;
    if (this.#gone) return;
    const wait = Math.min(LONGEST_RETRY, RETRY * 2 ** this.#troubles);
    this.#troubles += 1;
    if (this.#outcomes.length > 0) this.#wakeAt(this.#runtime.now() + wait);
    if (this.#outcomes.length > 0 || this.#running.size > 0) return; // EXEC-5
    for (const receipt of this.#receipts) void this.#runtime.leases.release(receipt, wait).catch(() => {});
    this.#receipts.clear();
  }
}

/**
 * A run that continues as new has not seen what came after the stimulus on which it did. Unrecorded, messages stay in
 * the inbox for the next run, where code can still make something of them.
 */
function leaveToNext(events: HistoryEvent[], taken: string[], decided: number): void {
  for (let last = events.at(-1); last && last.id > decided; last = events.at(-1)) {
    events.pop();
    const at = "message" in last ? taken.indexOf(last.message) : -1;
    if (at >= 0) taken.splice(at, 1);
  }
}

/** As many as have `most` bytes together, at least one. */
function firstOf<T>(all: T[], most: number): T[] {
  let bytes = 0;
  const over = all.findIndex((one) => {
    bytes += roughSize(one);
    return bytes > most;
  });
  return over < 0 ? all : all.slice(0, Math.max(1, over));
}

const place = (event: NewEvent | Decision, id: number, at: Millis): HistoryEvent =>
  ({ ...event, id, at }) as HistoryEvent;
