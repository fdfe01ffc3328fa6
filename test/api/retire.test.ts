/** Deployments that nothing uses any more, over real HTTP and by the command. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Ports } from "../../shared/ports.ts";
import { cli } from "../cli/support.ts";
import { ScriptedWorker } from "./support/scripted-worker.ts";
import { ENGINES, type World } from "./support/world.ts";

describe.each(ENGINES)("on %s", (_, create) => {
  let w: World<Ports>;
  beforeEach(async () => {
    w = await create();
  });
  afterEach(() => w.close());

  const DAY = 86_400_000;
  const PINNED = [{ name: "orders", versioning: "pinned" }];
  /** A worker of version `name` of `shop`, which registers later than all before. */
  async function version(name: string): Promise<ScriptedWorker> {
    await w.clock.advance(1_000);
    const worker = new ScriptedWorker({
      url: w.server.url,
      key: w.key,
      clock: w.clock,
      deployment: `shop-${name}`,
      name: "w1",
    });
    await worker.register(PINNED, { version: { of: "shop", name, promote: true } });
    return worker;
  }
  const retire = (name: string, o: { key?: string } = {}) =>
    w.ask("POST", `/v1/workflows/deployments/${name}/retire`, o);
  const start = (id: string) => w.ask("POST", "/v1/workflows/orders/execute", { body: { execution_id: id } });
  /** The deployments whose registrations a start reads. */
  const read = async () =>
    (await w.ports.registry.serving(w.workspace, "orders")).registrations.map(({ deployment }) => deployment).sort();
  const refused = (why: string) => ({
    status: 409,
    body: { code: "DEPLOYMENT_IN_USE", detail: expect.stringContaining(why) },
  });

  test("a deployment is retired once no start goes to it, no worker of it is live and nothing runs there (RETIRE-1)", async () => {
    expect((await retire("shop-v1")).status).toBe(404);
    const v1 = await version("v1");
    await start("o-1");
    expect(await retire("shop-v1")).toMatchObject(
      refused("a start of workflow 'orders' that names no deployment goes to it"),
    );
    const v2 = await version("v2");
    expect(await retire("shop-v1")).toMatchObject(refused("a worker of it is live"));
    await v1.stop();
    expect(await retire("shop-v1")).toMatchObject(refused("execution 'o-1' runs on it"));
    expect(await read()).toEqual(["shop-v1", "shop-v2"]);
    await w.ask("POST", "/v1/workflows/executions/o-1/terminate");
    expect(await retire("shop-v1")).toMatchObject({
      status: 200,
      body: { deployment_name: "shop-v1", workflow_names: ["orders"] },
    });
    expect(await read()).toEqual(["shop-v2"]);
    expect((await retire("shop-v1")).body).toMatchObject({ workflow_names: [] });
    await v2.stop();
  });

  test("a rollback does not lead to a deployment that was retired (RETIRE-3)", async () => {
    const v1 = await version("v1");
    await version("v2");
    await v1.stop();
    await retire("shop-v1");
    expect((await w.ask("POST", "/v1/workflows/deployments/shop-v2/rollback")).body).toMatchObject({
      workflows: [{ workflow_name: "orders", current_deployment: null }],
    });
  });

  test("its closed executions stay, it comes back with a worker, and gets no new starts by that (RETIRE-2)", async () => {
    const v1 = await version("v1");
    await start("o-1");
    await v1.complete("o-1");
    await version("v2");
    await v1.stop();
    await retire("shop-v1");
    expect((await w.ask("GET", "/v1/workflows/executions/o-1")).body).toMatchObject({ status: "COMPLETED" });
    expect((await w.ask("GET", "/v1/workflows/executions/o-1/history")).status).toBe(200);
    expect((await w.ask("GET", "/v1/workflows/deployments/shop-v1")).body).toMatchObject({
      version_of: "shop",
      is_active: false,
      safe_to_stop: true,
    });
    await version("v1");
    expect(await read()).toEqual(["shop-v1", "shop-v2"]);
    expect((await start("o-2")).body).toMatchObject({ deployment_name: "shop-v2" });
  });

  test("the first registration of a version retires those that have been out of use for one retention (RETIRE-4)", async () => {
    for (const name of ["v1", "v2", "v3", "v4"]) {
      const worker = await version(name);
      if (name === "v2") await start("waits");
      await worker.stop();
    }
    await w.clock.advance(31 * DAY);
    const v5 = await version("v5");
    expect(await read()).toEqual(["shop-v2", "shop-v4", "shop-v5"]); // one execution runs, a rollback leads to v4
    await v5.stop();
    await version("v6");
    expect(await read()).toEqual(["shop-v2", "shop-v5", "shop-v6"]);
  });

  test("the command retires, and says what the server refuses; a key that is limited to deployments may not", async () => {
    const sirocco = (...argv: string[]) => cli(argv, { env: { SIROCCO_URL: w.server.url, SIROCCO_API_KEY: w.key } });
    const v1 = await version("v1");
    await version("v2");
    const early = await sirocco("deployments", "retire", "shop-v1");
    expect(early).toMatchObject({
      code: 1,
      err: expect.stringContaining("Stop its workers; one that was killed counts as live for 50 s."),
    });
    await v1.stop();
    const { key } = await w.newKey({
      workspace: w.workspace,
      name: "shop's",
      rights: ["operate"],
      deployments: ["shop"],
    });
    expect((await retire("shop-v1", { key })).status).toBe(403);
    const done = await sirocco("deployments", "retire", "shop-v1");
    expect(done).toMatchObject({ code: 0, out: "shop-v1: retired; it registered orders" });
    expect(JSON.parse((await sirocco("deployments", "retire", "shop-v1", "--json")).out)).toEqual({
      deployment_name: "shop-v1",
      workflow_names: [],
    });
  });
});
