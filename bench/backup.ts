/** How long writes wait while the server copies its data for a backup, beside writes without one. */
import { once } from "node:events";
import { statSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { installation, round, spread } from "./harness.ts";

const MEGABYTES = Number(process.env.SIROCCO_BENCH_MEGABYTES ?? 400);
const TIMES = 3;

/** In a thread of its own: reading the copy in the loop that times the writes would count as their time. */
const READER = `
const { parentPort, workerData: { url, key } } = require("node:worker_threads");
parentPort.on("message", async () => {
  const answer = await fetch(url + "/v1/backups", { method: "POST", headers: { authorization: "Bearer " + key } });
  if (answer.ok) for await (const _ of answer.body);
  parentPort.postMessage(answer.ok ? null : answer.status + " " + (await answer.text()));
});
`;

export async function backups() {
  const on = await installation();
  await on.worker();
  const start = (text: string) =>
    on.client.workflows.executeWorkflow({
      workflowIdentifier: "parked",
      workflowExecutionRequest: { input: { text } },
    });
  while (statSync(on.file).size < MEGABYTES * 1_000_000) await start("x".repeat(1_000_000));
  /** The times of writes, one after the other, until `work` has ended. */
  const during = async (work: Promise<unknown>): Promise<number[]> => {
    const times: number[] = [];
    let going = true;
    const ended = work.finally(() => {
      going = false;
    });
    while (going) {
      const began = performance.now();
      await start("small");
      times.push(performance.now() - began);
    }
    await ended;
    return times;
  };
  const reader = new Worker(READER, { eval: true, workerData: { url: on.url, key: on.key } });
  const backup = async (): Promise<void> => {
    reader.postMessage("begin");
    const [failed] = await once(reader, "message");
    if (failed) throw new Error(`the backup was refused: ${failed}`);
  };
  await during(new Promise((ok) => setTimeout(ok, 2_000))); // warm-up
  const rows = [];
  for (let i = 0; i < TIMES; i++) {
    for (const what of ["no backup", "backup"]) {
      const began = performance.now();
      const times = await during(what === "backup" ? backup() : new Promise((ok) => setTimeout(ok, 3_000)));
      const { p50, p95, n } = spread(times);
      const seconds = round((performance.now() - began) / 1_000, 1);
      rows.push({
        what,
        seconds,
        writes: n,
        "p50 ms": round(p50, 1),
        "p95 ms": round(p95, 1),
        "longest ms": round(Math.max(...times), 1),
      });
    }
  }
  const megabytes = round(statSync(on.file).size / 1_000_000, 0);
  await reader.terminate();
  await on.close();
  return { rows, "megabytes of the data file": megabytes };
}
