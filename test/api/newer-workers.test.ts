/**
 * A worker that is newer than its server sends fields that the server does not know: servers are updated first, but may be rolled back. The
 * server ignores them in calls and keeps them in events (HISTORY-6). Operations of clients stay strict: there a field that nobody
 * knows is a mistake.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ports } from "../../shared/ports.ts";
import type { HistoryEvent } from "../../shared/protocol/history.ts";
import { WORKER_ROUTES, type WorkerOperation } from "../../shared/protocol/worker.ts";
import type { ScriptedWorker } from "./support/scripted-worker.ts";
import { bodiesOf, type Path } from "./support/worker-bodies.ts";
import { awsWorld, type World, world } from "./support/world.ts";

const NEW = { from_a_newer_worker: { and: ["more"] } };
/** Values of users, and maps from names of users. */
const FREE = new Set(["input", "result", "attributes", "input_schema", "details", "search_keys"]);

/** The value with a new field in each object, at every depth. */
function newer(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(newer);
  if (typeof value !== "object" || value === null) return value;
  const known = Object.entries(value).map(([key, inner]) => [key, FREE.has(key) ? inner : newer(inner)]);
  return { ...Object.fromEntries(known), ...NEW };
}
/** Paths of the objects in which the new field is. */
const placesOf = (value: unknown, path: Path = []): string[] =>
  typeof value !== "object" || value === null
    ? []
    : Object.entries(value).flatMap(([key, inner]) =>
        key === Object.keys(NEW)[0] ? [path.join(".")] : placesOf(inner, [...path, key]),
      );

describe.each<[string, () => Promise<World<Ports>>]>([
  ["the embedded engine", world],
  ["the AWS adapter", awsWorld],
])("on %s", (_, create) => {
  let w: World<Ports>;
  let worker: ScriptedWorker;
  beforeAll(async () => {
    w = await create();
    worker = await w.worker("shop", [{ name: "orders", execution_timeout: null }]);
  });
  afterAll(() => w.close());

  test.each(
    Object.keys(WORKER_ROUTES) as WorkerOperation[],
  )("%s takes fields that the server does not know, at every depth", async (operation) => {
    const { executionId } = await w.client.workflows.executeWorkflow({
      workflowIdentifier: "orders",
      workflowExecutionRequest: {},
    });
    const drive = await worker.claim(executionId);
    const bodies = bodiesOf(drive, worker, w.clock.now());
    const answer = await worker.raw(operation, newer(bodies[operation]));
    expect(answer.status, JSON.stringify(answer.body)).toBe(operation === "task" ? 404 : 200);
    if (operation === "append") expect(answer.body).toMatchObject({ results: [{ kind: "appended" }] });
    if (operation === "close") expect(answer.body).toEqual({ kind: "closed" });
    if (operation === "stop") await worker.register([{ name: "orders", execution_timeout: null }]);
    if (operation !== "append") return;
    // The fields of events are there for the worker that reads them, all of them.
    const sent = newer(bodies.append) as { items: { batch: { events: HistoryEvent[] } }[] };
    const { batches } = (await worker.raw("read", { execution: executionId })).body as {
      batches: { events: HistoryEvent[] }[];
    };
    const events = batches.flatMap((batch) => batch.events);
    expect(placesOf(events).length).toBeGreaterThan(events.length);
    expect(events).toEqual(sent.items[0]!.batch.events);
  });

  test("VERSION-2: a worker that speaks only newer protocols than the server is refused before anything is stored", async () => {
    const newer = await w.worker("newer", []);
    await newer.stop();
    const definitions = [{ name: "later", input_schema: {} }];
    const register = (protocols?: unknown) =>
      newer.raw("register", { ...newer.who, definitions, activities: [], sdk: "typescript/9.0.0", protocols });
    const refused = await register({ oldest: 2, newest: 3 });
    expect(refused).toMatchObject({
      status: 409,
      body: {
        code: "UNSUPPORTED_VERSION",
        detail: expect.stringMatching(
          /^this worker \(typescript\/9\.0\.0\) speaks worker protocol 2 to 3, and the server \(\d.*\) 1: update the server first/,
        ),
      },
    });
    expect((await w.ask("GET", "/v1/workflows/later")).status).toBe(404);
    expect(await register({ oldest: 1, newest: 9 })).toMatchObject({ status: 200, body: { protocol: 1 } });
    expect(await register()).toMatchObject({ status: 200, body: { protocol: 1 } });
  });

  test("VERSION-4: a heartbeat asks a worker to register again that the server does not serve any more", async () => {
    const beat = async (protocols?: unknown) => (await worker.raw("heartbeat", { ...worker.who, protocols })).body;
    expect(await beat()).toMatchObject({ all_active: true });
    expect(await beat({ oldest: 1, newest: 4 })).toMatchObject({ all_active: true });
    expect(await beat({ oldest: 2, newest: 4 })).toMatchObject({ all_active: false });
  });

  test("a field that an operation of clients does not have is refused by its name", async () => {
    const refused = await w.ask("POST", "/v1/keys", { body: { name: "n", rigths: ["read"] } });
    expect(refused).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ["body", "rigths"], type: "extra_forbidden" }] },
    });
  });
});
