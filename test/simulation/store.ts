/**
 * The tables, with the real guarantees of DynamoDB: a conditional write of one item is atomic, a close is one transaction,
 * reads by key are strongly consistent, and the `due` index lags by seconds to minutes and shows each head as it once was.
 * The store puts a batch at any position where no batch begins. Callers must continue the log: a write that does not is a
 * violation of INV-1.
 */
import type { DueEntry, Executions, LogPart, Ref, RunsQuery } from "../../shared/ports.ts";
import type { Head, OpenInputs } from "../../shared/protocol/head.ts";
import type { Batch, Millis } from "../../shared/protocol/history.ts";
import { CLOSING, isClosing, tailOf } from "../../shared/protocol/history.ts";
import { type InboxMessage, inOrder, type Message } from "../../shared/protocol/messages.ts";
import type { ExecutionStatus } from "../../shared/protocol/status.ts";
import type { World } from "./world.ts";

export class Violation extends Error {
  constructor(invariant: string, finding: string) {
    super(`${invariant}: ${finding}`);
    this.name = "Violation";
  }
}

/** By how much the times of servers and workers may be ahead of the true one. */
const MOST_EARLY_MS: Millis = 5_000;
const keyOf = (ref: Ref) => `${ref.workspace}/${ref.execution}`;

interface Version {
  readonly visibleFrom: Millis;
  readonly entry: DueEntry | null;
}

export class Store implements Executions {
  readonly heads = new Map<string, Head>();
  readonly runsById = new Map<string, Head>();
  readonly logs = new Map<string, Batch[]>();
  /** Logs of runs that a reset prepares. */
  readonly prepared = new Map<string, Batch[]>();
  /** By run that a reset began: the last event that the reset wrote. */
  readonly preparedThrough = new Map<string, number>();
  readonly inboxes = new Map<string, Map<string, InboxMessage>>();
  /** Fences that a claim made. */
  readonly #claimed = new Map<string, Set<number>>();
  /** Runs, with fences of claims that a crash has lost. */
  readonly #lost = new Set<string>();
  readonly #claimedRuns = new Set<string>();
  /** Weaker: without FENCE-1. */
  givesFencesTwice = false;
  /** FENCE-1: after a crash. */
  #leastFence = 0;
  /** FENCE-3: runs, with fences of claims that may have left early. */
  readonly #early = new Set<string>();
  /** Runs of deleted executions. */
  readonly deletedRuns = new Set<string>();
  /** By execution: hidden runs whose logs are not erased. */
  readonly stored = new Map<string, string[]>();
  readonly #hiddenAt = new Map<string, { at: Millis; tokens: Set<string> }>();
  /** Executions that changed since the last check of the invariants. */
  readonly changed = new Set<string>();
  readonly #numbers = new Map<string, number>();
  readonly #index = new Map<string, Version[]>();
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  #put(head: Head): void {
    const key = keyOf(head);
    this.heads.set(key, head);
    this.changed.add(key);
    const { chance, faults, now } = this.#world;
    const lag = chance.happens(faults.staleIndex) ? chance.between(1_000, 240_000) : chance.between(10, 1_000);
    const versions = this.#index.get(key) ?? [];
    const entry: DueEntry | null =
      head.due_at === null
        ? null
        : {
            workspace: head.workspace,
            execution: head.execution,
            dueAt: head.due_at,
            deployment: head.deployment,
            deadline: head.deadline,
            status: head.status,
          };
    versions.push({ visibleFrom: Math.max(now + lag, versions.at(-1)?.visibleFrom ?? 0), entry });
    if (versions.length > 8)
      versions.splice(
        0,
        versions.findLastIndex((v) => v.visibleFrom <= now),
      );
    this.#index.set(key, versions);
  }

  async head(ref: Ref) {
    return this.heads.get(keyOf(ref)) ?? null;
  }

  async create(head: Head, over: readonly ExecutionStatus[], seen?: string) {
    const old = this.heads.get(keyOf(head));
    const givesWay = old && over.includes(old.status) && old.due_at === null && old.run === (seen ?? old.run);
    if (old && !(givesWay && old.token !== head.token)) {
      return { kind: "exists" as const, head: old };
    }
    if (this.#hiddenAt.get(keyOf(head))?.tokens.has(head.token)) return { kind: "deleted" as const };
    this.#put({ ...head, fence: (old?.fence ?? 0) + 1 });
    this.#begin(head);
    return { kind: "created" as const };
  }
  #begin(head: Head): void {
    if (this.deletedRuns.has(head.run)) throw new Violation("INV-12", `run ${head.run} was deleted and begins again`);
    if (this.runsById.has(head.run)) throw new Violation("INV-1", `run ${head.run} begins twice`);
    for (const run of this.runsById.values()) {
      const sameExecution = run.execution === head.execution && run.workspace === head.workspace;
      if (sameExecution && run.status === "RUNNING")
        throw new Violation("INV-1", `run ${head.run} begins while run ${run.run} of ${head.execution} is open`);
    }
    this.runsById.set(head.run, head);
    const log = this.prepared.get(head.run) ?? [];
    this.logs.set(head.run, log);
    if (log.length > 0) this.preparedThrough.set(head.run, tailOf(log));
    this.prepared.delete(head.run);
  }

  #inbox(ref: Ref, chain: string): Map<string, InboxMessage> {
    const key = `${keyOf(ref)}/${chain}`;
    const inbox = this.inboxes.get(key) ?? new Map<string, InboxMessage>();
    this.inboxes.set(key, inbox);
    return inbox;
  }
  /** The next number of a message (MESSAGE-1). */
  nextNumber(ref: Ref, chain: string): number {
    const key = `${keyOf(ref)}/${chain}`;
    const next = (this.#numbers.get(key) ?? 0) + 1;
    this.#numbers.set(key, next);
    return next;
  }
  async putMessage(ref: Ref, chain: string, message: Message) {
    this.putNumbered(ref, chain, message, this.nextNumber(ref, chain));
  }
  putNumbered(ref: Ref, chain: string, message: Message, seq: number): void {
    const inbox = this.#inbox(ref, chain);
    if (!inbox.has(message.id)) inbox.set(message.id, { ...message, seq });
  }
  async removeMessages(ref: Ref, chain: string, ids: readonly string[]) {
    for (const id of ids) this.#inbox(ref, chain).delete(id);
    this.changed.add(keyOf(ref));
  }
  async refuseUpdates(): Promise<boolean> {
    throw new Error("no run of the simulation refuses so many updates");
  }
  async takeRefusal(): Promise<null> {
    return null;
  }
  async inbox(ref: Ref, chain: string) {
    return [...this.#inbox(ref, chain).values()].sort(inOrder);
  }
  /** The messages of an inbox before an id, or from it on: a query reads page by page. */
  inboxPage(ref: Ref, chain: string, side: "first" | "second", middle: string): InboxMessage[] {
    return [...this.#inbox(ref, chain).values()].filter((m) => (side === "first" ? m.id < middle : m.id >= middle));
  }

  /** The number that the next message would get. */
  nextSeq(ref: Ref, chain: string): number {
    return (this.#numbers.get(`${keyOf(ref)}/${chain}`) ?? 0) + 1;
  }

  #raised(fence: number): number {
    return Math.max(fence + 1, this.#leastFence);
  }
  wasClaimed(run: string): boolean {
    return this.#claimedRuns.has(run);
  }
  /** The fence of a claim that a crash loses, with the wake-up before it. */
  lostFence(head: Head): number {
    const fence = this.#raised(head.wake_pending ? head.fence : this.#raised(head.fence));
    if (!this.givesFencesTwice) this.#leastFence = fence + 1;
    this.#early.add(`${head.run}/${fence}`);
    this.#lost.add(`${head.run}/${fence}`);
    return fence;
  }
  /** FENCE-3. */
  #mayBeLost(ref: Ref, run: string, fence: number): boolean {
    const head = this.heads.get(keyOf(ref));
    return fence < this.#leastFence && head?.run === run && head.fence !== fence && this.#early.has(`${run}/${fence}`);
  }
  /** Some worker has been given this fence. */
  isOwned(head: Head): boolean {
    return this.#claimed.get(keyOf(head))?.has(head.fence) === true || this.#lost.has(`${head.run}/${head.fence}`);
  }

  async requestWake(ref: Ref, chain: string, dueAt: Millis) {
    const head = this.heads.get(keyOf(ref)) ?? null;
    if (head?.status !== "RUNNING" || head.chain !== chain || head.wake_pending)
      return { kind: "refused" as const, head };
    this.#put({ ...head, due_at: dueAt, wake_pending: true, fence: this.#raised(head.fence) });
    return { kind: "requested" as const };
  }

  async claim(ref: Ref, p: { dueAt: Millis; keepAfter?: Millis; session: string; deployment?: string }) {
    const head = this.heads.get(keyOf(ref));
    if (head?.status !== "RUNNING" || head.deployment !== (p.deployment ?? head.deployment)) return null;
    const kept = head.wake_pending && head.due_at! > (p.keepAfter ?? Number.POSITIVE_INFINITY);
    const next = {
      ...head,
      due_at: kept ? head.due_at : p.dueAt,
      wake_pending: false,
      fence: head.fence === 1 ? 2 : this.#raised(head.fence),
      owner: p.session,
    };
    this.#put(next);
    const fences = this.#claimed.get(keyOf(ref)) ?? new Set();
    this.#claimed.set(keyOf(ref), fences.add(next.fence));
    this.#claimedRuns.add(next.run);
    return next;
  }

  async claimWoken(
    ref: Ref,
    p: { dueAt: Millis; keepAfter: Millis; session: string; deployment: string; again: boolean },
  ) {
    const known = this.heads.get(keyOf(ref));
    const may = known?.fence === 1 || (p.again && known?.owner === p.session && this.#claimedRuns.has(known.run));
    const head = may && known?.wake_pending ? await this.claim(ref, p) : null;
    if (head && known?.fence !== 1) this.#early.add(`${head.run}/${head.fence}`);
    return head && { head, tail: tailOf(this.logs.get(head.run)!) };
  }

  async putBatch(ref: Ref, run: string, batch: Batch, _maxBytes: number, fence?: number) {
    const log = this.logs.get(run);
    if (!log || this.deletedRuns.has(run)) return { kind: "taken" as const, by: null };
    const there = log.find((b) => b.first === batch.first);
    if (there) return { kind: "taken" as const, by: there };
    if (fence !== undefined && this.#mayBeLost(ref, run, fence)) return { kind: "fenced" as const };
    this.#write(ref, run, log, batch);
    return { kind: "written" as const };
  }
  #write(ref: Ref, run: string, log: Batch[], batch: Batch): void {
    const tail = tailOf(log);
    if (batch.first !== tail + 1)
      throw new Violation("INV-1", `run ${run} has events up to ${tail}, written at ${batch.first}`);
    if (log.at(-1)?.events.some(isClosing)) throw new Violation("INV-1", `run ${run} goes on after its end`);
    if (log.some((b) => b.append_id === batch.append_id))
      throw new Violation("INV-1", `append ${batch.append_id} twice`);
    for (const event of batch.events) if (event.kind === "timer_fired") this.#checkTimer(log, event.timer);
    log.push(batch);
    this.changed.add(keyOf(ref));
  }
  /** INV-10. */
  #checkTimer(log: Batch[], timer: number): void {
    const started = log.flatMap((b) => b.events).find((e) => e.kind === "timer_started" && e.timer === timer);
    const early = started?.kind === "timer_started" ? started.fire_at - this.#world.now : 0;
    if (early > MOST_EARLY_MS) throw new Violation("INV-10", `timer ${timer} fires ${early} ms early`);
  }

  async batches(_ref: Ref, run: string, after: number) {
    return (this.logs.get(run) ?? []).filter((b) => b.first > after);
  }

  async part(_ref: Ref, run: string, p: LogPart) {
    const log = this.logs.get(run) ?? [];
    if (p.order === "desc") return log.filter((b) => b.first <= p.from).toReversed();
    return log.filter((b) => tailOf([b]) >= p.from);
  }

  async park(ref: Ref, p: { run: string; fence: number; dueAt: Millis | null; effectsDoneThrough: number }) {
    const head = this.heads.get(keyOf(ref));
    if (head?.status !== "RUNNING" || head.run !== p.run || head.fence !== p.fence) return false;
    this.#put({ ...head, due_at: p.dueAt, effects_done_through: p.effectsDoneThrough });
    return true;
  }

  async close(ref: Ref, p: { run: string; fence: number | null; batch: Batch; next: Head }) {
    const head = this.heads.get(keyOf(ref)) ?? null;
    const mine = head?.status === "RUNNING" && head.run === p.run && (p.fence === null || head.fence === p.fence);
    if (!mine) return { kind: "fenced" as const, head };
    const log = this.logs.get(p.run)!;
    if (log.some((b) => b.first === p.batch.first)) return { kind: "conflict" as const };
    this.#write(ref, p.run, log, p.batch);
    const next = { ...p.next, fence: head.fence + 1 };
    const last = p.batch.events.at(-1)!;
    if (!isClosing(last)) throw new Violation("INV-1", `run ${p.run} is closed by a ${last.kind}`);
    const status = CLOSING[last.kind];
    this.runsById.set(p.run, { ...this.runsById.get(p.run)!, status, closed_at: next.closed_at ?? next.started_at });
    this.#put(next);
    if (next.run !== p.run) this.#begin(next);
    return { kind: "closed" as const };
  }

  async prepare(next: Head, batches: readonly Batch[]) {
    const log = this.prepared.get(next.run) ?? [];
    this.prepared.set(next.run, log);
    for (const batch of batches) {
      if (batch.first !== tailOf(log) + 1)
        throw new Violation("INV-1", `the prepared run ${next.run} is written at ${batch.first}`);
      log.push(batch);
    }
    return log.length;
  }

  async reopen(next: Head, seen: { run: string; fence: number }) {
    const head = this.heads.get(keyOf(next));
    if (head?.run !== seen.run || head.fence !== seen.fence || head.status === "RUNNING" || head.due_at !== null)
      return false;
    this.#put({ ...next, fence: head.fence + 1 });
    this.#begin(next);
    return true;
  }

  /** Nothing is damaged in these worlds. */
  async hideDamaged(): Promise<boolean> {
    throw new Error("not simulated");
  }

  async hide(ref: Ref, seen: { run: string; fence: number }) {
    const key = keyOf(ref);
    const head = this.heads.get(key);
    if (head?.run !== seen.run || head.fence !== seen.fence || head.status === "RUNNING" || head.due_at !== null)
      return false;
    const { at: _at, tokens } = this.#hiddenAt.get(key) ?? { tokens: new Set<string>() };
    const runs = [...this.runsById.values()].filter((run) => keyOf(run) === key);
    for (const { run, token } of runs) {
      tokens.add(token);
      this.deletedRuns.add(run);
      this.runsById.delete(run);
    }
    this.#hiddenAt.set(key, { at: this.#world.now, tokens });
    this.stored.set(key, [...(this.stored.get(key) ?? []), ...runs.map(({ run }) => run)]);
    this.heads.delete(key);
    this.#claimed.delete(key); // the fence of a later start begins anew, as on one machine
    this.#index.delete(key);
    this.changed.add(key);
    return true;
  }

  async erase(ref: Ref) {
    for (const run of this.stored.get(keyOf(ref)) ?? []) this.logs.delete(run);
    this.stored.delete(keyOf(ref));
  }

  async deletedAt(ref: Ref) {
    return this.heads.has(keyOf(ref)) ? null : (this.#hiddenAt.get(keyOf(ref))?.at ?? null);
  }

  async clearOutbox(ref: Ref, seen: { run: string; status: ExecutionStatus }) {
    const head = this.heads.get(keyOf(ref));
    if (!head || head.run !== seen.run || head.status !== seen.status) return;
    this.#put({ ...head, outbox: [], due_at: head.status === "RUNNING" ? head.due_at : null });
  }

  async due(until: Millis, limit: number) {
    const found: DueEntry[] = [];
    for (const versions of this.#index.values()) {
      const entry = versions.findLast((v) => v.visibleFrom <= this.#world.now)?.entry;
      if (entry && entry.dueAt <= until) found.push(entry);
    }
    return found.sort((a, b) => a.dueAt - b.dueAt).slice(0, limit);
  }

  async run(_workspace: string, run: string) {
    return this.runsById.get(run) ?? null;
  }
  async runs(_query: RunsQuery): Promise<{ runs: Head[]; next: string | null }> {
    throw new Error("the engine lists no runs");
  }
  async openInputs(): Promise<never[]> {
    throw new Error("the engine lists no open inputs");
  }
  async setOpenInputs(ref: Ref, run: string, p: { seen: OpenInputs | undefined; next: OpenInputs }) {
    const head = this.heads.get(keyOf(ref));
    const same = head?.run === run && JSON.stringify(head.open_inputs) === JSON.stringify(p.seen);
    if (!same || head.status !== "RUNNING") return false;
    this.#put({ ...head, open_inputs: p.next });
    return true;
  }
  async setSearchKeys(ref: Ref, run: string, keys: Record<string, string>) {
    const head = this.heads.get(keyOf(ref));
    if (head?.run === run) this.#put({ ...head, search_keys: keys });
    const of = this.runsById.get(run);
    if (of) this.runsById.set(run, { ...of, search_keys: keys });
  }
}
