/** Calls over HTTP to a server that fails, and the joining of calls. */
import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { GATEWAY_REFUSALS } from "../../test/support/gateway-refusals.ts";
import { Batcher } from "./batcher.ts";
import { httpTransport } from "./http-transport.ts";
import { mayBeOneItem, ServerFailed, ServerRefusal, ServerUnreachable } from "./transport.ts";

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

async function listening(answer: RequestListener, port = 0): Promise<string> {
  server = createServer(answer);
  await new Promise<void>((ok) => server!.listen(port, "127.0.0.1", ok));
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}
const call = (transport: ReturnType<typeof httpTransport>, o = {}) => transport.call("finish", { receipts: ["r"] }, o);

test("half of a surrogate pair reaches the server as U+FFFD, in texts and in keys; all else as it is", async () => {
  const bodies: string[] = [];
  const url = await listening(async (req, res) => {
    bodies.push(Buffer.concat(await req.toArray()).toString());
    res.end("{}");
  });
  const transport = httpTransport({ url, apiKey: "k" });
  const sent = ["cut \ud83d", "\udE00", "😀", "\\ud83d", "\\\ud83d\n\u0007", '"\ud83d"', "\ud83d\\ude00"];
  await transport.call("finish", { receipts: sent, "\ud83d": sent } as never);
  transport.close();
  const whole = sent.map((text) => text.toWellFormed());
  expect(JSON.parse(bodies[0]!)).toEqual({ receipts: whole, "\ufffd": whole });
});

test("a call is repeated after transient errors and cut connections, with the same body", async () => {
  const bodies: string[] = [];
  const tries: number[] = [];
  const url = await listening((req, res) => {
    let body = "";
    req.on("data", (part) => {
      body += part;
    });
    req.on("end", () => {
      bodies.push(body);
      if (bodies.length === 1) res.writeHead(503).end("down");
      else if (bodies.length === 2) req.socket.destroy();
      else if (bodies.length === 3)
        res.writeHead(200, { "content-length": 100 }).write("{", () => req.socket.destroy());
      else res.end("{}");
    });
  });
  const transport = httpTransport({ url, apiKey: "k", onRetry: (_o, _w, attempt) => tries.push(attempt) });
  expect(await call(transport)).toEqual({});
  expect(new Set(bodies)).toEqual(new Set(['{"receipts":["r"]}']));
  expect(tries).toEqual([1, 2, 3]);
  transport.close();
});

test("a call whose answer ends early without an error is repeated", async () => {
  const answers = ["", '{"all_active":tr', '{"all_active":true,"now":1}'];
  const why: string[] = [];
  const url = await listening((_, res) => res.end(answers.shift()));
  const transport = httpTransport({ url, apiKey: "k", onRetry: (_o, { message }) => why.push(message) });
  const who = { deployment: "d", worker: "w", session: "s" };
  expect(await transport.call("heartbeat", who)).toEqual({ all_active: true, now: 1 });
  expect(why).toEqual([
    "heartbeat: its answer was cut short after 0 characters",
    "heartbeat: its answer was cut short after 16 characters",
  ]);
  transport.close();
});

test("a long call is compressed after the server has said that it reads that, and a compressed answer is read", async () => {
  const seen: { encoding: string | undefined; bytes: number; receipts: number }[] = [];
  const url = await listening((req, res) => {
    const parts: Buffer[] = [];
    req.on("data", (part: Buffer) => parts.push(part));
    req.on("end", () => {
      const raw = Buffer.concat(parts);
      const encoding = req.headers["content-encoding"];
      const { receipts } = JSON.parse((encoding ? gunzipSync(raw) : raw).toString());
      seen.push({ encoding, bytes: raw.length, receipts: receipts.length });
      expect(req.headers["accept-encoding"]).toBe("gzip");
      res.setHeader("accept-encoding", "gzip").setHeader("content-encoding", "gzip");
      res.end(gzipSync(JSON.stringify({ lost: receipts })));
    });
  });
  const transport = httpTransport({ url, apiKey: "k" });
  const many = Array.from({ length: 1000 }, (_, i) => `receipt-${i}-${"x".repeat(200)}`);
  const extend = (receipts: string[]) => transport.call("extend", { receipts, lease_ms: 1 });
  expect((await extend(many)).lost).toEqual(many);
  expect((await extend(many)).lost).toEqual(many);
  expect((await extend(["short"])).lost).toEqual(["short"]);
  expect(seen.map(({ encoding }) => encoding)).toEqual([undefined, "gzip", undefined]);
  expect(seen[1]!.bytes).toBeLessThan(seen[0]!.bytes / 10);
  transport.close();
});

test("the refusal of an HTTP front reaches the caller in its own words", async () => {
  const Message = "Request must be smaller than 6291456 bytes for the InvokeFunction operation";
  const url = await listening((_, res) => res.writeHead(413).end(JSON.stringify({ Message })));
  const transport = httpTransport({ url, apiKey: "k" });
  const error = await call(transport).catch((e) => e);
  expect(error).toBeInstanceOf(ServerRefusal);
  expect(error).toMatchObject({ status: 413, code: "PAYLOAD_TOO_LARGE", message: expect.stringContaining(Message) });
  transport.close();
});

test.each([
  [403, '{"Message":"Forbidden"}', "output WorkerUrl"],
  [413, '{"message":"Request Too Long"}', "let the encoding of payloads offload it"],
  [431, "", "Is SIROCCO_API_KEY one whole key"],
])("a front that refuses with %i %s for good gets advice, and no second call", async (status, body, words) => {
  let asked = 0;
  const url = await listening((_, res) => {
    asked += 1;
    res.writeHead(status).end(body);
  });
  const transport = httpTransport({ url, apiKey: "k" });
  const error = await call(transport).catch((e) => e);
  expect(error).toBeInstanceOf(ServerRefusal);
  expect(error.message).toContain(words);
  expect(asked).toBe(1);
  transport.close();
});

test.each(
  Object.entries(GATEWAY_REFUSALS).filter(([type]) => type !== "REQUEST_TOO_LARGE"),
)("a call is repeated after %s, and says in the log what was answered", async (_type, { status, body }) => {
  const answers = [JSON.stringify(body), '{"Message":"Rate exceeded"}'];
  const why: string[] = [];
  const url = await listening((_, res) => {
    const answer = answers.shift();
    res.writeHead(answer === undefined ? 200 : status).end(answer ?? "{}");
  });
  const transport = httpTransport({ url, apiKey: "k", onRetry: (_o, { message }) => why.push(message) });
  expect(await call(transport)).toEqual({});
  expect(why).toEqual([`finish: ${status} ${body.detail}`, `finish: ${status} Rate exceeded`]);
  transport.close();
});

test("a call that the server refuses is not repeated, and the error has the server's reason", async () => {
  let asked = 0;
  const url = await listening((_, res) => {
    asked += 1;
    res.writeHead(422).end(JSON.stringify({ code: "WF_1001", detail: [{ loc: ["body"], msg: "bad" }] }));
  });
  const transport = httpTransport({ url, apiKey: "k" });
  const error = await call(transport).catch((e) => e);
  expect(error).toBeInstanceOf(ServerRefusal);
  expect(error).toMatchObject({ status: 422, code: "WF_1001", message: expect.stringContaining('"msg":"bad"') });
  expect(asked).toBe(1);
  transport.close();
});

test("a call without retries fails when the server does not answer within the timeout", async () => {
  const url = await listening(() => {});
  const transport = httpTransport({ url, apiKey: "k" });
  await expect(call(transport, { timeoutMs: 20, retry: false })).rejects.toThrow(/finish: cannot reach .*timed out/);
  transport.close();
});

test("a call to a server that stays unreachable fails when the patience ends", async () => {
  const transport = httpTransport({ url: "http://127.0.0.1:1", apiKey: "k", patienceMs: 60 });
  await expect(call(transport)).rejects.toThrow(ServerUnreachable);
  transport.close();
});

test("an abort ends a call, and the pause between two tries, at once", async () => {
  const transport = httpTransport({ url: "http://127.0.0.1:1", apiKey: "k" });
  const off = new AbortController();
  const calling = call(transport, { signal: off.signal });
  setImmediate(() => off.abort());
  await expect(calling).rejects.toThrow();
  transport.close();
});

test("a closed transport repeats no calls", async () => {
  const transport = httpTransport({ url: "http://127.0.0.1:1", apiKey: "k" });
  const calling = call(transport);
  transport.close();
  await expect(calling).rejects.toThrow(ServerUnreachable);
});

test("items offered while calls are under way travel together, in order, within the limits of bytes and number", async () => {
  const groups: number[][] = [];
  const gates: (() => void)[] = [];
  const batcher = new Batcher<number, number>(
    async (items) => {
      groups.push(items);
      await new Promise<void>((ok) => gates.push(ok));
      return items.map((n) => n * 2);
    },
    { maxCalls: 1, maxItems: 3, weigh: (n) => (n === 6 ? 1024 * 1024 : 1) },
  );
  const answers = [1, 2, 3, 4, 5, 6, 7].map((n) => batcher.offer(n));
  for (let i = 0; i < 5; i++) {
    await new Promise((ok) => setImmediate(ok));
    gates.shift()?.();
  }
  expect(await Promise.all(answers)).toEqual([2, 4, 6, 8, 10, 12, 14]);
  expect(groups).toEqual([[1, 2, 3], [4, 5], [6], [7]]);
});

test("a call that fails fails all its items, and the waiting items travel in the next", async () => {
  const batcher = new Batcher<number, number>(
    async (items) => {
      if (items.includes(1)) throw new Error("away");
      return items;
    },
    { maxCalls: 1, maxItems: 2 },
  );
  const [a, b, c] = await Promise.allSettled([1, 2, 3].map((n) => batcher.offer(n)));
  expect([a!.status, b!.status, c!.status]).toEqual(["rejected", "rejected", "fulfilled"]);
});

test("a call about executions is not repeated for long when the server fails at it", async () => {
  let calls = 0;
  const url = await listening((_, res) => {
    calls += 1;
    res.writeHead(500).end('{"detail":"it broke"}');
  });
  const transport = httpTransport({ url, apiKey: "k" });
  const claiming = transport.call("claim", { execution: "x", session: "s" });
  await expect(claiming).rejects.toThrow(ServerFailed);
  await expect(claiming).rejects.toThrow("claim: 500 it broke");
  expect(calls).toBe(4);
  transport.close();
});

test("an item that a call fails on goes alone, fails alone, and holds up no further call", async () => {
  const sent: number[][] = [];
  const stuck = Promise.withResolvers<void>();
  const batcher = new Batcher<number, number>(
    async (items) => {
      sent.push(items);
      if (items.includes(13)) {
        if (items.length === 1) await stuck.promise;
        throw new ServerFailed("append", "500");
      }
      return items;
    },
    {
      maxCalls: 1,
      maxItems: 3,
      mayBeOneItem,
      weigh: (n) => {
        if (n === 7) throw new RangeError("Maximum call stack size exceeded");
        return 1;
      },
    },
  );
  const bad = batcher.offer(13);
  const others = [1, 2, 3, 7, 8].map((n) => batcher.offer(n));
  expect(await Promise.all(others)).toEqual([1, 2, 3, 7, 8]);
  stuck.resolve();
  await expect(bad).rejects.toThrow(ServerFailed);
  expect(sent[0]).toEqual([13, 1, 2]);
  expect(sent).toContainEqual([13]);
});

test("a key with letters beyond ASCII reaches the server as it is", async () => {
  const url = await listening((req, res) => res.end(JSON.stringify({ got: req.headers.authorization })));
  const transport = httpTransport({ url, apiKey: "my-cl\u00e9" });
  expect(await call(transport)).toEqual({ got: "Bearer my-cl\u00e9" });
  transport.close();
});

test("TRANSPORT-1: the poll after an answer with tasks reaches the server behind the first calls for these tasks", async () => {
  const order: string[] = [];
  const url = await listening((req, res) => {
    order.push(req.url!.split("/").at(-1)!);
    res.end('{"deliveries":[]}');
  });
  const transport = httpTransport({ url, apiKey: "k" });
  const poll = { deployment: "d", queue: "workflow", worker: "w", session: "s", max: 1, wait_ms: 0 } as const;
  const polled = transport.call("poll", poll); // the worker's loop polls at once, while the task's code runs
  const finished = new Promise((ok) => setImmediate(() => ok(transport.call("finish", { receipts: ["r"] }))));
  await Promise.all([polled, finished]);
  expect(order).toEqual(["finish", "poll"]);
  transport.close();
});

/** With such a key the calls go by `node:http`, as those over TLS do. */
const CLIENTS = { "the plain client": "k", "node:http": "my-cl\u00e9" };
const POLL = {
  deployment: "d",
  queue: "workflow",
  worker: "w",
  session: "s",
  max: 9,
  wait_ms: 0,
  parts: true,
} as const;
const LINES = ["", "\u00fc", "b"].map((receipt) => `{"deliveries":[${receipt && `{"receipt":"${receipt}"}`}]}\n`);

describe.each(Object.entries(CLIENTS))("PARTS-1: %s", (_, apiKey) => {
  /** The receipts of the parts of a poll that this server answers, and how the call ended. */
  async function polled(answer: RequestListener) {
    const transport = httpTransport({ url: await listening(answer), apiKey });
    const parts: string[][] = [];
    const onPart = (deliveries: { receipt: string }[]) => void parts.push(deliveries.map(({ receipt }) => receipt));
    const ended = await transport.call("poll", POLL, { retry: false, onPart }).catch((error) => error);
    transport.close();
    return { parts, ended };
  }
  const head = (res: ServerResponse, more = {}) =>
    res.writeHead(200, { "content-type": "application/x-ndjson", ...more }).flushHeaders();

  test("gives each line when it has come, however the bytes are divided", async () => {
    const { parts, ended } = await polled(async (_req, res) => {
      head(res);
      for (const byte of Buffer.from(LINES.join(""))) {
        res.write(Buffer.of(byte));
        await new Promise(setImmediate);
      }
      res.end('{"deliveries":[],"end":true}\n');
    });
    expect(parts).toEqual([[], ["\u00fc"], ["b"], []]);
    expect(ended).toEqual({ deliveries: [] });
  });

  test("gives a line before the answer is complete", async () => {
    const transport = httpTransport({
      url: await listening((_req, res) => {
        head(res);
        res.write(LINES[2]);
      }),
      apiKey,
    });
    const off = new AbortController();
    const came = Promise.withResolvers<unknown>();
    const call = transport.call("poll", POLL, { retry: false, onPart: came.resolve, signal: off.signal });
    expect(await came.promise).toEqual([{ receipt: "b" }]);
    off.abort();
    await expect(call).rejects.toThrow();
    transport.close();
  });

  test.each([
    ["ends without its last line", (res: ServerResponse) => res.end(LINES[2])],
    ["breaks off", (res: ServerResponse) => res.write(LINES[2]!, () => res.destroy())],
    ["has a line that is none", (res: ServerResponse) => res.end(`${LINES[2]}oops\n`)],
  ])("fails, once, at an answer that %s", async (_why, end) => {
    const { parts, ended } = await polled((_req, res) => {
      head(res);
      end(res);
    });
    expect(parts).toEqual([["b"]]);
    expect(ended).toBeInstanceOf(ServerUnreachable);
  });

  test("reads an answer that a proxy has compressed", async () => {
    const { parts, ended } = await polled((_req, res) => {
      head(res, { "content-encoding": "gzip" });
      res.end(gzipSync(`${LINES.join("")}{"deliveries":[],"end":true}\n`));
    });
    expect(parts).toEqual([[], ["\u00fc"], ["b"], []]);
    expect(ended).toEqual({ deliveries: [] });
  });

  test("answers the tasks of a server that answers in one piece", async () => {
    const { parts, ended } = await polled((_req, res) => res.end('{"deliveries":[{"receipt":"r"}]}'));
    expect(parts).toEqual([]);
    expect(ended).toEqual({ deliveries: [{ receipt: "r" }] });
  });
});
