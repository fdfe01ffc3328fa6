/** The door of an application whose engine has none: POST with the number of steps, answered once the workflow has ended. */
import { createServer } from "node:http";

/** `run`: runs a workflow of so many steps, and resolves with its result. */
export function serve(run) {
  const server = createServer(async (request, response) => {
    try {
      const steps = JSON.parse(Buffer.concat(await request.toArray()));
      const result = await run(steps);
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(result));
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  });
  server.listen(Number(process.env.PORT), "127.0.0.1");
}
