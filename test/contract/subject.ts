/** The adapter under test in the contract suite, and helpers for its tests. */
import { randomUUID } from "node:crypto";
import type { StartRequest } from "../../shared/engine/start.ts";
import type { Ports, Ref } from "../../shared/ports.ts";
import type { Head } from "../../shared/protocol/head.ts";
import type { Batch, HistoryEvent, Millis, NewEvent } from "../../shared/protocol/history.ts";
import type { Message } from "../../shared/protocol/messages.ts";
import type { Task, WorkflowDefinition } from "../../shared/protocol/worker.ts";
import { createSchedule, type ScheduleState } from "../../shared/schedule/rules/index.ts";

export interface Subject {
  readonly ports: Ports;
  /** Moves a virtual clock by `ms`, or waits as long. */
  pass(ms: Millis): Promise<void>;
  /** Closes the store and opens it again. Absent: the store cannot be reopened. */
  reopen?(): Promise<Ports>;
  end?(): Promise<void> | void;
}
export type MakeSubject = () => Promise<Subject>;

/** The subject with helpers, fresh for each group of tests. Every test uses a workspace of its own. */
export interface Bench extends Subject {
  readonly now: () => Millis;
  /** Repeats `read` until it does not throw: for reads that may lag behind the writes. */
  eventually<T>(read: () => Promise<T>): Promise<T>;
}

export function bench(subject: Subject): Bench {
  return {
    ...subject,
    now: () => subject.ports.clock.now(),
    async eventually(read) {
      for (let tries = 0; ; tries++) {
        await subject.ports.durable();
        try {
          return await read();
        } catch (error) {
          if (tries >= 80) throw error;
          await subject.pass(tries < 10 ? 50 : 250);
        }
      }
    },
  };
}

export const uuid = (): string => randomUUID();
export const newRef = (workspace: string = uuid()): Ref => ({ workspace, execution: `x-${uuid()}` });

/** The state of a schedule that never fires. */
export function scheduleState(schedule_id: string, over: Partial<ScheduleState> = {}): ScheduleState {
  const given = { schedule_id, seed: schedule_id, workflow_name: "orders", deployment_name: "shop", definition: {} };
  const made = createSchedule(1_000, given);
  if ("issues" in made) throw new Error("the definition is invalid");
  return { ...made.state, ...over };
}

/** The head of an execution that has just started. */
export function headOf(ref: Ref, at: Millis, over: Partial<Head> = {}): Head {
  const run = over.run ?? uuid();
  const chain = over.chain ?? uuid();
  return {
    ...ref,
    workflow: "orders",
    registration: null,
    deployment: "shop",
    status: "RUNNING",
    run,
    chain,
    root_chain: chain,
    display_name: null,
    first_run: run,
    continued_from: null,
    attempt: 1,
    due_at: at,
    wake_pending: true,
    fence: 1,
    effects_done_through: 1,
    owner: null,
    outbox: [],
    token: uuid(),
    input: { n: 1 },
    result: null,
    failure: null,
    carried: [],
    paced_until: null,
    parent: null,
    root: ref.execution,
    schedule: null,
    search_keys: {},
    user: null,
    extensions: null,
    started_at: at,
    closed_at: null,
    deadline: null,
    ...over,
  };
}

/** The request of a client that starts it. */
export const startOf = (ref: Ref): StartRequest => ({
  ...ref,
  workflow: "orders",
  registration: null,
  deployment: "shop",
  input: { n: 1 },
  token: uuid(),
  by: "client",
  timeoutMs: 3_600_000,
});

export const signal = (id: string, at: Millis, input: string | number | null = null): Message => ({
  id: `signal#${id}`,
  kind: "signal",
  name: "poke",
  input,
  sent_at: at,
});

/** A batch of these events from position `first` on. */
export function batchOf(first: number, at: Millis, events: readonly NewEvent[], over: Partial<Batch> = {}): Batch {
  const placed = events.map((e, i) => ({ ...e, id: first + i, at }) as HistoryEvent);
  return { first, events: placed, append_id: uuid(), ...over };
}
export const scheduled = (activity: number, name = "charge"): NewEvent => ({
  kind: "activity_scheduled",
  activity,
  name,
  input: { activity },
  where: "queue",
  options: { retry: { max_attempts: 1, first_ms: 1, factor: 1, max_ms: 1, non_retryable: [] } },
});
export const completed: NewEvent = { kind: "execution_completed", result: { ok: true } };

/** The final head that follows this one. */
export const finalOf = (head: Head, at: Millis, over: Partial<Head> = {}): Head => ({
  ...head,
  status: "COMPLETED",
  closed_at: at,
  due_at: null,
  wake_pending: false,
  fence: head.fence + 1,
  result: { ok: true },
  ...over,
});

export const LIMIT = 1_000_000;
export const workflowTask = (execution: string): Task => ({ kind: "workflow", execution });
export const definition = (name: string, over: Partial<WorkflowDefinition> = {}): WorkflowDefinition => ({
  name,
  input_schema: { type: "object" },
  signals: [],
  queries: [],
  updates: [],
  enforce_determinism: true,
  is_technical: false,
  execution_timeout: 3600,
  search_keys: [],
  schedules: [],
  ...over,
});

/** Starts an execution through the port and answers its head as stored. */
export async function begun(b: Bench, ref: Ref = newRef(), over: Partial<Head> = {}): Promise<Head> {
  const put = await b.ports.executions.create(headOf(ref, b.now(), over), []);
  if (put.kind !== "created") throw new Error("another execution has the id of this test");
  return (await b.ports.executions.head(ref))!;
}
export const claimed = async (b: Bench, ref: Ref, session = uuid()): Promise<Head> => {
  const head = await b.ports.executions.claim(ref, { dueAt: b.now() + 120_000, session });
  if (!head) throw new Error("nothing to claim");
  return head;
};
/** Closes the run of `head` with one event at `first`. */
export async function closed(b: Bench, head: Head, first = 2, over: Partial<Head> = {}): Promise<Head> {
  const next = finalOf(head, b.now(), over);
  const batch = batchOf(first, b.now(), [completed]);
  const done = await b.ports.executions.close(head, { run: head.run, fence: null, batch, next });
  if (done.kind !== "closed") throw new Error(`not closed: ${done.kind}`);
  return (await b.ports.executions.head(head))!;
}
