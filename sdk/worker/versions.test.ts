/** Workers with pinned workflows, over real HTTP: a process serves its deployment and the version of its code. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import * as z from "zod";
import { type RunningServer, startServer } from "../../cli/server/index.ts";
import { createKey, DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { type Embedded, embedded } from "../../shared/server/embedded.ts";
import { createClient } from "../client/index.ts";
import {
  activity,
  child,
  continueAsNew,
  on,
  type RunningWorker,
  signal,
  start,
  startWorker,
  UsageError,
  WorkerConfigError,
  type WorkerOptions,
  waitUntil,
  workflow,
} from "../index.ts";
import { settingsOf } from "./options.ts";

const log = { debug() {}, info() {}, warn() {}, error() {} };
let ports: Embedded;
let server: RunningServer;
let at: { url: string; apiKey: string };
let running: RunningWorker[] = [];
beforeEach(async () => {
  ports = embedded();
  server = await startServer({ ports, version: "test", port: 0 });
  const { key } = await createKey(ports, { workspace: DEFAULT_WORKSPACE, name: "test" });
  at = { url: server.url, apiKey: key };
});
afterEach(async () => {
  await Promise.all(running.map((worker) => worker.stop()));
  running = [];
  await server.close(100);
  ports.close();
});

const go = signal("go", z.object({ again: z.boolean().default(false) }));
const text = { output: z.string() };
const pinned = { versioning: "pinned" } as const;

/** Version `build` of a program: each of its workflows says which code has run it. */
function program(build: string) {
  const where = activity({ name: "where", ...text }, async () => build);
  const helper = workflow({ name: "helper", ...text }, async () => `helper of ${await where()}`);
  const step = workflow({ name: "step", ...text, ...pinned }, async () => `step of ${await where()}`);
  const order = workflow(
    { name: "order", ...text, ...pinned, handlers: [go], input: z.object({ children: z.boolean().default(false) }) },
    async ({ children }) => {
      let last: { again: boolean } | undefined;
      on(go, (given) => {
        last = given;
      });
      await waitUntil(() => last !== undefined);
      if (last!.again) return continueAsNew({ children });
      return children ? `${await child(step)}, ${await child(helper)}` : `order of ${await where()}`;
    },
  );
  const parent = workflow({ name: "parent", ...text }, async () => (await start(step)).result());
  return { workflows: [order, step, helper, parent], activities: [where], order, step, helper, parent };
}

async function serve(build: string, more: Partial<WorkerOptions> = {}) {
  const code = program(build);
  const { workflows, activities } = code;
  const options = { ...at, deployment: "shop", buildId: build, name: build, workflows, activities, log, ...more };
  const worker = await startWorker(options);
  running.push(worker);
  return { ...code, worker };
}

const deploymentOf = async (execution: string) =>
  (await ports.executions.head({ workspace: DEFAULT_WORKSPACE, execution }))?.deployment;

test("an execution of a pinned workflow goes on in the version in which it began, and new ones begin in the new version", async () => {
  const client = createClient(at);
  const { order } = await serve("v1");
  const first = await client.start(order, {}, { id: "first" });
  const family = await client.start(order, { children: true }, { id: "family" });
  await serve("v2");
  const second = await client.start(order, {}, { id: "second" });
  const named = await client.start(order, {}, { id: "named", deployment: "shop" });
  for (const each of [first, family, second, named]) await each.signal(go, {});
  expect(await first.result()).toBe("order of v1");
  expect(await family.result()).toMatch(/^step of v1, helper of v[12]$/);
  expect(await second.result()).toBe("order of v2");
  expect(await named.result()).toBe("order of v2");
  const names = ["first", "family", "second", "named"];
  expect(await Promise.all(names.map(deploymentOf))).toEqual(["shop-v1", "shop-v1", "shop-v2", "shop-v2"]);
});

test("the next run of an execution that continues as new begins in the current version", async () => {
  const client = createClient(at);
  const { order } = await serve("v1");
  const running = await client.start(order, {}, { id: "lives-on" });
  await serve("v2");
  await running.signal(go, { again: true });
  await expect.poll(() => deploymentOf("lives-on")).toBe("shop-v2");
  await running.signal(go, {});
  expect(await running.result()).toBe("order of v2");
});

test("children are in the version of their parent, in its deployment, or in its deployment's current version (PINNED-4)", async () => {
  const client = createClient(at);
  const { order, parent } = await serve("v1");
  const family = await client.start(order, { children: true }, { id: "family" });
  await serve("v2");
  await family.signal(go, {});
  await family.result();
  await client.execute(parent, {}, { id: "parent" });
  const { runs } = await ports.executions.runs({
    workspace: DEFAULT_WORKSPACE,
    limit: 10,
    sortBy: "start_time",
    order: "asc",
  });
  const found = runs.map(({ workflow, deployment, parent: of }) => `${workflow} of ${of?.execution}: ${deployment}`);
  expect(found.sort()).toEqual([
    "helper of family: shop",
    "order of undefined: shop-v1",
    "parent of undefined: shop",
    "step of family: shop-v1",
    "step of parent: shop-v2",
  ]);
});

test("executions from before the workflow was pinned go on in their deployment", async () => {
  const client = createClient(at);
  const before = workflow({ name: "order", ...text, handlers: [go] }, async () => {
    let given = false;
    on(go, () => {
      given = true;
    });
    await waitUntil(() => given);
    return "old code";
  });
  const old = await startWorker({ ...at, deployment: "shop", name: "old", workflows: [before], log });
  const waiting = await client.start(before, {}, { id: "waiting" });
  await old.stop();
  const { order } = await serve("v1");
  await waiting.signal(go, {});
  expect(await waiting.result()).toBe("order of v1");
  expect(await deploymentOf("waiting")).toBe("shop");
  await client.start(order, {}, { id: "new" });
  expect(await deploymentOf("new")).toBe("shop-v1");
});

test("both halves share the slots of the process, and its metrics name both deployments", async () => {
  const client = createClient(at);
  let now = 0;
  let most = 0;
  const busy = activity({ name: "busy" }, async () => {
    most = Math.max(most, ++now);
    await new Promise((ok) => setTimeout(ok, 20));
    now -= 1;
  });
  const free = workflow({ name: "free" }, async () => void (await busy()));
  const fixed = workflow({ name: "fixed", ...pinned }, async () => void (await busy()));
  const options = { workflows: [free, fixed], activities: [busy], maxConcurrentActivities: 1 };
  const { worker } = await serve("v1", options);
  await Promise.all([free, fixed, free, fixed].map((each) => client.execute(each)));
  expect(most).toBe(1);
  for (const deployment of ["shop", "shop-v1"]) {
    expect(worker.metrics()).toContain(`sirocco_worker_info{deployment="${deployment}",worker="v1"`);
  }
  expect(worker.metrics()).toContain('sirocco_worker_slots{kind="activities"} 1');
  expect(worker).toMatchObject({ deployment: "shop", version: "v1", warnings: [] });
  await worker.stop();
  const workers = await ports.registry.workers(DEFAULT_WORKSPACE, undefined, 0);
  expect(workers).toEqual([]);
});

test("a worker without workflows runs the activities of a version that its buildId names, and does not make it current", async () => {
  const client = createClient(at);
  const { order } = program("v1");
  await serve("v1", { workflows: [], name: "activities" });
  expect(await ports.registry.deployment(DEFAULT_WORKSPACE, "shop-v1")).toMatchObject({
    version: { of: "shop", introduced: false },
  });
  await serve("v1", { activities: [], name: "workflows" });
  const waiting = await client.start(order);
  await waiting.signal(go, {});
  expect(await waiting.result()).toBe("order of v1");
});

test("a reset moves an execution whose version has no worker any more into another one (PINNED-5)", async () => {
  const client = createClient(at);
  const { order, worker } = await serve("v1");
  const waiting = await client.start(order, {}, { id: "waiting" });
  await waiting.signal(go, {});
  await serve("v2");
  await waiting.result();
  await worker.stop();
  const move = async (deployment_name: string) => {
    const headers = { authorization: `Bearer ${at.apiKey}`, "content-type": "application/json" };
    const body = JSON.stringify({ to: "start", deployment_name });
    const path = `${at.url}/v1/workflows/executions/waiting/reset`;
    const answer = await fetch(path, { method: "POST", headers, body });
    return { status: answer.status, text: await answer.text() };
  };
  expect(await move("shop-v9")).toMatchObject({ status: 404, text: expect.stringContaining("shop-v9") });
  expect(await move("shop-v1")).toMatchObject({ status: 404, text: expect.stringContaining("shop-v1") });
  expect(await deploymentOf("waiting")).toBe("shop-v1");
  expect(await move("shop-v2")).toMatchObject({ status: 204 });
  expect(await waiting.result()).toBe("order of v2"); // its signal was given again
  expect(await deploymentOf("waiting")).toBe("shop-v2");
});

describe("settings", () => {
  const { order, helper, activities } = program("v1");
  const right = { deployment: "shop", url: "http://x", apiKey: "k", workflows: [order], activities, log };
  const versionOf = (over: Partial<WorkerOptions>, env = {}) => settingsOf({ ...right, ...over }, env).version;

  test("the version is buildId, else BUILD_ID, else a hash of the definitions in any order", () => {
    expect(versionOf({ buildId: "a" }, { BUILD_ID: "b" })).toEqual({ of: "shop", name: "a", promote: true });
    expect(versionOf({ autoPromote: false }, { BUILD_ID: "b" })).toEqual({ of: "shop", name: "b", promote: false });
    const hash = versionOf({ workflows: [order, helper] })!.name;
    expect(hash).toMatch(/^[0-9a-f]{12}$/);
    expect(versionOf({ workflows: [helper, order] })!.name).toBe(hash);
    expect(versionOf({ workflows: [order] })!.name).not.toBe(hash);
  });

  test("a worker without pinned workflows serves no version, whatever BUILD_ID a pipeline has set", () => {
    expect(versionOf({ workflows: [helper] }, { BUILD_ID: "not a name" })).toBeNull();
    expect(versionOf({ workflows: [helper], buildId: "v1" })).toBeNull();
    expect(versionOf({ workflows: [] }, { BUILD_ID: "v1" })).toBeNull();
    expect(versionOf({ workflows: [], buildId: "v1" })).toMatchObject({ name: "v1" });
  });

  test.each([
    [{ buildId: "1.2.3" }, {}, 'buildId: "1.2.3" cannot be a version: use 1 to 64 letters'],
    [{ buildId: "" }, {}, 'buildId: "" cannot be a version'],
    [{}, { BUILD_ID: "refs/heads/x" }, 'BUILD_ID: "refs/heads/x" cannot be a version'],
    [{}, { BUILD_ID: "x".repeat(65) }, "cannot be a version: use 1 to 64 letters"],
    [{ deployment: "d".repeat(100) }, { BUILD_ID: "x".repeat(64) }, "DEPLOYMENT_NAME and BUILD_ID together name"],
  ])("%j with %j are refused", (over, env, message) => {
    expect(() => versionOf(over, env)).toThrow(WorkerConfigError);
    expect(() => versionOf(over, env)).toThrow(message);
  });

  test("versioning has one value", () => {
    expect(() => workflow({ name: "w", versioning: "auto" as never }, async () => {})).toThrow(UsageError);
  });
});
