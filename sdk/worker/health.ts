/** The health check of a worker: `GET /health` on the port that `HEALTH_SERVER_PORT` names. */
import { createServer, type Server } from "node:http";
import { WorkerConfigError } from "./options.ts";

/** Answers 200 while the worker is healthy, 503 otherwise. `health`: null while the worker does not work. */
export async function healthServer(port: number, health: () => Promise<{ status: string }> | null): Promise<Server> {
  const server = createServer((req, res) => {
    const answer = (status: number, body: object) => {
      res.writeHead(status, { "content-type": "application/json" });
      res.end(JSON.stringify(body));
    };
    const notServing = { status: "not serving" };
    if (req.url !== "/health") return answer(404, notServing);
    const asked = health();
    if (asked === null) return answer(503, notServing);
    void asked.then((found) => answer(found.status === "ok" ? 200 : 503, found));
  });
  await new Promise<void>((ok, no) => server.once("error", no).listen(port, ok)).catch((error: Error) => {
    throw new WorkerConfigError(`HEALTH_SERVER_PORT is ${port}, where no server could be started: ${error.message}`);
  });
  return server;
}
