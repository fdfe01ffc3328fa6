/** Every route with a key of every right, over real HTTP; and keys that are limited to deployments. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mayDo, needOf, RIGHTS, type Right, scopeOf } from "../../shared/protocol/rights.ts";
import { ROUTES, type Route } from "../../shared/protocol/routes.ts";
import { WORKER_ROUTES, type WorkerOperation } from "../../shared/protocol/worker.ts";
import { bodiesOf } from "./support/worker-bodies.ts";
import { type World, world } from "./support/world.ts";

const rows: readonly Route[] = ROUTES;
let w: World;
const keys = new Map<Right, string>();
beforeAll(async () => {
  w = await world();
  for (const right of RIGHTS) {
    const { key } = await w.newKey({ workspace: w.workspace, name: right, rights: [right] });
    keys.set(right, key);
  }
  for (const deployment of ["shop", "annex"]) {
    await w.worker(deployment, [
      { name: `${deployment}-orders`, input_schema: {} },
      { name: "shared", input_schema: {} },
    ]);
  }
});
afterAll(() => w.close());

const CHANGES = (row: Route) => row.auth && row.method !== "GET";
const MAY_READ = new Set(["queryWorkflowExecution", "previewSchedule", "previewReset"]);

describe("the table of rights", () => {
  test("lets a key that may only read change nothing, and a worker's key only ask for itself", () => {
    const changing = rows.filter((row) => CHANGES(row) && !MAY_READ.has(row.operation));
    expect(changing.length).toBeGreaterThan(20);
    expect(changing.filter((row) => mayDo(["read"], needOf(row)))).toEqual([]);
    const forWorkers = rows.filter((row) => row.auth && mayDo(["work"], needOf(row))).map((row) => row.operation);
    expect(forWorkers.sort()).toEqual(["getWorkerInfo", "whoAmI"]);
  });

  test("keeps keys and authorised credentials for admins", () => {
    const forAdmins = rows.filter((row) => needOf(row) === "admin").map((row) => row.operation);
    expect(forAdmins.sort()).toEqual([
      "createBackup",
      "createKey",
      "hardenDeployment",
      "listKeys",
      "revokeKey",
      "unhardenDeployment",
    ]);
  });

  test("gives admins everything, and operators all that readers have", () => {
    for (const row of rows) {
      expect(mayDo(["admin"], needOf(row)), row.operation).toBe(true);
      if (mayDo(["read"], needOf(row))) expect(mayDo(["operate"], needOf(row)), row.operation).toBe(true);
    }
  });
});

describe("over HTTP", () => {
  const cases = rows
    .filter((row) => row.auth)
    .flatMap((row) => RIGHTS.map((right) => [row.operation, right, row] as const));
  test.each(cases)("%s with the right %s is answered as the table says", async (_, right, row) => {
    const path = row.path.replaceAll(/\{\w+\}/g, "nothing");
    const { status, body } = await status403(row.method, path, keys.get(right)!);
    const allowed = mayDo([right], needOf(row));
    expect(status === 403, JSON.stringify(body)).toBe(!allowed);
    if (!allowed)
      expect(body).toMatchObject({ code: "FORBIDDEN", detail: expect.stringContaining(`'${needOf(row)}'`) });
  });

  const work = Object.keys(WORKER_ROUTES) as WorkerOperation[];
  test.each(work)("the worker operation %s needs the right work", async (operation) => {
    for (const right of RIGHTS) {
      const { status } = await status403("POST", WORKER_ROUTES[operation].path, keys.get(right)!);
      expect(status === 403, right).toBe(right === "read" || right === "operate");
    }
  });

  /** A stream is left at once. */
  async function status403(method: string, path: string, key: string) {
    const stop = new AbortController();
    const response = await fetch(w.server.url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      ...(method !== "GET" && { body: "{}" }),
      signal: stop.signal,
    });
    const isStream = response.headers.get("content-type") === "text/event-stream";
    const text = isStream ? "" : await response.text();
    if (isStream) stop.abort();
    return { status: response.status, body: text === "" ? {} : JSON.parse(text) };
  }
});

describe("whoami", () => {
  test("answers workspace, name, rights and deployments of the key", async () => {
    const { key } = await w.newKey({
      workspace: w.workspace,
      name: "me",
      rights: ["read", "work"],
      deployments: ["shop"],
    });
    const { body } = await w.ask("GET", "/v1/whoami", { key });
    expect(body).toEqual({
      workspace: w.workspace,
      key_id: expect.stringMatching(/^[0-9a-f]{16}$/),
      key_name: "me",
      rights: ["read", "work"],
      deployments: ["shop"],
      expires_at: null,
    });
    expect((await w.ask("GET", "/v1/whoami")).body).toMatchObject({ rights: ["admin"], deployments: null });
  });
});

describe("a key that is limited to deployments", () => {
  const limited = async () =>
    (await w.newKey({ workspace: w.workspace, name: "shop's", rights: ["operate", "work"], deployments: ["shop"] }))
      .key;
  const refused = { status: 403, body: { code: "FORBIDDEN", detail: expect.stringContaining("is limited to") } };
  const start = (key: string, workflow: string, body: Record<string, unknown> = {}) =>
    w.ask("POST", `/v1/workflows/${workflow}/execute`, { key, body });

  test("starts executions in its deployments, and in no other", async () => {
    const key = await limited();
    expect((await start(key, "shop-orders")).status).toBe(200);
    expect(await start(key, "annex-orders")).toMatchObject(refused);
    expect((await start(key, "shared", { deployment_name: "shop" })).status).toBe(200);
    const execution_id = `x-${randomUUID()}`;
    expect(await start(key, "shared", { deployment_name: "annex", execution_id })).toMatchObject(refused);
    expect((await w.ask("GET", `/v1/workflows/executions/${execution_id}`)).status).toBe(404);
  });

  test("signals, cancels and terminates only there, and reads everything", async () => {
    const key = await limited();
    const other = (await start(w.key, "annex-orders")).body.execution_id as string;
    const own = (await start(w.key, "shop-orders")).body.execution_id as string;
    for (const [path, body] of [["signals", { name: "s" }], ["cancel"], ["terminate"]] as const) {
      expect(await w.ask("POST", `/v1/workflows/executions/${other}/${path}`, { key, body })).toMatchObject(refused);
    }
    expect((await w.ask("POST", `/v1/workflows/executions/${own}/cancel`, { key })).status).toBe(204);
    expect((await w.ask("GET", `/v1/workflows/executions/${other}`, { key })).status).toBe(200);
    expect((await w.ask("POST", "/v1/workflows/executions/none/cancel", { key })).status).toBe(404);
  });

  test("makes and changes schedules only there", async () => {
    const key = await limited();
    const schedule = { input: {}, intervals: [{ every: "PT1H" }] };
    const make = (by: string, workflow: string) =>
      w.ask("POST", "/v1/workflows/schedules", {
        key: by,
        body: { workflow_identifier: workflow, schedule, schedule_id: `s-${randomUUID()}` },
      });
    expect((await make(key, "shop-orders")).status).toBe(201);
    expect(await make(key, "annex-orders")).toMatchObject(refused);
    const id = (await make(w.key, "annex-orders")).body.schedule_id as string;
    expect(await w.ask("POST", `/v1/workflows/schedules/${id}/pause`, { key, body: {} })).toMatchObject(refused);
    expect(await w.ask("DELETE", `/v1/workflows/schedules/${id}`, { key })).toMatchObject(refused);
  });

  test("is refused every change whose deployment is not known before", async () => {
    const key = await limited();
    const unknown = rows.filter((row) => needOf(row) === "operate" && scopeOf(row) === "none" && !row.unavailable);
    for (const row of unknown) {
      const path = row.path.replaceAll(/\{\w+\}/g, "nothing");
      expect((await w.ask(row.method, path, { key, body: {} })).status, row.operation).toBe(403);
    }
  });

  test("changes by no route an execution or a schedule of another deployment, and reads all of them", async () => {
    const key = await limited();
    const schedule = { input: {}, intervals: [{ every: "PT1H" }] };
    const things = async (workflow: string) => {
      const made = { workflow_identifier: workflow, schedule, schedule_id: `s-${randomUUID()}` };
      const { body } = await w.ask("POST", "/v1/workflows/schedules", { body: made });
      return { "{execution_id}": (await start(w.key, workflow)).body.execution_id, "{schedule_id}": body.schedule_id };
    };
    const theirs = await things("annex-orders");
    const ask = (row: Route, of: Record<string, unknown>, body: object = {}) => {
      const path = row.path.replaceAll(/\{\w+\}/g, (name) => String(of[name] ?? "nothing"));
      return w.ask(row.method, path, { key, ...(row.method !== "GET" && { body }) });
    };
    const about = rows.filter((row) => ["execution", "schedule"].includes(scopeOf(row)) && !row.unavailable);
    const changing = about.filter((row) => needOf(row) === "operate");
    expect(changing.length).toBeGreaterThan(8);
    for (const row of changing) {
      expect(await ask(row, theirs), row.operation).toMatchObject(refused);
      const own = await ask(row, await things("shop-orders"));
      expect(own.status, row.operation).not.toBe(403);
    }
    for (const row of about.filter((row) => row.method === "GET" && row.kind !== "sse"))
      expect((await ask(row, theirs)).status, row.operation).not.toBe(403);
    // A change must not move a schedule to another deployment either.
    const own = await things("shop-orders");
    const update = rows.find((row) => row.operation === "updateSchedule")!;
    expect(await ask(update, own, { deployment_name: "annex" }), "moved").not.toMatchObject({ status: 200 });
  });

  test("calls no operation of a worker about another deployment's sessions, executions or tasks", async () => {
    const key = await limited();
    const annex = await w.worker("annex", [{ name: "annex-orders", input_schema: {} }]);
    const drive = await annex.claim((await start(w.key, "annex-orders")).body.execution_id as string);
    const bodies = bodiesOf(drive, annex, w.clock.now());
    // They name neither: receipts, queries and stored tasks have ids that nobody can guess.
    const unnamed = new Set<WorkerOperation>(["extend", "finish", "task", "answer"]);
    for (const operation of Object.keys(WORKER_ROUTES) as WorkerOperation[]) {
      const about = JSON.stringify(bodies[operation]).replaceAll('"shop"', '"annex"');
      const answer = await w.ask("POST", WORKER_ROUTES[operation].path, { key, text: about });
      if (unnamed.has(operation)) expect(answer.status, operation).not.toBe(403);
      else expect(answer, operation).toMatchObject(refused);
    }
  });

  test("registers and polls only there, and reports to no execution of another deployment", async () => {
    const key = await limited();
    const worker = { worker: "w", session: randomUUID() };
    const call = (path: string, body: unknown) => w.ask("POST", `/v1/worker/${path}`, { key, body });
    const registration = { ...worker, definitions: [], activities: [], sdk: "t" };
    expect(await call("register", { ...registration, deployment: "annex" })).toMatchObject(refused);
    expect((await call("register", { ...registration, deployment: "shop" })).status).toBe(200);
    const poll = { ...worker, queue: "workflow", max: 1, wait_ms: 0 };
    expect(await call("poll", { ...poll, deployment: "annex" })).toMatchObject(refused);
    expect((await call("poll", { ...poll, deployment: "shop" })).status).toBe(200);

    const { execution_id: execution, run_id: run } = (await start(w.key, "annex-orders")).body;
    const head = await w.ports.executions.head({ workspace: w.workspace, execution: execution as string });
    const session = worker.session;
    expect(await call("claim", { execution, session })).toMatchObject(refused);
    expect(await call("read", { execution })).toMatchObject(refused);
    const events = [{ id: 2, at: 0, kind: "timer_started", timer: 1, fire_at: 0 }];
    const batch = { first: 2, events, append_id: randomUUID() };
    const item = { execution, run, chain: head!.chain, fence: head!.fence, batch, taken: [] };
    expect(await call("append", { items: [item] })).toMatchObject(refused);
    const close = { ...item, failure: null, outbox: [], carried: [] };
    expect(await call("append", { items: [], closes: [close] })).toMatchObject(refused);
    // Neither with the run of an execution of its own, nor with one that does not exist.
    const own = (await start(w.key, "shop-orders")).body;
    const cancelled = { kind: "failed", failure: { message: "x" }, reason: "failed" };
    for (const other of [run, own.run_id, randomUUID()]) {
      const about = { execution, run: other, chain: head!.chain, activity: 2, attempt: 1 };
      expect(await call("activities/outcome", { ...about, outcome: cancelled })).toMatchObject(refused);
    }
    expect((await call("claim", { execution: own.execution_id, session })).status).toBe(200);
    expect((await call("read", { execution: own.execution_id })).status).toBe(200);
  });

  test("cannot speak for a worker session of another deployment", async () => {
    const { key } = await w.newKey({ workspace: w.workspace, name: "a", rights: ["work"], deployments: ["aaa"] });
    const annex = await w.worker("annex", [{ name: "annex-orders", input_schema: {} }]);
    const call = (path: string, body: unknown) => w.ask("POST", `/v1/worker/${path}`, { key, body });
    const as = { worker: "w", session: annex.session };
    const alive = async () => (await annex.call("sessions", { deployment: "annex", ids: [annex.session] })).dead;
    const registration = { ...as, deployment: "aaa", definitions: [], activities: [], sdk: "t" };
    expect(await call("register", registration)).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ["body", "session"], msg: expect.stringContaining("'annex'") }] },
    });
    expect((await call("heartbeat", { ...as, deployment: "aaa" })).body).toMatchObject({ all_active: false });
    expect((await call("stop", { ...as, deployment: "aaa" })).status).toBe(200);
    expect(await alive()).toEqual([]);
    expect(await annex.call("heartbeat", annex.who)).toMatchObject({ all_active: true });
  });

  test("cannot be an admin's, and needs deployments that are names", async () => {
    const make = (body: Record<string, unknown>) => w.ask("POST", "/v1/keys", { body: { name: "k", ...body } });
    expect((await make({ deployments: ["shop"] })).status).toBe(422);
    expect((await make({ rights: ["work"], deployments: [] })).status).toBe(422);
    expect((await make({ rights: ["work"], deployments: ["a b"] })).status).toBe(422);
    expect((await make({ rights: [] })).status).toBe(422);
    expect(await make({ rights: ["work"], deployments: ["shop"] })).toMatchObject({
      status: 201,
      body: { rights: ["work"], deployments: ["shop"] },
    });
  });
});
