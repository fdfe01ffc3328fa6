/**
 * `npm run bench -- --target jobs`: a job over very many executions, for each action. On the embedded engine: its time, and how long it
 * holds the event loop. Over tables of DynamoDB in memory: the units and requests per execution. No worker runs.
 */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newJob, runJobs } from "../shared/engine/jobs.ts";
import { start } from "../shared/engine/start.ts";
import { terminate } from "../shared/engine/terminate.ts";
import { realClock } from "../shared/lib/clock.ts";
import type { Ports } from "../shared/ports.ts";
import type { JobAction } from "../shared/protocol/job.ts";
import { type Embedded, embedded } from "../shared/server/embedded.ts";
import { memoryAws } from "../test/support/memory-aws.ts";
import { round } from "./harness.ts";
import { longestHold } from "./holds.ts";

const EXECUTIONS = Number(process.env.SIROCCO_BENCH_EXECUTIONS ?? 10_000);
/** Units per execution hardly depend on their number. */
const COUNTED = Math.min(500, EXECUTIONS);
const WORKSPACE = "bench";
const ACTIONS: readonly JobAction[] = [
  { kind: "cancel" },
  { kind: "terminate", reason: null },
  { kind: "signal", name: "poke", input: {} },
  { kind: "reset", to: "start", reason: null, excluded: [] },
  { kind: "delete" },
];
const idOf = (n: number): string => `execution-${n}`;

export async function jobs() {
  const rows = [];
  for (const action of ACTIONS) rows.push({ ...(await timed(action)), ...(await counted(action)) });
  return { rows, "executions of a timed job": EXECUTIONS, "executions of a counted job": COUNTED };
}

async function timed(action: JobAction) {
  const dir = mkdtempSync(join(tmpdir(), "sirocco-bench-"));
  const store = embedded({ file: join(dir, "sirocco.db") });
  try {
    await fill(store, action, EXECUTIONS);
    await store.durable();
    const id = await created(store, action);
    const began = performance.now();
    const { wall, cpu } = await longestHold(() => runJobs(store));
    const ms = performance.now() - began;
    await ended(store, id, EXECUTIONS);
    const repeated = await repeat(store, id);
    return {
      action: action.kind,
      "job s": round(ms / 1000, 1),
      "ms per execution": round(ms / EXECUTIONS, 3),
      "longest hold ms": round(wall, 1),
      "processor ms of it": round(cpu, 1),
      ...repeated,
    };
  } finally {
    store.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The same job is created once more, as by a caller that lost the answer, and another one over the same executions. */
async function repeat(store: Embedded, id: string) {
  const ref = { workspace: WORKSPACE, id };
  const job = (await store.jobs.get(ref))!;
  const before = await written(store);
  const began = performance.now();
  const isNew = await store.jobs.create({ ...newJob(job, store.clock.now()) });
  await runJobs(store);
  const ms = performance.now() - began;
  if (isNew || before !== (await written(store))) throw new Error(`the job '${job.action.kind}' was done twice`);
  const second = newJob({ ...job, id: store.uuid() }, store.clock.now());
  const again = performance.now();
  await store.jobs.create(second);
  await runJobs(store);
  const seconds = (performance.now() - again) / 1000;
  const { counts, total } = (await store.jobs.get({ workspace: WORKSPACE, id: second.id }))!;
  return {
    "the same again ms": round(ms, 1),
    "a second job s": round(seconds, 1),
    "it found": total ?? 0,
    "and did": counts.succeeded,
  };
}

/** What is stored of some of the executions. */
async function written(store: Embedded): Promise<string> {
  const refs = Array.from({ length: 100 }, (_, n) => ({
    workspace: WORKSPACE,
    execution: idOf(n * (EXECUTIONS / 100)),
  }));
  const all = refs.map(async (ref) => {
    const head = await store.executions.head(ref);
    return [head, head && (await store.executions.inbox(ref, head.chain, 10))];
  });
  return JSON.stringify(await Promise.all(all));
}

async function counted(action: JobAction) {
  const { ports, clients } = memoryAws({ clock: realClock });
  await fill(ports, action, COUNTED);
  const id = await created(ports, action);
  clients.meter.take();
  await runJobs(ports);
  const used = clients.meter.take();
  await ended(ports, id, COUNTED);
  const each = (of: number) => round(of / COUNTED, 2);
  return {
    "AWS write units": each(used.writeUnits),
    "read units": each(used.readUnits),
    "SQS requests": each(used.sqs),
  };
}

async function fill(ports: Ports, action: JobAction, executions: number) {
  for (let n = 0; n < executions; n++) {
    const ref = { workspace: WORKSPACE, execution: idOf(n) };
    const of = { workflow: "orders", registration: null, deployment: "shop", input: { n }, timeoutMs: null };
    await start(ports, { ...ref, ...of, token: randomUUID(), by: "client" });
    if (action.kind === "delete") await terminate(ports, ref, { kind: "terminated", reason: null });
    if (n % 500 === 0) await ports.durable();
  }
}

async function created(ports: Ports, action: JobAction): Promise<string> {
  const now = ports.clock.now() + 1;
  const statuses = [action.kind === "delete" ? "TERMINATED" : "RUNNING"] as const;
  const query = { workspace: WORKSPACE, statuses, startedBefore: now } as const;
  const job = newJob({ workspace: WORKSPACE, id: ports.uuid(), action, filter: {}, query, by: "bench" }, now - 1);
  await ports.jobs.create(job);
  return job.id;
}

async function ended(ports: Ports, id: string, executions: number) {
  const job = await ports.jobs.get({ workspace: WORKSPACE, id });
  const done = job?.status === "COMPLETED" && job.counts.succeeded === executions;
  if (!done) throw new Error(`the job is ${job?.status}: ${JSON.stringify(job?.counts)}`);
}
