/** A worker of Temporal, and an HTTP server that starts a workflow for each request. Its packages are installed beside it. */
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { Client, Connection } from "@temporalio/client";
import { NativeConnection, Runtime, Worker } from "@temporalio/worker";

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

const server = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (part) => {
    body += part;
  });
  request.on("end", async () => {
    if (request.method !== "POST") return response.writeHead(200).end();
    try {
      started += 1;
      const options = { taskQueue, workflowId: `run-${started}`, args: [JSON.parse(body)] };
      const result = await client.workflow.execute("sequence", options);
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(result));
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  });
});
server.listen(Number(process.env.PORT), "127.0.0.1");
