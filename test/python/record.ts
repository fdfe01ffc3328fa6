/**
 * `node test/python/record.ts` records the histories of `workers/surface.py` that are not there yet. It never writes an existing
 * history again: that history stands for the executions of its time.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startPythonWorker, workerFile } from "../support/python-worker.ts";
import { testServer } from "../support/test-server.ts";
import { call, closed, history, type Place, recorded, scratch, start, touch } from "./surface-checks.ts";

const folder = join(import.meta.dirname, "recorded");

const signalled = async (at: Place, id: string, name: string, input: object) => {
  await call(at, "POST", `/executions/${id}/signals`, { name, input });
};
/** Each starts an execution and does what its clients do. */
const scenarios: Record<string, (at: Place) => Promise<string>> = {
  dice: (at) => start(at, "dice", {}),
  settled: (at) => start(at, "settled", {}),
  family: (at) => start(at, "family", { n: 4 }),
  fanout: (at) => start(at, "fanout", { n: 12 }),
  gathered: (at) => start(at, "gathered", { n: 7 }),
  pages: (at) => start(at, "pages", { page: 0 }),
  local: (at) => start(at, "local", {}),
  nested: (at) => start(at, "nested", {}),
  injected: (at) => start(at, "injected", {}),
  found: (at) => start(at, "found", { customer: "c-7" }),
  caught: (at) => start(at, "fails", { how: "caught" }),
  failed: (at) => start(at, "fails", { how: "workflow_error" }),
  timeout: (at) => start(at, "fails", { how: "timeout" }),
  retried: (at) => start(at, "retried", { path: join(scratch(), "tries") }),
  async order(at) {
    const id = await start(at, "order", { order: "A-7" });
    await recorded(at, id, "timer_started");
    await signalled(at, id, "approve", { by: "Ada" });
    return id;
  },
  async counter(at) {
    const id = await start(at, "counter", { start: 1 });
    for (const by of [3, -1, 4]) await call(at, "POST", `/executions/${id}/updates`, { name: "add", input: { by } });
    await signalled(at, id, "stop", {});
    return id;
  },
  async people(at) {
    const id = await start(at, "people", {});
    const { task } = await recorded(at, id, "custom_task");
    const input = { task_id: task, input: { approved: true, by: "Ada" } };
    await call(at, "POST", `/executions/${id}/updates`, { name: "__submit_input", input });
    return id;
  },
  async cancelled(at) {
    const path = join(scratch(), "go");
    const id = await start(at, "cleanup", { path });
    await recorded(at, id, "timer_started");
    await call(at, "POST", `/executions/${id}/cancel`);
    await closed(at, id);
    touch(path);
    return id;
  },
};

mkdirSync(folder, { recursive: true });
const missing = Object.entries(scenarios).filter(([name]) => !existsSync(join(folder, `${name}.json`)));
const server = await testServer();
const worker = await startPythonWorker(workerFile("surface.py"), { ...server, deployment: "surface" });
for (const [name, begin] of missing) {
  const id = await begin(server);
  await closed(server, id);
  const events = await history(server, id);
  const text = JSON.stringify({ events }, null, 1)
    .replaceAll(/File \\"[^"]*\//g, 'File \\"/sirocco/') // stacks hold paths of this machine
    .replaceAll(/"\/[^"]*\/sirocco-python-\w+\//g, '"/tmp/');
  writeFileSync(join(folder, `${name}.json`), `${text}\n`);
  console.log(`${name}: ${events.length} events`);
}
await worker.stop();
await server.close();
