/**
 * One execution in one worker: the worker claims it, replays what is new, lets workflow code decide, records, runs local
 * activities, parks or closes it. The protocol's calls are in `shared/engine`; these are the worker's own rules.
 *
 * EXEC-1. One thing at a time: claims, advances and queries of an execution run one after another in this worker.
 * EXEC-2. If workflow code was given something that could not be recorded (a conflict, a raised fence, a bug), the worker
 *     drops the instance and replays the log. It keeps outcomes of local work until a recorded event carries them (PROTOCOL-1).
 * EXEC-3. Messages come only from a claim, or from an append that found this worker's fence unchanged; never from a plain
 *     read.
 * EXEC-4. Only the owner of the fence parks, and the due time that it sets covers everything in its view. It advances
 *     `effects_done_through` only past batches whose effects it had performed: those known from a claim, or appended
 *     here; never past batches that it merely read.
 * EXEC-5. While a local attempt runs here the execution is not evicted and one of its tasks stays leased: if this process
 *     dies, the task reappears.
 * EXEC-6. A bug of workflow code is recorded once per distinct error since the last decision, and the code is tried again later.
 *     An error whose text differs at each try must not fill the history: the eleventh and later ones are recorded when the
 *     time that the recorded ones span has passed again, a minute at least and a day at most. Meanwhile the
 *     worker records outcomes and timers, without decisions. Messages wait in the inbox while there is no instance that
 *     could check them, those on which the bug came included: repaired code may leave them to its next run.
 * EXEC-7. A step takes in as many messages as fit into one call. If the run ends at some of them, the worker drops that
 *     step, records the other messages without decisions, and lets the run end when none are left.
 * EXEC-8. When steps of an execution fail again and again although the server can be reached (something that is stored of it
 *     cannot be read, sent or written), the worker puts it into quarantine: it records why, and leaves messages and code
 *     alone for a while.
 * EXEC-9. When a workflow task was delivered several times without an end, its execution may be the one that ends workers.
 *     The worker records a quarantine before it replays the code (QUARANTINE-4).
 */

import type { RefusedUpdate } from "../../shared/core/decide.ts";
import { isQuarantined, isSuspect, UNFINISHED_DELIVERIES, WORKER_DIED } from "../../shared/core/quarantine.ts";
import { fold, stateOf } from "../../shared/core/state.ts";
import { draft, isAtRest, step } from "../../shared/core/step.ts";
import { type Head, startedOf } from "../../shared/protocol/head.ts";
import type { Batch } from "../../shared/protocol/history.ts";
import { isClosing, tailOf } from "../../shared/protocol/history.ts";
import { MAX_REFUSED_AT_ONCE } from "../../shared/protocol/limits.ts";
import type { Claimed } from "../../shared/protocol/worker.ts";
import { QueryRefused } from "../errors.ts";
import { toFailure } from "../failure.ts";
import { isMessageActivity } from "../runtime/message.ts";
import { askServer, gatherFacts } from "./facts.ts";
import type { ExecutionHost } from "./host.ts";
import { LocalActivities } from "./local-activities.ts";
import { Parking } from "./park.ts";
import { type Refused, sendAppend, sendClose, sendFailure } from "./recording.ts";
import { RunView } from "./run-view.ts";
import { NO_SPAN, type WorkerSpan } from "./spans.ts";
import { isGone, mayBeOneItem, ServerRefusal } from "./transport.ts";

/** EXEC-8. The waits between them add up to a minute. */
const FAILURES_TO_QUARANTINE = 5;
const MOST_CONFLICTS = 5;

const nothing = () => {};

type Went = "again" | "rest" | "closed";

/** The claim that came with a task. `after`: the event after which its batches are (CLAIM-4); absent: it has the whole log. */
export interface GivenClaim {
  readonly claimed: Claimed;
  readonly after?: number | undefined;
}

export class Execution {
  readonly id: string;
  readonly #host: ExecutionHost;
  readonly #local: LocalActivities;
  readonly #parking: Parking;
  /** Null: the execution is closed, or was never claimed. */
  #view: RunView | null = null;
  #span: WorkerSpan | null = null;
  #lock: Promise<unknown> = Promise.resolve();
  #queued = 0;
  #abandoned = false;
  /** Steps that failed in a row although the server could be reached. */
  #failures = 0;
  /** EXEC-9. Without those that this worker has outlived. */
  #deliveries = 1;
  #outlived = 0;
  /** EXEC-8: the error of the last of them. */
  #poison: unknown = null;
  /** Conflicts in a row at one position. */
  #conflicts = 0;
  #conflictAt = 0;

  constructor(id: string, host: ExecutionHost) {
    this.id = id;
    this.#host = host;
    const onFailure = (error: unknown) => host.onFailure(this, error);
    this.#parking = new Parking(host, id, () => void this.#serial(() => this.#advance()).catch(onFailure));
    this.#local = new LocalActivities({
      host,
      execution: id,
      view: () => this.#view,
      onOutcome: () => this.#serial(() => this.#advance()),
      onFailure,
    });
  }

  /** It may be evicted (EXEC-5): the log and the queue have everything. */
  get idle(): boolean {
    return !this.working && !this.#parking.holdsTasks;
  }

  /** Attempts that run here. */
  get running(): number {
    return this.#local.running;
  }

  /** As `working`, without attempts that were given up. */
  get busy(): boolean {
    return this.#queued > 0 || this.#local.busy > 0 || this.#local.hasOutcomes;
  }

  askToStop(): void {
    this.#local.askToStop();
  }

  get working(): boolean {
    return this.#queued > 0 || this.#local.running > 0 || this.#local.hasOutcomes;
  }

  /** EXEC-1. */
  #serial<T>(fn: () => Promise<T>): Promise<T> {
    this.#queued += 1;
    const next = this.#lock.then(() => this.#perform(fn));
    this.#lock = next.catch(nothing);
    return next;
  }

  async #perform<T>(fn: () => Promise<T>): Promise<T> {
    try {
      return await fn();
    } finally {
      this.#queued -= 1;
      if (this.idle) this.#host.onIdle();
    }
  }

  /** A workflow task came: claim and advance. `deliveries`: of this task, with this one. `given`: CLAIM-1, CLAIM-3. */
  deliver(receipt: string, deliveries: number, given?: GivenClaim): Promise<void> {
    this.#parking.hold(receipt);
    return this.#serial(async () => {
      this.#deliveries = deliveries - this.#outlived;
      this.#outlived += 1;
      if (await this.#claim(given)) await this.#advance();
      else this.#parking.finishTasks();
    });
  }

  /** Answers a query on a state that is at least as new as the query, whichever worker drives the execution. */
  query(name: string, input: unknown): Promise<unknown> {
    return this.#serial(async () => {
      let view = await this.#refreshForQuery();
      let instance = view.stale ? null : await view.caughtUp();
      while (!instance && view.stale) {
        view = await this.#refreshForQuery();
        if (!view.stale) instance = await view.caughtUp();
      }
      if (instance) return instance.query(name, input);
      const { bug } = view;
      const why = bug instanceof Error ? bug.message : String(bug);
      throw new QueryRefused(424, `the workflow code of this execution does not replay: ${why}`);
    });
  }

  // --- reading -------------------------------------------------------------------------------------------------

  /** False: closed, or the run begins later. `given`: the claim, where it came with the task. */
  async #claim(given?: GivenClaim): Promise<boolean> {
    if (given && this.#fits(given)) return this.#claimed(given.claimed, this.#view?.have, given);
    const have = this.#view?.have;
    const { session, deployment } = this.#host.worker;
    const running = this.#local.running > 0 || this.#local.hasOutcomes; // HOLD-3
    const body = {
      execution: this.id,
      session,
      deployment,
      ...(have && { have }),
      ...(running && { running: true as const }),
    };
    const answer = await this.#host.worker.transport.call("claim", body);
    if (answer.kind === "claimed") return this.#claimed(answer, have);
    this.#close();
    return false;
  }

  /** CLAIM-4: the claim brings all that the view lacks. */
  #fits({ claimed: { head }, after }: GivenClaim): boolean {
    if (!this.#view) return after === undefined;
    const { have } = this.#view;
    return have?.run === head.run && have.tail >= (after ?? 1) && this.#view.head.fence < head.fence;
  }

  /** `have`: what the view had when the claim was asked for; a `given` one may lack the last of it. */
  async #claimed(answer: Claimed, have: RunView["have"], given?: GivenClaim): Promise<true> {
    const view = this.#viewOf(answer.head);
    view.isOwner = !answer.fenced;
    view.sessionsAskedAt = 0;
    const now = this.#host.serverClock.now();
    const at = given ? Math.min(answer.now, now) : now; // a given claim may have waited for the step before
    view.inboxReadAt = at;
    this.#parking.claimed(at);
    const further = have?.run === answer.head.run;
    const batches = given && further ? answer.batches.filter(({ first }) => first > have.tail) : answer.batches;
    const trial = further ? null : await this.#quarantineFirst(view, answer.head, batches);
    await view.read(answer.head, trial ? [...batches, trial] : batches, further);
    const readThrough = given && further ? tailOf(answer.batches, given.after) : view.state.tail;
    view.effectsDoneThrough = further ? Math.max(view.effectsDoneThrough, readThrough) : view.state.tail; // EXEC-4
    if (!trial) view.logEnd = answer.upto ?? view.logEnd;
    view.inbox = new Map(answer.messages.map((m) => [m.id, m]));
    return true;
  }

  /** EXEC-9. Null: the code is not suspect, or another worker has recorded something meanwhile. */
  async #quarantineFirst(view: RunView, head: Head, batches: readonly Batch[]): Promise<Batch | null> {
    const events = batches.flatMap((b) => b.events);
    const quarantined = events.some((e) => e.kind === "workflow_task_failed" && e.quarantined !== undefined);
    if (!quarantined && this.#deliveries <= UNFINISHED_DELIVERIES) return null; // most claims: nothing is folded twice
    const started = startedOf(head);
    const { tail, at, closed, quarantine } = fold(stateOf(started), events);
    const { worker, serverClock } = this.#host;
    const code = worker.workflows.get(head.workflow)?.hash;
    const now = serverClock.now();
    if (code === undefined || closed || view.isTrial || isQuarantined(quarantine, code, now)) return null;
    // Deliveries after failed steps of this worker are no deaths (EXEC-8).
    if (this.#failures > 0 || !isSuspect(quarantine, code, this.#deliveries)) return null;
    const message =
      "workers took this execution up several times and did not finish: their processes may have died of its code. " +
      "A worker tries it once more, and no other does for a while if its process dies too.";
    const failure = { type: WORKER_DIED, message };
    const fingerprint = `${failure.type}: ${message}`;
    const event = { kind: "workflow_task_failed", id: tail + 1, at: Math.max(now, at), failure, fingerprint } as const;
    const batch: Batch = { first: tail + 1, events: [{ ...event, quarantined: code }], append_id: worker.uuid() };
    const { run, chain, fence } = head;
    const answer = await this.#host.writes.append({
      execution: this.id,
      run,
      chain,
      fence,
      batch,
      taken: [],
      look: false,
    });
    if (answer.kind !== "appended") return null;
    if (answer.fenced) view.isOwner = false;
    view.isTrial = true;
    worker.log.warn(`workflow code is tried in quarantine: ${message}`, { execution: this.id, run });
    return batch;
  }

  /** QUARANTINE-4: the code has come to rest. Answers whether there was something to record. */
  async #endTrial(view: RunView): Promise<Went> {
    const { state, bug, quarantines } = view;
    view.isTrial = false;
    if (state.quarantine === null || (bug !== null && quarantines !== null)) return "rest";
    const at = Math.max(this.#host.serverClock.now(), state.at);
    const event = { kind: "quarantine_ended", id: state.tail + 1, at } as const;
    return this.#record(view, { first: event.id, events: [event], append_id: this.#host.worker.uuid() }, []);
  }

  async #refreshForQuery(): Promise<RunView> {
    const view = await this.#refresh();
    if (view) return view;
    this.#close();
    throw new QueryRefused(404, `execution "${this.id}" does not exist any more: it was deleted`);
  }

  /** Null: the execution was deleted. */
  async #refresh(): Promise<RunView | null> {
    const before = this.#view;
    const have = before?.have;
    const fence = before?.head.fence;
    const body = { execution: this.id, ...(have ? { have } : {}) };
    const answer = await this.#host.worker.transport.call("read", body).catch((error) => {
      if (isGone(error)) return null;
      throw error;
    });
    if (!answer) return null;
    const view = this.#viewOf(answer.head);
    const head = view === before && fence !== undefined ? { ...answer.head, fence } : answer.head; // EXEC-3
    await view.read(head, answer.batches, have?.run === head.run);
    return view;
  }

  /** The view of this head's run. */
  #viewOf(head: Head): RunView {
    if (this.#view?.head.run === head.run) return this.#view;
    if (this.#view) this.#local.leaveRun();
    this.forget();
    const { worker, serverClock, logs } = this.#host;
    this.#view = new RunView(worker, this.id, head, () => serverClock.now(), logs);
    return this.#view;
  }

  // --- advancing -----------------------------------------------------------------------------------------------

  async #advance(): Promise<void> {
    if (!this.#view) return this.#parking.finishTasks(); // closed: the outcomes of attempts that still run here are dropped
    let went: Went = "again";
    while (went === "again" && !this.#abandoned) {
      // After a failure the view may be old, and the due time of the head may not cover it.
      while (this.#view.stale) if (!(await this.#claim())) return;
      if (this.#poison !== null) this.#view.quarantine(this.#poison);
      went = await this.#step(this.#view);
      if (went === "again" && !this.#abandoned && this.#isAtRest()) went = "rest"; // as after most steps
      if (went === "rest" && this.#view.isTrial) went = await this.#endTrial(this.#view);
    }
    this.#endSpan(this.#view?.bug ?? null);
    this.#deliveries = 1;
    this.#outlived = 0;
    this.#failures = 0;
    this.#poison = null;
    if (went === "closed" || this.#abandoned) return;
    this.#local.openOutcomes();
    await this.#parking.rest(this.#view, this.#local.running > 0);
  }

  /** True: a further step would find nothing. */
  #isAtRest(): boolean {
    const view = this.#view;
    if (!view?.instance || view.bug !== null || view.ending || view.inbox.size > 0 || this.#local.hasOutcomes)
      return false;
    const { deadline } = view.state.started;
    if (deadline !== null && deadline <= this.#host.serverClock.now()) return false;
    const { session } = this.#host.worker;
    return isAtRest(view.state, { session, isRunning: (number, attempt) => this.#local.isRunning(number, attempt) });
  }

  /** For as long as the worker works on the run: from the first step that its code is asked for, to rest. */
  #beginSpan(head: Head): WorkerSpan {
    const { spans } = this.#host.worker;
    if (!spans?.active) return NO_SPAN;
    const attributes = {
      "sirocco.kind": "advance",
      "sirocco.execution": this.id,
      "sirocco.run": head.run,
      "sirocco.workflow": head.workflow,
    };
    return spans.begin({ trace: head, run: head.run, name: head.workflow, attributes });
  }

  #endSpan(error: unknown): void {
    this.#span?.end(error === null ? undefined : toFailure(error).message);
    this.#span = null;
  }

  async #step(view: RunView): Promise<Went> {
    const { state } = view;
    if (state.closed) return this.#close();
    const now = this.#host.serverClock.now();
    // The server times out a run whose deadline has passed, when it is claimed.
    if (now >= (state.started.deadline ?? Number.POSITIVE_INFINITY)) return this.#reclaim();
    view.checkMessages();
    const asking = askServer(this.#host, this.id, view, now);
    if (asking) await asking;
    const facts = gatherFacts(this.#host, view, this.#local, now);
    const drafted = draft(state, facts);
    if (drafted.refused.length > 0 && !(await this.#refuse(view, drafted.refused))) return this.#reclaim();
    if (drafted.stimuli !== null) this.#span ??= this.#beginSpan(view.head);
    const answer = drafted.stimuli === null ? null : await view.activate(drafted.stimuli);
    if (drafted.stimuli !== null && answer === null) {
      view.stepEnded("lost");
      return this.#reclaim();
    }
    const { slots } = this.#host;
    const free = this.#host.isHeld(view.head.workflow) ? 0 : slots.reservable; // HOLD-7
    const runsHere = (activity: number) => this.#local.runsHere(activity);
    const { batch, taken, next, ending } = step(state, facts, drafted, answer, {
      slots: free,
      alwaysHere: isMessageActivity,
      runsHere,
    });
    view.ending = ending;
    if (view.bug !== null) view.logBug();
    if (batch) {
      this.#local.reserve(batch.events);
      const recorded = await this.#record(view, { ...batch, append_id: this.#host.worker.uuid() }, taken);
      if (recorded === "closed") return "closed";
    } else {
      view.stepEnded(next === "replay" || view.bug !== null ? "lost" : "kept");
      if (taken.length > 0) await this.#discard(view, taken);
    }
    if (next !== "replay") return next;
    view.instance = null; // EXEC-7, by EXEC-2
    return this.#reclaim();
  }

  async #reclaim(): Promise<"again" | "closed"> {
    return (await this.#claim()) ? "again" : "closed";
  }

  // --- recording -----------------------------------------------------------------------------------------------

  async #record(view: RunView, batch: Batch, taken: string[]): Promise<"again" | "closed"> {
    const { events } = batch;
    const finish = isClosing(events.at(-1)!) ? this.#parking.finishedByClose : null;
    const sent = finish
      ? sendClose(this.#host, this.id, view, batch, taken, finish)
      : sendAppend(this.#host, this.id, view, batch, taken);
    let answer: Awaited<typeof sent>;
    try {
      answer = await sent;
    } catch (error) {
      this.#local.cancelReservations(events);
      throw error;
    }
    if (answer.kind !== "appended") this.#local.cancelReservations(events);
    const isRecorded = answer.kind === "appended" || answer.kind === "closed";
    if (isRecorded) this.#host.worker.metrics?.step(view.head.workflow);
    const isKnownBug = view.bug !== null && !events.some(({ kind }) => kind === "workflow_task_failed"); // EXEC-6
    view.stepEnded(isRecorded && !isKnownBug ? "kept" : "lost");
    switch (answer.kind) {
      case "refused":
        return this.#failRun(view, answer);
      case "conflict":
      case "fenced": {
        view.instance = null; // EXEC-2
        if (answer.kind === "conflict") this.#noteConflict(batch.first);
        if (answer.kind === "fenced" || !view.isOwner) return this.#reclaim();
        // Another run comes with its own task, and no task comes for an execution that was deleted.
        return (await this.#refresh()) === view ? "again" : this.#close();
      }
      case "closed":
        this.#parking.finished(finish!);
        return this.#close();
      case "appended":
        view.logEnd = answer.upto;
        view.recorded(batch, taken);
        this.#local.recorded(events);
        if (answer.fenced) view.isOwner = false;
        for (const message of answer.messages) view.inbox.set(message.id, message);
        this.#local.begin(events);
        return "again";
    }
  }

  /** EXEC-8: the winner of a position has written there, so that the next batch begins behind it. */
  #noteConflict(position: number): void {
    this.#conflicts = position === this.#conflictAt ? this.#conflicts + 1 : 1;
    this.#conflictAt = position;
    if (this.#conflicts <= MOST_CONFLICTS) return;
    this.#conflicts = 0;
    throw new Error(`event ${position} of the log is taken, and no read of the log finds an event there`);
  }

  /** The server will never take this batch (too long a history, a malformed batch): the run fails with the reason. */
  async #failRun(view: RunView, { code, detail }: Refused): Promise<"again" | "closed"> {
    view.instance = null;
    const unread = view.inbox.size;
    const fields = { execution: this.id, code, ...(unread > 0 && { unread_messages: unread }) };
    this.#host.worker.log.error(`the server refuses a batch: ${detail}`, fields);
    const finish = this.#parking.finishedByClose;
    const closed = await sendFailure(this.#host, this.id, view, { code, detail }, finish);
    if (closed.kind === "closed") {
      this.#parking.finished(finish);
      return this.#close();
    }
    if (closed.kind === "refused") throw new ServerRefusal("close", closed.status, closed.code, closed.detail);
    return this.#reclaim();
  }

  /** DECIDE-9. False: the fence is another's, which may have accepted some of the updates. */
  async #refuse(view: RunView, refused: readonly RefusedUpdate[]): Promise<boolean> {
    const { run, chain, fence } = view.head;
    for (let from = 0; from < refused.length; from += MAX_REFUSED_AT_ONCE) {
      const some = refused.slice(from, from + MAX_REFUSED_AT_ONCE);
      const ids = some.map(({ id }) => id);
      const answer = await this.#host.discard({ execution: this.id, run, chain, fence, ids, refused: some });
      if (answer.fenced) return false;
      view.drop(ids);
    }
    return true;
  }

  /** Deletes messages that mean nothing any more. */
  async #discard(view: RunView, ids: string[]): Promise<void> {
    view.drop(ids);
    const { run, chain } = view.head;
    await this.#host.discard({ execution: this.id, run, chain, ids });
  }

  // --- the end -------------------------------------------------------------------------------------------------

  /** The run is over; a next one comes with its own task. */
  #close(): "closed" {
    this.#parking.stopTimer();
    this.#local.leaveRun();
    this.forget();
    this.#parking.finishTasks();
    return "closed";
  }

  /** Drops the view of the run, and the code's instance with it. */
  forget(): void {
    if (this.#view) this.#view.instance = null;
    this.#view = null;
  }

  /** The worker is stopping: ends everything without a trace. */
  abandon(): void {
    this.#abandoned = true;
    this.#parking.abandon();
    this.#local.abandon();
  }

  /** A call failed for good, or the worker has a bug: forgets what may be old, and tries again later. */
  reset(error: unknown): void {
    this.#view?.invalidate();
    this.#endSpan(error);
    if (this.#abandoned) return;
    if (mayBeOneItem(error)) this.#failures += 1;
    if (this.#failures >= FAILURES_TO_QUARANTINE) this.#poison = error; // EXEC-8
    this.#parking.retry({ outcomes: this.#local.hasOutcomes, busy: this.#local.running > 0 });
  }
}
