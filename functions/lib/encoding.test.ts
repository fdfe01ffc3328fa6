/** Bodies of the function URL. */
import { gunzipSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import type { ApiRequest, ApiResponse } from "../../shared/api/http-message.ts";
import { decompressed, encoded } from "./encoding.ts";

const event = (headers: Record<string, string> = {}, body?: Buffer) => ({
  headers,
  isBase64Encoded: body !== undefined,
  ...(body && { body: body.toString("base64") }),
});
const answer = (body: string): ApiResponse => ({ kind: "body", status: 413, headers: { "x-request-id": "r" }, body });
const request = (sent: ReturnType<typeof event>): ApiRequest => ({
  method: "POST",
  target: "/v1/worker/read",
  headers: Object.fromEntries(Object.entries(sent.headers).map(([name, value]) => [name.toLowerCase(), value])),
  body: "as it came",
  signal: new AbortController().signal,
});
const decoded = async (sent: ReturnType<typeof event>, maxBytes: number) => {
  const { body, headers } = await decompressed(sent, request(sent), maxBytes);
  return [body instanceof Uint8Array ? Buffer.from(body).toString() : body, headers["content-encoding"]];
};
const read = async (of: ReturnType<typeof encoded>) =>
  Buffer.concat(await Array.fromAsync(of.body as AsyncIterable<Buffer>));

const LONG = JSON.stringify({ text: "ab€".repeat(50_000) });

test("a compressed body is read whatever the case of its header, an uncompressed body is left alone", async () => {
  expect(await decoded(event({ "Content-Encoding": "GZIP" }, gzipSync(LONG)), 1e6)).toEqual([LONG, undefined]);
  expect(await decoded(event({ "content-encoding": "br" }, Buffer.from(LONG)), 1e6)).toEqual(["as it came", "br"]);
  expect(await decoded(event({}, Buffer.from(LONG)), 1e6)).toEqual(["as it came", undefined]);
});

test("a compressed body is not inflated beyond the limit, even in several gzip members", async () => {
  const headers = { "content-encoding": "gzip" };
  const half = gzipSync("0".repeat(500_001));
  expect(await decoded(event(headers, gzipSync("0".repeat(1_000_001))), 1_000_000)).toEqual([null, undefined]);
  expect(await decoded(event(headers, Buffer.concat([half, half])), 1_000_000)).toEqual([null, undefined]);
});

test("a body with invalid gzip is left as it came, so that the API refuses it as unreadable and not as missing", async () => {
  const headers = { "content-encoding": "gzip" };
  const cut = gzipSync(LONG).subarray(0, -20);
  for (const body of [cut, Buffer.from("no gzip")]) {
    expect(await decoded(event(headers, body), 1_000_000)).toEqual(["as it came", undefined]);
  }
});

test("a long answer is compressed if the caller accepts gzip, with its status and headers unchanged", async () => {
  const sent = encoded(event({ "Accept-Encoding": "br, gzip;q=0.8" }), answer(LONG));
  expect(sent.statusCode).toBe(413);
  expect(sent.headers).toEqual({ "x-request-id": "r", "accept-encoding": "gzip", "content-encoding": "gzip" });
  expect(gunzipSync(await read(sent)).toString()).toBe(LONG);
});

test("an answer is not compressed if it is short, or if the caller does not accept gzip", async () => {
  for (const [headers, body] of [
    [{ "accept-encoding": "gzip" }, '{"kind":"closed"}'],
    [{}, LONG],
    [{ "accept-encoding": "identity" }, LONG],
    [{ "accept-encoding": "identity, gzip;q=0" }, LONG],
    [{ "accept-encoding": "gzip; q=0.000" }, LONG],
  ] as const) {
    const sent = encoded(event(headers), answer(body));
    expect(sent.headers).not.toHaveProperty("content-encoding");
    expect((await read(sent)).toString()).toBe(body);
  }
});

test("an answer that fails half-way is an error and not a shorter answer", async () => {
  async function* chunks() {
    yield LONG;
    throw new Error("the table is away");
  }
  const broken: ApiResponse = { kind: "stream", status: 200, headers: {}, chunks: chunks() };
  await expect(read(encoded(event({ "accept-encoding": "gzip" }), broken))).rejects.toThrow("the table is away");
});

test("an answer is not produced any further once its reader has gone", async () => {
  const over = Promise.withResolvers<void>();
  async function* chunks() {
    try {
      for (;;) yield LONG;
    } finally {
      over.resolve();
    }
  }
  const endless: ApiResponse = { kind: "stream", status: 200, headers: {}, chunks: chunks() };
  const { body } = encoded(event({ "accept-encoding": "gzip" }), endless);
  for await (const _part of body) break;
  await over.promise;
  expect(body.destroyed).toBe(true);
});
