/** JSON that harms: nested without end, numbers that no double holds, bytes that are no text. At every door that takes JSON. */
import { randomUUID } from "node:crypto";
import { request } from "node:http";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MAX_JSON_DEPTH, MAX_JSON_KEYS, MAX_WORKER_JSON_DEPTH } from "../../shared/protocol/limits.ts";
import { ROUTES, type Route } from "../../shared/protocol/routes.ts";
import { WORKER_ROUTES } from "../../shared/protocol/worker.ts";
import type { ScriptedWorker } from "./support/scripted-worker.ts";
import { type World, world } from "./support/world.ts";

let w: World;
let worker: ScriptedWorker;
beforeAll(async () => {
  w = await world();
  worker = await w.worker("shop", [
    { name: "orders", execution_timeout: null, signals: [{ name: "go", input_schema: {} }] },
  ]);
});
afterAll(() => w.close());

const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
const depths = [MAX_WORKER_JSON_DEPTH + 1, 999, 2_500, 5_000, 100_000];
const filled = (path: string) => path.replaceAll(/\{\w+\}/g, "x");
const doors = [
  ...(ROUTES as readonly Route[])
    .filter(({ body, unavailable }) => body && !unavailable)
    .map(({ method, path }) => [method, filled(path)] as const),
  ...Object.values(WORKER_ROUTES).map(({ path }) => ["POST", path] as const),
];

describe.each(doors)("%s %s", (method, path) => {
  test("refuses JSON that is nested too deep by depth and place", async () => {
    for (const depth of depths) {
      const answer = await w.ask(method, path, { text: `{"input":{"deep":${nested(depth)}}}` });
      expect(answer).toMatchObject({ status: 422, body: { code: "WF_1001" } });
      const limit = path.startsWith("/v1/worker/") ? MAX_WORKER_JSON_DEPTH : MAX_JSON_DEPTH;
      expect(answer.body).toMatchObject({
        detail: [
          {
            loc: expect.arrayContaining(["input", "deep"]),
            msg: expect.stringContaining(`${limit} deep`),
            type: "json_too_deep",
          },
        ],
      });
    }
  });

  test("refuses numbers that would change, and bytes that are not UTF-8", async () => {
    for (const number of ["1e400", "12345678901234567890"]) {
      const answer = await w.ask(method, path, { text: `{"input":{"rate":${number}}}` });
      expect(answer).toMatchObject({
        status: 422,
        body: { detail: [{ loc: ["body", "input", "rate"], type: "json_number" }] },
      });
    }
    const bytes = Buffer.concat([Buffer.from('{"input":{"text":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}}')]);
    expect(await raw(method, path, bytes)).toMatchObject({ status: 400, text: expect.stringContaining("UTF-8") });
  });

  test("refuses half of a surrogate pair, in texts and in keys, by its place", async () => {
    for (const [field, place] of [
      ['"rate":"\\ud83d and more"', ["rate"]],
      ['"a":1,"rate":["x","\\uDE00\\ud83d"]', ["rate", 1]],
      ['"a":1,"\\udE00":1', [""]],
    ] as const) {
      const answer = await w.ask(method, path, { text: `{"input":{${field}}}` });
      expect(answer).toMatchObject({
        status: 422,
        body: {
          code: "WF_1001",
          detail: [
            { loc: ["body", "input", ...place], msg: expect.stringContaining("U+FFFD"), type: "json_surrogate" },
          ],
        },
      });
    }
  });

  test("refuses a compressed body by its encoding", async () => {
    const answer = await raw(method, path, gzipSync('{"input":{}}'), { "content-encoding": "gzip" });
    expect(answer).toMatchObject({ status: 415, text: expect.stringContaining("content encoding gzip") });
  });
});

function raw(method: string, path: string, body: Uint8Array, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const type = { authorization: `Bearer ${w.key}`, "content-type": "application/json" };
    const sent = request(w.server.url + path, { method, headers: { ...type, ...headers } }, async (answer) => {
      const text = Buffer.concat(await answer.toArray()).toString();
      resolve({ status: answer.statusCode ?? 0, text });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

test.each([5, 17, 40])("a body of %i MiB is refused as too large, with an answer that arrives", async (mib) => {
  const body = Buffer.alloc(mib * 1024 * 1024, " ");
  const answer = await raw("POST", "/v1/workflows/orders/execute", body);
  expect(answer).toMatchObject({ status: 413, text: expect.stringContaining("PAYLOAD_TOO_LARGE") });
}, 60_000);

const entries = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));
const rows = Array.from({ length: 30_000 }, (_, i) => ({ id: i, name: "n", city: "c", ok: true, price: 1.5 }));

test.each([
  ["an object of 150,000 keys", { map: entries(150_000) }, "different keys"],
  [
    "objects that all have other keys",
    { list: Object.keys(entries(25_000)).map((key) => ({ [key]: 1 })) },
    "different",
  ],
  ["a list of 250,000 numbers", { list: Array(250_000).fill(0) }, "values"],
])("%s is refused as a body and as an encoded input, because it would hold the server", async (_, input, why) => {
  const b64payload = Buffer.from(JSON.stringify(input)).toString("base64");
  const execution_id = `many-${randomUUID()}`;
  for (const body of [
    { execution_id, input },
    { execution_id, encoded_input: { b64payload } },
  ]) {
    expect(await w.ask("POST", "/v1/workflows/orders/execute", { body })).toMatchObject({
      status: 422,
      body: {
        code: "WF_1001",
        detail: [{ loc: expect.arrayContaining(["body"]), type: "json_too_many", msg: expect.stringContaining(why) }],
      },
    });
  }
  expect(await w.ask("GET", `/v1/workflows/executions/${execution_id}`)).toMatchObject({ status: 404 });
});

test("a table of 30,000 rows and an object of 20,000 keys at the bounds are accepted", async () => {
  for (const input of [{ rows }, { map: entries(MAX_JSON_KEYS - 5) }]) {
    expect(await w.ask("POST", "/v1/workflows/orders/execute", { body: { input } })).toMatchObject({ status: 200 });
  }
});

test("of a key that a body has twice, the last value counts", async () => {
  const execution = `twice-${randomUUID()}`;
  const text = `{"execution_id":"first","input":{"a":1,"a":2},"execution_id":"${execution}"}`;
  expect(await w.ask("POST", "/v1/workflows/orders/execute", { text })).toMatchObject({
    status: 200,
    body: { execution_id: execution },
  });
  expect((await worker.claim(execution)).head.input).toEqual({ a: 2 });
});

test("a value as deep as the door allows goes through start, signal, claim, history and result", async () => {
  const execution = `deep-${randomUUID()}`;
  const input = `{"deep":${nested(MAX_JSON_DEPTH - 2)}}`;
  const started = await w.ask("POST", "/v1/workflows/orders/execute", {
    text: `{"execution_id":"${execution}","input":${input}}`,
  });
  expect(started.status).toBe(200);
  const signal = await w.ask("POST", `/v1/workflows/executions/${execution}/signals`, {
    text: `{"name":"go","input":${input}}`,
  });
  expect(signal.status).toBe(202);
  const drive = await worker.claim(execution);
  expect(JSON.stringify(drive.head.input)).toBe(input);
  await drive.append(
    [{ kind: "signal_received", message: drive.messages[0]!.id, name: "go", input: JSON.parse(input) }],
    [drive.messages[0]!.id],
  );
  await drive.close({ kind: "execution_completed", result: JSON.parse(input) });
  for (const path of ["", "/history"]) {
    expect((await w.ask("GET", `/v1/workflows/executions/${execution}${path}`)).status).toBe(200);
  }
});

test("an encoded input that holds JSON nested too deep is refused by its place", async () => {
  const b64payload = Buffer.from(nested(100_000)).toString("base64");
  for (const body of [{ encoded_input: { b64payload } }, { input: { b64payload } }]) {
    const [field] = Object.keys(body);
    expect(await w.ask("POST", "/v1/workflows/orders/execute", { body })).toMatchObject({
      status: 422,
      body: { detail: [{ loc: expect.arrayContaining([field, "b64payload"]), type: "json_too_deep" }] },
    });
  }
});

test("half of a surrogate pair is refused in an encoded input and in filters of a stream too", async () => {
  const b64payload = Buffer.from('{"a":"\\ud83d"}').toString("base64");
  expect(
    await w.ask("POST", "/v1/workflows/orders/execute", { body: { encoded_input: { b64payload } } }),
  ).toMatchObject({
    status: 422,
    body: { detail: [{ loc: ["body", "encoded_input", "b64payload", "a"], type: "json_surrogate" }] },
  });
  const filters = encodeURIComponent('{"a":"\\ud83d"}');
  expect(await w.ask("GET", `/v1/workflows/events/stream?metadata_filters=${filters}`)).toMatchObject({ status: 422 });
});

test("whole pairs of surrogates arrive as they are, however they are escaped", async () => {
  const execution = `pairs-${randomUUID()}`;
  const text = '{"raw":"😀","escaped":"\\uD83D\\ude00","slash":"\\\\ud83d","key\\ud83d\\uDE00":1}';
  const started = await w.ask("POST", "/v1/workflows/orders/execute", {
    text: `{"execution_id":"${execution}","input":${text}}`,
  });
  expect(started.status).toBe(200);
  expect((await worker.claim(execution)).head.input).toEqual({
    raw: "😀",
    escaped: "😀",
    slash: "\\ud83d",
    "key😀": 1,
  });
});

test("a key called __proto__ arrives as a key", async () => {
  const execution = `proto-${randomUUID()}`;
  const input = '{"__proto__":{"a":1},"b":{"__proto__":2}}';
  await w.ask("POST", "/v1/workflows/orders/execute", {
    text: `{"execution_id":"${execution}","input":${input},"extensions":${input}}`,
  });
  const signal = { text: `{"name":"go","input":${input}}` };
  await w.ask("POST", `/v1/workflows/executions/${execution}/signals`, signal);
  const text = await raw(
    "POST",
    WORKER_ROUTES.claim.path,
    Buffer.from(JSON.stringify({ execution, session: worker.session })),
  );
  expect(text.text.split(input)).toHaveLength(4);
});
