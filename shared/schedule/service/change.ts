/**
 * Changing a schedule: read it, decide (`shared/schedule`, pure), write it, then do what was decided.
 *
 * CHANGE-1. The write is conditional on what was read. Lost to somebody else: read and decide again.
 * CHANGE-2. Starts and stops are performed after the write that decided them, and their results are taken in by a further
 *     change. Who dies in between leaves them in the state, which is due again some seconds later: they are repeated.
 *     Each is idempotent by its key, so a due time starts one execution however often it is repeated.
 * CHANGE-3. Arming comes last. Whatever was not armed is found by `due`.
 */
import type { Ports, ScheduleKey, StoredSchedule } from "../../ports.ts";
import type { Millis } from "../../protocol/history.ts";
import {
  type CreateSchedule,
  createSchedule,
  type Decision,
  type Effect,
  type LogEntry,
  type ScheduleState,
  type SpecIssue,
  startResult,
  stopResult,
  wakeTime,
} from "../rules/index.ts";
import { carried } from "./log.ts";
import { type EffectResult, perform } from "./perform.ts";

export type Decide = (state: ScheduleState, now: Millis) => Decision | { readonly issues: readonly SpecIssue[] };
export type Changed =
  | { kind: "changed"; state: ScheduleState; wakeAt: Millis | null }
  | { kind: "missing" }
  | { kind: "invalid"; issues: readonly SpecIssue[] };
export type Created =
  | { kind: "created"; state: ScheduleState }
  | { kind: "exists" }
  | Extract<Changed, { kind: "invalid" }>;

/** Effects under way at a time. */
const AT_ONCE = 20;
/** Nobody loses so often to others; more is a fault. */
const MOST_TRIES = 100;

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

/** `rearm`: whatever woke the schedule is used up, so it is armed again even if the time has not changed. */
export async function change(ports: Ports, key: ScheduleKey, decide: Decide, { rearm = false } = {}): Promise<Changed> {
  const first = await write(ports, key, decide);
  if (first.kind !== "written") return first;
  const last = (await carryOut(ports, key, first)) ?? first;
  const { state, wakeAt } = last.stored;
  if (wakeAt !== first.before || (rearm && wakeAt !== null)) await ports.schedules.arm(key, wakeAt);
  return { kind: "changed", state, wakeAt };
}

/** Performs what a process that died had decided, without waiting until it is due again. */
export async function takeOver(ports: Ports, key: ScheduleKey, outstanding: (state: ScheduleState) => Effect[]) {
  const stored = await ports.schedules.get(key);
  if (!stored) return;
  const effects = outstanding(stored.state);
  const last = await carryOut(ports, key, { kind: "written", stored, before: stored.wakeAt, effects });
  if (last && last.stored.wakeAt !== stored.wakeAt) await ports.schedules.arm(key, last.stored.wakeAt);
}

interface Written {
  readonly kind: "written";
  readonly stored: StoredSchedule;
  /** `wakeAt` as it was. */
  readonly before: Millis | null;
  readonly effects: readonly Effect[];
}

/** CHANGE-1. */
async function write(
  ports: Ports,
  key: ScheduleKey,
  decide: Decide,
): Promise<Written | Exclude<Changed, { kind: "changed" }>> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const seen = await ports.schedules.get(key);
    if (!seen) return { kind: "missing" };
    const decision = decide(seen.state, ports.clock.now());
    if ("issues" in decision) return { kind: "invalid", issues: decision.issues };
    const wakeAt = decision.wakeAt ?? null;
    if (!decision.changed) return { kind: "written", stored: seen, before: seen.wakeAt, effects: [] };
    const log = [...(await carried(ports, key.workspace, seen.state)), ...decision.log];
    const stored = { state: { ...decision.state, log }, wakeAt };
    if (await ports.schedules.replace(key.workspace, seen.state, stored)) {
      tell(ports, key, decision.log);
      return { kind: "written", stored, before: seen.wakeAt, effects: decision.effects };
    }
  }
  throw new Error(`schedule '${key.schedule}' was changed by others ${MOST_TRIES} times in a row`);
}

/**
 * CHANGE-2. Until nothing is left to do; null: there was nothing. Whoever asked for the change has it already, so a fault here
 * is logged, not thrown: what is outstanding is repeated.
 */
async function carryOut(ports: Ports, key: ScheduleKey, first: Written): Promise<Written | null> {
  let last: Written | null = null;
  try {
    for (let at = first; at.effects.length > 0; at = last) {
      const { state } = at.stored;
      const results: EffectResult[] = [];
      for (let i = 0; i < at.effects.length; i += AT_ONCE) {
        const some = at.effects.slice(i, i + AT_ONCE);
        results.push(...(await Promise.all(some.map((effect) => perform(ports, key.workspace, state, effect)))));
      }
      const taken = await write(ports, key, (now, time) => take(now, time, results));
      if (taken.kind !== "written") return last; // deleted meanwhile
      last = taken;
    }
  } catch (error) {
    ports.log.error("what a schedule decided could not be carried out; it will be repeated", { ...key, error });
  }
  return last;
}

/** Several results in one write. */
function take(before: ScheduleState, now: Millis, results: readonly EffectResult[]): Decision {
  let state = before;
  const effects: Effect[] = [];
  const log: LogEntry[] = [];
  for (const each of results) {
    const decision =
      each.kind === "start"
        ? startResult(state, now, each.execution, each.result)
        : stopResult(state, now, each.execution, each.result);
    state = decision.state;
    effects.push(...decision.effects);
    log.push(...decision.log);
  }
  return { state, effects, log, wakeAt: wakeTime(state), changed: state !== before };
}

function tell(ports: Ports, { schedule }: ScheduleKey, entries: readonly LogEntry[]): void {
  for (const { outcome, nominal, reason } of entries) {
    if (outcome === "refused") ports.log.warn("a schedule's run was refused", { schedule, nominal, reason });
  }
}
