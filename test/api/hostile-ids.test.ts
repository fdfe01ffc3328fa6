/**
 * ID-1 from outside: a worker's key sends hostile ids in every id and name field of every call of the worker data path.
 * Each call must be refused whole, before anything is written. The same bodies with good ids must be accepted: so it is
 * the id that the server refuses.
 */
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { HistoryEvent, isClosing, type NewEvent } from "../../shared/protocol/history.ts";
import { WORKER_ROUTES, type WorkerOperation } from "../../shared/protocol/worker.ts";
import type { Drive, ScriptedWorker } from "./support/scripted-worker.ts";
import { type Bodies, bodiesOf, eventsOf, type Path, replaced } from "./support/worker-bodies.ts";
import { type World, world } from "./support/world.ts";

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
const NAMES = new Set(["worker", "handler", "key"]);
/** The same, of one line. */
const LINES = new Set(["activity"]);

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
  bodies = bodiesOf(drive, worker, w.clock.now());
});
afterAll(() => w.close());

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
  if (last === "name" && (handlers || event || path.includes("message"))) return "handler";
  const activity = last === "name" && !path.includes("definitions");
  return activity || last === "activities" || last === "activity_name" ? "activity" : last;
}
/** Places of the events above that name a signal or an update. */
const HANDLER_EVENTS = new Set(["9", "11", "12", "13", "14"]);

const bad = fc.constantFrom("#", "/", " ", ".", "\0", "\n", "é", "..", "%2f", "\ud800");
const part = fc.string({ maxLength: 20 });
const hostile = fc.oneof(
  fc.constantFrom("", "a#b/../c d", "../x", "__proto__ ", "x".repeat(300)),
  fc.tuple(part, bad, part).map((parts) => parts.join("")),
);
const hostileName = fc.constantFrom("", "x".repeat(300));
const hostileLine = fc.constantFrom("", "x".repeat(300), "a\nb", "\0", "  ", "\ud800", "\x1b]0;owned\x07");
const hostileFor = (path: Path) =>
  NAMES.has(field(path)) ? hostileName : LINES.has(field(path)) ? hostileLine : hostile;

/** Every row of every table. */
function everything(): string {
  w.ports.database.writeWaiting();
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
    ...eventsOf(drive, worker).map((event) => event.kind),
    "execution_continued",
    "custom_task",
    "activity_restarted", // of a reset, which the server writes
  ]);
  expect(withIds.filter((kind) => !covered.has(kind))).toEqual([]);
  expect(eventsOf(drive, worker).some((event) => isClosing(event))).toBe(false);
});

test.each(
  Object.keys(WORKER_ROUTES) as WorkerOperation[],
)("%s refuses hostile ids and writes nothing", async (operation) => {
  const paths = textsIn(bodies[operation]);
  for (const path of paths) {
    const [text] = fc.sample(hostileFor(path), 1);
    await isRefused(operation, path, hostileFor(path) === hostile ? "a#b/../c d" : text!);
  }
  if (paths.length === 0) return;
  const attack = fc.constantFrom(...paths).chain((path) => fc.tuple(fc.constant(path), hostileFor(path)));
  await fc.assert(
    fc.asyncProperty(attack, ([path, text]) => isRefused(operation, path, text)),
    { numRuns: 25 },
  );
});

const NO_FILTER_NAMES = ["", "a:b", "a^=b", "x".repeat(257), "a\nb", "\x1b]0;owned\x07"];

test.each(
  NO_FILTER_NAMES,
)("every call that carries search keys refuses the name %j, and writes nothing", async (name) => {
  const own = await w.client.workflows.executeWorkflow({ workflowIdentifier: "orders", workflowExecutionRequest: {} });
  const claimed = await worker.claim(own.executionId);
  const [definition] = (bodies.register as { definitions: object[] }).definitions;
  const setting: NewEvent = { kind: "search_keys_set", set: { order: "1", [name]: "1" }, remove: [] };
  const removing: NewEvent = { kind: "search_keys_set", set: {}, remove: ["order", name] };
  const closing: NewEvent = { kind: "execution_completed", result: null };
  const close = { ...claimed.position, taken: [], failure: null, outbox: [], carried: [] };
  const before = everything();
  for (const event of [setting, removing]) {
    const appended = await worker.raw("append", {
      items: [{ ...claimed.position, batch: claimed.batch([event]), taken: [] }],
    });
    const refusal = { kind: "refused", status: 422, code: "WF_1001", detail: expect.stringContaining("search key") };
    expect(appended).toMatchObject({ status: 200, body: { results: [refusal] } });
    const closed = await worker.raw("close", { ...close, batch: claimed.batch([event, closing]) });
    expect(closed).toMatchObject({ status: 200, body: refusal });
  }
  const registered = await worker.raw("register", {
    ...(bodies.register as object),
    definitions: [{ ...definition, search_keys: ["order", name] }],
  });
  expect(registered).toMatchObject({
    status: 422,
    body: { detail: [{ loc: ["body", "definitions", 0, "search_keys", 1] }] },
  });
  expect(everything()).toBe(before);
});

test("receipts are opaque: one that the server has not issued names a lost lease and changes nothing", async () => {
  await fc.assert(
    fc.asyncProperty(hostile, async (text) => {
      const receipt = text.toWellFormed(); // the reader of JSON refuses others
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
      bodies = bodiesOf(drive, worker, w.clock.now());
    }
    const answer = await worker.raw(operation, bodies[operation]);
    expect(answer.status, `${operation}: ${JSON.stringify(answer.body)}`).toBe(operation === "task" ? 404 : 200);
    if (operation === "append") expect(answer.body).toMatchObject({ results: [{ kind: "appended" }] });
    if (operation === "close") expect(answer.body).toEqual({ kind: "closed" });
  }
});
