/**
 * Operations of operators that are sent twice: eight at once, as of several people or of a caller that repeats too early, and once
 * more afterwards, as of a caller that has lost the answer. Starts and resets have suites of their own.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MAX_TAGS } from "../../shared/protocol/limits.ts";
import type { ScriptedWorker } from "./support/scripted-worker.ts";
import { type Ask, type World, world } from "./support/world.ts";

let w: World;
let worker: ScriptedWorker;
beforeAll(async () => {
  w = await world();
  worker = await w.worker("shop", [{ name: "orders", execution_timeout: null }]);
});
afterAll(() => w.close());

const MANY = 8;
/** The statuses of `MANY` equal requests at once, sorted, and that of one more afterwards. */
async function repeated(method: string, path: string, o: Ask = {}) {
  const all = await Promise.all(Array.from({ length: MANY }, () => w.ask(method, path, o)));
  const late = await w.ask(method, path, o);
  return { all, statuses: all.map(({ status }) => status).sort(), late };
}
const oneThen = (first: number, others: number) => [first, ...Array(MANY - 1).fill(others)].sort();
const every = (status: number) => Array(MANY).fill(status);

const SCHEDULES = "/v1/workflows/schedules";
const JOBS = "/v1/workflows/jobs";
const started = async () => {
  const execution_id = `r-${randomUUID()}`;
  await w.ask("POST", "/v1/workflows/orders/execute", { body: { execution_id } });
  return execution_id;
};

describe("a schedule", () => {
  const create = (schedule_id: string) => ({
    body: { workflow_identifier: "orders", schedule_id, schedule: { input: {}, cron_expressions: ["0 9 * * *"] } },
  });
  const runsOf = async (id: string) =>
    ((await w.ask("GET", `/v1/workflows/runs?search=${id}`)).body.executions as unknown[]).length;

  test("that is created under one id again is one schedule, and the others are told that it exists", async () => {
    const id = `s-${randomUUID()}`;
    const { statuses, late } = await repeated("POST", SCHEDULES, create(id));
    expect([statuses, late.status, late.body.code]).toEqual([oneThen(201, 409), 409, "WF_1200"]);
  });

  test("is changed, paused and resumed as by the last request, whoever sends it again", async () => {
    const id = `s-${randomUUID()}`;
    await w.ask("POST", SCHEDULES, create(id));
    const path = `${SCHEDULES}/${id}`;
    const change = { body: { schedule: { cron_expressions: ["0 7 * * *"] } } };
    expect((await repeated("PATCH", path, change)).statuses).toEqual(every(200));
    expect((await repeated("POST", `${path}/pause`, { body: { note: "stock-taking" } })).statuses).toEqual(every(204));
    const paused = (await w.ask("GET", path)).body;
    expect(paused).toMatchObject({ cron_expressions: ["0 7 * * *"], paused: true });
    expect((await repeated("POST", `${path}/resume`)).statuses).toEqual(every(204));
    expect((await w.ask("GET", path)).body).toMatchObject({ paused: false });
    expect(await runsOf(id)).toBe(0);
  });

  test("is deleted once, the id is unknown afterwards, and triggers meanwhile start a whole run or none", async () => {
    const id = `s-${randomUUID()}`;
    await w.ask("POST", SCHEDULES, create(id));
    const triggers = Array.from({ length: MANY }, () =>
      w.ask("POST", `${SCHEDULES}/${id}/trigger`, { body: { overlap: 6 } }),
    );
    const { statuses, late } = await repeated("DELETE", `${SCHEDULES}/${id}`);
    expect([statuses, late.status]).toEqual([oneThen(204, 404), 404]);
    const accepted = (await Promise.all(triggers)).map(({ status }) => status);
    expect(new Set([...accepted, 204, 404])).toEqual(new Set([204, 404]));
    expect(await runsOf(id)).toBe(accepted.filter((status) => status === 204).length);
  });

  test("is triggered as often as it is asked", async () => {
    const id = `s-${randomUUID()}`;
    await w.ask("POST", SCHEDULES, create(id));
    const { statuses, late } = await repeated("POST", `${SCHEDULES}/${id}/trigger`, { body: { overlap: 6 } });
    expect([statuses, late.status]).toEqual([every(204), 204]);
    expect(await runsOf(id)).toBe(MANY + 1);
  });
});

describe("a job", () => {
  test("under one id is one job and acts once, and another request under the id is refused", async () => {
    const ids = [await started(), await started()];
    const job_id = randomUUID();
    const body = { job_id, action: "terminate", filter: { search: "r-" }, reason: "moved" };
    const { all, late } = await repeated("POST", JOBS, { body });
    expect(new Set(all.map(({ status, body: of }) => `${status} ${of.job_id}`))).toEqual(new Set([`201 ${job_id}`]));
    expect(late.body.job_id).toBe(job_id);
    expect((await w.ask("POST", JOBS, { body: { ...body, reason: "other" } })).status).toBe(422);
    await Promise.all([w.ports.sweep(1_000), w.ports.sweep(1_000)]);
    const job = (await w.ask("GET", `${JOBS}/${job_id}`)).body;
    expect(job).toMatchObject({ status: "COMPLETED", succeeded: job.total, failed: 0 });
    const { outcomes } = (await w.ask("GET", `${JOBS}/${job_id}/outcomes`)).body as {
      outcomes: { execution_id: string; outcome: string }[];
    };
    for (const id of ids) {
      expect(outcomes.filter((each) => each.execution_id === id)).toMatchObject([{ outcome: "succeeded" }]);
    }
    const { statuses, late: again } = await repeated("POST", `${JOBS}/${job_id}/abort`);
    expect([statuses, again.status]).toEqual([every(409), 409]);
  });

  test("is aborted once, and a repeated abort succeeds", async () => {
    const made = await w.ask("POST", JOBS, { body: { action: "cancel", filter: { search: "nothing" } } });
    const { statuses, late } = await repeated("POST", `${JOBS}/${made.body.job_id}/abort`);
    expect([statuses, late.body.status]).toEqual([every(200), "ABORTED"]);
    await w.ports.sweep(1_000);
    expect((await w.ask("GET", `${JOBS}/${made.body.job_id}`)).body).toMatchObject({ status: "ABORTED", done: 0 });
  });
});

describe("an execution", () => {
  test("is terminated once: the others are told how it ended", async () => {
    const id = await started();
    const { statuses, late } = await repeated("POST", `/v1/workflows/executions/${id}/terminate`);
    expect([statuses, late.body.status]).toEqual([oneThen(204, 409), "TERMINATED"]);
  });

  test("is deleted by all who ask, also while it is read and started again under its id", async () => {
    const id = await started();
    await worker.complete(id);
    const starts = Array.from({ length: MANY }, () =>
      w.ask("POST", "/v1/workflows/orders/execute", { body: { execution_id: id } }),
    );
    const { all } = await repeated("DELETE", `/v1/workflows/executions/${id}`);
    for (const { status } of all) expect([204, 409]).toContain(status);
    const begun = (await Promise.all(starts)).filter(({ status }) => status === 200);
    expect(begun.length).toBeLessThanOrEqual(1);
    const after = await w.ask("GET", `/v1/workflows/executions/${id}`);
    if (begun.length === 0) expect(after.status).toBe(404);
    else expect(after.body).toMatchObject({ status: "RUNNING", run_id: begun[0]!.body.run_id });
  });
});

describe("a workflow", () => {
  test("is archived and shown again by all who ask", async () => {
    const { statuses } = await repeated("PUT", "/v1/workflows/orders/archive");
    expect(statuses).toEqual(every(200));
    const back = await repeated("PUT", "/v1/workflows/orders/unarchive");
    expect([back.statuses, back.late.body]).toMatchObject([every(200), { workflow: { archived: false } }]);
  });

  test("gets no more tags than it may have from callers that add some at once", async () => {
    const adding = Array.from({ length: 20 }, (_, n) =>
      w.ask("POST", "/v1/workflows/orders/tags", {
        body: { tags: Array.from({ length: 10 }, (_, i) => `t-${n}-${i}`) },
      }),
    );
    const statuses = (await Promise.all(adding)).map(({ status }) => status);
    const { workflow } = (await w.ask("GET", "/v1/workflows/orders")).body as { workflow: { tags: string[] } };
    expect(workflow.tags.length).toBe(10 * statuses.filter((status) => status === 204).length);
    expect(workflow.tags.length).toBeLessThanOrEqual(MAX_TAGS);
  });
});

test("a deployment is hardened by one of two lists of keys, never by a mixture, and unhardened once", async () => {
  await w.worker("vault", [{ name: "secrets" }]);
  for (const name of ["a", "b"]) await w.newKey({ workspace: w.workspace, name });
  const keys = (await w.ask("GET", "/v1/keys")).body.keys as { key_id: string; name: string }[];
  const lists = ["a", "b"].map((name) => keys.filter((key) => key.name === name).map(({ key_id }) => key_id));
  const harden = (key_ids: string[]) => w.ask("POST", "/v1/workflows/deployments/vault/harden", { body: { key_ids } });
  const all = await Promise.all(Array.from({ length: MANY }, (_, i) => harden(lists[i % 2]!)));
  expect(all.map(({ status }) => status)).toEqual(every(200));
  const { body } = await w.ask("GET", "/v1/workflows/deployments/vault");
  expect(body.is_hardened).toBe(true);
  const register = { definitions: [{ name: "secrets", input_schema: {} }], activities: [], sdk: "scripted/1" };
  expect((await worker.raw("register", { ...worker.who, deployment: "vault", ...register })).status).toBe(403);
  const { statuses } = await repeated("POST", `/v1/workflows/deployments/${body.id}/unharden`);
  expect(statuses).toEqual(every(204));
});

test("a key is revoked once", async () => {
  await w.newKey({ workspace: w.workspace, name: "gone" });
  const keys = (await w.ask("GET", "/v1/keys")).body.keys as { key_id: string; name: string }[];
  const { key_id } = keys.find(({ name }) => name === "gone")!;
  const { statuses, late } = await repeated("DELETE", `/v1/keys/${key_id}`);
  expect([statuses, late.status]).toEqual([oneThen(204, 404), 404]);
});
