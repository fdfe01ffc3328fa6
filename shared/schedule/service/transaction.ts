/**
 * A change of a schedule: one transaction with an outbox.
 *
 *     read      the schedule, with its version
 *     decide    the rules answer the next state, effects (starts and stops of executions) and the next wake-up time
 *     commit    the next state replaces the one that was read. It holds the effects: they are the outbox   CHANGE-1
 *     perform   the effects, at most 20 at a time                                                          CHANGE-2
 *     commit    their results, which clears their outbox entries. A result may decide further effects:
 *               perform and commit repeat until no effect is left
 *     arm       the timer, for the next wake-up time                                                       CHANGE-3
 *
 * A store with one transaction for schedules and executions writes once where all effects are starts:
 *
 *     read, decide
 *     decide    again, on the result that the executions have begun
 *     commit    both decisions, with the executions                                                        CHANGE-4
 *     enqueue   their first tasks, perform what the second decision has left, arm
 *
 * CHANGE-1. A commit is conditional on the version that was read (optimistic concurrency). After a conflict the transaction
 *     reads and decides again.
 * CHANGE-2. Effects are performed after the commit that decided them. If the process dies before it commits their results, the
 *     outbox still holds them and the schedule is due again some seconds later, so that another process performs them again.
 *     Repeating an effect changes nothing: the engine knows a start by its token and a cancel by its message's id, and refuses
 *     to terminate what is closed. So one due time starts at most one execution, however often its start is performed.
 * CHANGE-3. The timer is armed last. If the process dies before that, the sweeper (AWS) or the timer of the next process (one
 *     machine) still finds the schedule through `due`.
 * CHANGE-4. After a crash the store has the executions and the schedule that names them as started, or neither, and then the
 *     schedule is still due. If the transaction writes nothing (a conflict, an execution that has the id, a fault), or no worker is
 *     live for a start, the service commits the decision first and then performs it, as above. A task that is lost is only late:
 *     the sweeper enqueues it.
 */
import { lazy } from "../../lib/lazy.ts";
import type { Ports, ScheduleKey, StoredSchedule } from "../../ports.ts";
import type { Head } from "../../protocol/head.ts";
import type { Millis } from "../../protocol/history.ts";
import {
  type CreateSchedule,
  createSchedule,
  type Decision,
  type Effect,
  type EffectResult,
  effectResults,
  outboxOf,
  type ScheduleState,
  type SpecIssue,
} from "../rules/index.ts";
import { moveOldEntries } from "./log.ts";

export type Decide = (state: ScheduleState, now: Millis) => Decision | { readonly issues: readonly SpecIssue[] };
export type Changed =
  | { kind: "changed"; state: ScheduleState; wakeAt: Millis | null }
  | { kind: "missing" }
  | { kind: "invalid"; issues: readonly SpecIssue[] };
export type Created =
  | { kind: "created"; state: ScheduleState }
  | { kind: "exists" }
  | Extract<Changed, { kind: "invalid" }>;

/** Effects that are performed concurrently, or in one transaction (CHANGE-4): a longer one would hold up other requests. */
const CONCURRENT_EFFECTS = 20;
/** Writers that compete for one schedule do not cause so many conflicts in a row: more is a fault. */
const MAX_CONFLICTS = 100;

export async function create(ports: Ports, workspace: string, given: Omit<CreateSchedule, "seed">): Promise<Created> {
  const seed = `${workspace}/${given.schedule_id}`;
  const decision = createSchedule(ports.clock.now(), { ...given, seed });
  if ("issues" in decision) return { kind: "invalid", issues: decision.issues };
  const { state } = decision;
  const wakeAt = decision.wakeAt ?? null;
  if (!(await ports.schedules.create(workspace, { state, wakeAt }))) return { kind: "exists" };
  if (wakeAt !== null) await ports.schedules.arm({ workspace, schedule: state.schedule_id }, wakeAt);
  return { kind: "created", state };
}

/** The whole transaction. `rearm`: a wake-up has used up the armed timer, so arm it again even for an unchanged time. */
export async function change(ports: Ports, key: ScheduleKey, decide: Decide, { rearm = false } = {}): Promise<Changed> {
  const first = await commit(ports, key, decide);
  if (first.kind !== "committed") return first;
  const last = await flushOutbox(ports, key, first);
  const { state, wakeAt } = last.stored;
  if (wakeAt !== first.wakeAtBefore || (rearm && wakeAt !== null)) await ports.schedules.arm(key, wakeAt);
  return { kind: "changed", state, wakeAt };
}

/** Continues a transaction whose process died after a commit, at once instead of when the schedule is due again. */
export async function recoverOutbox(ports: Ports, key: ScheduleKey): Promise<void> {
  const stored = await ports.schedules.get(key);
  if (!stored) return;
  const effects = outboxOf(stored.state);
  const last = await flushOutbox(ports, key, {
    kind: "committed",
    stored,
    wakeAtBefore: stored.wakeAt,
    effects,
    begun: [],
  });
  if (last.stored.wakeAt !== stored.wakeAt) await ports.schedules.arm(key, last.stored.wakeAt);
}

interface Committed {
  readonly kind: "committed";
  readonly stored: StoredSchedule;
  readonly wakeAtBefore: Millis | null;
  /** Decided by this commit and to be performed now. */
  readonly effects: readonly Effect[];
  /** CHANGE-4. Their first tasks are to be enqueued. */
  readonly begun: readonly Head[];
}

/** CHANGE-1. */
async function commit(
  ports: Ports,
  key: ScheduleKey,
  decide: Decide,
): Promise<Committed | Exclude<Changed, { kind: "changed" }>> {
  for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts++) {
    const seen = await ports.schedules.get(key);
    if (!seen) return { kind: "missing" };
    const decision = decide(seen.state, ports.clock.now());
    if ("issues" in decision) return { kind: "invalid", issues: decision.issues };
    const wakeAt = decision.wakeAt ?? null;
    // An unchanged state may have another wake-up time: when the rules of its time zone have changed since.
    if (!decision.changed && wakeAt === seen.wakeAt) {
      return { kind: "committed", stored: seen, wakeAtBefore: wakeAt, effects: [], begun: [] };
    }
    const log = await moveOldEntries(ports, key.workspace, seen.state);
    const write: Write = async (next, begun) => {
      const state = { ...next.state, log: [...log, ...next.log], version: seen.state.version + 1 };
      const stored = { state, wakeAt: next.wakeAt ?? null };
      const { workspace } = key;
      const written = begun
        ? await ports.executions.createScheduled!(begun, { workspace, seen: seen.state, next: stored })
        : await ports.schedules.replace(workspace, seen.state, stored);
      if (!written) return null;
      tellOperator(ports, key, seen.state, next);
      return { kind: "committed", stored, wakeAtBefore: seen.wakeAt, effects: next.effects, begun: begun ?? [] };
    };
    const committed = (await writeWithStarts(ports, key, decision, write)) ?? (await write(decision));
    if (committed) return committed;
  }
  throw new Error(`schedule '${key.schedule}': ${MAX_CONFLICTS} writes in a row met a conflict with other writers`);
}

/** Writes a decision over the state that was read, with the executions that have begun by it. Null: nothing was written. */
type Write = (next: Decision, begun?: readonly Head[]) => Promise<Committed | null>;

/** CHANGE-4. Null: nothing was written. */
async function writeWithStarts(
  ports: Ports,
  key: ScheduleKey,
  decision: Decision,
  write: Write,
): Promise<Committed | null> {
  const { state, effects } = decision;
  if (!ports.executions.createScheduled || effects.length === 0 || effects.length > CONCURRENT_EFFECTS) return null;
  try {
    const { firstHeads } = await performing();
    const begun = await firstHeads(ports, key.workspace, state, effects);
    if (!begun) return null;
    const results = begun.map(
      ({ execution, run, started_at }): EffectResult => ({
        kind: "start",
        execution,
        result: { kind: "started", run, started_at },
      }),
    );
    const next = effectResults(state, ports.clock.now(), results);
    return await write({ ...next, log: [...decision.log, ...next.log] }, begun);
  } catch (error) {
    ports.log.error("schedule: could not start its runs in one transaction, they are started one by one", {
      ...key,
      error,
    });
    return null;
  }
}

/**
 * CHANGE-2. Answers the last commit. The change itself is committed by now, so a fault is logged and not thrown: the outbox
 * still holds the effects, and the next wake-up performs them again.
 */
async function flushOutbox(ports: Ports, key: ScheduleKey, first: Committed): Promise<Committed> {
  let last = first;
  try {
    for (;;) {
      if (last.begun.length > 0) await (await performing()).enqueueFirstTasks(ports, last.begun);
      if (last.effects.length === 0) break;
      const results = await performAll(ports, key, last);
      const next = await commit(ports, key, (state, now) => effectResults(state, now, results));
      if (next.kind !== "committed") return last; // the schedule was deleted meanwhile
      last = next;
    }
  } catch (error) {
    ports.log.error("schedule: could not perform its effects, they will be performed again", { ...key, error });
  }
  return last;
}

/** It brings the engine along, and most changes of a schedule have no effect. */
const performing = lazy(() => import("./perform.ts"));

async function performAll(ports: Ports, { workspace }: ScheduleKey, of: Committed): Promise<EffectResult[]> {
  const { perform } = await performing();
  const results: EffectResult[] = [];
  for (let i = 0; i < of.effects.length; i += CONCURRENT_EFFECTS) {
    const some = of.effects.slice(i, i + CONCURRENT_EFFECTS);
    results.push(...(await Promise.all(some.map((effect) => perform(ports, workspace, of.stored.state, effect)))));
  }
  return results;
}

function tellOperator(ports: Ports, key: ScheduleKey, before: ScheduleState, { state, log }: Decision): void {
  for (const { outcome, nominal, reason } of log) {
    if (outcome === "refused") ports.log.warn("schedule: a run was refused", { ...key, nominal, reason });
  }
  if (state.paused && !before.paused)
    ports.log.warn("schedule: paused, it starts nothing until it is resumed", { ...key, note: state.note });
}
