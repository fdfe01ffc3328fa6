/** The server of `GET /metrics` of a worker. */
import { createServer, type Server } from "node:http";
import { WorkerConfigError } from "./options.ts";

/** Answers `GET /metrics` on the port, to anybody who reaches it (WORKERMETRICS-1). */
export async function metricsServer(port: number, text: () => string): Promise<Server> {
  const server = createServer((req, res) => {
    const found = req.url?.split("?")[0] === "/metrics";
    if (!found) return void res.writeHead(404, { "content-type": "text/plain" }).end("GET /metrics\n");
    if (req.method !== "GET" && req.method !== "HEAD") return void res.writeHead(405, { allow: "GET, HEAD" }).end();
    res.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }).end(text());
  });
  await new Promise<void>((ok, no) => server.once("error", no).listen(port, ok)).catch((error: Error) => {
    throw new WorkerConfigError(`the metrics' port ${port} cannot be used: ${error.message}`);
  });
  return server;
}
