import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { Api } from "./api.ts";
import type { CliError } from "./errors.ts";
import { followExecution, followWorkspace } from "./follow.ts";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let close = async () => {};
afterEach(() => close());

/** A server that gives these answers in turn, and repeats the last one. */
async function api(answers: Answer[], signal: AbortSignal): Promise<{ api: Api; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const after = request.headers["last-event-id"];
    asked.push(`${request.url}${after ? ` after ${after}` : ""}`);
    const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { api: new Api({ url, key: "k", from: { url: "--url", key: "--key" } }, signal), asked };
}

const frame = (sequence: number) => `id: ${sequence}\ndata: ${JSON.stringify({ broker_sequence: sequence })}\n\n`;
const sends =
  (text: string, then: "end" | "cut" | "stay" = "end"): Answer =>
  (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(text, () => {
      if (then === "end") response.end();
      if (then === "cut") response.destroy();
    });
  };
const is =
  (status: string): Answer =>
  (_, response) =>
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ status }));

describe("following an execution", () => {
  it("continues after the last event when the connection breaks, and when a stopping server ends the stream", async () => {
    const { signal } = new AbortController();
    const server = await api(
      [sends(frame(3) + frame(4), "cut"), sends(frame(5)), is("RUNNING"), sends(frame(9)), is("COMPLETED")],
      signal,
    );
    const lost: CliError[] = [];
    const seen = await Array.fromAsync(
      followExecution(server.api, "e/1", { after: 0, signal, onLost: (why) => lost.push(why) }),
    );
    expect(seen.map((event) => event.broker_sequence)).toEqual([3, 4, 5, 9]);
    expect(lost).toHaveLength(1);
    expect(server.asked.filter((path) => path.includes("stream"))).toEqual([
      "/v1/workflows/executions/e%2F1/stream",
      "/v1/workflows/executions/e%2F1/stream?last_event_id=4",
      "/v1/workflows/executions/e%2F1/stream?last_event_id=5",
    ]);
  });

  it("fails at once when the execution does not exist", async () => {
    const { signal } = new AbortController();
    const missing: Answer = (_, response) =>
      response
        .writeHead(404, { "content-type": "application/json" })
        .end('{"detail":"There is no execution","code":"WF_1100"}');
    const server = await api([missing], signal);
    await expect(followExecution(server.api, "e", { after: 0, signal }).next()).rejects.toThrow(
      "There is no execution",
    );
    expect(server.asked).toHaveLength(1);
  });
});

describe("following the workspace", () => {
  it("reports the error frame of a broken stream, connects again, and ends with its signal", async () => {
    const stop = new AbortController();
    const broken = `${frame(1)}event: error\ndata: {"error":"the disk","reason":"read_error"}\n\n`;
    const server = await api([sends(broken), sends(frame(2), "stay")], stop.signal);
    const reported: string[] = [];
    const seen: number[] = [];
    const options = { after: 0, signal: stop.signal, onLost: (why: CliError) => reported.push(why.message) };
    for await (const event of followWorkspace(server.api, { workflow_name: "w" }, options)) {
      seen.push(event.broker_sequence);
      if (event.broker_sequence === 2) stop.abort();
    }
    expect(seen).toEqual([1, 2]);
    expect(reported).toEqual(["The server ended the stream (read_error): the disk."]);
    expect(server.asked.at(-1)).toBe("/v1/workflows/events/stream?workflow_name=w after 1");
  });
});
