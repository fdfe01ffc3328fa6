/**
 * Heads, logs and inboxes in SQLite. Each method is one step of the protocol and joins the open transaction (COMMIT-1).
 *
 * SAVEPOINT-1. A savepoint (COMMIT-5) copies each page that changes within it. So scheduled starts that come in one turn of the
 *     event loop share one. If it is undone, each of them is written again in a savepoint of its own: it is refused, or fails, alone.
 */

import { type BatchWork, workOf } from "../core/batch-work.ts";
import type { RefusedUpdate } from "../core/decide.ts";
import { retriesIn } from "../core/retries.ts";
import { closedRun, type Increment } from "../core/rollups.ts";
import { LruCache } from "../lib/lru-cache.ts";
import { type Readable, shownObject } from "../lib/readable.ts";
import { storedBatch } from "../lib/stored.ts";
import { pause } from "../lib/turns.ts";
import type {
  Clock,
  DueEntry,
  Executions,
  LogPart,
  OpenInputsQuery,
  Ref,
  Refusals,
  RunsQuery,
  ScheduleChange,
  WaitingExecution,
} from "../ports.ts";
import type { ExecutionCost } from "../protocol/cost.ts";
import type { Head, OpenInputs } from "../protocol/head.ts";
import { startedOf } from "../protocol/head.ts";
import { type Batch, CLOSING, isClosing, type Millis, tailOf } from "../protocol/history.ts";
import type { InboxMessage, Message } from "../protocol/messages.ts";
import type { ExecutionStatus } from "../protocol/status.ts";
import { type Database, json, parse, type Row } from "./database.ts";
import { Fences } from "./fences.ts";
import { HeadCache, type HeadCounts } from "./head-cache.ts";
import { type HeadText, headOf, headOfRun, RUN_COLUMNS, textOf } from "./head-rows.ts";
import { LateRuns } from "./late-runs.ts";
import type { Notifier } from "./notifier.ts";
import { eraseHidden, hideRuns } from "./retention.ts";
import type { EmbeddedRollups } from "./rollups.ts";
import { END_OF_OPEN_RUNS, listRuns } from "./runs.ts";
import type { EmbeddedSchedules } from "./schedules.ts";
import { addSearchKeys, removeSearchKeys } from "./search-keys.ts";
import type { Sequence } from "./sequence.ts";

/** Characters of batches that are parsed before other requests may run: some milliseconds. */
const BATCHES_AT_ONCE = 500_000;

const CLAIMED = "wake_pending = 0, owner = ?, claims = claims + 1, bytes = bytes + octet_length(body)";
/** FENCE-1, FENCE-3. By bits, because SQLite is given the numbers of JavaScript as floating point. */
const RAISED = "(max(fence + 1, ?) + 1 & ~1)";
const RAISED_EARLY = "(max(fence + 1, ?) | 1)";
const claimIf = (
  condition: string,
  raised = RAISED,
) => `UPDATE heads SET due_at = CASE WHEN wake_pending = 1 AND due_at > ? THEN due_at ELSE ? END, fence = CASE fence WHEN 1 THEN 2 ELSE ${raised} END, ${CLAIMED}
  WHERE ws = ? AND execution = ? AND status = 'RUNNING' ${condition} RETURNING *`;
const CLAIM = claimIf("");
const CLAIM_OF = claimIf("AND deployment = ?");
/** The last value: the owner whose executions may be claimed again, null if none. */
const CLAIM_WOKEN = claimIf(
  "AND deployment = ? AND wake_pending = 1 AND octet_length(body) <= ? AND (fence = 1 OR owner = ? AND claims > 0)",
  RAISED_EARLY,
);
/** Of a head that is known: a statement that answers its row takes twice as long. */
const CLAIM_FIRST_KNOWN = `UPDATE heads SET due_at = ?, fence = 2, ${CLAIMED}
  WHERE ws = ? AND execution = ? AND status = 'RUNNING' AND fence = 1 AND wake_pending = 1`;

const claimValues = (ref: Ref, p: { dueAt: Millis; keepAfter?: Millis; session: string }, least: number) => [
  p.keepAfter ?? Number.MAX_SAFE_INTEGER,
  p.dueAt,
  least,
  p.session,
  ref.workspace,
  ref.execution,
];

/** Of an execution that has none: otherwise it writes nothing. */
const PUT_NEW_HEAD = `INSERT INTO heads (ws, execution, status, run, chain, due_at, wake_pending, fence, effects_done_through, owner,
     deployment, deadline, inputs_since, tasks, bytes, body)
   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 1, ?14, ?15)
   ON CONFLICT DO NOTHING`;
const PUT_FIRST_HEAD = `${PUT_NEW_HEAD.slice(0, -"NOTHING".length)}UPDATE SET status = excluded.status, run = excluded.run, chain = excluded.chain,
     due_at = excluded.due_at, wake_pending = excluded.wake_pending, fence = excluded.fence,
     effects_done_through = excluded.effects_done_through, owner = excluded.owner, deployment = excluded.deployment,
     deadline = excluded.deadline, inputs_since = excluded.inputs_since, body = excluded.body,
     claims = 0, parks = 0, changes = 0, tasks = 1, bytes = ?14`;
/** Of a head that is there. */
const CHANGE_HEAD = `UPDATE heads SET status = ?3, run = ?4, chain = ?5, due_at = ?6, wake_pending = ?7, fence = ?8,
     effects_done_through = ?9, owner = ?10, deployment = ?11, deadline = ?12, inputs_since = ?13, body = ?15,
     changes = changes + 1, bytes = bytes + ?14
   WHERE ws = ?1 AND execution = ?2`;
const inboxOf = (rest: string) => `SELECT seq, body FROM inbox WHERE ws = ? AND execution = ? AND chain = ? ${rest}`;
const INBOX = inboxOf("ORDER BY seq");
/** In any order: a sort would read them all first. */
const SOME_OF_INBOX = inboxOf("LIMIT ?");

/** The facts of a log that the next batch continues. */
interface LogEnd extends Readonly<BatchWork> {
  readonly bytes: number;
  readonly retries: number;
  /** Without those that the server wrote itself. */
  readonly batches: number;
}
/** Executions that begin together, with the change of the schedule that starts them. */
interface Starts {
  readonly heads: readonly Head[];
  readonly change?: ScheduleChange;
}
interface Tail extends Ref {
  next: number;
  end: LogEnd;
  /** Of the last writer: the head has had it. */
  fence: number | undefined;
}
/** Equals no position: the end of the log is not known. */
const NO_POSITION = Number.NaN;
const NO_LOG: LogEnd = { bytes: 0, retries: 0, batches: 0, queued: 0, messages: 0 };
const LOG_END = "bytes, retries, batches, queued, messages";
const PUT_LOG = `INSERT INTO log (run, first, ws, seq, n, ${LOG_END}, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** The end of a log after the batch, of which `body` is the JSON. */
function endAfter(before: LogEnd, batch: Batch, body: string, by: "worker" | "server"): LogEnd {
  const { queued, messages } = workOf(batch.events);
  return {
    bytes: before.bytes + Buffer.byteLength(body),
    retries: before.retries + retriesIn(batch.events),
    batches: before.batches + (by === "worker" ? 1 : 0),
    queued: before.queued + queued,
    messages: before.messages + messages,
  };
}

export class EmbeddedExecutions implements Executions {
  readonly #db: Database;
  readonly #sequence: Sequence;
  readonly #notifier: Notifier;
  readonly #readable: Readable;
  readonly #rollups: EmbeddedRollups;
  readonly #schedules: EmbeddedSchedules;
  readonly #clock: Clock;
  readonly #heads = new HeadCache();
  readonly #late: LateRuns;
  /** Chains whose inboxes have had no message (HEADCACHE-3). A worker claims most runs soon after their start. */
  readonly #withoutMessages = new LruCache<true>(1_000);
  /** By run that is open: its execution, and where its next batch goes (HEADCACHE-2). */
  readonly #tails = new LruCache<Tail>(10_000);

  readonly #fences: Fences;
  /** SAVEPOINT-1. */
  #scheduled: (Starts & { readonly resolve: (written: boolean | Promise<boolean>) => void })[] = [];

  /** Runs of which the start is in the open transaction, if that has this number (CLAIM-2). */
  #begun = { transaction: -1, runs: new Set<string>() };
  /** Runs that a start is about to begin, whose ids are kept. */
  readonly #again = new LruCache<true>(1_000);

  /** Whether runs were hidden; null: not looked at yet. */
  #hasDeleted: boolean | null = null;
  /** In memory: an update ends with the request that sent it. Each has some kilobytes, and its sender takes it out. */
  readonly #refusals = new LruCache<RefusedUpdate>(2_000);

  /** Called when a run has closed, after the commit. */
  onClosed: (ref: Ref, run: string) => void = () => {};
  /** Called when a run has been hidden. */
  onHidden: (run: string) => void = () => {};

  constructor(o: {
    db: Database;
    sequence: Sequence;
    notifier: Notifier;
    rollups: EmbeddedRollups;
    schedules: EmbeddedSchedules;
    clock: Clock;
    readable: Readable;
  }) {
    this.#db = o.db;
    this.#sequence = o.sequence;
    this.#notifier = o.notifier;
    this.#rollups = o.rollups;
    this.#schedules = o.schedules;
    this.#clock = o.clock;
    this.#readable = o.readable;
    this.#late = new LateRuns(o.db, o.rollups);
    this.#fences = new Fences(o.db);
  }

  #head(ref: Ref): Head | null {
    if (this.#db.failure) throw this.#db.failure; // what is remembered may not have been written
    const known = this.#heads.get(ref);
    if (known) return known;
    const row = this.#db.one("SELECT * FROM heads WHERE ws = ? AND execution = ?", ref.workspace, ref.execution);
    return row && this.#remembered(row);
  }

  /** `row`: the whole row, as it is now (HEADCACHE-1). */
  #remembered(row: Row): Head {
    const head = headOf(row);
    this.#heads.remember(head, String(row.body).length, countsOf(row));
    return head;
  }

  /** Something else than this has deleted the head. */
  forgetHead(ref: Ref): void {
    this.#heads.forget(ref);
  }

  async head(ref: Ref) {
    return this.#head(ref);
  }

  async createNew(head: Head) {
    return this.#writeStarts([{ heads: [head] }]);
  }

  createScheduled(heads: readonly Head[], change: ScheduleChange) {
    return new Promise<boolean>((resolve) => {
      if (this.#scheduled.length === 0) process.nextTick(() => this.#writeScheduled());
      this.#scheduled.push({ heads, change, resolve });
    });
  }

  /** SAVEPOINT-1. */
  #writeScheduled(): void {
    const all = this.#scheduled;
    this.#scheduled = [];
    try {
      if (all.length > 1 && this.#writeStarts(all)) {
        for (const { resolve } of all) resolve(true);
        return;
      }
    } catch {
      // One of them fails again below, and alone.
    }
    for (const each of all) each.resolve(new Promise((resolve) => resolve(this.#writeStarts([each]))));
  }

  /** Writes all heads and the changes of their schedules, or nothing: if a head is not new, or a schedule was changed. */
  #writeStarts(starts: readonly Starts[]): boolean {
    const written = starts.map(({ heads, change }) => ({
      firsts: heads.map((head) => {
        const first = { ...head, fence: 1 };
        return { first, text: textOf(first) };
      }),
      schedule: change && this.#schedules.replacing(change),
    }));
    const heads = written.flatMap(({ firsts }) => firsts);
    if (heads.some(({ first }) => this.#isDeleted(first))) return false;
    try {
      const ends = this.#db.atomically(() => {
        for (const { schedule } of written) if (schedule && !schedule.write()) throw NOTHING_WRITTEN;
        return heads.map(({ first, text }) => {
          if (!this.#putHead(first, text, PUT_NEW_HEAD)) throw NOTHING_WRITTEN;
          return this.#putRun(first, text);
        });
      });
      for (const { schedule } of written) schedule?.isWritten();
      for (const [i, { first, text }] of heads.entries()) this.#created(first, text, ends[i]!);
      return true;
    } catch (error) {
      if (error === NOTHING_WRITTEN) return false;
      throw error;
    }
  }

  async create(head: Head, over: readonly ExecutionStatus[], seen?: string) {
    const old = this.#head(head);
    const givesWay = old && over.includes(old.status) && old.due_at === null && old.run === (seen ?? old.run);
    if (old && !(givesWay && old.token !== head.token)) {
      return { kind: "exists" as const, head: old };
    }
    if (this.#isDeleted(head)) return { kind: "deleted" as const };
    const earlier = old && this.#run(head.workspace, head.run);
    if (earlier) return { kind: "exists" as const, head: earlier }; // this very start, whose id has been used again
    const first = { ...head, fence: (old?.fence ?? 0) + 1 };
    const text = textOf(first);
    this.#created(
      first,
      text,
      this.#db.atomically(() => this.#putFirstHead(first, text)),
    );
    return { kind: "created" as const };
  }

  #created(first: Head, text: HeadText, end: LogEnd): void {
    const { workspace, execution, run, chain } = first;
    this.#heads.remember(first, text.body.length, firstCounts(text)); // its caller looks at it next
    this.#withoutMessages.set(chain, true);
    this.#tails.set(run, { workspace, execution, next: 2, end, fence: undefined });
    this.#noteBegun(run);
  }

  mayBeginAgain(run: string): void {
    this.#again.set(run, true);
  }

  #noteBegun(run: string): void {
    if (this.#again.get(run)) return;
    if (this.#begun.transaction !== this.#db.commits) this.#begun = { transaction: this.#db.commits, runs: new Set() };
    this.#begun.runs.add(run);
  }

  beganTogether(run: string): boolean {
    return this.#begun.transaction === this.#db.commits && this.#begun.runs.has(run);
  }

  givesFencesOnce(): boolean {
    return this.#fences.isCounted;
  }

  /** The head with which a run begins, and the run. */
  #putFirstHead(head: Head, text = textOf(head)): LogEnd {
    this.#putHead(head, text, PUT_FIRST_HEAD);
    return this.#putRun(head, text);
  }

  /** Answers whether there was a row to write. */
  #putHead(head: Head, text: HeadText, sql = CHANGE_HEAD): boolean {
    const { status, run, chain, due_at, wake_pending, fence, effects_done_through, owner, deployment, deadline } = head;
    this.#heads.forget(head);
    const written = this.#db.run(
      sql,
      head.workspace,
      head.execution,
      status,
      run,
      chain,
      due_at,
      wake_pending ? 1 : 0,
      fence,
      effects_done_through,
      owner,
      deployment,
      deadline,
      (status === "RUNNING" && head.open_inputs?.since) || null,
      Buffer.byteLength(text.body) + (sql === CHANGE_HEAD ? 0 : Buffer.byteLength(text.whole)), // `runs` has a copy of the head with which the run begins
      text.body,
    );
    if (written > 0) this.#notifier.announceHead(head);
    return written > 0;
  }

  #changeHead(head: Head): void {
    this.#putHead(head, textOf(head));
  }

  /** Begins a run: its row in `runs`, and event 1 in its log. */
  #putRun(head: Head, { whole }: HeadText): LogEnd {
    const first = this.#putLog(head.workspace, head.run, firstBatch(head), { before: NO_LOG, by: "server" });
    this.#late.put(head, [
      head.run,
      head.workspace,
      head.execution,
      head.root,
      head.workflow,
      head.deployment,
      head.user,
      head.status,
      head.started_at,
      head.closed_at,
      head.closed_at ?? END_OF_OPEN_RUNS,
      head.parent?.execution ?? null,
      head.chain,
      head.root_chain,
      head.display_name,
      head.first_run,
      head.continued_from,
      head.schedule?.id ?? null,
      head.attempt,
      first.seq,
      json(head.search_keys),
      whole,
    ]);
    addSearchKeys(this.#db, head, head.search_keys);
    return first.end;
  }

  /** Answers the batch's first number in the feed. `before`: the end of the run's log without this batch. */
  #putLog(
    workspace: string,
    run: string,
    batch: Batch,
    p: { before: LogEnd; by: "worker" | "server" },
  ): { seq: number; end: LogEnd } {
    const body = JSON.stringify(batch);
    const n = batch.events.length;
    const seq = this.#sequence.take(n);
    const end = endAfter(p.before, batch, body, p.by);
    this.#db.run(PUT_LOG, run, batch.first, workspace, seq, n, ...valuesOf(end), body);
    this.#notifier.announceFeed(workspace);
    return { seq, end };
  }

  async putMessage(ref: Ref, chain: string, message: Message) {
    this.#withoutMessages.delete(chain);
    this.#db.run(
      "INSERT OR IGNORE INTO inbox (ws, execution, chain, id, body) VALUES (?, ?, ?, ?, ?)",
      ref.workspace,
      ref.execution,
      chain,
      message.id,
      json(message),
    );
  }

  async removeMessages(ref: Ref, chain: string, ids: readonly string[]) {
    for (const id of ids) this.#removeMessage(ref, chain, id);
  }

  #removeMessage(ref: Ref, chain: string, id: string): number {
    return this.#db.run(
      "DELETE FROM inbox WHERE ws = ? AND execution = ? AND chain = ? AND id = ?",
      ref.workspace,
      ref.execution,
      chain,
      id,
    );
  }

  async refuseUpdates(ref: Ref, { run, chain, fence, refused }: Refusals) {
    const head = this.#head(ref);
    if (head?.status !== "RUNNING" || head.run !== run || head.fence !== fence) return false;
    for (const update of refused) {
      if (this.#removeMessage(ref, chain, update.id) === 1)
        this.#refusals.set(`${ref.workspace}/${ref.execution}/${update.id}`, update);
    }
    this.#notifier.announceExecution(ref);
    return true;
  }

  async takeRefusal(ref: Ref, id: string) {
    const key = `${ref.workspace}/${ref.execution}/${id}`;
    const refusal = this.#refusals.get(key) ?? null;
    if (refusal) this.#refusals.delete(key);
    return refusal;
  }

  async inbox(ref: Ref, chain: string, most?: number): Promise<InboxMessage[]> {
    if (this.#withoutMessages.get(chain)) return [];
    const of = [ref.workspace, ref.execution, chain] as const;
    const rows = most === undefined ? this.#db.all(INBOX, ...of) : this.#db.all(SOME_OF_INBOX, ...of, most);
    // A message that cannot be read would keep its execution from every worker for ever: the others reach their handlers.
    const nameOf = ({ seq }: Row) => `message ${seq} of execution ${ref.workspace}/${ref.execution}`;
    return this.#readable.of(rows, nameOf, (row) => ({
      ...shownObject(parse<Message>(row.body)),
      seq: Number(row.seq),
    }));
  }

  async requestWake(ref: Ref, chain: string, dueAt: Millis) {
    this.#heads.forget(ref);
    const requested = this.#db.run(
      `UPDATE heads SET due_at = ?, wake_pending = 1, fence = ${RAISED}, tasks = tasks + 1, bytes = bytes + octet_length(body)
       WHERE ws = ? AND execution = ? AND chain = ? AND status = 'RUNNING' AND wake_pending = 0`,
      dueAt,
      this.#fences.least,
      ref.workspace,
      ref.execution,
      chain,
    );
    return requested === 1 ? { kind: "requested" as const } : { kind: "refused" as const, head: this.#head(ref) };
  }

  async claim(ref: Ref, p: { dueAt: Millis; keepAfter?: Millis; session: string; deployment?: string }) {
    const { deployment } = p;
    const { least } = this.#fences;
    this.#heads.forget(ref);
    const row =
      deployment === undefined
        ? this.#db.change(CLAIM, ...claimValues(ref, p, least))
        : this.#db.change(CLAIM_OF, ...claimValues(ref, p, least), deployment);
    return row && this.#remembered(row);
  }

  async claimWoken(
    ref: Ref,
    p: { dueAt: Millis; keepAfter: Millis; session: string; deployment: string; bytes: number; again: boolean },
  ) {
    const head = this.#claimWoken(ref, p);
    return head && { head, tail: (this.#endOfLog(ref.workspace, head.run)?.next ?? 2) - 1 };
  }

  #claimWoken(
    ref: Ref,
    p: { dueAt: Millis; keepAfter: Millis; session: string; deployment: string; bytes: number; again: boolean },
  ): Head | null {
    const known = this.#heads.get(ref);
    const counts = this.#heads.countsOf(ref);
    if (known && counts?.bodyBytes !== undefined) return this.#claimCreated(ref, known, counts, p);
    this.#heads.forget(ref);
    const values = [...claimValues(ref, p, this.#fences.least), p.deployment, p.bytes, p.again ? p.session : null];
    const row = this.#db.change(CLAIM_WOKEN, ...values);
    return row && this.#remembered(row);
  }

  /** Of a head that nothing has changed since `create`. */
  #claimCreated(
    ref: Ref,
    known: Head,
    { bodyBytes = 0, ...counts }: HeadCounts,
    p: { dueAt: Millis; keepAfter: Millis; session: string; deployment: string; bytes: number },
  ): Head | null {
    const { status, fence, wake_pending, deployment } = known;
    const isFirst = status === "RUNNING" && fence === 1 && wake_pending && deployment === p.deployment;
    if (!isFirst || bodyBytes > p.bytes) return null;
    const due_at = known.due_at !== null && known.due_at > p.keepAfter ? known.due_at : p.dueAt;
    this.#heads.forget(ref);
    if (this.#db.run(CLAIM_FIRST_KNOWN, due_at, p.session, ref.workspace, ref.execution) === 0) return null;
    const head = { ...known, due_at, fence: 2, owner: p.session, wake_pending: false };
    this.#heads.remember(head, 0, { ...counts, claims: 1, bytes: counts.bytes + bodyBytes }); // no longer than it was
    return head;
  }

  /** FENCE-3: the claim that had this fence may have been lost by a crash. */
  #mayBeLost(ref: Ref, run: string, fence: number): boolean {
    const head = this.#head(ref);
    return head?.run === run && this.#fences.mayBeLost(fence, head.fence);
  }

  /** A run never changes its execution. */
  #isRunOf(ref: Ref, run: string): boolean {
    const known = this.#tails.get(run);
    if (known) return known.execution === ref.execution && known.workspace === ref.workspace;
    const row = this.#late.find("ws, execution", run);
    return row?.execution === ref.execution && row.ws === ref.workspace;
  }

  async putBatch(ref: Ref, run: string, batch: Batch, maxBytes: number, fence?: number) {
    const { workspace, execution } = ref;
    const known = this.#tails.get(run);
    const isKnown = known?.next === batch.first && known.execution === execution && known.workspace === workspace;
    if (!isKnown && !this.#isRunOf(ref, run)) return { kind: "taken" as const, by: null };
    const position = isKnown ? known : this.#positionAt(workspace, run, batch.first);
    if ("by" in position) return { kind: "taken" as const, by: position.by };
    if (fence !== undefined && fence !== known?.fence && this.#mayBeLost(ref, run, fence))
      return { kind: "fenced" as const };
    const body = JSON.stringify(batch);
    const end = endAfter(position.end, batch, body, "worker");
    if (end.bytes > maxBytes) return { kind: "full" as const, bytes: end.bytes };
    const n = batch.events.length;
    const { bytes, retries, batches, queued, messages } = end;
    const seq = this.#sequence.take(n);
    // In the place of the old one: a map that most steps change is costly.
    if (known) known.next = NO_POSITION;
    this.#db.run(PUT_LOG, run, batch.first, workspace, seq, n, bytes, retries, batches, queued, messages, body);
    const next = batch.first + n;
    if (known) [known.next, known.end, known.fence] = [next, end, fence];
    else this.#tails.set(run, { workspace, execution, next, end, fence });
    this.#notifier.announceFeed(workspace);
    this.#notifier.announceExecution(ref);
    return { kind: "written" as const };
  }

  /**
   * The position of event `first` in a run's log. Free: the end of the log before it. Taken: the batch that begins there,
   * null if the position is inside a batch or beyond the next free one, or the run is not one of this workspace.
   */
  #positionAt(workspace: string, run: string, first: number): { end: LogEnd } | { by: Batch | null } {
    const last = this.#endOfLog(workspace, run);
    if (!last) return { by: null };
    if (first === last.next) return { end: last.end };
    const taken = this.#db.one("SELECT body FROM log WHERE run = ? AND first = ?", run, first);
    return { by: taken ? storedBatch(String(taken.body)) : null };
  }

  /** Null: the run has no log in this workspace. */
  #endOfLog(workspace: string, run: string): Pick<Tail, "next" | "end"> | null {
    const known = this.#tails.get(run);
    if (known?.workspace === workspace && !Number.isNaN(known.next)) return known;
    const last = this.#db.one(
      `SELECT ws, first, n, ${LOG_END} FROM log WHERE run = ? ORDER BY first DESC LIMIT 1`,
      run,
    );
    return last?.ws === workspace ? { next: Number(last.first) + Number(last.n), end: endOf(last) } : null;
  }

  async batches(ref: Ref, run: string, after: number) {
    const batches: Batch[] = [];
    let from = after;
    for (;;) {
      let bytes = 0;
      const before = batches.length;
      const rows = this.#db.each(
        "SELECT body FROM log WHERE run = ? AND first > ? AND ws = ? ORDER BY first",
        run,
        from,
        ref.workspace,
      );
      for (const { body } of rows) {
        batches.push(storedBatch(String(body)));
        bytes += String(body).length;
        if (bytes >= BATCHES_AT_ONCE) break;
      }
      if (bytes < BATCHES_AT_ONCE || batches.length === before) return batches;
      from = batches.at(-1)!.first;
      await pause();
    }
  }

  async part(ref: Ref, run: string, p: LogPart) {
    // A batch that begins before `from` may hold it.
    const [where, order] =
      p.order === "desc"
        ? ["first <= ?2", "DESC"]
        : ["first >= coalesce((SELECT max(first) FROM log WHERE run = ?1 AND first <= ?2), 0)", "ASC"];
    const rows = this.#db.each(
      `SELECT body FROM log WHERE run = ?1 AND ${where} AND first > 1 AND ws = ?3 ORDER BY first ${order}`,
      run,
      p.from,
      ref.workspace,
    );
    const batches: Batch[] = [];
    let [events, bytes] = [0, 0];
    for (const { body } of rows) {
      const batch = storedBatch(String(body));
      if (p.order === "asc" && tailOf([batch]) < p.from) continue;
      batches.push(batch);
      events += batch.events.length;
      bytes += Buffer.byteLength(String(body));
      if (events >= p.events || bytes >= p.bytes) break;
    }
    return batches;
  }

  async park(ref: Ref, p: { run: string; fence: number; dueAt: Millis | null; effectsDoneThrough: number }) {
    this.#heads.forget(ref);
    const parked = this.#db.run(
      `UPDATE heads SET due_at = ?, effects_done_through = ?, parks = parks + 1, tasks = tasks + ?, bytes = bytes + octet_length(body)
       WHERE ws = ? AND execution = ? AND status = 'RUNNING' AND run = ? AND fence = ?`,
      p.dueAt,
      p.effectsDoneThrough,
      p.dueAt === null ? 0 : 1,
      ref.workspace,
      ref.execution,
      p.run,
      p.fence,
    );
    return parked === 1;
  }

  async close(ref: Ref, p: { run: string; fence: number | null; batch: Batch; next: Head }) {
    const head = this.#head(ref);
    const current = head?.status === "RUNNING" && head.run === p.run && (p.fence === null || head.fence === p.fence);
    if (!current) return { kind: "fenced" as const, head };
    // A damaged head may name a run of another execution.
    if (!this.#isRunOf(ref, p.run)) return { kind: "conflict" as const };
    const position = this.#positionAt(ref.workspace, p.run, p.batch.first);
    if ("by" in position) return { kind: "conflict" as const };
    let final: { head: Head; characters: number } | undefined;
    this.#tails.delete(p.run);
    this.#db.atomically(() => {
      const by = p.fence === null ? "server" : "worker";
      const { seq, end } = this.#putLog(ref.workspace, p.run, p.batch, { before: position.end, by });
      const lastSeq = seq + p.batch.events.length - 1;
      const ends = p.next.run === p.run;
      const last = ends ? { ...p.next, fence: head.fence + 1 } : { ...head, ...pastOf(p.batch) };
      const { cost, text } = this.#withCost(last, head, end);
      this.#closeRun(last, text, lastSeq, closedRun(head, p.batch, end.retries));
      if (ends) {
        this.#putHead(last, text);
        final = { head: { ...last, cost }, characters: text.body.length };
      } else this.#beginRun({ ...p.next, fence: head.fence + 1, cost });
    });
    if (final) this.#heads.remember(final.head, final.characters); // whoever waits for the end reads it next
    this.#db.afterCommit(() => this.onClosed(ref, p.run));
    return { kind: "closed" as const };
  }

  /**
   * The cost of a run that closes, and the text of its head with that cost. Its start, its close, each call of a worker and each message is a commit,
   * and each task is received in one and finished in one. The close writes the head into two rows, and once more where its
   * outbox must be cleared.
   */
  #withCost(
    closed: Head,
    { cost: before, workspace, execution }: Head,
    end: LogEnd,
  ): { cost: ExecutionCost; text: HeadText } {
    const { claims, parks, changes, ...counted } = this.#countsOf({ workspace, execution });
    const tasks = counted.tasks + end.queued;
    const calls = claims + parks + end.batches;
    const { cost: _before, ...bare } = closed;
    const copies = bare.outbox.length > 0 ? 2 : 1; // of the row in `heads`
    const text = textOf(bare);
    const bytes = Buffer.byteLength(text.whole) + copies * Buffer.byteLength(text.body);
    const costFor = (own: number): ExecutionCost => ({
      worker_calls: (before?.worker_calls ?? 0) + calls + 2 * end.queued,
      tasks: (before?.tasks ?? 0) + tasks,
      write_units: null,
      read_units: null,
      commits: (before?.commits ?? 0) + (before ? 0 : 1) + calls + end.messages + changes + 2 * tasks,
      bytes_written: (before?.bytes_written ?? 0) + counted.bytes + end.bytes + bytes + own,
    });
    // The cost is a part of what the close writes.
    const own = (1 + copies) * (bytesOf(costFor(bytes)) + ',"cost":'.length);
    const cost = costFor(own);
    const withIt = (json: string) => `${json.slice(0, -1)},"cost":${JSON.stringify(cost)}}`;
    return { cost, text: { body: withIt(text.body), whole: withIt(text.whole) } };
  }

  #countsOf(ref: Ref): HeadCounts {
    const known = this.#heads.countsOf(ref);
    if (known) return known;
    const counts = "SELECT claims, parks, tasks, changes, bytes FROM heads WHERE ws = ? AND execution = ?";
    return countsOf(this.#db.one(counts, ref.workspace, ref.execution)!);
  }

  /** `next`: of a run that may have been prepared. */
  #beginRun(next: Head): void {
    this.#tails.delete(next.run);
    this.#db.run("DELETE FROM prepared_runs WHERE run = ?", next.run);
    this.#putFirstHead(next);
  }

  async prepare(next: Head, batches: readonly Batch[]) {
    const { workspace, run, started_at } = next;
    this.#tails.delete(run);
    this.#db.run("INSERT OR IGNORE INTO prepared_runs (run, at) VALUES (?, ?)", run, started_at);
    const last = this.#db.one(`SELECT ${LOG_END} FROM log WHERE run = ? ORDER BY first DESC LIMIT 1`, run);
    let end = last ? endOf(last) : { ...NO_LOG, bytes: Buffer.byteLength(json(firstBatch(next))) };
    let unpaused = 0;
    for (const batch of batches) {
      const body = JSON.stringify(batch);
      end = endAfter(end, batch, body, "server");
      this.#db.run(PUT_LOG, run, batch.first, workspace, null, batch.events.length, ...valuesOf(end), body);
      unpaused += body.length;
      if (unpaused < BATCHES_AT_ONCE) continue;
      unpaused = 0;
      await pause();
    }
    return end.bytes;
  }

  async reopen(next: Head, seen: { run: string; fence: number }) {
    const head = this.#head(next);
    const same =
      head?.run === seen.run && head.fence === seen.fence && head.status !== "RUNNING" && head.due_at === null;
    if (!same) return false;
    this.#db.atomically(() => {
      const cost = head.cost && { ...head.cost, commits: (head.cost.commits ?? 0) + 1 };
      this.#beginRun({ ...next, fence: head.fence + 1, ...(cost && { cost }) });
    });
    return true;
  }

  #closeRun(head: Head, { whole }: HeadText, lastSeq: number, increments: readonly Increment[]): void {
    const endsAt = head.closed_at ?? END_OF_OPEN_RUNS;
    this.#late.close(head, [head.status, head.closed_at, endsAt, lastSeq, whole], increments);
    this.#db.run("DELETE FROM activities WHERE run = ?", head.run);
  }

  async hide(ref: Ref, seen: { run: string; fence: number }) {
    for (;;) {
      const head = this.#head(ref);
      const same =
        head?.run === seen.run && head.fence === seen.fence && head.status !== "RUNNING" && head.due_at === null;
      if (!same) return false;
      if (this.#hideSome(ref, head.run)) return true;
      await this.#db.durable(); // a commit of all of them would hold the event loop
    }
  }

  async hideDamaged(ref: Ref) {
    for (;;) {
      const key = [ref.workspace, ref.execution] as const;
      const row = this.#db.one("SELECT run FROM heads WHERE ws = ? AND execution = ?", ...key);
      if (!row) return false;
      if (this.#hideSome(ref, String(row.run))) return true;
      await this.#db.durable();
    }
  }

  /** Whether nothing of it is left to hide. */
  #hideSome(ref: Ref, run: string): boolean {
    const { workspace, execution } = ref;
    this.#hasDeleted = true;
    const hidden = hideRuns(
      { database: this.#db, rollups: this.#rollups },
      { workspace, execution, run },
      this.#clock.now(),
    );
    for (const run of hidden.runs) {
      this.#tails.delete(run);
      this.onHidden(run);
    }
    this.#heads.forget(ref);
    if (hidden.last) this.#notifier.announceHead(ref);
    return hidden.last;
  }

  erase(ref: Ref, until: Millis) {
    const late = () => this.#clock.now() >= until;
    return eraseHidden({ database: this.#db, sequence: this.#sequence }, { ref, until: late });
  }

  async deletedAt(ref: Ref) {
    const row = this.#db.one(
      `SELECT max(at) AS at FROM deleted_runs WHERE ws = ?1 AND execution = ?2
         AND NOT EXISTS (SELECT 1 FROM heads WHERE ws = ?1 AND execution = ?2)`,
      ref.workspace,
      ref.execution,
    );
    return (row?.at ?? null) as Millis | null;
  }

  /** DELETE-4. */
  #isDeleted({ workspace, execution, token }: Head): boolean {
    // Most stores have none, and every start asks.
    this.#hasDeleted ??= this.#db.one("SELECT 1 FROM deleted_runs LIMIT 1") !== null;
    if (!this.#hasDeleted) return false;
    const row = this.#db.one(
      "SELECT 1 FROM deleted_runs WHERE ws = ? AND execution = ? AND token = ? LIMIT 1",
      workspace,
      execution,
      token,
    );
    return row !== null;
  }

  async clearOutbox(ref: Ref, seen: { run: string; status: ExecutionStatus }) {
    const head = this.#head(ref);
    if (!head || head.run !== seen.run || head.status !== seen.status) return;
    const due_at = head.status === "RUNNING" ? head.due_at : null;
    this.#changeHead({ ...head, outbox: [], due_at });
  }

  async due(until: Millis, limit: number, after?: DueEntry): Promise<DueEntry[]> {
    const rows = this.#db.all(
      `SELECT ws, execution, due_at, status, deployment, deadline FROM heads WHERE due_at <= ? AND (due_at, ws, execution) > (?, ?, ?)
       ORDER BY due_at, ws, execution LIMIT ?`,
      until,
      after?.dueAt ?? Number.MIN_SAFE_INTEGER,
      after?.workspace ?? "",
      after?.execution ?? "",
      limit,
    );
    return rows.map((row) => ({
      workspace: String(row.ws),
      execution: String(row.execution),
      dueAt: Number(row.due_at),
      deployment: String(row.deployment),
      deadline: row.deadline as Millis | null,
      status: row.status as ExecutionStatus,
    }));
  }

  async run(workspace: string, run: string) {
    return this.#run(workspace, run);
  }

  #run(workspace: string, run: string): Head | null {
    const row = this.#late.find(RUN_COLUMNS, run);
    return row?.ws === workspace ? headOfRun(row) : null;
  }

  async runs(query: RunsQuery) {
    return listRuns(this.#db, this.#readable, query);
  }

  async setSearchKeys(ref: Ref, run: string, keys: Record<string, string>) {
    const head = this.#head(ref);
    const row = this.#db.one("SELECT search_keys, started_at FROM runs WHERE run = ? AND ws = ?", run, ref.workspace);
    if (!row) return;
    const of = { workspace: ref.workspace, run, started_at: Number(row.started_at) };
    this.#db.atomically(() => {
      if (head?.run === run) this.#changeHead({ ...head, search_keys: keys });
      this.#db.run("UPDATE runs SET search_keys = ? WHERE run = ?", json(keys), run);
      removeSearchKeys(this.#db, of, parse<Record<string, string>>(row.search_keys));
      addSearchKeys(this.#db, of, keys);
    });
  }

  async setOpenInputs(ref: Ref, run: string, p: { seen: OpenInputs | undefined; next: OpenInputs }) {
    const head = this.#head(ref);
    const same =
      head?.status === "RUNNING" && head.run === run && json(head.open_inputs ?? null) === json(p.seen ?? null);
    if (same) this.#changeHead({ ...head, open_inputs: p.next });
    return same;
  }

  async openInputs(q: OpenInputsQuery): Promise<WaitingExecution[]> {
    const rows = this.#db.all(
      `SELECT * FROM heads WHERE ws = ? AND inputs_since IS NOT NULL AND (inputs_since, execution) >= (?, ?)
         ${q.workflow === undefined ? "" : "AND CASE WHEN json_valid(body) THEN json_extract(body, '$.workflow') END = ?"} ORDER BY inputs_since, execution LIMIT ?`,
      q.workspace,
      q.after?.since ?? 0,
      q.after?.execution ?? "",
      ...(q.workflow === undefined ? [] : [q.workflow]),
      q.limit,
    );
    return rows.map((row) => ({
      since: Number(row.inputs_since),
      execution: String(row.execution),
      head: this.#readable.of([row], () => `execution ${q.workspace}/${row.execution}`, headOf)[0] ?? null,
    }));
  }
}

const countsOf = (row: Row): HeadCounts => ({
  claims: Number(row.claims),
  parks: Number(row.parks),
  tasks: Number(row.tasks),
  changes: Number(row.changes),
  bytes: Number(row.bytes),
});

/** As `PUT_NEW_HEAD` and `PUT_FIRST_HEAD` write them. */
function firstCounts({ body, whole }: HeadText): HeadCounts {
  const bodyBytes = Buffer.byteLength(body);
  return { claims: 0, parks: 0, tasks: 1, changes: 0, bytes: bodyBytes + Buffer.byteLength(whole), bodyBytes };
}

const endOf = (row: Row): LogEnd => ({
  bytes: Number(row.bytes),
  retries: Number(row.retries),
  batches: Number(row.batches),
  queued: Number(row.queued),
  messages: Number(row.messages),
});
const valuesOf = ({ bytes, retries, batches, queued, messages }: LogEnd): number[] => [
  bytes,
  retries,
  batches,
  queued,
  messages,
];

/** Undoes a call (COMMIT-5) that is no fault. */
const NOTHING_WRITTEN = new Error("nothing was written");

const bytesOf = (value: unknown): number => Buffer.byteLength(json(value));

const firstBatch = (head: Head): Batch => ({ first: 1, events: [startedOf(head)], append_id: head.run });

/** What the closing batch of a run makes of its head, if the execution goes on with another run. */
function pastOf(batch: Batch): Pick<Head, "status" | "closed_at" | "failure"> {
  const last = batch.events.at(-1)!;
  if (!isClosing(last)) throw new Error(`a batch that ends with ${last.kind} closes no run`);
  return { status: CLOSING[last.kind], closed_at: last.at, failure: "reason" in last ? last.reason : null };
}
