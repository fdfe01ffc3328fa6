/**
 * A stage for interleavings: the embedded store, a manual clock, ports that pause or die at a named call, and workers
 * that a test moves one protocol call at a time.
 */
import { decide, type LocalOutcome } from "../../shared/core/decide.ts";
import { dueAt } from "../../shared/core/due.ts";
import { fold, type RunState, stateOf } from "../../shared/core/state.ts";
import { append } from "../../shared/engine/append.ts";
import { type Claimed, claim } from "../../shared/engine/claim.ts";
import { withClaims } from "../../shared/engine/claim-with-task.ts";
import { type CloseRequest, close } from "../../shared/engine/close.ts";
import { start } from "../../shared/engine/start.ts";
import type { Ports, Ref } from "../../shared/ports.ts";
import type { Head } from "../../shared/protocol/head.ts";
import { startedOf } from "../../shared/protocol/head.ts";
import { type Batch, type HistoryEvent, type Millis, type NewEvent, tailOf } from "../../shared/protocol/history.ts";
import type { InboxMessage, Message } from "../../shared/protocol/messages.ts";
import type { Delivery } from "../../shared/protocol/worker.ts";
import { embedded } from "../../shared/server/embedded.ts";
import { ManualClock } from "../contract/manual-clock.ts";
import { definition } from "../contract/subject.ts";

export const WORKSPACE = "00000000-0000-4000-8000-000000000001";
export const MINUTE = 60_000;

/** The process that made the call is dead: its caller gets no answer. */
export class Died extends Error {}

export interface Stage {
  readonly ports: Ports;
  readonly clock: ManualClock;
  /** Advances the clock by `ms`, with a round of the sweeper each minute. */
  sweeping(ms: Millis): Promise<void>;
  /** Receives the tasks that are visible now, and finishes them at once. */
  tasks(queue?: "workflow" | "activity"): Promise<Delivery[]>;
  /** The workflow task that is visible now, as the poll of this session brings it: with the claim that it may be given (CLAIM-3). */
  polled(session: string, ports?: Ports): Promise<Delivery>;
}

export async function stage(): Promise<Stage> {
  const clock = new ManualClock();
  const store = embedded({ clock });
  const ports: Ports = store;
  await ports.registry.register({
    workspace: WORKSPACE,
    deployment: "shop",
    worker: "w",
    session: "registrar",
    definitions: [definition("orders"), definition("lines")],
    now: clock.now(),
  });
  return {
    ports,
    clock,
    async sweeping(ms) {
      for (let passed = 0; passed < ms; passed += MINUTE) {
        await clock.advance(MINUTE);
        await store.sweep(MINUTE);
      }
    },
    async tasks(queue = "workflow") {
      const q = { workspace: WORKSPACE, deployment: "shop", queue };
      const deliveries = await ports.tasks.receive(q, { session: "any", max: 100, waitMs: 0 });
      await ports.tasks.finish(
        WORKSPACE,
        deliveries.map((d) => d.receipt),
      );
      return deliveries;
    },
    async polled(session, by = ports) {
      const queue = { workspace: WORKSPACE, deployment: "shop", queue: "workflow" as const };
      const deliveries = await ports.tasks.receive(queue, { session, max: 1, waitMs: 0 });
      const [delivery] = await withClaims(by, queue, { session, again: true }, deliveries);
      if (!delivery) throw new Error("no task waits");
      return delivery;
    },
  };
}

export const ref = (execution = "x"): Ref => ({ workspace: WORKSPACE, execution });

export async function started(s: Stage, over: Partial<Parameters<typeof start>[1]> = {}): Promise<Head> {
  const result = await start(s.ports, {
    ...ref(),
    workflow: "orders",
    registration: null,
    deployment: "shop",
    input: null,
    token: crypto.randomUUID(),
    by: "client",
    timeoutMs: null,
    ...over,
  });
  if (result.kind !== "started") throw new Error("the id of a test was taken");
  return (await s.ports.executions.head({ workspace: WORKSPACE, execution: over.execution ?? "x" }))!;
}

export type Call = keyof Ports["executions"] | keyof Ports["tasks"];

/** The same ports, which die before or after their next call of this name. */
export function dying(ports: Ports, when: "before" | "after", call: Call): Ports {
  return wrapped(ports, async (name, go) => {
    if (name !== call) return go();
    if (when === "after") await go();
    throw new Died(`${when} ${call}`);
  });
}

export interface Pause {
  readonly ports: Ports;
  /** Resolves when the call is made and its answer held back. */
  readonly reached: Promise<void>;
  /** Lets the answer go. */
  resume(): void;
}
/** The same ports, which hold back the answer of their next call of this name. */
export function pausing(ports: Ports, call: Call): Pause {
  let reach = () => {};
  let resume = () => {};
  const reached = new Promise<void>((ok) => {
    reach = ok;
  });
  const held = new Promise<void>((ok) => {
    resume = ok;
  });
  let done = false;
  const staged = wrapped(ports, async (name, go) => {
    const answer = await go();
    if (name === call && !done) {
      done = true;
      reach();
      await held;
    }
    return answer;
  });
  return { ports: staged, reached, resume };
}

function wrapped(ports: Ports, around: (name: string, go: () => Promise<unknown>) => Promise<unknown>): Ports {
  const wrap = <T extends Ports["executions"] | Ports["tasks"]>(of: T): T =>
    new Proxy(of as object, {
      get:
        (target, name: string) =>
        (...args: unknown[]) =>
          around(name, () => (target as Record<string, (...a: unknown[]) => Promise<unknown>>)[name]!(...args)),
    }) as T;
  return { ...ports, executions: wrap(ports.executions), tasks: wrap(ports.tasks) };
}

export const signal = (id: string, at: Millis): Message => ({
  id: `signal#${id}`,
  kind: "signal",
  name: "poke",
  input: null,
  sent_at: at,
});

/** A worker with its view of one execution; each method is one call of the protocol. */
export class ManualWorker {
  readonly session: string;
  readonly #ports: Ports;
  readonly #ref: Ref;
  head!: Head;
  state!: RunState;
  messages: InboxMessage[] = [];
  /** The effects up to this event were performed, as far as it knows (EXEC-4). Undefined: all of its view. */
  performed: number | undefined;

  constructor(ports: Ports, session: string, of: Ref = ref()) {
    this.#ports = ports;
    this.session = session;
    this.#ref = of;
  }

  async claim(p: { ports?: Ports; by?: typeof claim } = {}): Promise<Claimed> {
    const claimed = await (p.by ?? claim)(p.ports ?? this.#ports, this.#ref, { session: this.session });
    if (claimed.kind !== "claimed") throw new Error("nothing to claim");
    this.view(claimed.head, claimed.batches);
    this.performed = undefined;
    this.messages = claimed.messages;
    return claimed;
  }

  /** CLAIM-4: uses the claim that came with the task. False: it cannot. */
  take({ claimed, claimed_after: after = 1 }: Delivery): boolean {
    if (!claimed || this.head?.run !== claimed.head.run) return false;
    if (this.state.tail < after || this.head.fence >= claimed.head.fence) return false;
    const performed = Math.max(this.performed ?? this.state.tail, tailOf(claimed.batches, after));
    const batches = claimed.batches.filter(({ first }) => first > this.state.tail);
    fold(
      this.state,
      batches.flatMap((b) => b.events),
    );
    this.head = claimed.head;
    this.performed = performed;
    this.messages = claimed.messages;
    return true;
  }

  view(head: Head, batches: readonly Batch[]): void {
    this.head = head;
    this.state = fold(
      stateOf(startedOf(head)),
      batches.flatMap((b) => b.events),
    );
  }

  /** Rebuilds the view from the store, without claiming. */
  async reread(): Promise<void> {
    const head = (await this.#ports.executions.head(this.#ref))!;
    this.view({ ...head, fence: this.head.fence }, await this.#ports.executions.batches(this.#ref, head.run, 1));
  }

  /** The events that it would record now of messages, timers and its own outcomes. */
  next(p: { outcomes?: LocalOutcome[]; running?: boolean; dead?: (session: string) => boolean } = {}) {
    return decide(this.state, {
      now: this.#ports.clock.now(),
      session: this.session,
      messages: this.messages,
      nextArrival: null,
      outcomes: p.outcomes ?? [],
      isRunning: () => p.running ?? false,
      isDead: p.dead ?? (() => false),
      canRun: () => true,
      hasBegun: () => false,
      checkSignal: () => null,
      checkUpdate: () => null,
    });
  }

  /** Its view leaves nothing to do, and only a message can make something happen. */
  get isIdle(): boolean {
    const { events } = this.next();
    return events.length === 0 && this.due() === null;
  }
  due(): Millis | null {
    return dueAt(this.state, {
      now: this.#ports.clock.now(),
      session: this.session,
      broken: false,
      nextArrival: null,
      diesAt: () => null,
    });
  }

  batch(events: readonly NewEvent[]): Batch {
    const first = this.state.tail + 1;
    const at = Math.max(this.#ports.clock.now(), this.state.at);
    const placed = events.map((e, i) => ({ ...e, id: first + i, at }) as HistoryEvent);
    const last = placed.length - 1;
    // As if workflow code had received every stimulus so far and had decided.
    placed[last] = { ...placed[last]!, decided: first + last };
    return { first, events: placed, append_id: crypto.randomUUID() };
  }

  async append(events: readonly NewEvent[], p: { ports?: Ports; taken?: readonly string[] } = {}) {
    const batch = this.batch(events);
    const { run, chain, fence } = this.head;
    const taken = p.taken ?? events.flatMap((e) => ("message" in e ? [e.message] : []));
    const answer = await append(p.ports ?? this.#ports, this.#ref, { run, chain, fence, batch, taken });
    if (answer.kind === "appended") {
      fold(this.state, batch.events);
      this.messages = answer.messages;
    }
    return answer;
  }

  park(dueAt: Millis | null = this.due()): Promise<boolean> {
    const { run, fence } = this.head;
    return this.#ports.executions.park(this.#ref, {
      run,
      fence,
      dueAt,
      effectsDoneThrough: this.performed ?? this.state.tail,
    });
  }

  async close(event: NewEvent, p: Partial<CloseRequest> & { ports?: Ports; by?: typeof close } = {}) {
    const { run, chain, fence } = this.head;
    const { ports = this.#ports, by = close, ...over } = p;
    const request = { run, chain, fence, batch: this.batch([event]), taken: [], result: null, failure: null };
    return by(ports, this.#ref, { ...request, outbox: [], carried: [], ...over });
  }
}

export const completed: NewEvent = { kind: "execution_completed", result: null };
export const local = (session: string, activity = 1): NewEvent => ({
  kind: "activity_scheduled",
  activity,
  name: "charge",
  input: null,
  where: `local:${session}`,
  options: { retry: { max_attempts: 0, first_ms: 1_000, factor: 1, max_ms: 1_000, non_retryable: [] } },
});
export const remote = (activity = 1): NewEvent => ({ ...local("", activity), where: "queue" }) as NewEvent;
export const timer = (fireAt: Millis, number = 1): NewEvent => ({
  kind: "timer_started",
  timer: number,
  fire_at: fireAt,
});
export const took = (message: Message): NewEvent => ({
  kind: "signal_received",
  message: message.id,
  name: "poke",
  input: null,
});

/** INV-5 broken: the execution is never due, although a worker that claims it would find something to do. */
export async function stuck(s: Stage, of: Ref = ref()): Promise<boolean> {
  const head = (await s.ports.executions.head(of))!;
  if (head.status !== "RUNNING" || head.due_at !== null) return false;
  const worker = new ManualWorker(s.ports, "fresh", of);
  worker.view(head, await s.ports.executions.batches(of, head.run, 1));
  worker.messages = await s.ports.executions.inbox(of, head.chain);
  return !worker.isIdle;
}
/** Whether a task for it is enqueued within `within` ms, while the sweeper runs. */
export async function wakes(s: Stage, within: Millis, execution = "x"): Promise<boolean> {
  for (let passed = 0; passed < within; passed += MINUTE) {
    await s.sweeping(MINUTE);
    if ((await s.tasks()).some((d) => d.task.execution === execution)) return true;
  }
  return false;
}
/** How often workers took the message in, over all runs of all chains of the execution. */
export async function timesTaken(s: Stage, message: string, of: Ref = ref()): Promise<number> {
  const q = { workspace: of.workspace, sortBy: "start_time", order: "asc", limit: 100 } as const;
  const { runs } = await s.ports.executions.runs(q);
  let n = 0;
  for (const { run, execution } of runs) {
    if (execution !== of.execution) continue;
    for (const batch of await s.ports.executions.batches(of, run, 1)) {
      n += batch.events.filter((e) => "message" in e && e.message === message).length;
    }
  }
  return n;
}
