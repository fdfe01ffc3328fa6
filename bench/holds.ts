/**
 * The longest time for which one request of each kind holds the event loop of a server with very many executions. Fills a
 * file first, in some minutes; with `SIROCCO_BENCH_FILE` that file is kept and used again, and filled further if it is not
 * full, so that it can be filled in parts. `SIROCCO_BENCH_REQUESTS` measures only the requests whose names match this regular
 * expression.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApi, createKey, DEFAULT_WORKSPACE } from "../shared/api/index.ts";
import type { Head } from "../shared/protocol/head.ts";
import type { Batch, HistoryEvent } from "../shared/protocol/history.ts";
import { type Embedded, embedded } from "../shared/server/embedded.ts";
import { round, spread } from "./harness.ts";

const EXECUTIONS = Number(process.env.SIROCCO_BENCH_EXECUTIONS ?? 1_000_000);
const TIMES = 5;
/** Of a request that takes less than `QUICK_MS`, so that its median means something. */
const QUICK_TIMES = 300;
const QUICK_MS = 20;
/** A request that takes longer is measured once. */
const SLOW_MS = 2_000;
const WORKFLOWS = ["orders", "refunds", "invoices", "mails"];

export async function holds() {
  const kept = process.env.SIROCCO_BENCH_FILE;
  const dir = kept ? undefined : mkdtempSync(join(tmpdir(), "sirocco-bench-"));
  const file = kept ?? join(dir!, "sirocco.db");
  await fill(file);
  const opened = performance.now();
  const store = embedded({ file });
  const startUp = performance.now() - opened;
  const api = createApi(store, { version: "1.0.0", url: "http://localhost" });
  const { key } = await createKey(store, { workspace: DEFAULT_WORKSPACE, name: "bench" });
  const get = async (target: string) => {
    const answer = await api.handle({
      method: "GET",
      target,
      headers: { authorization: `Bearer ${key}` },
      body: "",
      signal: AbortSignal.timeout(60_000),
    });
    if (answer.status !== 200) throw new Error(`${target}: ${answer.status} ${"body" in answer ? answer.body : ""}`);
    if (answer.kind === "body") return answer.body.length;
    let frames = 0;
    for await (const chunk of answer.chunks) frames += chunk === "" ? 0 : 1;
    return frames;
  };
  const runs = "/v1/workflows/runs";
  const kinds: [string, () => Promise<unknown>][] = [
    ["get an execution", () => get(`/v1/workflows/executions/${idOf(5)}`)],
    ["explain an open execution", () => get(`/v1/workflows/executions/${idOf(50)}/explain`)],
    ["explain a closed execution", () => get(`/v1/workflows/executions/${idOf(5)}/explain`)],
    ["explain one of 10,000 events", () => get("/v1/workflows/executions/large/explain")],
    ["metrics of a workflow", () => get("/v1/workflows/orders/metrics")],
    ["failures of a month", () => get("/v1/workflows/failures?start_time=2001-01-01T00:00:00Z")],
    ["open questions to people", () => get("/v1/workflows/inputs")],
    ["history of 10,000 events", () => get("/v1/workflows/executions/large/history")],
    ["stream of 10,000 events", () => get("/v1/workflows/executions/large/stream")],
    ["stream of the oldest execution", () => get(`/v1/workflows/executions/${idOf(1)}/stream`)],
    ["events of the oldest execution", () => get(`/v1/workflows/events/list?workflow_exec_id=${idOf(1)}`)],
    ["events of the workspace, a page of 1,000", () => get("/v1/workflows/events/list?limit=1000")],
    ["runs, a page of 1,000", () => get(`${runs}?page_size=1000`)],
    ["runs by end, oldest first", () => get(`${runs}?sort_by=end_time&order=asc`)],
    ["runs of one status of many", () => get(`${runs}?status=COMPLETED`)],
    ["runs of one status of few", () => get(`${runs}?status=FAILED&sort_by=end_time`)],
    ["runs of one workflow and status", () => get(`${runs}?workflow_identifier=orders&status=RUNNING`)],
    ["runs of several statuses", () => get(`${runs}?status=CANCELED&status=TERMINATED`)],
    ["runs of a user who has none", () => get(`${runs}?user_id=nobody`)],
    ["runs of a deployment, by end", () => get(`${runs}?deployment_name=shop&sort_by=end_time`)],
    ["runs of a tree", () => get(`${runs}?root_execution_id=${idOf(7)}`)],
    ["runs by a text that none has", () => get(`${runs}?search=no-such-text`)],
    ["runs by end between two times", () => get(`${runs}?end_time_after=2001-01-01T00:00:00Z&sort_by=start_time`)],
    ["runs by a search key of one run", () => get(`${runs}?search_key=order:o-77777`)],
    ["runs by a search key of many runs", () => get(`${runs}?search_key=region:eu`)],
    ["runs by a beginning of many search keys", () => get(`${runs}?search_key=order^=o-`)],
    ["runs by search keys that exclude each other", () => get(`${runs}?search_key=region:eu&search_key=region:us`)],
    ["workflows with a status", () => get("/v1/workflows?status=FAILED")],
    ["a round of the sweeper", () => store.sweep(10_000)],
  ];
  const rows = [];
  const only = new RegExp(process.env.SIROCCO_BENCH_REQUESTS ?? "");
  for (const [kind, work] of kinds.filter(([name]) => only.test(name))) {
    const all: number[] = [];
    let wall = 0;
    let cpu = 0;
    const began = performance.now();
    const most = () => (all.at(-1)! < QUICK_MS ? QUICK_TIMES : TIMES);
    while (all.length === 0 || (all.length < most() && performance.now() - began < SLOW_MS)) {
      const before = performance.now();
      const hold = await longestHold(work);
      all.push(performance.now() - before);
      wall = Math.max(wall, hold.wall);
      cpu = Math.max(cpu, hold.cpu);
    }
    const { p50, p95 } = spread(all);
    const row = {
      request: kind,
      times: all.length,
      "p50 ms": round(p50, 1),
      "p95 ms": round(p95, 1),
      "longest hold ms": round(wall, 1),
      "processor ms of it": round(cpu, 1),
    };
    rows.push(row);
  }
  const megabytes = statSync(file).size / 1_000_000;
  store.close();
  if (dir) rmSync(dir, { recursive: true, force: true });
  return { rows, executions: EXECUTIONS, "start-up ms": round(startUp, 1), "file MB": round(megabytes, 0) };
}

/** The longest iteration of the event loop while `work` is under way, ms: by the clock, and of this thread's processor time. */
export async function longestHold(work: () => Promise<unknown>): Promise<{ wall: number; cpu: number }> {
  const longest = { wall: 0, cpu: 0 };
  const read = () => ({ wall: performance.now(), cpu: threadMs() });
  let last = read();
  const look = () => {
    const now = read();
    longest.wall = Math.max(longest.wall, now.wall - last.wall);
    longest.cpu = Math.max(longest.cpu, now.cpu - last.cpu);
    last = now;
  };
  let going = true;
  const tick = () => {
    look();
    if (going) setImmediate(tick);
  };
  setImmediate(tick);
  await work();
  going = false;
  look();
  return longest;
}

function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

const idOf = (n: number): string => `execution-${n}`;

async function fill(file: string) {
  const store = embedded({ file });
  const { database } = store;
  const stored = database.one("SELECT COUNT(*) AS n, MIN(started_at) AS first FROM runs");
  const filled = Number(stored?.n); // a commit has a thousand executions
  if (filled > EXECUTIONS) return store.close();
  database.one("PRAGMA synchronous = OFF");
  database.one("PRAGMA cache_size = -4000000"); // index entries of random run ids
  const began = filled > 0 ? Number(stored?.first) - 1 : Date.now() - EXECUTIONS;
  for (const name of WORKFLOWS) {
    const definitions = [{ ...DEFINITION, name }];
    const worker = { workspace: DEFAULT_WORKSPACE, deployment: "shop", worker: "bench", session: store.uuid() };
    await store.registry.register({ ...worker, definitions, now: Date.now() });
  }
  for (let n = filled + 1; n <= EXECUTIONS; n++) {
    const head = headOf(store, n, began + n);
    await store.executions.create(head, []);
    await write(store, head, 2, [completed(1)]);
    const status = n % 1_000 === 0 ? "FAILED" : n % 50 === 0 ? "RUNNING" : "COMPLETED";
    if (status !== "RUNNING") await finish(store, head, 3, status, began + n + 500);
    if (n % 1_000 === 0) await store.durable();
    if (n % 50_000 === 0) console.log(`${n} executions`);
  }
  const large = { ...headOf(store, 0, Date.now()), execution: "large", root: "large" };
  await store.executions.create(large, []);
  for (let i = 0; i < 1_000; i++) {
    await write(
      store,
      large,
      2 + i * 10,
      Array.from({ length: 10 }, () => completed(1)),
    );
    if (i % 100 === 0) await store.durable();
  }
  await finish(store, large, 10_002, "COMPLETED", Date.now());
  await store.durable();
  store.close();
}

const completed = (activity: number) =>
  ({ kind: "activity_completed", activity, name: "charge", result: { ok: true, text: "x".repeat(200) } }) as const;

async function write(store: Embedded, head: Head, first: number, events: readonly object[]) {
  const batch = batchOf(store, head, first, events);
  const put = await store.executions.putBatch(head, head.run, batch, Number.MAX_SAFE_INTEGER);
  if (put.kind !== "written") throw new Error(`batch ${first} of ${head.execution}: ${put.kind}`);
}

async function finish(store: Embedded, head: Head, first: number, status: Head["status"], at: number) {
  const batch = batchOf(store, head, first, [{ kind: "execution_completed", result: { ok: true } }]);
  const next: Head = { ...head, status, closed_at: at, due_at: null, wake_pending: false, result: { ok: true } };
  await store.executions.close(head, { run: head.run, fence: null, batch, next });
}

function batchOf(store: Embedded, head: Head, first: number, events: readonly object[]): Batch {
  const at = head.started_at;
  return {
    first,
    events: events.map((e, i) => ({ ...e, id: first + i, at }) as HistoryEvent),
    append_id: store.uuid(),
  };
}

function headOf(store: Embedded, n: number, at: number): Head {
  const run = store.uuid();
  const chain = store.uuid();
  return {
    workspace: DEFAULT_WORKSPACE,
    execution: idOf(n),
    workflow: WORKFLOWS[n % WORKFLOWS.length]!,
    registration: null,
    deployment: "shop",
    status: "RUNNING",
    run,
    chain,
    root_chain: chain,
    display_name: null,
    first_run: run,
    continued_from: null,
    attempt: 1,
    due_at: null,
    wake_pending: false,
    fence: 1,
    effects_done_through: 1,
    owner: null,
    outbox: [],
    token: store.uuid(),
    input: { n, text: "x".repeat(200) },
    result: null,
    failure: null,
    carried: [],
    paced_until: null,
    parent: null,
    root: idOf(n),
    schedule: null,
    search_keys: { order: `o-${n}`, region: n % 2 === 0 ? "eu" : "us" },
    user: "bench",
    extensions: null,
    started_at: at,
    closed_at: null,
    deadline: null,
  };
}

const DEFINITION = {
  input_schema: { type: "object" },
  signals: [],
  queries: [],
  updates: [],
  enforce_determinism: true,
  is_technical: false,
  execution_timeout: 3600,
  search_keys: ["order", "region"],
  schedules: [],
};
