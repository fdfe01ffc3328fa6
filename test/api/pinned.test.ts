/** Versions of a deployment over real HTTP: how they register, and which of them is the current one. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Ports } from "../../shared/ports.ts";
import { cli } from "../cli/support.ts";
import { ScriptedWorker } from "./support/scripted-worker.ts";
import { ENGINES, failure, type World } from "./support/world.ts";

describe.each(ENGINES)("on %s", (engine, create) => {
  let w: World<Ports>;
  beforeEach(async () => {
    w = await create();
  });
  afterEach(() => w.close());

  const PINNED = [{ name: "orders", versioning: "pinned" }];

  /** Registers a worker of version `name` of `shop`, later than all before. */
  async function version(name: string, { of = "shop", key = w.key, promote = true, definitions = PINNED } = {}) {
    await w.clock.advance(1_000);
    const deployment = `${of}-${name}`;
    const worker = new ScriptedWorker({ url: w.server.url, key, clock: w.clock, deployment, name: "w1" });
    const { warnings } = await worker.register(definitions, { version: { of, name, promote } });
    return { worker, warnings };
  }

  const refusal = (of: Promise<unknown>): Promise<string> =>
    of.then(
      () => "registered",
      (error: Error) => error.message,
    );
  const current = async () => (await w.ports.registry.current(w.workspace, "orders"))?.deployment ?? null;
  const post = (path: string, body: object = {}) => w.ask("POST", `/v1/workflows/deployments/${path}`, { body });
  const start = async (more: object = {}) => {
    const started = await w.client.workflows.executeWorkflow({
      workflowIdentifier: "orders",
      workflowExecutionRequest: more,
    });
    return "deploymentName" in started ? started.deploymentName : undefined;
  };

  describe("a version becomes the current one", () => {
    test("when it registers first, and not again after a restart of older workers (PINNED-3)", async () => {
      await version("v1");
      expect(await start()).toBe("shop-v1");
      await version("v2");
      expect(await start()).toBe("shop-v2");
      expect((await version("v1")).warnings).toEqual([]);
      expect(await start()).toBe("shop-v2");
      expect(await w.ports.registry.current(w.workspace, "orders")).toMatchObject({ previous: "shop-v1", version: 2 });
    });

    test("and stays rolled back when its workers register again", async () => {
      await version("v1");
      await version("v2");
      expect((await post("shop-v2/rollback")).status).toBe(200);
      await version("v2");
      expect(await start()).toBe("shop-v1");
      await version("v3");
      expect(await start()).toBe("shop-v3");
    });

    test("of NAME's own workflows, also where an operator has promoted NAME", async () => {
      await w.worker("shop", [{ name: "orders" }]);
      await post("shop/promote");
      await version("v1");
      expect(await start()).toBe("shop-v1");
    });

    test("unless an operator is to decide, has sent the starts to another deployment, or ramps", async () => {
      await version("v1");
      expect((await version("v2", { promote: false })).warnings).toEqual([]);
      expect(await current()).toBe("shop-v1");
      await version("v2");
      expect(await current()).toBe("shop-v1");
      expect((await post("shop-v2/promote", { ramp_percent: 10 })).status).toBe(200);
      expect((await version("v3")).warnings).toEqual([
        "Version 'v3' is not the current one of workflow 'orders': a ramp leads from 'shop-v1' to 'shop-v2'; promote 'shop-v3' to change that",
      ]);
      await w.worker("rescue", [{ name: "orders" }]);
      await post("rescue/promote");
      expect((await version("v4")).warnings).toEqual([
        "Version 'v4' is not the current one of workflow 'orders': its starts go to deployment 'rescue'; promote 'shop-v4' to change that",
      ]);
      expect(await current()).toBe("rescue");
    });

    test("not while another deployment gets the starts without having been promoted", async () => {
      await w.worker("other", [{ name: "orders" }]);
      expect((await version("v1")).warnings).toContain(
        "Version 'v1' is not the current one of workflow 'orders': deployment 'other' serves the workflow too; promote one of them",
      );
      expect(await failure(start())).toMatchObject({ status: 409, body: { code: "AMBIGUOUS_WORKFLOW" } });
    });

    test("one of several that register at once, the youngest, whichever write comes first", async () => {
      const names = ["a", "b", "c", "d"];
      await w.clock.advance(1_000);
      const workers = names.map((name) => {
        const deployment = `shop-${name}`;
        return new ScriptedWorker({ url: w.server.url, key: w.key, clock: w.clock, deployment, name });
      });
      await Promise.all(
        workers.map((worker) => worker.register(PINNED, { version: { of: "shop", name: worker.name, promote: true } })),
      );
      expect(await current()).toBe("shop-d");
    });

    test("after a server that died between the registration and that, but never over a younger version", async () => {
      const registered = (name: string) =>
        w.ports.registry.register({
          workspace: w.workspace,
          deployment: `shop-${name}`,
          worker: "w1",
          session: crypto.randomUUID(),
          definitions: [],
          version: { of: "shop", name },
          now: w.clock.now(),
        });
      await registered("v1");
      await version("v1");
      expect(await current()).toBe("shop-v1");
      await w.clock.advance(1_000);
      await registered("v2");
      await version("v3");
      await version("v2");
      expect(await current()).toBe("shop-v3");
    });
  });

  describe("a registration that contradicts what a deployment is (PINNED-2)", () => {
    test("is refused before anything is written", async () => {
      await version("v1");
      await w.worker("shop-own", [{ name: "other" }]);
      const plain = new ScriptedWorker({
        url: w.server.url,
        key: w.key,
        clock: w.clock,
        deployment: "shop-v1",
        name: "w2",
      });
      expect(await refusal(plain.register(PINNED))).toContain(
        "'shop-v1' is version 'v1' of deployment 'shop': a worker serves it with DEPLOYMENT_NAME=shop and BUILD_ID=v1",
      );
      expect(await refusal(version("own"))).toContain(
        "'shop-own' is a deployment of its own, so it cannot be version 'own' of 'shop'. Choose another BUILD_ID",
      );
      await version("a-b");
      expect(await refusal(version("b", { of: "shop-a" }))).toContain(
        "'shop-a-b' is version 'a-b' of deployment 'shop' already, so it cannot be version 'b' of 'shop-a'",
      );
      expect(await refusal(version("x", { of: "shop-v1" }))).toContain("'shop-v1' is itself a version");
      const wrong = plain.register(PINNED, { version: { of: "shop", name: "v7", promote: true } });
      expect(await refusal(wrong)).toContain("version 'v7' of 'shop' is called 'shop-v7', not 'shop-v1'");
      const names = (await w.ports.registry.deployments(w.workspace)).map(({ name }) => name).sort();
      expect(names).toEqual(["shop-a-b", "shop-own", "shop-v1"]);
      expect(await w.ports.registry.workers(w.workspace, "shop-v1")).toHaveLength(1);
    });

    test("but a worker of activities alone serves a version by its name, before or after it", async () => {
      await w.worker("shop-v1", []);
      await version("v1");
      await w.worker("shop-v1", []);
      const { body } = await w.ask("GET", "/v1/workflows/deployments/shop-v1");
      expect(body).toMatchObject({ version_of: "shop", version: "v1", active_worker_count: 3 });
    });
  });

  test("the registry says which deployments are versions, and which workflows are pinned", async () => {
    await w.worker("shop", [{ name: "refunds" }]);
    await version("v1");
    const { body } = await w.ask("GET", "/v1/workflows/deployments");
    expect(body.deployments).toMatchObject([
      { name: "shop-v1", version_of: "shop", version: "v1" }, // the newest first
      { name: "shop", version_of: null, version: null },
    ]);
    const registrations = await w.ask("GET", "/v1/workflows/registrations");
    expect(registrations.body.workflow_registrations).toMatchObject([
      { deployment_name: "shop", definition: expect.not.objectContaining({ versioning: expect.anything() }) },
      { deployment_name: "shop-v1", definition: { versioning: "pinned" } },
    ]);
  });

  test("the keys of a hardened deployment are those of its versions too, of later and of present ones", async () => {
    const trusted = await w.newKey({ workspace: w.workspace, name: "trusted" });
    const ids = (await w.ask("GET", "/v1/keys")).body.keys as { key_id: string; name: string }[];
    const id = ids.find(({ name }) => name === "trusted")!.key_id;
    const { worker } = await version("v1");
    expect((await post("shop/harden", { key_ids: [id] })).status).toBe(200);
    expect(await w.ports.registry.workers(w.workspace, "shop-v1")).toEqual([]);
    expect(await refusal(worker.poll())).toContain("is hardened");
    expect(await refusal(version("v2"))).toContain("Deployment 'shop' is hardened");
    await version("v2", { key: trusted.key });
    expect((await w.ask("POST", "/v1/workflows/deployments/shop/unharden")).status).toBe(204);
    await version("v1");
    await version("v3");
  });

  test("a key that is limited to a deployment serves, starts and schedules its versions, and no version of another", async () => {
    const right = {
      workspace: w.workspace,
      name: "shop's",
      rights: ["operate", "work"] as const,
      deployments: ["shop"],
    };
    const { key } = await w.newKey(right);
    const { worker } = await version("v1", { key });
    await version("v1", { of: "annex", definitions: [{ name: "annexed", versioning: "pinned" }] });
    expect(await refusal(version("v2", { of: "annex", key }))).toContain("is limited to 'shop'");
    const stranger = { url: w.server.url, key, clock: w.clock, deployment: "annex-v1", name: "x" };
    const posing = new ScriptedWorker(stranger).register(PINNED, {
      version: { of: "shop", name: "v9", promote: true },
    });
    expect(await refusal(posing)).toContain("is limited to 'shop'");
    expect(await worker.poll()).toEqual([]);
    const begin = (name: string) =>
      w.ask("POST", `/v1/workflows/${name}/execute`, { key, body: { execution_id: name } });
    expect((await begin("orders")).status).toBe(200);
    expect((await begin("annexed")).status).toBe(403);
    await worker.claim("orders");
    expect((await w.ask("POST", "/v1/workflows/executions/orders/cancel", { key })).status).toBe(204);
    const schedule = { input: {}, intervals: [{ every: "PT1H" }] };
    const body = { workflow_identifier: "orders", schedule_id: "hourly", schedule };
    expect((await w.ask("POST", "/v1/workflows/schedules", { key, body })).status).toBe(201);
    await w.worker("shop", PINNED, { key });
    await version("v2", { key });
    expect((await w.ask("POST", "/v1/workflows/schedules/hourly/trigger", { key, body: {} })).status).toBe(204);
    const { runs } = await w.ports.executions.runs({
      workspace: w.workspace,
      limit: 1,
      sortBy: "start_time",
      order: "desc",
    });
    expect(runs[0]).toMatchObject({ workflow: "orders", deployment: "shop-v2" });
  });

  test("a key that is limited to a deployment takes no name of another as a version, before that has a worker (PINNED-6)", async () => {
    const limited = { workspace: w.workspace, rights: ["operate", "work"] as const };
    const { key } = await w.newKey({ ...limited, name: "shop's", deployments: ["shop"] });
    const eu = await w.newKey({ ...limited, name: "eu's", deployments: ["shop-eu"] });
    const trusted = await w.newKey({ workspace: w.workspace, name: "trusted" });
    const ids = (await w.ask("GET", "/v1/keys")).body.keys as { key_id: string; name: string }[];
    const key_ids = ids.filter(({ name }) => name === "trusted").map(({ key_id }) => key_id);
    expect((await post("shop-us/harden", { key_ids })).status).toBe(200);
    expect(await refusal(version("eu", { key }))).toContain("Another API key is limited to 'shop-eu'");
    expect(await refusal(version("us", { key }))).toContain("Deployment 'shop-us' is hardened");
    await version("v1", { key });
    for (const [deployment, own] of [["shop-eu", eu.key] as const, ["shop-us", trusted.key] as const])
      await w.worker(deployment, [{ name: "other" }], { key: own });
    const versions = (await w.ports.registry.deployments(w.workspace)).filter((each) => each.version);
    expect(versions.map(({ name }) => name)).toEqual(["shop-v1"]);
  });

  test("a deployment is not safe to stop while a version of it is live, whose processes are its workers too", async () => {
    await w.worker("shop", PINNED);
    const { worker: v1 } = await version("v1");
    const { worker: v2 } = await version("v2");
    const safe = async () => {
      const { body } = await w.ask("GET", "/v1/workflows/deployments?with_executions=true");
      const listed = (body.deployments as { name: string; safe_to_stop: boolean }[]).filter(
        (each) => each.safe_to_stop,
      );
      const one = await w.ask("GET", "/v1/workflows/deployments/shop");
      expect(one.body.safe_to_stop).toBe(listed.some(({ name }) => name === "shop"));
      return listed.map(({ name }) => name).sort();
    };
    expect(await safe()).toEqual(["shop-v1"]);
    await Promise.all([v1.stop(), v2.stop()]);
    expect(await safe()).toEqual(["shop"]); // the list has live deployments
  });

  test("why and get name the version that an execution is pinned to, and those that are live", async () => {
    const { worker: v1 } = await version("v1");
    await w.client.workflows.executeWorkflow({
      workflowIdentifier: "orders",
      workflowExecutionRequest: { executionId: "o-1" },
    });
    await version("v2");
    const why = async () => (await w.ask("GET", "/v1/workflows/executions/o-1/explain")).body;
    const live = { version_of: "shop", version: "v1", is_live: true, live_versions: ["v2", "v1"] };
    expect(await why()).toMatchObject({ version: live, waits: [{ kind: "workflow_task" }] });
    await v1.stop();
    const found = await why();
    expect(found).toMatchObject({ version: { ...live, is_live: false, live_versions: ["v2"] } });
    expect(found.waits).toMatchObject([
      {
        kind: "no_live_version",
        actor: "operator",
        text: "The execution is pinned to version 'v1' of deployment 'shop', and no worker of that version is live: none is on record. Live of 'shop': 'v2'.",
        evidence: { deployment: "shop-v1", version: "v1", version_of: "shop", live_versions: ["v2"] },
        what_to_do:
          "Start a worker of that code with DEPLOYMENT_NAME=shop BUILD_ID=v1, and the execution goes on by itself. Or let another version go on from an earlier point: sirocco reset o-1 --to last-decision --deployment shop-v2",
      },
    ]);
    const env = { SIROCCO_URL: w.server.url, SIROCCO_API_KEY: w.key };
    expect((await cli(["get", "o-1"], { env })).out).toMatch(/version: +v1 of shop, no live worker; live: v2/);
  });

  // On AWS a poll brings no claims.
  test.skipIf(engine === "the AWS adapter")(
    "a poll brings no claim of an execution that belongs to another version than the task's queue (CLAIM-1)",
    async () => {
      const { worker: v1 } = await version("v1");
      const { worker: v2 } = await version("v2");
      expect(await start({ executionId: "again" })).toBe("shop-v2");
      // As one that was left of an execution of the same id, which has been deleted since.
      const queue = { workspace: w.workspace, deployment: "shop-v1", queue: "workflow" } as const;
      await w.ports.tasks.send(queue, { kind: "workflow", execution: "again" });
      const poll = async (worker: ScriptedWorker) =>
        (await worker.call("poll", { ...worker.who, queue: "workflow", max: 10, wait_ms: 0, claim: true })).deliveries;
      expect(await poll(v1)).toEqual([expect.not.objectContaining({ claimed: expect.anything() })]);
      expect(await poll(v2)).toMatchObject([{ claimed: { head: { deployment: "shop-v2", owner: v2.session } } }]);
    },
  );
});
