/** A server without an engine: it checks requests against the routes table and sends the answers that a test has set. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { Mistral } from "@mistralai/mistralai";
import { methodNotAllowed, noRoute, type Refusal, toBody } from "../../shared/protocol/errors.ts";
import { parseBody, parseQuery } from "../../shared/protocol/http/parse.ts";
import { matchRoute, type Route } from "../../shared/protocol/routes.ts";

interface Seen {
  readonly operation: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: unknown;
  readonly body: unknown;
  readonly headers: IncomingMessage["headers"];
}
type Answer = { refusal: Refusal } | { json: unknown } | { text: string } | { empty: true };

export interface Stub {
  readonly url: string;
  readonly client: Mistral;
  /** The last request that was valid. */
  readonly seen: () => Seen | undefined;
  /** Sets the answer to the next requests. */
  answer(next: Answer): void;
  close(): Promise<void>;
}

export async function startStub(): Promise<Stub> {
  let ready: Answer = { empty: true };
  let last: Seen | undefined;

  const server = createServer(async (request, response) => {
    const text = await readAll(request);
    const url = new URL(request.url ?? "/", "http://stub");
    const match = matchRoute(request.method ?? "", url.pathname);
    const send = (status: number, type: string, content: string) =>
      response.writeHead(status, { "content-type": type }).end(content);
    const refuse = (refusal: Refusal) => send(refusal.status, "application/json", JSON.stringify(toBody(refusal)));

    if (match.outcome === "method_not_allowed") {
      return refuse(methodNotAllowed(request.method ?? "", url.pathname, match.allowed));
    }
    if (match.outcome !== "route") return refuse(noRoute(request.method ?? "", url.pathname));
    const route: Route = match.route;
    const query = route.query ? parseQuery(route.query, url.searchParams) : { value: {} };
    if ("refused" in query) return refuse(query.refused);
    const body = route.body
      ? await parseBody(route.body, text, { optional: route.optionalBody })
      : { value: undefined };
    if ("refused" in body) return refuse(body.refused);
    last = {
      operation: route.operation,
      params: match.params,
      query: query.value,
      body: body.value,
      headers: request.headers,
    };

    if ("refusal" in ready) return refuse(ready.refusal);
    if ("empty" in ready) return response.writeHead(route.success).end();
    if ("text" in ready) return send(route.success, "text/event-stream", ready.text);
    return send(route.success, "application/json", JSON.stringify(ready.json));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    client: new Mistral({ serverURL: url, apiKey: "key" }),
    seen: () => last,
    answer(next) {
      ready = next;
      last = undefined;
    },
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

async function readAll(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return text;
}
