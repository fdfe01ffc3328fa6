/**
 * `node bench/schedules.ts`: the delay of each start of 10,000 schedules that are due at the same second, without jitter and
 * with 30 s of jitter. On the embedded engine, over a SQLite file with full sync.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { create } from "../shared/schedule/service/index.ts";
import { embedded } from "../shared/server/embedded.ts";
import { definition } from "../test/contract/subject.ts";
import { percentile, round } from "./harness.ts";

const COUNT = Number(process.argv[2] ?? 10_000);
const WORKSPACE = "0190a000-0000-7000-8000-00000000beac";

const report = definition("report", {
  input_schema: { type: "object", properties: { n: { type: "integer" } } },
  search_keys: ["n"],
});

async function measure(jitter: string | null, jitterMs: number) {
  const folder = mkdtempSync(join(tmpdir(), "sirocco-bench-"));
  const store = embedded({ file: join(folder, "data.db"), settings: { livenessMs: 1e12 } });
  const worker = { workspace: WORKSPACE, deployment: "bench", worker: "w", session: store.uuid() };
  await store.registry.register({ ...worker, definitions: [report], now: Date.now() });
  // One second for all, late enough for all of them to be created before it.
  const due = new Date(Math.ceil((Date.now() + 8_000 + COUNT) / 1000) * 1000);
  const calendars = [
    {
      second: [{ start: due.getUTCSeconds() }],
      minute: [{ start: due.getUTCMinutes() }],
      hour: [{ start: due.getUTCHours() }],
    },
  ];
  const began = performance.now();
  for (let n = 0; n < COUNT; n++) {
    const given = { schedule_id: `report-${n}`, workflow_name: "report", deployment_name: "bench" };
    await create(store, WORKSPACE, { ...given, definition: { input: { n }, calendars, jitter } });
    if (n % 100 === 0) await store.durable();
  }
  await store.durable();
  const creating = performance.now() - began;
  if (Date.now() > due.getTime())
    throw new Error("creating the schedules took longer than the time before they were due");
  const stopMaintenance = store.maintain();
  await delay(due.getTime() - Date.now() + jitterMs);
  const started = () => Number(store.database.one("SELECT COUNT(*) AS n FROM heads")?.n);
  while (started() < COUNT) await delay(100);
  const late: number[] = [];
  for (const each of await store.schedules.list(WORKSPACE, { limit: COUNT })) {
    if (each instanceof Error) throw each;
    for (const run of each.recent) late.push(run.started_at - run.scheduled_at);
  }
  late.sort((a, b) => a - b);
  stopMaintenance();
  store.close();
  rmSync(folder, { recursive: true });
  return {
    jitter: jitter ?? "none",
    schedules: late.length,
    "created/s": Math.round((COUNT * 1000) / creating),
    "delay ms p50": round(percentile(late, 0.5), 0),
    "delay ms p95": round(percentile(late, 0.95), 0),
    "delay ms max": late.at(-1),
  };
}

console.table([await measure(null, 0), await measure("PT30S", 30_000)]);
