/** The official client behind a proxy that passes each call on, and loses the answers of the first two. */
import { createServer } from "node:http";
import { Mistral } from "@mistralai/mistralai";

export interface LosingProxy {
  /** Repeats a call after a 503 and after a lost connection. */
  readonly client: Mistral;
  /** Calls that the server has answered. At 0 the proxy loses the next two answers: by a 503, then by a closed connection. */
  calls: number;
  close(): void;
}

export async function losingProxy({ url, key }: { readonly url: string; readonly key: string }): Promise<LosingProxy> {
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    const headers = request.headers as Record<string, string>;
    const answer = await fetch(url + request.url, { method: "POST", headers, body });
    proxy.calls += 1;
    if (proxy.calls === 1) response.writeHead(503).end();
    else if (proxy.calls === 2) response.destroy();
    else response.writeHead(answer.status, { "content-type": "application/json" }).end(await answer.text());
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  const backoff = { initialInterval: 1, maxInterval: 2, exponent: 1, maxElapsedTime: 60_000 };
  const proxy: LosingProxy = {
    client: new Mistral({
      serverURL: `http://127.0.0.1:${port}`,
      apiKey: key,
      retryConfig: { strategy: "backoff", backoff, retryConnectionErrors: true },
    }),
    calls: 0,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return proxy;
}
