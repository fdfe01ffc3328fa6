/** An execution is terminated and deleted while a worker of the SDK runs its activity: on both engines the worker forgets it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { activity, on, query, type RunningWorker, startWorker, workflow } from "../../sdk/index.ts";
import type { Ports } from "../../shared/ports.ts";
import { awsWorld, type World, world } from "./support/world.ts";

const E = "/v1/workflows/executions";

describe.each([
  ["on one machine", world],
  ["on AWS", awsWorld],
] as const)("%s", (name, make) => {
  const lines: string[] = [];
  const note =
    (level: string) =>
    (message: string, fields: object = {}) =>
      void lines.push(`${level} ${message} ${Object.values(fields)}`);
  const log = { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };
  let w: World<Ports>;
  let worker: RunningWorker;
  const entered = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const wait = activity({ name: "wait" }, async () => {
    entered.resolve();
    await go.promise;
    return 1;
  });
  const state = query("state");
  const slow = workflow({ name: "slow", handlers: [state], timeout: null }, async () => {
    on(state, () => "waits");
    return wait();
  });
  const options = () => {
    const on = { deployment: "shop", url: w.server.url, apiKey: w.key, name: "w1", log };
    return { ...on, workflows: [slow], activities: [wait] };
  };

  beforeAll(async () => {
    w = await (make as () => Promise<World<Ports>>)();
    worker = await startWorker(options());
  });
  afterAll(async () => {
    go.resolve();
    await worker?.stop();
    await w.close();
  });

  const start = (execution_id: string) =>
    w.ask("POST", "/v1/workflows/slow/execute", { body: { execution_id, input: {} } });
  const remove = async (id: string) => {
    expect((await w.ask("POST", `${E}/${id}/terminate`)).status).toBe(204);
    expect((await w.ask("DELETE", `${E}/${id}`)).status).toBe(204);
  };
  const troubles = () => lines.filter((line) => /^(warn|error)/.test(line));

  test("an activity's outcome is dropped without an error", async () => {
    expect((await start("gone")).status).toBe(200);
    await entered.promise;
    await remove("gone");
    go.resolve();
    await worker.stop(); // not before the outcome is dropped
    expect(troubles()).toEqual([]);
  }, 30_000);

  // The engine in memory of AWS looks for answers as its clock moves, which stands still here.
  if (name === "on AWS") return;
  test("a query that waited is answered with 404", async () => {
    // One that takes no tasks keeps the deployment alive.
    const queries = [{ name: "state", input_schema: {} }];
    await w.worker("shop", [{ name: "slow", execution_timeout: null, queries }], { name: "w2" });
    expect((await start("asked")).status).toBe(200);
    const asked = w.ask("POST", `${E}/asked/queries`, { body: { name: "state" } });
    for (let i = 0; i < 5; i++) await w.ask("GET", `${E}/asked`); // the query is on its way to a worker
    await remove("asked");
    worker = await startWorker(options());
    expect(await asked).toMatchObject({ status: 404, body: { code: "WF_1100" } });
    expect(troubles()).toEqual([]);
  }, 30_000);
});
