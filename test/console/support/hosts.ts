/** Other ways to reach a server with its console: behind a path prefix, and as files of a static host beside the API. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ConsoleFiles } from "../../../cli/server/console-files.ts";
import { forward } from "../../support/forward.ts";

export interface Host {
  readonly origin: string;
  close(): Promise<void>;
}

async function listen(serve: (request: IncomingMessage, response: ServerResponse) => Promise<void>): Promise<Host> {
  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A proxy that takes the prefix away, such as `/x/y`, and knows no other path. */
export const behindPrefix = (server: string, prefix: string): Promise<Host> =>
  listen(async (request, response) => {
    const { url = "" } = request;
    if (url.startsWith(`${prefix}/`)) await forward(server + url.slice(prefix.length), request, response);
    else response.writeHead(404).end();
  });

/** The files at `/`, and the API's paths sent on. */
export function staticHost(server: string, folder: string): Promise<Host> {
  const files = new ConsoleFiles(folder);
  return listen(async (request, response) => {
    const { url = "", method = "GET", headers } = request;
    if (/^\/(v1\/|openapi\.json|health)/.test(url)) return forward(server + url, request, response);
    const answer = files.answer(method, `/console${url}`, headers);
    response.writeHead(answer?.status ?? 404, answer?.headers).end(answer?.body);
  });
}
