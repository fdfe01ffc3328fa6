/**
 * **reset** (PROTOCOL-11; the pure part is `shared/core/reset.ts`)
 *
 * 1. Read head and log. A final head gives way only after its outbox was flushed, as to a start.
 * 2. Prepare the new run: write the copied events and those of RESET-3 to a log that no head names yet. A crash leaves
 *    batches that nobody reads; the store deletes them later.
 * 3. If the run was open: one transaction of its closing batch, which names the new run, and of the new run's head, without
 *    the fence, as a terminate. After a conflict read on, prepare what else the old run has taken in, try again
 *    (interleaving "a reset copies a log that grows"). If the run was closed: compare and set of the final head.
 * 4. Flush the outbox: it ends the children that the old run started after the point, and asks the copied children of a
 *    closed run for their outcome. Then enqueue a workflow task.
 *
 * A repeated reset is the same reset if both have one token: it names the run that the first one found, and the head of the run
 * that the first one began carries the token (RESET-5).
 *
 * The chain stays the same, so messages that wait in the inbox reach the new run, and nobody learns of an end: neither the
 * parent nor the schedule. The new head has a fence and a run that no worker owns, so appends, parks and closes of the old
 * run are refused (interleaving "a reset while a worker drives").
 */
import { carriedIds } from "../core/closing.ts";
import { childrenOutbox, effectsOf, openEffects, outlivesRun } from "../core/effects.ts";
import { withInputs } from "../core/human-inputs.ts";
import {
  type Cut,
  copiedEvents,
  cutOf,
  foldInPieces,
  originsOf,
  pieces,
  type ResetPoint,
  type ResetTarget,
  type ResetTerms,
  reapply,
  resetEvents,
  resetPoints,
} from "../core/reset.ts";
import { searchKeysOf } from "../core/search-keys.ts";
import { type RunState, stateOf } from "../core/state.ts";
import type { Ports, Ref } from "../ports.ts";
import type { Head, OutboxEntry } from "../protocol/head.ts";
import { startedOf } from "../protocol/head.ts";
import type { Batch, HistoryEvent, Millis } from "../protocol/history.ts";
import { tailOf } from "../protocol/history.ts";
import { MAX_HISTORY_BYTES, MAX_HISTORY_EVENTS } from "../protocol/limits.ts";
import { withKeys } from "./effects.ts";
import { enqueueWorkflowTask } from "./enqueue.ts";
import { DamagedExecution } from "./force-close.ts";
import { flushOutbox } from "./outbox.ts";

export interface ResetRequest {
  /** The run to which the target belongs; default: the current one. */
  readonly run?: string;
  readonly target: ResetTarget;
  readonly reason: string | null;
  readonly excluded: ResetTerms["excluded"];
  /** RESET-6. Default: the deployment of the run that ends. */
  readonly into?: Pick<Head, "deployment" | "registration"> | undefined;
  /** RESET-5. Wants `run`. */
  readonly token?: string;
}
export type Reset =
  | { kind: "reset"; head: Head }
  | { kind: "not_found" }
  /** The execution has another run since, to which the target does not belong. */
  | { kind: "moved"; head: Head }
  | { kind: "no_point"; run: string; points: ResetPoint[] }
  /** The new run would exceed a limit of a history. */
  | { kind: "full"; detail: string };

/** More conflicts in a row than workers can cause. */
const MOST_TRIES = 100;

export async function reset(ports: Ports, ref: Ref, p: ResetRequest): Promise<Reset> {
  let work: Preparation | null = null;
  let endedRun: string | null = null;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const head = await ports.executions.head(ref);
    if (!head) return { kind: "not_found" };
    const run = work?.run ?? p.run;
    if (run !== undefined && head.run !== run)
      return { kind: (await isRepeated(ports, head, run, p.token)) ? "reset" : "moved", head };
    if (head.status !== "RUNNING" && head.due_at !== null) {
      await flushOutbox(ports, head);
      continue;
    }
    if (!work) {
      const begun = await Preparation.begin(ports, ref, head, p);
      if (!(begun instanceof Preparation)) return begun;
      work = begun;
    }
    const full = await work.readOn();
    if (full) return full;
    // The log of a run ends with the head: else it has closed between the two reads, or is damaged.
    if (work.ended !== (head.status !== "RUNNING")) {
      if (endedRun === head.run) throw new DamagedExecution(ref, head.run);
      endedRun = head.run;
      continue;
    }
    const next = await work.commit(head);
    if (!next) continue;
    if (next.outbox.length > 0) await flushOutbox(ports, next);
    await enqueueWorkflowTask(ports, next);
    return { kind: "reset", head: next };
  }
  throw new Error(`execution '${ref.execution}' changed at each of ${MOST_TRIES} tries to reset it`);
}

/** Runs that were begun between a reset and its repetition. */
const MOST_RUNS_BETWEEN = 100;

/** RESET-5. Whether a reset with this token has ended the run of this execution. */
export async function wasReset(ports: Ports, ref: Ref, p: { run: string; token: string }): Promise<boolean> {
  const head = await ports.executions.head(ref);
  return head !== null && (await isRepeated(ports, head, p.run, p.token));
}

/** RESET-5. The run was ended by a reset with this token. */
async function isRepeated(ports: Ports, head: Head, run: string, token: string | undefined): Promise<boolean> {
  if (token === undefined) return false;
  let later: Head | null = head;
  for (let runs = 0; later?.chain === head.chain && runs < MOST_RUNS_BETWEEN; runs++) {
    if (later.reset?.from === run) return later.reset.token === token;
    const before: string | null = later.reset?.from ?? later.continued_from;
    later = before === null ? null : await ports.executions.run(head.workspace, before);
  }
  return false;
}

/** The new run while no head names it. */
class Preparation {
  readonly run: string;
  readonly #ports: Ports;
  readonly #ref: Ref;
  readonly #request: ResetRequest;
  readonly #cut: Cut;
  /** The old run, as far as it was read. */
  readonly #batches: Batch[];
  readonly #old: RunState;
  readonly #copied: readonly HistoryEvent[];
  readonly #searchKeys: Record<string, string>;
  /** The new run. `#next` without what only the commit knows. */
  readonly #next: Head;
  readonly #new: RunState;
  /** Events of the new run that are not written yet. */
  #unwritten: HistoryEvent[] = [];
  #readTo: number;
  readonly #left: [message: string, at: Millis][] = [];
  readonly #pause: () => Promise<void>;
  #bytes = 0;

  static async begin(ports: Ports, ref: Ref, head: Head, p: ResetRequest): Promise<Preparation | Reset> {
    const batches = await ports.executions.batches(ref, head.run, 1);
    const events = [startedOf(head), ...batches.flatMap((batch) => batch.events)];
    const pause = pauseOf(ports);
    await pause();
    const cut = cutOf(events, p.target);
    await pause();
    if (!cut) return { kind: "no_point", run: head.run, points: resetPoints(events) };
    const now = ports.clock.now();
    const copied = copiedEvents(events, cut);
    const limit = await limitOf(ports, head);
    const { open_inputs: _openInputs, ...kept } = head;
    const openInputs = withInputs(undefined, copied); // INPUTS-3
    const next: Head = {
      ...kept,
      ...(openInputs && { open_inputs: openInputs }),
      ...p.into,
      status: "RUNNING",
      run: ports.uuid(),
      due_at: now + ports.settings.wakeTimeoutMs,
      wake_pending: true,
      paced_until: null,
      effects_done_through: cut.through,
      outbox: [],
      result: null,
      failure: null,
      started_at: now,
      closed_at: null,
      deadline: limit === null ? null : now + limit,
      ...(limit !== null && { limit_ms: limit }),
      reset: {
        from: head.run,
        at: now,
        origins: originsOf(startedOf(head), copied),
        began_at: head.reset?.began_at ?? head.started_at,
        ...(p.token !== undefined && { token: p.token }),
      },
    };
    const searchKeys = await searchKeysAfter(ports, head, events, cut);
    await pause();
    const old = await foldInPieces(stateOf(startedOf(head)), events.slice(1), pause);
    const begun = await foldInPieces(stateOf(startedOf(next)), copied, pause);
    const preparation = new Preparation(ports, ref, p, { cut, batches, old, begun, copied, next, searchKeys });
    preparation.#unwritten.push(...resetEvents(begun, { from: head.run, ...preparation.#terms }));
    await preparation.#reapply(events.slice(cut.through));
    return preparation;
  }

  private constructor(
    ports: Ports,
    ref: Ref,
    request: ResetRequest,
    p: {
      readonly cut: Cut;
      readonly batches: Batch[];
      readonly old: RunState;
      readonly begun: RunState;
      readonly copied: readonly HistoryEvent[];
      readonly next: Head;
      readonly searchKeys: Record<string, string>;
    },
  ) {
    this.run = p.old.started.run;
    this.#ports = ports;
    this.#ref = ref;
    this.#request = request;
    this.#cut = p.cut;
    this.#batches = p.batches;
    this.#copied = p.copied;
    this.#searchKeys = p.searchKeys;
    this.#next = p.next;
    this.#old = p.old;
    this.#new = p.begun;
    this.#pause = pauseOf(ports);
    this.#readTo = tailOf(p.batches);
  }

  get #terms() {
    const { reason, excluded } = this.#request;
    return { reason, excluded, now: this.#next.started_at };
  }

  async #reapply(later: readonly HistoryEvent[]): Promise<void> {
    for (const some of pieces(later)) {
      const { events, left } = reapply(this.#new, some, this.#terms);
      this.#unwritten.push(...events);
      this.#left.push(...left);
      await this.#pause();
    }
  }

  /** The old run has a closing event. */
  get ended(): boolean {
    return this.#old.closed !== null;
  }

  /** Reads what the old run has recorded since, and writes what the new run lacks. */
  async readOn(): Promise<Reset | null> {
    const { executions } = this.#ports;
    const later = await executions.batches(this.#ref, this.run, this.#readTo);
    const events = later.flatMap((batch) => batch.events);
    this.#batches.push(...later);
    await foldInPieces(this.#old, events, this.#pause);
    await this.#reapply(events);
    this.#readTo = tailOf(this.#batches);
    if (this.#new.tail > MAX_HISTORY_EVENTS)
      return this.#full(`${this.#new.tail} events`, `${MAX_HISTORY_EVENTS} events`);
    const write = async (all: readonly HistoryEvent[]) => {
      if (all.length === 0) return;
      this.#bytes = await executions.prepare(this.#next, await grouped(all, this.#ports.uuid, this.#pause));
    };
    if (this.#bytes === 0) await write(this.#copied);
    await write(this.#unwritten);
    this.#unwritten = [];
    if (this.#bytes > MAX_HISTORY_BYTES) return this.#full(`${this.#bytes} bytes`, `${MAX_HISTORY_BYTES} bytes`);
    return null;
  }

  #full(size: string, limit: string): Reset {
    const detail = `the history of the new run would have ${size}, the limit is ${limit}: reset to an earlier event`;
    return { kind: "full", detail };
  }

  /** Null: head or log has changed since. */
  async commit(head: Head): Promise<Head | null> {
    const { executions } = this.#ports;
    const open = head.status === "RUNNING";
    const inbox = this.#left.length > 0 ? await executions.inbox(this.#ref, head.chain) : [];
    const waiting = new Set(inbox.map((message) => message.id));
    const carried = carriedIds(this.#left, this.#next.started_at, (id) => waiting.has(id));
    const next: Head = {
      ...this.#next,
      fence: head.fence + 1,
      carried: [...new Set([...head.carried, ...carried])],
      outbox: open ? this.#endOfOpenRun(head) : this.#endOfClosedRun(),
      search_keys: this.#searchKeys,
    };
    if (!open) return (await executions.reopen(next, { run: head.run, fence: head.fence })) ? next : null;
    const closed = await executions.close(this.#ref, { run: head.run, fence: null, batch: this.#closing(), next });
    return closed.kind === "closed" ? next : null;
  }

  #closing(): Batch {
    const { reason } = this.#request;
    const why = `reset to event ${this.#cut.through}${reason === null ? "" : `: ${reason}`}`;
    const id = this.#old.tail + 1;
    const at = Math.max(this.#next.started_at, this.#old.at);
    const event = { kind: "execution_terminated", id, at, reason: why, next_run: this.#next.run } as const;
    return { first: id, events: [event], append_id: this.#ports.uuid() };
  }

  /**
   * A worker may be about to perform the effects of the old run's last batches: the outbox performs them first, then ends
   * the children among them that are not copied.
   */
  #endOfOpenRun(head: Head): OutboxEntry[] {
    const outbox = [...head.outbox, ...childrenOutbox(this.#old, this.#cut.through)];
    const notPerformed = this.#batches.filter((batch) => batch.first > head.effects_done_through);
    if (openEffects(head, notPerformed).some(outlivesRun))
      outbox.unshift({ kind: "effects", run: head.run, first: notPerformed[0]!.first });
    return outbox;
  }

  /** A child that closed while its parent was closed has told nobody. */
  #endOfClosedRun(): OutboxEntry[] {
    return [...this.#new.children].map(([child, { execution, run }]) => ({
      kind: "ask_child",
      execution,
      parent_run: run,
      child,
    }));
  }
}

/** The length of the limit on the chain: the deadline of the new run is so far from the reset. Null: there is none. */
async function limitOf(ports: Ports, head: Head): Promise<Millis | null> {
  if (head.limit_ms !== undefined) return head.limit_ms;
  if (head.deadline === null) return null;
  const first = head.first_run === head.run ? head : await ports.executions.run(head.workspace, head.first_run);
  return head.deadline - (first ?? head).started_at;
}

/** The search keys at the point. Keys that code has set only since have the values of the start, or are gone. */
async function searchKeysAfter(ports: Ports, head: Head, events: readonly HistoryEvent[], cut: Cut) {
  const changes = (some: readonly HistoryEvent[]) =>
    effectsOf({ ...head }, { events: [...some] }).flatMap((effect) =>
      effect.kind === "set_search_keys" ? [effect] : [],
    );
  const namesIn = (some: ReturnType<typeof changes>) =>
    some.flatMap(({ set, remove }) => [...Object.keys(set), ...remove]);
  const later = new Set(namesIn(changes(events.slice(cut.through))));
  if (later.size === 0) return head.search_keys;
  const registration = head.registration && (await ports.registry.registration(head.workspace, head.registration));
  const paths = registration ? registration.definition.search_keys : [];
  const initial = head.continued_from === null ? searchKeysOf(paths, head.input) : head.search_keys;
  const untouched = Object.entries(head.search_keys).filter(([name]) => !later.has(name));
  const begun = Object.entries(initial).filter(([name]) => later.has(name));
  return changes(events.slice(0, cut.through)).reduce(withKeys, Object.fromEntries([...untouched, ...begun]));
}

/** The copy has batches of its own: few and of a size that one item holds. Replay reads events, not batches. */
const MOST_EVENTS = 500;
const MOST_CHARACTERS = 64_000;

/** Characters of events that are looked at before other requests may run: some milliseconds. */
const CHARACTERS_AT_ONCE = 500_000;

const pauseOf =
  (ports: Ports): (() => Promise<void>) =>
  async () =>
    ports.pause?.();

async function grouped(
  events: readonly HistoryEvent[],
  uuid: () => string,
  pause: () => Promise<void>,
): Promise<Batch[]> {
  const batches: Batch[] = [];
  let room = 0;
  let unpaused = 0;
  for (const event of events) {
    const { length } = JSON.stringify(event);
    unpaused += length;
    if (unpaused > CHARACTERS_AT_ONCE) {
      unpaused = 0;
      await pause();
    }
    let batch = batches.at(-1);
    if (!batch || length > room || batch.events.length >= MOST_EVENTS) {
      batch = { first: event.id, events: [], append_id: uuid() };
      batches.push(batch);
      room = MOST_CHARACTERS;
    }
    batch.events.push(event);
    room -= length;
  }
  return batches;
}
