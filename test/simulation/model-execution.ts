/**
 * One execution in a model worker: a second implementation of the worker's side of the protocol, as compact as possible.
 * Where the protocol leaves a choice it differs from the SDK: it parks and finishes its tasks while local activities run,
 * and may forget an idle execution.
 */
import { decide, type LocalOutcome, latestTime, type Situation } from "../../shared/core/decide.ts";
import { dueAt } from "../../shared/core/due.ts";
import { childrenOutbox } from "../../shared/core/effects.ts";
import { fold, type RunState, sessionOf, stateOf } from "../../shared/core/state.ts";
import type { Head } from "../../shared/protocol/head.ts";
import { startedOf } from "../../shared/protocol/head.ts";
import { type Batch, type HistoryEvent, isClosing, isStimulus } from "../../shared/protocol/history.ts";
import { type InboxMessage, inOrder } from "../../shared/protocol/messages.ts";
import type { Delivery } from "../../shared/protocol/worker.ts";
import { Bug, ProgramInstance } from "./instance.ts";
import type { ModelWorker } from "./model-worker.ts";
import { PROGRAMS } from "./programs.ts";

const CARRY_MS = 15 * 60_000;

export class ModelExecution {
  readonly #worker: ModelWorker;
  readonly #execution: string;
  #head: Head | null = null;
  #state: RunState | null = null;
  #instance: ProgramInstance | null = null;
  #bug: Bug | null = null;
  #isOwner = false;
  #inbox = new Map<string, InboxMessage>();
  #outcomes: LocalOutcome[] = [];
  readonly #running = new Set<string>();
  #lock: Promise<void> = Promise.resolve();

  constructor(worker: ModelWorker, execution: string) {
    this.#worker = worker;
    this.#execution = execution;
  }

  /** Runs one call at a time. */
  #serial(fn: () => Promise<void>): Promise<void> {
    const next = this.#lock.then(fn).catch((error) => {
      this.#instance = null; // it may have stimuli that the log has not
      throw error;
    });
    this.#lock = next.catch(() => {});
    return next;
  }

  /** Resolves when the worker may finish the task. `given`: a delivery with a claim. */
  deliver(given: Delivery): Promise<void> {
    return this.#serial(async () => {
      if (this.#running.size === 0 && this.#worker.world.chance.happens(0.3)) this.#state = null; // as if evicted
      if (await this.#claim(given)) await this.#advance();
    });
  }

  /** CLAIM-4. */
  #fits({ claimed, claimed_after: after }: Delivery, have: { run: string; tail: number } | undefined): boolean {
    if (!claimed) return false;
    if (!have) return after === undefined;
    return have.run === claimed.head.run && have.tail >= (after ?? 1) && this.#head!.fence < claimed.head.fence;
  }

  async #claim(given?: Delivery): Promise<boolean> {
    this.#bug = null;
    const { transport, session, deployment } = this.#worker;
    const have =
      this.#head && this.#state && this.#instance ? { run: this.#head.run, tail: this.#state.tail } : undefined;
    const answer =
      given && this.#fits(given, have)
        ? given.claimed!
        : await transport.call("claim", {
            execution: this.#execution,
            session,
            deployment,
            ...(have ? { have } : {}),
          });
    if (answer.kind !== "claimed") {
      this.#end();
      return false;
    }
    if (this.#head && this.#head.run !== answer.head.run) this.#outcomes = [];
    const continues = have?.run === answer.head.run;
    const batches = continues ? answer.batches.filter((b) => b.first > have.tail) : answer.batches;
    const events = batches.flatMap((b) => b.events);
    const started = startedOf(answer.head);
    this.#head = answer.head;
    this.#isOwner = !answer.fenced;
    this.#inbox = new Map(answer.messages.map((m) => [m.id, m]));
    if (!continues) {
      this.#state = stateOf(started);
      this.#instance = new ProgramInstance(PROGRAMS[answer.head.workflow]!, this.#worker.hearsToTheEnd);
    }
    fold(this.#state!, events);
    this.#instance!.replay(continues ? events : [started, ...events]);
    return true;
  }

  async #advance(): Promise<void> {
    if (this.#head && !this.#instance && !(await this.#claim())) return;
    while (this.#head && this.#state && !this.#bug) {
      if (this.#state.closed) return this.#end();
      if (!(await this.#step())) break;
    }
    if (this.#head && this.#isOwner) await this.#park();
  }

  /** False: nothing is left to do. */
  async #step(): Promise<boolean> {
    const state = this.#state!;
    const head = this.#head!;
    const { transport, session, clock } = this.#worker;
    const others = new Set<string>();
    const queued: number[] = [];
    for (const [number, open] of state.activities) {
      const of = sessionOf(open.where);
      if (of === null) queued.push(number);
      else if (of !== session) others.add(of);
    }
    const known = others.size > 0 ? await this.#worker.askSessions([...others]) : null;
    const limited = queued.some((n) => state.activities.get(n)!.options.schedule_to_start_ms !== undefined);
    const begun = limited
      ? (await transport.call("begun", { execution: this.#execution, run: head.run, activities: queued })).begun
      : [];
    const situation: Situation = {
      now: clock.now(),
      session,
      messages: [...this.#inbox.values()].sort(inOrder),
      nextArrival: null,
      outcomes: this.#outcomes,
      isRunning: (activity, attempt) =>
        this.#running.has(`${head.run}/${activity}/${attempt}`) ||
        this.#outcomes.some((o) => o.activity === activity && o.attempt === attempt),
      isDead: (s) => known?.dead.includes(s) ?? false,
      canRun: (name) => this.#worker.runs(name),
      hasBegun: (activity) => begun.includes(activity),
      checkSignal: () => null,
      checkUpdate: () => null,
    };
    const step = decide(state, situation);
    const at = Math.max(clock.now(), state.at, latestTime(situation));
    let events = step.events.map((e, i) => ({ ...e, id: state.tail + 1 + i, at }) as HistoryEvent);
    let { taken } = step;
    const stimuli = events.filter(isStimulus);
    let decided: number | null = null;
    if (stimuli.length > 0 || state.lastStimulus > state.decided) {
      let activation: ReturnType<ProgramInstance["activate"]>;
      try {
        activation = this.#instance!.activate(stimuli);
      } catch (bug) {
        if (!(bug instanceof Bug)) throw bug;
        return this.#recordBug(bug);
      }
      decided = activation.decided;
      if (activation.decisions.at(-1)?.kind === "execution_continued") {
        // Messages that the code has not received go to the next run.
        const upTo = activation.decided;
        const left = new Set(events.flatMap((e) => (e.id > upTo && "message" in e ? [e.message] : [])));
        events = events.filter((e) => e.id <= upTo);
        taken = taken.filter((id) => !left.has(id));
      }
      for (const decision of activation.decisions) {
        const id = state.tail + 1 + events.length;
        const mine =
          decision.kind === "activity_scheduled"
            ? this.#worker.runs(decision.name)
            : decision.kind === "activity_cancel_requested" &&
              [...this.#running].some((key) => key.startsWith(`${head.run}/${decision.activity}/`));
        const where = mine ? { where: `local:${session}` } : {};
        events.push({ ...decision, ...where, id, at } as HistoryEvent);
      }
    }
    if (events.length === 0) {
      for (const id of taken) this.#inbox.delete(id);
      if (taken.length > 0) {
        const { run, chain } = head;
        await transport.call("discard", { execution: this.#execution, run, chain, ids: taken });
      }
      return false;
    }
    if (decided !== null) events[events.length - 1] = { ...events.at(-1)!, decided };
    const batch: Batch = { first: state.tail + 1, events, append_id: this.#worker.uuid() };
    await this.#record(batch, taken);
    return true;
  }

  /** Takes nothing in and records the failure once. The park sets the time of the next try. */
  async #recordBug(bug: Bug): Promise<boolean> {
    const state = this.#state!;
    const at = Math.max(this.#worker.clock.now(), state.at);
    const fingerprint = bug.message;
    if (!state.taskFailures.has(fingerprint)) {
      const failure = { message: bug.message };
      const note = { kind: "workflow_task_failed", id: state.tail + 1, at, failure, fingerprint } as const;
      await this.#record({ first: note.id, events: [note], append_id: this.#worker.uuid() }, []);
    }
    this.#bug = bug;
    this.#instance = null; // it has stimuli that the log has not
    return false;
  }

  async #record(batch: Batch, taken: string[]): Promise<void> {
    const head = this.#head!;
    const position = { execution: this.#execution, run: head.run, chain: head.chain, fence: head.fence, batch, taken };
    const last = batch.events.at(-1)!;
    if (isClosing(last)) {
      const state = fold(
        { ...this.#state!, children: new Map(this.#state!.children), taken: new Map(this.#state!.taken) },
        batch.events,
      );
      const now = this.#worker.clock.now();
      const carried = [...state.taken]
        .filter(([id, at]) => at > now - CARRY_MS || this.#inbox.has(id))
        .map(([id]) => id);
      const closed = await this.#worker.transport.call("close", {
        ...position,
        result: last.kind === "execution_completed" ? (last.result as never) : null,
        failure: last.kind === "execution_failed" ? last.failure.message : null,
        outbox: childrenOutbox(state),
        carried: last.kind === "execution_continued" ? carried : [],
      });
      if (closed.kind === "closed") return this.#end();
      if (closed.kind === "refused") throw new Error(closed.detail);
      return this.#claimAgain();
    }
    const { results } = await this.#worker.transport.call("append", { items: [position] });
    const [answer] = results;
    if (answer?.kind === "refused") throw new Error(answer.detail);
    if (answer?.kind !== "appended") return this.#claimAgain();
    fold(this.#state!, batch.events);
    this.#outcomes = this.#outcomes.filter((o) => this.#state!.activities.get(o.activity)?.attempt === o.attempt);
    this.#outcomes = this.#outcomes.filter((o) => this.#state!.activities.get(o.activity)?.startedAt !== null);
    for (const id of taken) this.#inbox.delete(id);
    if (answer.fenced) this.#isOwner = false;
    for (const message of answer.messages) this.#inbox.set(message.id, message);
    this.#begin(batch);
  }

  /** After a conflict or with an old fence: claims again, which also performs effects that the winner may have left. */
  async #claimAgain(): Promise<void> {
    this.#instance = null;
    await this.#claim();
  }

  #begin(batch: Batch): void {
    for (const e of batch.events) {
      const starts = e.kind === "activity_scheduled" || e.kind === "activity_attempt_started";
      if (!starts || sessionOf(e.where) !== this.#worker.session) continue;
      const attempt = e.kind === "activity_scheduled" ? 1 : e.attempt;
      const open = this.#state!.activities.get(e.activity)!;
      const { run } = this.#head!;
      const key = `${run}/${e.activity}/${attempt}`;
      this.#running.add(key);
      void this.#worker.perform(open.name, open.input, attempt).then((outcome) =>
        this.#serial(async () => {
          this.#running.delete(key);
          if (this.#head?.run !== run) return;
          this.#outcomes.push({ activity: e.activity, attempt, outcome, at: this.#worker.clock.now() });
          await this.#advance();
        }).catch((error) => this.#worker.failed(this.#execution, error)),
      );
    }
  }

  async #park(): Promise<void> {
    const { run, fence } = this.#head!;
    const state = this.#state!;
    const { transport, session, clock } = this.#worker;
    const due_at = dueAt(state, {
      now: clock.now(),
      session,
      broken: this.#bug !== null,
      nextArrival: null,
      diesAt: (s) => this.#worker.diesAt(s),
    });
    const item = { execution: this.#execution, run, fence, due_at, effects_done_through: state.tail };
    const { parked } = await transport.call("park", { items: [item] });
    if (parked[0]) this.#head = { ...this.#head!, effects_done_through: state.tail };
    else this.#isOwner = false;
  }

  /** The run has closed; the next run has a task of its own. */
  #end(): void {
    this.#head = null;
    this.#state = null;
    this.#instance = null;
    this.#outcomes = [];
    this.#inbox.clear();
    this.#isOwner = false;
  }
}
