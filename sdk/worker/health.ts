/** The health check of a worker: `GET /health` on the port that `HEALTH_SERVER_PORT` names. */
import { createServer, type Server } from "node:http";
import { WorkerConfigError } from "./options.ts";

/** Null: no port is set, so there is no health check. Throws `WorkerConfigError` for anything that is no port. */
export function healthPort(port: string | undefined): number | null {
  if (!port) return null;
  if (/^\d{1,5}$/.test(port) && Number(port) <= 65_535) return Number(port);
  throw new WorkerConfigError(`HEALTH_SERVER_PORT is '${port}': it must be a port number from 0 to 65535`);
}

/** Answers 200 while the worker is healthy, 503 otherwise. */
export async function healthServer(port: number, healthy: () => boolean): Promise<Server> {
  const server = createServer((req, res) => {
    const ok = req.url === "/health" && healthy();
    res.writeHead(ok ? 200 : req.url === "/health" ? 503 : 404, { "content-type": "application/json" });
    res.end(JSON.stringify({ status: ok ? "ok" : "not serving" }));
  });
  await new Promise<void>((ok, no) => server.once("error", no).listen(port, ok)).catch((error: Error) => {
    throw new WorkerConfigError(`HEALTH_SERVER_PORT is ${port}, where no server could be started: ${error.message}`);
  });
  return server;
}
