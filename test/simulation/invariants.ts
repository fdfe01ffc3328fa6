/**
 * Checks INV-1 to INV-12 (ARCHITECTURE.md): after each step those that a step can break, at the end the others. The store
 * also checks INV-1 and the timers of INV-10 at every write, the server the rest of INV-10, and `drivers.ts` INV-13; INV-7 is
 * the end of every simulation.
 */
import { decide } from "../../shared/core/decide.ts";
import { dueAt } from "../../shared/core/due.ts";
import { fold, type RunState, sessionOf, stateOf } from "../../shared/core/state.ts";
import type { Head } from "../../shared/protocol/head.ts";
import { startedOf } from "../../shared/protocol/head.ts";
import { type Batch, type HistoryEvent, isClosing, isStimulus } from "../../shared/protocol/history.ts";
import { QUICK_RUNS, RUN_INTERVAL_MS } from "../../shared/protocol/limits.ts";
import type { InboxMessage } from "../../shared/protocol/messages.ts";
import type { Ack } from "./client.ts";
import { ProgramInstance } from "./instance.ts";
import { PROGRAMS } from "./programs.ts";
import { type Server, TOLERANCE_MS, WORKSPACE } from "./server.ts";
import { Violation } from "./store.ts";

export function stateOfRun(server: Server, run: string): RunState {
  const head = server.store.runsById.get(run)!;
  const events = server.store.logs.get(run)!.flatMap((b) => b.events);
  return fold(stateOf(startedOf(head)), events);
}

/** Checks the executions that the last step changed. */
export function checkChanged(server: Server): void {
  const { changed, heads } = server.store;
  if (changed.size === 0) return;
  for (const key of changed) {
    const head = heads.get(key);
    if (head) check(server, head);
  }
  changed.clear();
}

function check(server: Server, head: Head): void {
  const { store } = server;
  const closed = store.logs.get(head.run)!.at(-1)?.events.some(isClosing) ?? false;
  if (closed !== (head.status !== "RUNNING")) {
    throw new Violation("INV-1", `${head.execution} is ${head.status}, its log ${closed ? "has" : "has not"} ended`);
  }
  if (head.wake_pending && store.isOwned(head)) {
    throw new Violation("INV-4", `${head.execution} has a pending wake-up at fence ${head.fence}, which a worker owns`);
  }
  if (head.due_at !== null) return;
  if (head.status === "RUNNING") checkNotDue(server, head);
  else checkFinal(server, head);
}

/** INV-5: no wake-up is due, so a worker that claims must find nothing to do. */
function checkNotDue(server: Server, head: Head): void {
  const { store, world } = server;
  const state = stateOfRun(server, head.run);
  const inbox = store.inboxes.get(`${WORKSPACE}/${head.execution}/${head.chain}`);
  const messages = [...(inbox?.values() ?? [])].filter((m) => server.announced.has(`${head.chain}/${m.id}`));
  const next = dueAt(state, { now: world.now, session: "fresh", broken: false, nextArrival: null, diesAt: () => null });
  if (next !== null)
    throw new Violation("INV-5", `${head.execution} has no due time, but something is due in ${next - world.now} ms`);
  // A start, what a reset has written, and stimuli that a worker records without code that is broken or in quarantine, may be
  // followed by no decision.
  const silent = Math.max(1, state.decided, store.preparedThrough.get(head.run) ?? 0);
  if (state.lastStimulus > silent && wouldDecide(server, head))
    throw new Violation("INV-5", `${head.execution} has no due time, but undecided stimuli`);
  const { events } = decide(state, fresh(world.now, messages));
  if (events.length > 0) {
    throw new Violation(
      "INV-5",
      `${head.execution} has no due time, but a worker would record ${events.map((e) => e.kind).join()}`,
    );
  }
  for (const [n, open] of state.activities) {
    if (sessionOf(open.where) !== null)
      throw new Violation("INV-5", `${head.execution} has no due time, but an open local activity ${n}`);
  }
}

/** Whether the code, which was given what is recorded, decides something that is not. */
function wouldDecide(server: Server, head: Head): boolean {
  const instance = new ProgramInstance(PROGRAMS[head.workflow]!);
  const events = server.store.logs.get(head.run)!.flatMap((b) => b.events);
  instance.replay([startedOf(head), ...events]);
  return instance.activate([]).decisions.length > 0;
}

const fresh = (now: number, messages: InboxMessage[]) => ({
  now,
  session: "fresh",
  messages,
  nextArrival: null,
  outcomes: [],
  isRunning: () => false,
  isDead: () => false,
  canRun: () => false,
  hasBegun: () => false,
  checkSignal: () => null,
  checkUpdate: () => null,
});

/** INV-6: a final head that is not due has an empty outbox, and its parent knows the outcome. */
function checkFinal(server: Server, head: Head): void {
  if (head.outbox.length > 0)
    throw new Violation("INV-6", `${head.execution} is final and not due, but its outbox has ${head.outbox[0]!.kind}`);
  const { parent } = head;
  if (!parent) return;
  const { store } = server;
  const waiting = store.heads.get(`${WORKSPACE}/${parent.execution}`);
  const started = waiting && [waiting.run, ...(waiting.reset?.origins ?? []).map(({ run }) => run)];
  if (waiting?.status !== "RUNNING" || !started?.includes(parent.run)) return;
  const inbox = store.inboxes.get(`${WORKSPACE}/${parent.execution}/${parent.chain}`);
  const told = [...(inbox?.values() ?? [])].some(
    (m) => m.kind === "child" && m.child === parent.child && m.run === parent.run,
  );
  if (told) return;
  if (waiting.outbox.some((entry) => entry.kind === "ask_child" && entry.child === parent.child)) return;
  const open = stateOfRun(server, waiting.run).children.get(parent.child);
  if (open?.run === parent.run && open.execution === head.execution)
    throw new Violation("INV-6", `${parent.execution} has no message about ${head.execution}`);
}

/** Checks INV-2, INV-3, INV-8, INV-9, INV-11 and INV-12, and that no log records anything twice. */
export function checkWhole(server: Server, acks: readonly Ack[]): void {
  const { store } = server;
  for (const run of store.deletedRuns)
    if (store.logs.has(run)) throw new Violation("INV-12", `the log of the deleted run ${run} is stored`);
  const chains = new Map<string, Chain>();
  for (const [run, log] of store.logs) {
    const { chain, execution } = store.runsById.get(run)!;
    checkHeard(execution, log);
    checkTimers(server, chain, execution, log);
    checkOnce(execution, run, log);
    checkTaken(server, run);
    const of = chains.get(chain) ?? { last: run, taken: new Set(), excluded: new Set(), forced: false };
    chains.set(chain, of);
    of.last = run; // runs are stored in the order in which they begin
    for (const event of log.flatMap((b) => b.events)) {
      if (isTaking(event)) of.taken.add(event.message);
      if (event.kind === "execution_reset") for (const kind of event.excluded) of.excluded.add(kind);
      if (event.kind === "execution_timed_out") of.forced = true;
      if (event.kind === "execution_terminated" && event.next_run === undefined) of.forced = true;
    }
  }
  checkPace(server);
  for (const ack of acks) {
    const chain = chains.get(ack.chain);
    if (!chain || chain.forced || lineageOf(server, chain.last).includes(ack.message)) continue;
    // RESET-4. Other runs than those of the lineage are runs that a reset has replaced.
    const [kind] = ack.message.split("#");
    if (kind === "cancel" && [...chain.taken].some((id) => id.startsWith("cancel#"))) continue; // DECIDE-8
    if (chain.taken.has(ack.message) && chain.excluded.has(`${kind}s`)) continue;
    throw new Violation("INV-3", `${ack.execution} acknowledged ${ack.message} and never took it in`);
  }
  for (const [run, { chain }] of store.runsById)
    checkOrder(
      lineageOf(server, run),
      acks.filter((ack) => ack.chain === chain),
    );
}

interface Chain {
  /** The run with which it ended. */
  last: string;
  /** By any run. */
  readonly taken: Set<string>;
  /** By a reset. */
  readonly excluded: Set<string>;
  forced: boolean;
}

const TAKING = new Set<HistoryEvent["kind"]>([
  "signal_received",
  "cancel_requested",
  "update_accepted",
  "update_rejected",
]);
const isTaking = (event: HistoryEvent): event is Extract<HistoryEvent, { message: string }> => TAKING.has(event.kind);

/**
 * The messages that a run and the runs before it took in. A run that a reset began stands in the place of the run that it
 * replaces, so that run is none of them (INV-2).
 */
function lineageOf(server: Server, run: string): string[] {
  const { runsById, logs } = server.store;
  const ids: string[] = [];
  for (let at: string | null = run; at !== null; at = runsById.get(at)!.continued_from) {
    const events = logs.get(at)!.flatMap((b) => b.events);
    ids.unshift(...events.flatMap((event) => (isTaking(event) ? [event.message] : [])));
  }
  return ids;
}

/** INV-2. */
function checkTaken(server: Server, run: string): void {
  const { chain, execution } = server.store.runsById.get(run)!;
  const seen = new Set<string>();
  for (const id of lineageOf(server, run)) {
    if (seen.has(id)) throw new Violation("INV-2", `${execution} took ${id} in twice`);
    if (!server.put.has(`${chain}/${id}`))
      throw new Violation("INV-2", `${chain} took in ${id}, which was not sent to it`);
    seen.add(id);
  }
}

function checkOnce(execution: string, run: string, log: readonly Batch[]): void {
  const recorded = new Set<string>();
  const once = (fact: string) => {
    if (recorded.has(fact)) throw new Violation("twice", `${execution}, run ${run}: ${fact}`);
    recorded.add(fact);
  };
  for (const event of log.flatMap((b) => b.events)) {
    switch (event.kind) {
      case "activity_restarted": {
        const attempts = [...recorded].filter((fact) => fact.endsWith(` of activity ${event.activity} starts`));
        for (const fact of attempts) recorded.delete(fact);
        break;
      }
      case "activity_completed":
      case "activity_failed":
        once(`activity ${event.activity} ends`);
        break;
      case "activity_scheduled":
        once(`activity ${event.activity} is scheduled`);
        break;
      case "activity_attempt_started":
        once(`attempt ${event.attempt} of activity ${event.activity} starts`);
        break;
      case "timer_fired":
        once(`timer ${event.timer} fires`);
        break;
      case "child_completed":
      case "child_failed":
        once(`child ${event.child} ends`);
        break;
      case "update_completed":
      case "update_failed":
        once(`update ${event.message} is answered`);
    }
  }
}

/** INV-3: a run that ends by itself has given its code every message that it took in, and has answered every update. */
function checkHeard(execution: string, log: readonly Batch[]): void {
  const events = log.flatMap((b) => b.events);
  const end = events.at(-1);
  if (!end || !isClosing(end) || FORCED.has(end.kind)) return;
  const open = new Set<string>();
  for (const event of events) {
    if (event.kind === "update_accepted") open.add(event.message);
    if (event.kind === "update_completed" || event.kind === "update_failed") open.delete(event.message);
    const given = event.id <= (end.decided ?? 0);
    if ((event.kind === "signal_received" || event.kind === "update_accepted") && !given) {
      throw new Violation("INV-3", `${execution} ended with event ${end.id}, its code was not given ${event.message}`);
    }
  }
  if (open.size > 0) throw new Violation("INV-3", `${execution} ended and answered no ${[...open].join()}`);
}
const FORCED = new Set(["execution_terminated", "execution_timed_out"]);

/** INV-11: the workers were given at most `QUICK_RUNS` runs of a chain at once, then one in `RUN_INTERVAL_MS`. */
function checkPace(server: Server): void {
  // A reset begins a run at once, and the pace anew.
  const resets = new Map<string, number>();
  const chains = Map.groupBy(server.begun, ([run]) => {
    const { chain, reset } = server.store.runsById.get(run) ?? { chain: "" };
    if (reset) resets.set(chain, (resets.get(chain) ?? 0) + 1);
    return `${chain}, after ${resets.get(chain) ?? 0} resets`;
  });
  for (const [chain, runs] of chains) {
    const times = runs.map(([, at]) => at).sort((a, b) => a - b);
    for (const [i, from] of times.entries()) {
      for (const [j, to] of times.entries()) {
        // One function has decided when the run may begin, another has let it begin.
        const least = (j - i - QUICK_RUNS) * RUN_INTERVAL_MS - 2 * TOLERANCE_MS;
        if (j > i && to - from < least)
          throw new Violation("INV-11", `chain ${chain} began ${j - i + 1} runs within ${to - from} ms`);
      }
    }
  }
}

/** INV-8. `ids`: in the order in which they were taken in. */
function checkOrder(ids: readonly string[], acks: readonly Ack[]): void {
  const acknowledged = new Map<string, number>();
  const sent = new Map<string, number>();
  for (const ack of acks) {
    acknowledged.set(
      ack.message,
      Math.min(ack.acknowledged, acknowledged.get(ack.message) ?? Number.POSITIVE_INFINITY),
    );
    sent.set(ack.message, ack.sent);
  }
  for (const [i, later] of ids.entries()) {
    for (const earlier of ids.slice(0, i)) {
      if (acknowledged.get(later)! < sent.get(earlier)!) {
        throw new Violation("INV-8", `${later} was acknowledged before ${earlier} was sent, and taken in after it`);
      }
    }
  }
}

/** INV-9: no message is taken in before a timer that was due at or before its sending. */
function checkTimers(server: Server, chain: string, execution: string, log: readonly Batch[]): void {
  const open = new Map<number, number>();
  for (const event of log.flatMap((b) => b.events)) {
    if (event.kind === "timer_started") open.set(event.timer, event.fire_at);
    else if (event.kind === "timer_fired" || event.kind === "timer_cancelled") open.delete(event.timer);
    else if ("message" in event && isStimulus(event)) {
      const sentAt = server.put.get(`${chain}/${event.message}`) ?? 0;
      for (const [timer, due] of open) {
        if (due > sentAt) continue;
        throw new Violation(
          "INV-9",
          `${execution}: timer ${timer} was due before ${event.message} was sent, and fires after it`,
        );
      }
    }
  }
}
