/** Page tokens that a caller has written itself (PAGE-1): each list answers a page or a 422, never a fault. */
import { randomUUID } from "node:crypto";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type World, world } from "./support/world.ts";

let w: World;
let reader: string;
const runs = "/v1/workflows/runs";
const lists: Record<string, string> = {};

beforeAll(async () => {
  w = await world();
  const worker = await w.worker("shop", [{ name: "orders" }, { name: "others" }]);
  ({ key: reader } = await w.newKey({ workspace: w.workspace, rights: ["read"] }));
  for (const id of ["a", "b"]) {
    const body = { execution_id: id, input: {} };
    expect(await w.ask("POST", "/v1/workflows/orders/execute", { body })).toMatchObject({ status: 200 });
    const drive = await worker.claim(id);
    const question = {
      kind: "custom_task",
      event: "started",
      task: randomUUID(),
      task_type: "wait_for_input",
    } as const;
    const payload = { type: "json", value: { label: "?", input_schema: {} }, encoding_options: null };
    await drive.append([{ ...question, attributes: { payload } }]);
    const records = ["1", "2"].map((text) => ({ at: w.clock.now(), level: "info", body: text }) as const);
    const { execution, run } = drive.head;
    await worker.call("logs", { worker: "w1", items: [{ execution, run, id: randomUUID(), records, dropped: 0 }] });
    const schedule = { input: {}, intervals: [{ every: "PT1H" }] };
    const made = { schedule, workflow_identifier: "orders", schedule_id: id };
    expect(await w.ask("POST", "/v1/workflows/schedules", { body: made })).toMatchObject({ status: 201 });
    await w.ask("POST", `/v1/workflows/schedules/a/trigger`, { body: {} });
    const job = { action: "cancel", filter: { workflow_identifier: "others" } };
    expect(await w.ask("POST", "/v1/workflows/jobs", { body: job })).toMatchObject({ status: 201 });
    await w.worker(`d-${id}`, []);
  }
  Object.assign(lists, {
    runs: `${runs}?page_size=1`,
    events: "/v1/workflows/events/list?limit=1",
    inputs: "/v1/workflows/inputs?limit=1",
    jobs: "/v1/workflows/jobs?limit=1",
    schedules: "/v1/workflows/schedules?page_size=1",
    "log of a schedule": "/v1/workflows/schedules/a/log?limit=1",
    workflows: "/v1/workflows?limit=1",
    registrations: "/v1/workflows/registrations?limit=1",
    deployments: "/v1/workflows/deployments?limit=1",
    "logs of an execution": "/v1/workflows/executions/a/logs?limit=1",
    "logs of a deployment": "/v1/workflows/deployments/shop/logs?limit=1",
  });
});
afterAll(() => w.close());

const hostile = fc.oneof(
  fc.constantFrom(
    "desc, (SELECT hash FROM keys)",
    "desc LIMIT 1000000 --",
    "",
    "~",
    "asc",
    -1,
    0.5,
    Number.MAX_SAFE_INTEGER + 1,
    -1e308,
    1e308,
  ),
  fc.string(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

const page = (path: string, token: string) => {
  const field = /page_size/.test(path) ? "next_page_token" : "cursor";
  return w.ask("GET", `${path}&${field}=${encodeURIComponent(token)}`, { key: reader });
};
const written = (list: string, parts: unknown[]) =>
  `${list}.${Buffer.from(JSON.stringify(parts)).toString("base64url")}`;

test.for([
  "runs",
  "events",
  "inputs",
  "jobs",
  "schedules",
  "log of a schedule",
  "workflows",
  "registrations",
  "deployments",
  "logs of an execution",
  "logs of a deployment",
])("of the %s that a caller has changed are answered, or refused with 422", async (name) => {
  const path = lists[name]!;
  const { body } = await w.ask("GET", path, { key: reader });
  const [list, text] = String(body.next_cursor ?? body.next_page_token).split(".") as [string, string];
  const parts = JSON.parse(Buffer.from(text, "base64url").toString()) as unknown[];
  expect((await page(path, written(list, parts))).status).toBe(200);
  const isFine = async (changed: unknown[]) => {
    const { status } = await page(path, written(list, changed));
    expect([200, 422], JSON.stringify(changed)).toContain(status);
  };
  for (const bad of fc.sample(hostile, { numRuns: 40, seed: 7 })) {
    for (let i = 1; i < parts.length; i++) await isFine(parts.with(i, bad));
    await isFine([...parts, bad]);
  }
  await isFine(parts.slice(0, -1));
  if (name !== "runs") return;
  // The store's own token lies within.
  for (const bad of fc.sample(fc.tuple(hostile, hostile), { numRuns: 40, seed: 7 }))
    await isFine([parts[0], Buffer.from(JSON.stringify(bad)).toString("base64url")]);
});

test("cannot carry SQL into the statement of a list", async () => {
  const path = lists["logs of an execution"]!;
  const { body } = await w.ask("GET", path, { key: reader });
  const [list, text] = String(body.next_cursor).split(".") as [string, string];
  const parts = JSON.parse(Buffer.from(text, "base64url").toString()) as unknown[];
  const order = "desc, (SELECT hash FROM keys LIMIT 1)";
  expect(await page(path, written(list, parts.with(1, order)))).toMatchObject({ status: 422 });
});
