/** Holds over real HTTP: what is taken in, what workers get, and how a release brings it to them. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Ports } from "../../shared/ports.ts";
import { HOLD_LAG_MS } from "../../shared/protocol/limits.ts";
import { cli } from "../cli/support.ts";
import type { ScriptedWorker } from "./support/scripted-worker.ts";
import { type Ask, ENGINES, type World } from "./support/world.ts";

describe.each(ENGINES)("on %s", (_, create) => {
  let w: World<Ports>;
  let worker: ScriptedWorker;
  beforeEach(async () => {
    w = await create();
    worker = await w.worker("shop", [
      { name: "orders", signals: [{ name: "ping", input_schema: {} }] },
      { name: "refunds" },
    ]);
  });
  afterEach(() => w.close());

  const post = (path: "/v1/holds" | "/v1/holds/release", body: object, o: Ask = {}) =>
    w.ask("POST", path, { body, ...o });
  const hold = (body: object = { deployment_name: "shop" }, o: Ask = {}) => post("/v1/holds", body, o);
  const release = (body: object = { deployment_name: "shop" }, o: Ask = {}) => post("/v1/holds/release", body, o);
  const start = (executionId: string, workflowIdentifier = "orders") =>
    w.client.workflows.executeWorkflow({ workflowIdentifier, workflowExecutionRequest: { executionId } });
  const claim = async (execution: string, more: object = {}) =>
    (await worker.call("claim", { execution, session: worker.session, ...more })).kind;
  const why = async (id: string) =>
    (await w.ask("GET", `/v1/workflows/executions/${id}/explain`)).body as {
      summary: string;
      waits: { kind: string; actor: string; evidence: Record<string, unknown>; what_to_do: string }[];
    };
  /** What workers get of these executions now, with one poll after the other. Each is parked for ever, its task finished. */
  async function handedOut(): Promise<string[]> {
    const claimed: string[] = [];
    for (;;) {
      const deliveries = await worker.poll();
      if (deliveries.length === 0) return claimed;
      for (const { task, receipt } of deliveries) {
        const { execution } = task;
        const answer = await worker.call("claim", { execution, session: worker.session });
        if (answer.kind === "claimed") {
          claimed.push(execution);
          const { run, fence } = answer.head;
          const parked = { execution, run, fence, due_at: null, effects_done_through: 1 };
          await worker.call("park", { items: [parked] });
        }
        await worker.call("finish", { receipts: [receipt] });
      }
    }
  }
  /** One round of the sweep, every five seconds of the clock, for so long. */
  async function sweeping(ms: number): Promise<string[]> {
    const claimed: string[] = [];
    for (let passed = 0; passed < ms; passed += 5_000) {
      await w.clock.advance(5_000);
      await w.sweep(5_000);
      claimed.push(...(await handedOut()));
    }
    return claimed;
  }

  describe("a hold", () => {
    test("takes starts and signals in, and hands nothing out until it is released", async () => {
      expect((await hold({ deployment_name: "shop", reason: "the bank is down" })).body).toMatchObject({
        deployment_name: "shop",
        workflow_name: null,
        held_by: "tester",
        reason: "the bank is down",
        release: null,
      });
      await start("o-1");
      await w.client.workflows.executions.signalWorkflowExecution({
        executionId: "o-1",
        signalInvocationBody: { name: "ping" },
      });
      expect(await handedOut()).toEqual([]);
      expect(await sweeping(150_000)).toEqual([]);
      const head = (await w.ports.executions.head({ workspace: w.workspace, execution: "o-1" }))!;
      expect(head).toMatchObject({ status: "RUNNING", owner: null, fence: 1 });
      await release();
      expect(await handedOut()).toEqual(["o-1"]);
      expect((await worker.claim("o-1")).messages).toMatchObject([{ kind: "signal", name: "ping" }]);
      await sweeping(90_000);
      expect((await w.ask("GET", "/v1/holds")).body).toEqual({ holds: [] });
    });

    test("of a workflow leaves others alone, and one of both concerns the workflow there only", async () => {
      await w.worker("other", [{ name: "audits" }]);
      await hold({ workflow_name: "orders" });
      await start("o-1");
      await start("r-1", "refunds");
      expect(await handedOut()).toEqual(["r-1"]);
      await hold({ workflow_name: "refunds", deployment_name: "other" });
      await start("r-2", "refunds");
      expect(await handedOut()).toEqual(["r-2"]);
      await hold({ workflow_name: "refunds", deployment_name: "shop" });
      await start("r-3", "refunds");
      expect(await handedOut()).toEqual([]);
      expect((await w.ask("GET", "/v1/holds")).body.holds).toHaveLength(3);
    });

    test("is said by the explanation, with who, why and what to do", async () => {
      await hold({ workflow_name: "orders", reason: "the bank is down." });
      await start("o-1");
      const { summary, waits } = await why("o-1");
      expect(summary).toContain("'tester' has held workflow 'orders'");
      expect(summary).toContain("the bank is down");
      expect(waits[0]).toMatchObject({
        kind: "on_hold",
        actor: "operator",
        evidence: { workflow: "orders", deployment: null, held_by: "tester", reason: "the bank is down." },
        what_to_do: "Release it: sirocco release --workflow orders",
      });
      await release({ workflow_name: "orders", per_second: 2 });
      expect((await why("o-1")).waits[0]).toMatchObject({ kind: "on_hold", evidence: { per_second: 2 } });
    });

    test("lets a worker in which attempts run claim on, and tells it to begin no others", async () => {
      await start("o-1");
      expect(await handedOut()).toEqual(["o-1"]);
      await hold({ workflow_name: "orders" });
      expect(await claim("o-1")).toBe("later");
      expect(await claim("o-1", { running: true })).toBe("claimed");
      expect(await worker.heartbeat()).toMatchObject({ held: ["orders"] });
      await hold();
      expect(await worker.heartbeat()).toMatchObject({ held: "all" });
      await release();
      await release({ workflow_name: "orders" });
      expect((await worker.heartbeat()).held).toBeUndefined();
    });

    test("times executions out whose deadline comes meanwhile", async () => {
      await w.worker("brief", [{ name: "short", execution_timeout: 30 }]);
      await hold({ workflow_name: "short" });
      await start("s-1", "short");
      await sweeping(60_000);
      const { status } = (await w.ports.executions.head({ workspace: w.workspace, execution: "s-1" }))!;
      expect(status).toBe("TIMED_OUT");
    });
  });

  describe("an activity in the queue", () => {
    const task = { name: "charge", input: null, first_attempt: 1 };
    /** Schedules an activity through the queue; answers its run. */
    async function scheduled(): Promise<{ run: string; chain: string }> {
      await start("o-1");
      await worker.poll();
      const drive = await worker.claim("o-1");
      await drive.append([
        {
          kind: "activity_scheduled",
          activity: 1,
          name: "charge",
          input: null,
          where: "queue",
          options: {
            retry: { max_attempts: 3, first_ms: 1_000, factor: 2, max_ms: 60_000 },
          },
        } as never,
      ]);
      await drive.park(null);
      return drive.head;
    }

    test("waits, is passed on without counting as an attempt, and comes back after the release", async () => {
      const { run, chain } = await scheduled();
      await hold();
      let passes = 0;
      for (let second = 0; second < 300; second++) {
        await w.clock.advance(1_000);
        for (const { task: got, receipt, attempt } of await worker.poll("activity")) {
          if (got.kind !== "activity") throw new Error(got.kind);
          expect(got.first_attempt + attempt - 1).toBe(1);
          const ref = { execution: "o-1", run, chain, activity: got.activity, attempt: 1 };
          const body = { ...ref, session: worker.session, queued: task };
          const begun = await worker.call("begin", { ...body, may_be_held: true });
          expect(begun).toMatchObject({ wanted: false, held: true });
          expect((await worker.call("pass", { task: got, attempt: 1, held: true })).at).toBeGreaterThan(w.clock.now());
          await worker.call("finish", { receipts: [receipt] });
          passes += 1;
        }
      }
      expect(passes).toBeGreaterThan(5);
      expect(passes).toBeLessThan(30);
      await release();
      await w.clock.advance(60_000);
      const [delivery] = await worker.poll("activity");
      if (delivery?.task.kind !== "activity") throw new Error("no task");
      const { activity, first_attempt } = delivery.task;
      expect(first_attempt + delivery.attempt - 1).toBe(1);
      const ref = { execution: "o-1", run, chain, activity, attempt: 1 };
      const body = { ...ref, session: worker.session, queued: task, may_be_held: true as const };
      expect(await worker.call("begin", body)).toMatchObject({ wanted: true });
    });

    test("begins in a worker of an earlier version, which would finish the task of one that is held", async () => {
      const { run, chain } = await scheduled();
      await hold();
      const [delivery] = await worker.poll("activity");
      if (delivery?.task.kind !== "activity") throw new Error("no task");
      const ref = { execution: "o-1", run, chain, activity: delivery.task.activity, attempt: 1 };
      const begun = await worker.call("begin", { ...ref, session: worker.session, queued: task });
      expect(begun).toMatchObject({ wanted: true });
    });
  });

  describe("a release", () => {
    const ids = Array.from({ length: 20 }, (_, i) => `o-${i + 10}`);

    test("at a rate hands out no more a second, in the order of due times, and ends by itself", async () => {
      await hold();
      for (const id of ids) {
        await start(id);
        await w.clock.advance(10);
      }
      await sweeping(120_000);
      await release({ deployment_name: "shop", per_second: 2 });
      const perSecond: string[][] = [];
      for (let second = 0; second < 150; second++) {
        const now: string[] = [];
        for (let part = 0; part < 2; part++) {
          now.push(...(await handedOut()));
          await w.clock.advance(500);
        }
        perSecond.push(now);
        if (second % 5 === 0) await w.sweep(5_000);
      }
      const claimed = perSecond.flat();
      expect(new Set(claimed)).toEqual(new Set(ids));
      for (const [i, now] of perSecond.entries()) {
        expect(now.length + (perSecond[i + 1]?.length ?? 0), `seconds ${i} and ${i + 1}`).toBeLessThanOrEqual(4);
      }
      const doneAfter = perSecond.findLastIndex((now) => now.length > 0);
      expect(doneAfter).toBeGreaterThan(18);
      expect(doneAfter).toBeLessThan(60);
      expect((await w.ask("GET", "/v1/holds")).body).toEqual({ holds: [] });
    });

    test("that the server stops in the middle of goes on after its restart, and skips nothing", async () => {
      await hold();
      for (const id of ids) await start(id);
      await handedOut(); // the workers have finished the tasks
      const { version, holds } = await w.ports.registry.holds(w.workspace);
      // The call has stored the release and died before its first round.
      const since = w.clock.now();
      const next = holds.map((each) => ({ ...each, release: { since, perSecond: null, reached: null } }));
      await w.ports.registry.setHolds(w.workspace, { version: version + 1, holds: next });
      expect(new Set(await sweeping(10_000))).toEqual(new Set(ids));
    });

    test("finds what was refused by a function that did not know of it yet", async () => {
      await hold();
      await release();
      await hold();
      await start("o-1");
      await handedOut();
      const { version, holds } = await w.ports.registry.holds(w.workspace);
      const since = w.clock.now() - HOLD_LAG_MS;
      const next = holds.map((each) => ({ ...each, release: { since, perSecond: null, reached: null } }));
      await w.ports.registry.setHolds(w.workspace, { version: version + 1, holds: next });
      expect(await sweeping(70_000)).toContain("o-1");
    });

    test("is taken back by a further hold", async () => {
      await hold();
      for (const id of ids) await start(id);
      await handedOut();
      await release({ deployment_name: "shop", per_second: 1 });
      expect((await hold()).body.release).toBeNull();
      expect(await sweeping(60_000)).toEqual([]);
    });
  });

  describe("the calls", () => {
    test("refuse what names nothing, what is unknown and what is not held", async () => {
      expect(await hold({})).toMatchObject({ status: 422 });
      expect(await hold({ deployment_name: "nothing" })).toMatchObject({ status: 404 });
      expect(await hold({ workflow_name: "nothing" })).toMatchObject({ status: 404 });
      expect(await release()).toMatchObject({ status: 409, body: { code: "NOT_HELD" } });
      for (const per_second of [0, -1, 1_001, "10/s"]) {
        expect(await release({ deployment_name: "shop", per_second })).toMatchObject({ status: 422 });
      }
    });

    test("need the right operate, and of a key that is limited to deployments one of them", async () => {
      const keyWith = async (over: object) => (await w.newKey({ workspace: w.workspace, ...over })).key;
      const reader = await keyWith({ rights: ["read"] });
      for (const call of [hold, release]) expect(await call(undefined, { key: reader })).toMatchObject({ status: 403 });
      expect(await w.ask("GET", "/v1/holds", { key: reader })).toMatchObject({ status: 200 });
      await w.worker("other", [{ name: "audits" }]);
      const limited = await keyWith({ rights: ["operate"], deployments: ["shop"] });
      expect(await hold({ deployment_name: "other" }, { key: limited })).toMatchObject({ status: 403 });
      expect(await hold({ workflow_name: "orders" }, { key: limited })).toMatchObject({ status: 403 });
      expect(await hold(undefined, { key: limited })).toMatchObject({ status: 200 });
      expect(await release(undefined, { key: limited })).toMatchObject({ status: 200 });
    });

    test("are commands, which say the state", async () => {
      const sirocco = (...args: string[]) => cli(args, { env: { SIROCCO_URL: w.server.url, SIROCCO_API_KEY: w.key } });
      expect(await sirocco("hold")).toMatchObject({ code: 2, err: expect.stringContaining("--deployment NAME") });
      const held = await sirocco("hold", "--deployment", "shop", "--reason", "the bank is down");
      expect(held.out).toMatch(/shop +every .* held +the bank is down/);
      expect((await sirocco("hold", "--list")).out).toContain("the bank is down");
      await start("o-1");
      expect((await sirocco("get", "o-1")).out).toContain("'tester' has held deployment 'shop'");
      expect(await sirocco("release", "--deployment", "shop", "--rate", "fast")).toMatchObject({ code: 2 });
      expect((await sirocco("release", "--deployment", "shop", "--rate", "10/s")).out).toContain("released at 10/s");
      expect(JSON.parse((await sirocco("hold", "--list", "--json")).out)).toMatchObject({
        holds: [{ deployment_name: "shop", release: { per_second: 10 } }],
      });
    });
  });
});
