/**
 * `npm run bench`: the engine on one machine, over real HTTP and a SQLite file with full sync. Prints tables and writes them
 * as JSON to `bench/results/`. Compare figures of one run only: another machine or another hour gives other figures.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Mistral } from "@mistralai/mistralai";
import { installation, KEY, now, type Process, type Reached, round, spread } from "./harness.ts";
import { closeConnections, post } from "./peers/http-call.ts";
import { sirocco } from "./peers/sirocco.ts";

const { values } = parseArgs({
  options: { only: { type: "string" }, target: { type: "string", default: "embedded" } },
});

async function result(on: Reached, workflow: string, input: Record<string, unknown>): Promise<Record<string, unknown>> {
  const answer = await on.client.workflows.executeWorkflow({
    workflowIdentifier: workflow,
    workflowExecutionRequest: { input, waitForResult: true, timeoutSeconds: 280 },
  });
  return answer.result as Record<string, unknown>;
}

async function sequential() {
  const on = await installation();
  await on.worker();
  await result(on, "sequence", { steps: 500, report: false }); // warm-up
  const rows = [];
  for (const steps of [10, 100, 1000, 5000, 10_000]) {
    const gaps: number[] = [];
    for (let i = 0; i < Math.max(1, Math.min(20, 1000 / steps)); i++) {
      gaps.push(...((await result(on, "sequence", { steps, report: true })).gaps as number[]));
    }
    const { p50, p95 } = spread(gaps);
    rows.push({ steps, "p50 ms": round(p50), "p95 ms": round(p95) });
  }
  const gaps = (await result(on, "sequence", { steps: 10_000, report: true })).gaps as number[];
  const early = spread(gaps.slice(0, 500)).p50;
  const late = spread(gaps.slice(-500)).p50;
  await on.close();
  return { rows, "p50 of the last 500 of 10,000 steps, relative to the first 500": round(late / early) };
}

/** Many short steps, and runs of which the start and the close cost most: the processor time of each process is the surer figure. */
async function throughput() {
  const rows = [];
  for (const { workers, executions, steps } of [
    { workers: 1, executions: 200, steps: 50 },
    { workers: 2, executions: 200, steps: 50 },
    { workers: 1, executions: 400, steps: 10 },
    { workers: 1, executions: 1000, steps: 1 },
  ]) {
    const on = await installation();
    const started: Process[] = [];
    for (let i = 0; i < workers; i++) started.push(await on.worker());
    const cpu = async () => {
      const used = await Promise.all(started.map((worker) => worker.usage()));
      return { server: (await on.server.usage()).cpu, workers: used.reduce((sum, each) => sum + each.cpu, 0) };
    };
    const n = executions * steps;
    const run = async () => {
      const before = await cpu();
      const began = now();
      const body = { input: { steps, report: false }, wait_for_result: true, timeout_seconds: 280 };
      await Promise.all(Array.from({ length: executions }, () => ask(on, "/sequence/execute", body)));
      const rate = (n * 1000) / (now() - began);
      const after = await cpu();
      return { rate, server: (after.server - before.server) / n, workers: (after.workers - before.workers) / n };
    };
    await run();
    const runs = [await run(), await run(), await run()];
    const { commits } = await on.server.usage();
    rows.push({
      workers,
      executions,
      steps,
      "steps/s": Math.round(Math.max(...runs.map(({ rate }) => rate))),
      "server us/step": round(Math.min(...runs.map(({ server }) => server)), 1),
      "workers us/step": round(Math.min(...runs.map(({ workers }) => workers)), 1),
      commits,
    });
    closeConnections();
    await on.close();
  }
  return { rows, note: "us/step: processor time, user and system" };
}

/** Server and worker in one process (`sirocco dev --one-process`). */
async function oneProcess(): Promise<Reached> {
  const folder = mkdtempSync(join(tmpdir(), "sirocco-bench-"));
  const running = await sirocco.start(folder);
  const url = `http://127.0.0.1:${running.request(0).port}`;
  return {
    url,
    key: KEY,
    client: new Mistral({ serverURL: url, apiKey: KEY }),
    async close() {
      await running.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function twoProcesses(): Promise<Reached> {
  const on = await installation();
  await on.worker();
  return on;
}

async function latencies() {
  const two = await latenciesOf(await twoProcesses());
  const one = await latenciesOf(await oneProcess());
  const rows = two.map(({ what, p50, p95 }, i) => ({
    what,
    "two processes: p50 ms": p50,
    "p95 ms": p95,
    "one process: p50 ms": one[i]?.p50,
    "p95 ms ": one[i]?.p95,
  }));
  return { rows };
}

/** A request of a client that takes next to no time itself. */
async function ask(on: Reached, path: string, body: Record<string, unknown>): Promise<Record<string, unknown>> {
  const headers = { authorization: `Bearer ${on.key}` };
  const text = await post({ port: Number(new URL(on.url).port), path: `/v1/workflows${path}`, headers, body });
  return text === "" ? {} : JSON.parse(text);
}

/** Of the first starts V8 has not optimized the code yet, of the client neither. */
const WARM = 300;

/** `run` answers the time at which the activity began. */
async function starts(n: number, run: () => Promise<unknown>): Promise<number[]> {
  const took: number[] = [];
  for (let i = 0; i < WARM + n; i++) {
    const began = now();
    took.push(((await run()) as number) - began);
  }
  return took.slice(WARM);
}

async function latenciesOf(on: Reached) {
  const asked = async () =>
    (await ask(on, "/first/execute", { input: {}, wait_for_result: true })).result as { at: number };
  const toFirstActivity = await starts(200, async () => (await asked()).at);
  const ofClient = await starts(100, async () => (await result(on, "first", {})).at);
  const { toHandler, toActivity } = await signals(on, 120);
  const toStream: number[] = [];
  const stream = await on.client.workflows.events.getStreamEvents({ stream: "progress" });
  const n = 100;
  const reporting = result(on, "reports", { n });
  for await (const message of stream) {
    if (!message.data || !("data" in message.data)) continue;
    const patch = (message.data.data.attributes as { payload?: { value?: unknown } }).payload?.value;
    if (!Array.isArray(patch)) continue;
    toStream.push(now() - (patch[0] as { value: number }).value);
    if (toStream.length === n) break;
  }
  await reporting;
  const idle = await reads(on, 200);
  const busy = { going: true };
  const load = Array.from({ length: 20 }, async () => {
    while (busy.going) await result(on, "sequence", { steps: 10, report: false });
  });
  await new Promise((ok) => setTimeout(ok, 2_000));
  const loaded = await reads(on, 200);
  busy.going = false;
  await Promise.all(load);
  closeConnections();
  await on.close();
  const row = (what: string, list: number[]) => {
    const { p50, p95 } = spread(list);
    return { what, p50: round(p50, 2), p95: round(p95, 2) };
  };
  return [
    row("start to first activity", toFirstActivity),
    row("start to first activity, official client", ofClient),
    row("signal to its handler", toHandler),
    row("signal to the activity of its handler", toActivity),
    row("progress report to stream client, a report each 20 ms", toStream),
    row("get, nothing else to do", idle.get),
    row("explain, nothing else to do", idle.explain),
    row("get, while 20 callers start runs of 10 steps", loaded.get),
    row("explain, likewise", loaded.explain),
  ];
}

async function signals(on: Reached, n: number) {
  const execution = { execution_id: "listens", input: { n }, wait_for_result: true, timeout_seconds: 280 };
  const waits = ask(on, "/listens/execute", execution);
  for (let i = 0; i < n; i++) {
    await new Promise((ok) => setTimeout(ok, 20));
    await ask(on, "/executions/listens/signals", { name: "poke", input: { sent: now() } });
  }
  const { toHandler, toActivity } = (await waits).result as Record<"toHandler" | "toActivity", number[]>;
  return { toHandler: toHandler.slice(20), toActivity: toActivity.slice(20) };
}

/** How long a client waits for each of two reads of an execution that is open. */
async function reads(on: Reached, n: number) {
  const { executionId } = await on.client.workflows.executeWorkflow({
    workflowIdentifier: "parked",
    workflowExecutionRequest: { input: {} },
  });
  const at = `${on.url}/v1/workflows/executions/${executionId}`;
  const read = async (url: string) => {
    const began = now();
    const answer = await fetch(url, { headers: { authorization: `Bearer ${on.key}` } });
    if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
    await answer.text();
    return now() - began;
  };
  const took = { get: [] as number[], explain: [] as number[] };
  for (let i = 0; i < n; i++) {
    took.get.push(await read(at));
    took.explain.push(await read(`${at}/explain`));
  }
  return took;
}

async function recovery() {
  const rows = [];
  for (const [what, settings] of [
    ["default lease (30 s)", {}],
    ["lease 5 s, session timeout 5 s", { leaseMs: 5_000, sessionTimeoutMs: 5_000, heartbeatMs: 1_500 }],
  ] as const) {
    const on = await installation(settings);
    const victim = await on.worker();
    const running = result(on, "slowSteps", { steps: 30 });
    await new Promise((ok) => setTimeout(ok, 1_000));
    await on.worker();
    const killed = now();
    await victim.kill();
    const { at } = (await running) as { at: number[] };
    const next = at.find((t) => t > killed)!;
    rows.push({ what, "seconds from SIGKILL to the next finished step": round((next - killed) / 1000, 1) });
    await on.close();
  }
  return { rows };
}

async function memory() {
  const on = await installation();
  const worker = await on.worker({ CACHED: "100" });
  const start = () =>
    on.client.workflows.executeWorkflow({ workflowIdentifier: "parked", workflowExecutionRequest: { input: {} } });
  const warm = 500;
  for (let i = 0; i < warm; i++) await start();
  /** The worker is behind the starts by some thousand. */
  const parked = async (all: number) => {
    do await new Promise((ok) => setTimeout(ok, 1_500));
    while ((await on.server.parked()) < all);
  };
  await parked(warm);
  const before = { server: (await on.server.usage()).rss, worker: (await worker.usage()).rss };
  const size = () => statSync(on.file).size + statSync(`${on.file}-wal`).size;
  const bytes = size();
  const n = 20_000;
  for (let i = 0; i < n; i += 50) await Promise.all(Array.from({ length: 50 }, start));
  await parked(warm + n);
  const after = { server: (await on.server.usage()).rss, worker: (await worker.usage()).rss };
  const row = {
    executions: n,
    "server bytes per execution": Math.round((after.server - before.server) / n),
    "worker bytes per execution": Math.round((after.worker - before.worker) / n),
    "disk bytes per execution": Math.round((size() - bytes) / n),
  };
  await on.close();
  return { rows: [row] };
}

async function counts() {
  const { awsCounts } = await import("./aws.ts"); // loads the AWS SDK and starts an emulator
  return awsCounts();
}

async function idle() {
  return (await import("./idle.ts")).idle();
}

async function holds() {
  return (await import("./holds.ts")).holds();
}

async function backup() {
  return (await import("./backup.ts")).backups();
}

async function jobs() {
  return (await import("./jobs.ts")).jobs();
}

async function python() {
  return (await import("./python.ts")).pythonSteps();
}

const targets = {
  embedded: { sequential, throughput, latencies, recovery, memory },
  aws: { counts, idle },
  large: { holds },
  jobs: { jobs },
  backup: { backup },
  python: { python },
};
const parts = targets[values.target as keyof typeof targets];
if (!parts) throw new Error(`--target is '${values.target}', it must be ${Object.keys(targets).join(" or ")}`);
const report: Record<string, unknown> = {
  date: new Date().toISOString(),
  node: process.version,
  cpus: `${availableParallelism()} x ${cpus()[0]?.model}`,
};
for (const [name, part] of Object.entries(parts)) {
  if (values.only && !values.only.split(",").includes(name)) continue;
  const { rows, ...rest } = await part();
  console.log(`\n${name}`);
  console.table(rows);
  for (const [key, value] of Object.entries(rest)) console.log(`${key}: ${value}`);
  report[name] = { rows, ...rest };
}
const results = new URL("./results/", import.meta.url);
mkdirSync(results, { recursive: true });
const file = new URL(`${String(report.date).replace(/[:.]/g, "-")}.json`, results);
writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
console.log(`\nresults written to ${file.pathname}`);
