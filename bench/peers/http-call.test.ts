import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { closeConnections, post } from "./http-call.ts";

let server: Server | undefined;
afterEach(() => {
  closeConnections();
  server?.close();
});

/** Answers each request with these parts, one after the other. */
async function serving(parts: readonly string[], o: { ends?: boolean } = {}) {
  const requests: string[] = [];
  let connections = 0;
  server = createServer((socket: Socket) => {
    connections += 1;
    socket.on("data", async (request) => {
      requests.push(request.toString());
      for (const part of parts) {
        socket.write(part);
        await new Promise((ok) => setTimeout(ok, 5));
      }
      if (o.ends) socket.end();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return { port, requests, connections: () => connections };
}

test("a call sends its headers and body, and the next one takes the same connection", async () => {
  const engine = await serving(['HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"n":"é"}']);
  const call = () => post({ port: engine.port, path: "/run", headers: { authorization: "key" }, body: { n: "é" } });
  expect(await call()).toBe('{"n":"é"}');
  expect(await call()).toBe('{"n":"é"}');
  expect(engine.connections()).toBe(1);
  expect(engine.requests[0]).toBe(
    `POST /run HTTP/1.1\r\nhost: 127.0.0.1:${engine.port}\r\ncontent-type: application/json\r\ncontent-length: 10\r\nauthorization: key\r\n\r\n{"n":"é"}`,
  );
});

test("answers come in parts, and in chunks", async () => {
  const parts = ["HTTP/1.1 201 Created\r\ncontent-le", "ngth: 4\r\n\r\n12", "34"];
  expect(await post({ port: (await serving(parts)).port, path: "/", body: 1 })).toBe("1234");
  server?.close();
  const chunks = ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", "c\r\n", "2\r\nde\r\n0\r", "\n\r\n"];
  expect(await post({ port: (await serving(chunks)).port, path: "/", body: 1 })).toBe("abcde");
});

test("another status, the end of the connection, and an answer that cannot be read reject the call", async () => {
  const refusing = await serving(["HTTP/1.1 503 Busy\r\ncontent-length: 4\r\nconnection: close\r\n\r\nlate"]);
  await expect(post({ port: refusing.port, path: "/run", body: 1 })).rejects.toThrow("/run answered 503: late");
  server?.close();
  const ending = await serving(["HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n12"], { ends: true });
  await expect(post({ port: ending.port, path: "/", body: 1 })).rejects.toThrow("closed the connection");
  server?.close();
  const endless = await serving(["HTTP/1.1 200 OK\r\n\r\n12"]);
  await expect(post({ port: endless.port, path: "/", body: 1 })).rejects.toThrow("does not say how long it is");
  server?.close();
  const damaged = await serving(["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxy\r\nab\r\n"]);
  await expect(post({ port: damaged.port, path: "/", body: 1 })).rejects.toThrow("not the size of a chunk");
});
