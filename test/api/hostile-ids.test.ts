/**
 * ID-1 from outside: a worker's key sends hostile ids in every id and name field of every call of the worker data path.
 * Each call must be refused whole, before anything is written. The same bodies with good ids must be accepted: so it is
 * the id that the server refuses.
 */
import { randomUUID } from "node:crypto";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { HistoryEvent, isClosing, type NewEvent } from "../../shared/protocol/history.ts";
import { messageId } from "../../shared/protocol/messages.ts";
import { WORKER_ROUTES, type WorkerOperation } from "../../shared/protocol/worker.ts";
import type { Drive, ScriptedWorker } from "./support/scripted-worker.ts";
import { type World, world } from "./support/world.ts";

type Path = readonly (string | number)[];
type Bodies = { readonly [K in WorkerOperation]: unknown };

/** Texts for people, and opaque receipts: part of no key. */
const FREE = new Set([
  "body",
  "description",
  "display_name",
  "sdk",
  "reason",
  "message#text",
  "type",
  "task",
  "task_type",
]);
/** Free text with a limit: part of no key either, but `#` and `/` are allowed in it. */
const NAMES = new Set(["worker", "handler"]);

let w: World;
let worker: ScriptedWorker;
let drive: Drive;
let bodies: Bodies;

beforeAll(async () => {
  w = await world();
  worker = await w.worker("shop", [{ name: "orders", execution_timeout: null }]);
  await w.client.workflows.executeWorkflow({
    workflowIdentifier: "orders",
    workflowExecutionRequest: { executionId: "parent" },
  });
  drive = await worker.claim("parent");
  bodies = bodiesOf(drive);
});
afterAll(() => w.close());

const retry = { max_attempts: 3, first_ms: 1000, factor: 2, max_ms: 1000, non_retryable: [] };
const failure = { message: "no" };
const payload = { type: "json", value: 1, encoding_options: null };

/** One event of each kind that holds an id or a name. */
function eventsOf({ head }: Drive): NewEvent[] {
  const local = `local:${worker.session}` as const;
  const ids = { workflow: "orders", deployment: "shop", run: head.run, chain: head.chain, first_run: head.run };
  const parent = { execution: "p", chain: head.chain, run: head.run, child: 1 };
  const message = messageId.update(randomUUID());
  const activity = { activity: 1, name: "charge" };
  const started = { kind: "execution_started", ...ids, input: null, attempt: 1, deadline: null, root: "p" } as const;
  return [
    { ...started, parent, schedule: { id: "nightly", nominal: 1 }, continued_from: head.run, carried: [message] },
    { kind: "activity_scheduled", ...activity, input: null, where: local, options: { retry } },
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

function bodiesOf(of: Drive): Bodies {
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
  return {
    register: {
      ...worker.who,
      definitions: [{ ...definition, signals: [handler], queries: [handler], updates: [handler] }],
      activities: ["charge"],
      sdk: "scripted/1",
    },
    heartbeat: worker.who,
    sessions: { deployment: "shop", ids: [worker.session] },
    poll: { ...worker.who, queue: "activity", max: 1, wait_ms: 0 },
    extend: { receipts: [], lease_ms: 0 },
    finish: { receipts: [] },
    task: { name: "n" },
    claim: { execution, session: worker.session, have },
    append: { items: [{ ...of.position, batch: of.batch(eventsOf(of)), taken: [message] }] },
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
      events: [{ event: "started", task: "t", task_type: "todo", attributes: { payload }, at: w.clock.now() }],
    },
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
    close: {
      ...of.position,
      batch: of.batch([continued]),
      taken: [message],
      failure: null,
      outbox: [
        { kind: "terminate_child", ...child },
        { kind: "cancel_child", ...child },
      ],
      carried: [message],
    },
    stop: worker.who,
  };
}

/** Paths of all texts in a body that are not free text. */
function textsIn(value: unknown, path: Path = []): Path[] {
  if (typeof value === "string") return FREE.has(field(path)) ? [] : [path];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    textsIn(inner, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}
/** The field of a path; names of handlers and the texts of failures have words of their own. */
function field(path: Path): string {
  const last = String(path.findLast((step) => typeof step === "string"));
  if (last === "message" && path.includes("failure")) return "message#text";
  const handlers = path.some((step) => ["signals", "queries", "updates"].includes(String(step)));
  const event = path.includes("events") && last === "name" && HANDLER_EVENTS.has(String(path.at(-2)));
  return last === "name" && (handlers || event) ? "handler" : last;
}
/** Places of the events above that name a signal or an update. */
const HANDLER_EVENTS = new Set(["9", "11", "12", "13", "14"]);

function replaced(value: unknown, [step, ...rest]: Path, text: string): unknown {
  if (step === undefined) return text;
  if (Array.isArray(value)) return value.map((inner, i) => (i === step ? replaced(inner, rest, text) : inner));
  const object = value as Record<string, unknown>;
  return { ...object, [step]: replaced(object[step], rest, text) };
}

const bad = fc.constantFrom("#", "/", " ", ".", "\0", "\n", "é", "..", "%2f", "\ud800");
const part = fc.string({ maxLength: 20 });
const hostile = fc.oneof(
  fc.constantFrom("", "a#b/../c d", "../x", "__proto__ ", "x".repeat(300)),
  fc.tuple(part, bad, part).map((parts) => parts.join("")),
);
const hostileName = fc.constantFrom("", "x".repeat(300));
const hostileFor = (path: Path) => (NAMES.has(field(path)) ? hostileName : hostile);

/** Every row of every table. */
function everything(): string {
  const tables = w.ports.database.all("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
  return JSON.stringify(tables.map(({ name }) => [name, w.ports.database.all(`SELECT * FROM "${name}"`)]));
}

async function isRefused(operation: WorkerOperation, path: Path, text: string): Promise<void> {
  const before = everything();
  const answer = await worker.raw(operation, replaced(bodies[operation], path, text));
  const about = `${operation} with ${JSON.stringify(text)} at ${path.join(".")}`;
  expect(answer, about).toMatchObject({ status: 422, body: { code: "WF_1001", detail: expect.any(Array) } });
  expect(everything(), about).toBe(before);
}

test("the bodies hold every event that has an id or a name", () => {
  const kinds = (
    HistoryEvent as unknown as { options: { shape: Record<string, unknown> & { kind: { value: string } } }[] }
  ).options;
  const ids = ["name", "message", "execution", "run", "workflow", "where", "task"];
  const withIds = kinds.filter(({ shape }) => ids.some((id) => id in shape)).map(({ shape }) => shape.kind.value);
  const covered = new Set<string>([
    ...eventsOf(drive).map((event) => event.kind),
    "execution_continued",
    "custom_task",
    "activity_restarted", // of a reset, which the server writes
  ]);
  expect(withIds.filter((kind) => !covered.has(kind))).toEqual([]);
  expect(eventsOf(drive).some((event) => isClosing(event))).toBe(false);
});

test.each(
  Object.keys(WORKER_ROUTES) as WorkerOperation[],
)("%s refuses hostile ids and writes nothing", async (operation) => {
  const paths = textsIn(bodies[operation]);
  for (const path of paths) {
    const [text] = fc.sample(hostileFor(path), 1);
    await isRefused(operation, path, NAMES.has(field(path)) ? text! : "a#b/../c d");
  }
  if (paths.length === 0) return;
  const attack = fc.constantFrom(...paths).chain((path) => fc.tuple(fc.constant(path), hostileFor(path)));
  await fc.assert(
    fc.asyncProperty(attack, ([path, text]) => isRefused(operation, path, text)),
    { numRuns: 25 },
  );
});

test("receipts are opaque: one that the server has not issued names a lost lease and changes nothing", async () => {
  await fc.assert(
    fc.asyncProperty(hostile, async (receipt) => {
      const before = everything();
      const lost = await worker.call("extend", { receipts: [receipt], lease_ms: 0 });
      expect(lost).toEqual({ lost: [receipt] });
      expect(await worker.call("finish", { receipts: [receipt] })).toEqual({});
      expect(everything()).toBe(before);
    }),
    { numRuns: 25 },
  );
});

test("the same bodies with good ids are accepted", async () => {
  for (const operation of Object.keys(bodies) as WorkerOperation[]) {
    if (operation === "append" || operation === "close") {
      drive = await worker.claim("parent"); // a call before has raised the fence
      bodies = bodiesOf(drive);
    }
    const answer = await worker.raw(operation, bodies[operation]);
    expect(answer.status, `${operation}: ${JSON.stringify(answer.body)}`).toBe(operation === "task" ? 404 : 200);
    if (operation === "append") expect(answer.body).toMatchObject({ results: [{ kind: "appended" }] });
    if (operation === "close") expect(answer.body).toEqual({ kind: "closed" });
  }
});
