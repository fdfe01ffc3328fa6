/** An application with DBOS in it, which starts a workflow for each HTTP request. Its packages are installed beside it. */
import { createServer } from "node:http";
import { DBOS } from "@dbos-inc/dbos-sdk";

const sequence = DBOS.registerWorkflow(
  async (steps) => {
    let sum = 0;
    for (let i = 0; i < steps; i++) sum += await DBOS.runStep(async () => 1, { name: `step ${i}` });
    return sum;
  },
  { name: "sequence" },
);
DBOS.setConfig({
  name: "bench",
  systemDatabaseUrl: process.env.DATABASE,
  systemDatabasePoolSize: 20,
  logLevel: "error",
  runAdminServer: false,
});
await DBOS.launch();

const server = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (part) => {
    body += part;
  });
  request.on("end", async () => {
    try {
      const result = await sequence(JSON.parse(body));
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(result));
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  });
});
server.listen(Number(process.env.PORT), "127.0.0.1");
