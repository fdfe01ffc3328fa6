/** Bodies of all calls of the worker data path, with every id, name, time and number that they may hold. */
import { randomUUID } from "node:crypto";
import type { Millis, NewEvent } from "../../../shared/protocol/history.ts";
import { messageId } from "../../../shared/protocol/messages.ts";
import type { WorkerOperation } from "../../../shared/protocol/worker.ts";
import type { Drive, ScriptedWorker } from "./scripted-worker.ts";

export type Bodies = { readonly [K in WorkerOperation]: unknown };
export type Path = readonly (string | number)[];

const limits = { start_to_close_ms: 1, schedule_to_close_ms: 60_000, schedule_to_start_ms: 1, heartbeat_ms: 1 };
const rate_limit = { key: "k", max: 1, per_ms: 1_000 };
const retry = { max_attempts: 3, first_ms: 1000, factor: 2, max_ms: 1000, non_retryable: [] };
const failure = { message: "no", retry_after_ms: 1 };
const payload = { type: "json", value: 1, encoding_options: null };

/** One event of each kind that holds an id or a name. */
export function eventsOf({ head }: Drive, worker: ScriptedWorker): NewEvent[] {
  const local = `local:${worker.session}` as const;
  const ids = { workflow: "orders", deployment: "shop", run: head.run, chain: head.chain, first_run: head.run };
  const parent = { execution: "p", chain: head.chain, run: head.run, child: 1 };
  const message = messageId.update(randomUUID());
  const activity = { activity: 1, name: "charge" };
  const started = { kind: "execution_started", ...ids, input: null, attempt: 1, deadline: null, root: "p" } as const;
  return [
    { ...started, parent, schedule: { id: "nightly", nominal: 1 }, continued_from: head.run, carried: [message] },
    { kind: "activity_scheduled", ...activity, input: null, where: local, options: { ...limits, retry, rate_limit } },
    { kind: "activity_attempt_failed", ...activity, attempt: 1, reason: "failed", failure, retry_at: 1 },
    {
      kind: "activity_attempt_started",
      activity: 1,
      attempt: 2,
      where: "queue",
      task: { name: "charge", input: null, options: { retry }, scheduled_at: 1 },
    },
    { kind: "activity_cancel_requested", activity: 1, where: local },
    { kind: "activity_completed", ...activity, result: null },
    { kind: "activity_failed", activity: 2, name: "charge", attempt: 1, reason: "failed", failure },
    { kind: "child_scheduled", child: 1, workflow: "orders", execution: "c", input: null, on_parent_close: "abandon" },
    { kind: "child_cancel_requested", child: 1, execution: "c" },
    { kind: "signal_received", message: messageId.signal(randomUUID()), name: "go", input: null },
    { kind: "cancel_requested", message: messageId.cancel(randomUUID()), reason: null },
    { kind: "update_accepted", message, name: "set", input: null },
    { kind: "update_completed", message, name: "set", result: null },
    { kind: "update_failed", message, name: "set", failure },
    { kind: "update_rejected", message: messageId.update(randomUUID()), name: "set", failure },
  ];
}

/** A body of each call that the server accepts. */
export function bodiesOf(of: Drive, worker: ScriptedWorker, now: Millis): Bodies {
  const { execution, run, chain } = of.head;
  const ref = { execution, run, chain, activity: 1, attempt: 1 };
  const have = { run, tail: 1 };
  const message = messageId.signal(randomUUID());
  const handler = { name: "go", input_schema: {} };
  const child = { execution: "other", parent_run: run, child: 1 };
  const continued: NewEvent = { kind: "execution_continued", run: randomUUID(), workflow: "orders", input: null };
  const task = { kind: "activity", ...ref, workflow: "orders", name: "charge", input: null, scheduled_at: 1 };
  const { attempt: _, ...passed } = { ...task, options: { retry }, first_attempt: 1 };
  const definition = { name: "orders", execution_timeout: null, input_schema: {} };
  const close = {
    ...of.position,
    batch: of.batch([continued]),
    taken: [message],
    failure: null,
    outbox: [
      { kind: "terminate_child", ...child },
      { kind: "cancel_child", ...child },
    ],
    carried: [message],
    finish: [],
  };
  return {
    register: {
      ...worker.who,
      definitions: [{ ...definition, signals: [handler], queries: [handler], updates: [handler] }],
      activities: ["charge"],
      sdk: "scripted/1",
    },
    heartbeat: worker.who,
    sessions: { deployment: "shop", ids: [worker.session] },
    poll: { ...worker.who, queue: "activity", max: 1, wait_ms: 0, claim: true },
    extend: { receipts: [], lease_ms: 0 },
    finish: { receipts: [] },
    task: { name: "n" },
    claim: { execution, session: worker.session, have },
    append: {
      items: [{ ...of.position, batch: of.batch(eventsOf(of, worker)), taken: [message] }],
      closes: [close], // the append takes its position
    },
    park: { items: [{ execution, run, fence: of.head.fence, due_at: null, effects_done_through: 1 }] },
    discard: { execution, run, chain, ids: [message] },
    read: { execution, have },
    begin: { ...ref, queued: { name: "charge", input: null, first_attempt: 1 } },
    beat: { ...ref, details: 1 },
    begun: { execution, run, activities: [1] },
    outcome: { ...ref, outcome: { kind: "completed", result: null } },
    retrying: { ...ref, name: "charge", failure, retry_at: 1 },
    pass: { task: passed, attempt: 1 },
    renew: { task: passed, attempt: 1 },
    permit: { items: [{ task: passed, attempt: 1 }] },
    publish: {
      execution,
      run,
      activity: 1,
      activity_name: "charge",
      publish_id: randomUUID(),
      events: [{ event: "started", task: "t", task_type: "todo", attributes: { payload }, at: now }],
    },
    message: { execution, run, activity: 1, to: execution, message: { kind: "signal", name: "go", input: {} } },
    logs: {
      worker: worker.name,
      items: [
        {
          execution,
          run,
          id: randomUUID(),
          records: [{ at: 1, level: "info", body: "b", activity: { id: 1, name: "charge", attempt: 1 } }],
          dropped: 0,
        },
      ],
    },
    answer: { query: randomUUID(), answer: { kind: "result", result: null } },
    close,
    stop: worker.who,
  };
}

/** A copy of a body with another value at a place. */
export function replaced(value: unknown, [step, ...rest]: Path, by: unknown): unknown {
  if (step === undefined) return by;
  if (Array.isArray(value)) return value.map((inner, i) => (i === step ? replaced(inner, rest, by) : inner));
  const object = value as Record<string, unknown>;
  return { ...object, [step]: replaced(object[step], rest, by) };
}
