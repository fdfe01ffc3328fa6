/** A worker of Temporal, and an HTTP server that starts a workflow for each request. Its packages are installed beside it. */
import { fileURLToPath } from "node:url";
import { Client, Connection } from "@temporalio/client";
import { NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { serve } from "../serve.mjs";

const address = process.env.TEMPORAL_ADDRESS;
const taskQueue = "bench";
Runtime.install({ logger: { log() {}, trace() {}, debug() {}, info() {}, warn: console.error, error: console.error } });
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address }),
  taskQueue,
  workflowsPath: fileURLToPath(new URL("./workflow.mjs", import.meta.url)),
  activities: { step: async () => 1 },
});
const running = worker.run();
running.catch((error) => {
  console.error(error);
  process.exit(1);
});
const client = new Client({ connection: await Connection.connect({ address }) });
let started = 0;

serve((steps) => {
  started += 1;
  return client.workflow.execute("sequence", { taskQueue, workflowId: `run-${started}`, args: [steps] });
});
