/** Lists and requests of operators on AWS: pages that Lambda can answer, and requests that come twice at once. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Api, createApi, createKey } from "../../shared/api/index.ts";
import { runJobs } from "../../shared/engine/jobs.ts";
import { addLogRecords } from "../../shared/engine/log-records.ts";
import { MAX_TAGS } from "../../shared/protocol/limits.ts";
import type { Aws } from "../../shared/server/aws.ts";
import { definition } from "../contract/subject.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { cannotRun, type Installation, install } from "./account.ts";

/** Below the 6 MB that Lambda answers at most. */
const ANSWER = 5_000_000;
const MANY = 8;

let on: Installation;
let ports: Aws;
let api: Api;
let key: string;
const workspace = randomUUID();

describeUnless(cannotRun)("operators on AWS", () => {
  beforeAll(async () => {
    on = await install({ feed: false });
    ports = on.adapter();
    api = createApi(ports, { version: "1", url: "http://localhost" });
    ({ key } = await createKey(ports, { workspace, name: "ann" }));
    const worker = { workspace, deployment: "shop", worker: "w", session: randomUUID() };
    const definitions = [{ ...definition("orders"), execution_timeout: null }];
    await ports.registry.register({ ...worker, definitions, now: ports.clock.now() });
  });
  afterAll(() => on?.end());

  async function ask(method: string, target: string, of?: object) {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const body = of ? JSON.stringify(of) : "";
    const answer = await api.handle({ method, target, headers, body, signal: new AbortController().signal });
    const text = "body" in answer ? answer.body : "";
    return { status: answer.status, bytes: Buffer.byteLength(text), body: text ? JSON.parse(text) : {} };
  }
  const atOnce = (method: string, target: string, of?: object) =>
    Promise.all(Array.from({ length: MANY }, () => ask(method, target, of)));
  const statusesOf = (all: { status: number }[]) => all.map(({ status }) => status).sort();

  test("a page of long log records is one that Lambda can answer, and its cursor leads to the rest", async () => {
    const wanted: string[] = [];
    for (let n = 0; n < 3; n++) {
      const execution_id = `wordy-${n}`;
      expect((await ask("POST", "/v1/workflows/orders/execute", { execution_id })).status).toBe(200);
      const head = (await ports.executions.head({ workspace, execution: execution_id }))!;
      for (let i = 0; i < 15; i++) {
        const attributes = Object.fromEntries(Array.from({ length: 18 }, (_, k) => [`k${k}`, "\u0001".repeat(2_000)]));
        const records = [{ at: ports.clock.now(), level: "info", body: `${n} ${i}`, attributes }] as const;
        await addLogRecords(
          ports,
          head,
          { worker: "w", trace: "t" },
          { id: randomUUID(), records: [...records], dropped: 0 },
        );
        wanted.push(`${n} ${i}`);
      }
    }
    const seen: string[] = [];
    for (let cursor = "", pages = 0; pages < 20; pages++) {
      const page = await ask("GET", `/v1/workflows/deployments/shop/logs?limit=100&order=asc&cursor=${cursor}`);
      expect([page.status, page.bytes < ANSWER]).toEqual([200, true]);
      seen.push(...page.body.results.map(({ body }: { body: string }) => body));
      if (page.body.next_cursor === null) break;
      cursor = page.body.next_cursor;
    }
    expect(seen.toSorted()).toEqual(wanted.toSorted());
  });

  test("a job that is sent eight times at once is one, acts once, and odd filters are refused or find nothing", async () => {
    const ids = ["j-1", "j-2", "j-3"];
    for (const execution_id of ids) await ask("POST", "/v1/workflows/orders/execute", { execution_id });
    const job_id = randomUUID();
    const body = { job_id, action: "terminate", filter: { search: "j-" } };
    expect(new Set((await atOnce("POST", "/v1/workflows/jobs", body)).map((each) => each.body.job_id))).toEqual(
      new Set([job_id]),
    );
    await Promise.all([runJobs(ports), runJobs(on.adapter())]);
    const job = (await ask("GET", `/v1/workflows/jobs/${job_id}`)).body;
    expect(job).toMatchObject({ status: "COMPLETED", total: 3, succeeded: 3, failed: 0 });
    for (const filter of [{ search: " " }, { search: "x".repeat(500_000) }])
      expect((await ask("POST", "/v1/workflows/jobs", { action: "terminate", filter })).status).toBe(422);
    expect((await ask("GET", "/v1/workflows/runs?search=wordy%00")).body.executions).toEqual([]);
  });

  test("a schedule that is created, triggered and deleted by eight at once is one, with a run for each trigger", async () => {
    const schedule_id = `s-${randomUUID()}`;
    const create = {
      workflow_identifier: "orders",
      schedule_id,
      schedule: { input: {}, cron_expressions: ["0 9 1 1 *"] },
    };
    expect(statusesOf(await atOnce("POST", "/v1/workflows/schedules", create))).toEqual([
      201,
      ...Array(MANY - 1).fill(409),
    ]);
    const path = `/v1/workflows/schedules/${schedule_id}`;
    expect(statusesOf(await atOnce("POST", `${path}/trigger`, { overlap: 6 }))).toEqual(Array(MANY).fill(204));
    const log = (await ask("GET", `${path}/log`)).body.entries as { execution_id: string; outcome: string }[];
    const started = log.filter(({ outcome }) => outcome === "started");
    expect(new Set(started.map(({ execution_id }) => execution_id)).size).toBe(MANY);
    expect(statusesOf(await atOnce("DELETE", path))).toEqual([204, ...Array(MANY - 1).fill(404)]);
  });

  test("a workflow gets no more tags than it may have from callers that add some at once", async () => {
    const all = await Promise.all(
      Array.from({ length: MANY }, (_, n) =>
        ask("POST", "/v1/workflows/orders/tags", { tags: Array.from({ length: 10 }, (_, i) => `t-${n}-${i}`) }),
      ),
    );
    const { workflow } = (await ask("GET", "/v1/workflows/orders")).body;
    expect(workflow.tags.length).toBe(10 * all.filter(({ status }) => status === 204).length);
    expect(workflow.tags.length).toBeLessThanOrEqual(MAX_TAGS);
  });
});
