/** The HTTP client of workers, against a server that writes bytes as they are. */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { AnswerReader } from "./http-answer.ts";
import { PlainHttp, type Post } from "./plain-http.ts";

let server: Server | undefined;
const sockets = new Set<Socket>();
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  server?.close();
  server = undefined;
});

/** Answers the `n`-th request of a connection, and all connections so far, with these bytes. */
async function answering(answer: (socket: Socket, n: number, connection: number) => void): Promise<PlainHttp> {
  let connections = 0;
  server = createServer((socket) => {
    sockets.add(socket);
    connections += 1;
    const connection = connections;
    let n = 0;
    socket.on("error", () => {});
    socket.on("data", () => {
      n += 1;
      answer(socket, n, connection);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return new PlainHttp(new URL(`http://127.0.0.1:${(server.address() as { port: number }).port}`));
}

const POST: Post = { path: "/", headers: "", body: "{}", timeoutMs: 60_000 };
const text = async (client: PlainHttp, o: Partial<Post> = {}) => (await client.post({ ...POST, ...o })).body.toString();
const ok = (body: string, headers = "") =>
  `HTTP/1.1 200 OK\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

const ANSWERS: Record<string, string> = {
  "with a length": ok('{"é":1}', "X-A:  b \r\n"),
  "in chunks":
    'HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"\xc3\r\n5;x=y\r\n\xa9":1}\r\n0\r\nt: u\r\n\r\n',
  "after an interim one": `HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${ok('{"é":1}', "x-a: b\r\n")}`,
  "without a reason": ok('{"é":1}', "x-a: b\r\n").replace(" OK", ""),
};
const bytesOf = (answer: string, name: string) => Buffer.from(answer, name === "in chunks" ? "latin1" : "utf8");

test.each(Object.keys(ANSWERS))("an answer %s is read the same however it is cut into parts", (name) => {
  const bytes = bytesOf(ANSWERS[name]!, name);
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(bytes.length)), (cuts) => {
      const reader = new AnswerReader();
      const at = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      const complete = at.slice(1).map((end, i) => reader.read(bytes.subarray(at[i], end)));
      expect(complete.indexOf(true)).toBe(at.slice(1).indexOf(bytes.length));
      const { status, headers, body } = reader.value;
      expect([status, headers.get("x-a"), body.toString()]).toEqual([200, "b", '{"é":1}']);
      expect(reader.keepsOpen).toBe(true);
    }),
  );
});

test.each([
  ["no HTTP", "SMTP ready\r\n\r\n", "the answer is not HTTP/1.1"],
  ["a length that is no number", "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", "a length that is no number"],
  ["a chunk without a size", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", "a chunk without a size"],
  [
    "a chunk of another size",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n",
    "longer than its size",
  ],
  ["a head without an end", `HTTP/1.1 200 OK\r\nx: ${"y".repeat(70_000)}`, "the head of the answer is too long"],
  ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 1\r\n\r\n{}", "a length that is no number"],
  ["a folded header", "HTTP/1.1 200 OK\r\nx: a\r\n b: c\r\ncontent-length: 0\r\n\r\n", "a header without a name"],
  ["a space after a header's name", "HTTP/1.1 200 OK\r\ncontent-length : 0\r\n\r\n", "a header without a name"],
  ["line ends of one character", "HTTP/1.1 200 OK\ncontent-length: 0\n\n", "without a carriage return"],
  ["a line within a header", "HTTP/1.1 200 OK\r\nx: a\ny\r\ncontent-length: 0\r\n\r\n", "without a carriage return"],
  ["a line without an end", `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${"1".repeat(70_000)}`, "too long"],
])("an answer with %s fails its call, and the next call uses another connection", async (_, bytes, why) => {
  const client = await answering((socket, n, connection) =>
    socket.write(connection === 1 ? bytes : ok(`${connection}.${n}`)),
  );
  await expect(text(client)).rejects.toThrow(why);
  expect(await text(client)).toBe("2.1");
  client.close();
});

test("calls one after the other use one connection, and calls at the same time each their own", async () => {
  const client = await answering((socket, n, connection) => socket.write(ok(`${connection}.${n}`)));
  expect([await text(client), await text(client)]).toEqual(["1.1", "1.2"]);
  const both = await Promise.all([text(client), text(client)]);
  expect(both.toSorted()).toEqual(["1.3", "2.1"]);
  client.close();
});

test("a server that ends the connection with its answer, or says that it will, gets the next call on another", async () => {
  const answers = [
    ok("a", "Connection: close\r\n"),
    "HTTP/1.1 200 OK\r\n\r\nb",
    "HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nc",
    ok("d", "Connection: close\r\nConnection: x\r\n"),
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 1\r\n\r\n1\r\ne\r\n0\r\n\r\n",
    ok("f", "keep-alive: timeout=1, max=9\r\n"),
    ok("g"),
  ];
  const client = await answering((socket, n, connection) => {
    socket.write(answers[connection - 1] ?? ok(`${connection}.${n}`));
    if (connection === 2) socket.end();
  });
  for (const body of ["a", "b", "c", "d", "e", "f", "g"]) expect(await text(client)).toBe(body);
  client.close();
});

test("an answer without a body leaves the connection open", async () => {
  const client = await answering((socket, n) => socket.write(n === 1 ? "HTTP/1.1 204 No Content\r\n\r\n" : ok("2")));
  expect(await client.post(POST)).toMatchObject({ status: 204, body: Buffer.alloc(0) });
  expect(await text(client)).toBe("2");
  client.close();
});

test("bytes after an answer never become the answer of the next call (PLAINHTTP-1)", async () => {
  const client = await answering((socket, n, connection) =>
    socket.write(connection === 1 ? ok("first") + ok("forged") : ok(`${connection}.${n}`)),
  );
  expect(await text(client)).toBe("first");
  expect(await text(client)).toBe("2.1");
  client.close();
});

test("the answer to a call that was aborted, or that timed out, never becomes that of the next call (PLAINHTTP-1)", async () => {
  const late: Socket[] = [];
  const client = await answering((socket, n, connection) => {
    if (connection > 2) socket.write(ok(`${connection}.${n}`));
    else late.push(socket);
  });
  const off = new AbortController();
  const calling = text(client, { signal: off.signal });
  await expect.poll(() => late.length, { timeout: 30_000 }).toBe(1);
  off.abort();
  await expect(calling).rejects.toMatchObject({ name: "AbortError" });
  await expect(text(client, { timeoutMs: 20 })).rejects.toThrow("timed out");
  for (const socket of late) socket.write(ok("late"));
  expect(await text(client)).toBe("3.1");
  await expect(text(client, { signal: off.signal })).rejects.toMatchObject({ name: "AbortError" });
  client.close();
});

test("a connection that the server closes under a call fails the call", async () => {
  const client = await answering((socket) => {
    socket.end("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{");
  });
  await expect(text(client)).rejects.toThrow("before its answer was complete");
  client.close();
});

test("more calls than connections are answered in turn, and a closed client fails those that wait", async () => {
  const held: Socket[] = [];
  const client = await answering((socket, n, connection) => {
    if (connection === 1 && n === 1) socket.write(ok("1"));
    held.push(socket);
  });
  expect(await text(client)).toBe("1");
  held.length = 0;
  const off = new AbortController();
  const calls = Array.from({ length: 66 }, () => text(client));
  const cut = text(client, { signal: off.signal });
  await expect.poll(() => held.length, { timeout: 30_000 }).toBe(64);
  off.abort();
  await expect(cut).rejects.toMatchObject({ name: "AbortError" });
  for (const socket of held.splice(0, 2)) socket.write(ok("free"));
  await expect.poll(() => held.length, { timeout: 30_000 }).toBe(64);
  client.close();
  const ended = await Promise.allSettled(calls);
  expect(ended.filter(({ status }) => status === "fulfilled")).toHaveLength(2);
  await expect(text(client)).rejects.toThrow("closed");
});

test("a long body reaches the server whole", async () => {
  const body = "é".repeat(100_000);
  let received = 0;
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on("data", (part) => {
      received += part.length;
      if (part.subarray(-2).toString() === "é" && received > 200_000) socket.write(ok(String(received)));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = new PlainHttp(new URL(`http://localhost:${(server.address() as { port: number }).port}/x`));
  const head = `POST / HTTP/1.1\r\nhost: localhost:${(server.address() as { port: number }).port}\r\ncontent-length: 200000\r\n\r\n`;
  for (const each of [body, Buffer.from(body)]) {
    received = 0;
    expect(await text(client, { body: each })).toBe(String(200_000 + head.length));
  }
  client.close();
});

test("the worker stays awake after a call to a server on this machine, and not to one elsewhere (AWAKE-1)", async () => {
  const seen: string[] = [];
  const awake = {
    sent: (characters: number, underWay: number) => seen.push(`sent ${characters} ${underWay}`),
    came: () => seen.push("came"),
  };
  await answering((socket) => socket.write(ok("{}")));
  const { port } = server!.address() as { port: number };
  for (const host of ["127.0.0.1", "localhost"]) {
    const client = new PlainHttp(new URL(`http://${host}:${port}`), awake);
    await Promise.all([text(client, { body: "12345" }), text(client, { body: "123" })]);
    expect(seen.splice(0)).toEqual(["sent 5 1", "sent 3 2", "came", "came"]);
    client.close();
  }
  const elsewhere = new PlainHttp(new URL("http://192.0.2.1:9"), awake);
  const refused = expect(text(elsewhere)).rejects.toThrow();
  elsewhere.close();
  await refused;
  expect(seen).toEqual([]);
});
