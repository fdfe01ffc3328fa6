/** HEAD, page tokens, encoded inputs and streams, at each door of the same kind. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROUTES, type Route } from "../../shared/protocol/routes.ts";
import { Frames } from "./support/frames.ts";
import type { ScriptedWorker } from "./support/scripted-worker.ts";
import { type World, world } from "./support/world.ts";

let w: World;
let worker: ScriptedWorker;
beforeAll(async () => {
  w = await world();
  const input_schema = { type: "object", properties: { n: { type: "number" } }, required: ["n"] };
  const signals = [{ name: "go", input_schema }];
  worker = await w.worker("shop", [
    { name: "orders", execution_timeout: null, input_schema, signals },
    { name: "other", execution_timeout: null },
  ]);
  for (const n of [1, 2, 3]) {
    await w.ask("POST", "/v1/workflows/orders/execute", { body: { execution_id: `x-${n}`, input: { n } } });
  }
});
afterAll(() => w.close());

const gets = (ROUTES as readonly Route[]).filter(({ method }) => method === "GET");
const filled = (path: string) => path.replace("{execution_id}", "x-1").replaceAll(/\{\w+\}/g, "nobody");

test.each(gets.map(({ path }) => filled(path)))("HEAD %s is answered like GET, without a body", async (path) => {
  const head = await fetch(w.server.url + path, { method: "HEAD", headers: { authorization: `Bearer ${w.key}` } });
  const abort = new AbortController();
  const get = await fetch(w.server.url + path, { headers: { authorization: `Bearer ${w.key}` }, signal: abort.signal });
  expect([head.status, head.headers.get("content-type"), head.headers.get("content-length")]).toEqual([
    get.status,
    get.headers.get("content-type"),
    get.headers.get("content-type")?.startsWith("text/event-stream") ? "0" : get.headers.get("content-length"),
  ]);
  expect(await head.text()).toBe("");
  abort.abort();
});

test("Allow names HEAD where GET is served, and not where it is not", async () => {
  const allow = async (path: string) => (await w.ask("PUT", path)).headers.get("allow")?.split(", ");
  expect(await allow("/v1/workflows/executions/x-1")).toEqual(expect.arrayContaining(["GET", "HEAD"]));
  expect(await allow("/v1/workflows/executions/x-1/signals")).toEqual(["POST"]);
});

test("a page token is taken by the list that issued it, and by no other list with the same filters", async () => {
  const first = await w.ask("GET", "/v1/workflows/runs?page_size=1");
  const token = String(first.body.next_page_token);
  const next = await w.ask("GET", `/v1/workflows/runs?page_size=1&next_page_token=${token}`);
  expect(next).toMatchObject({ status: 200, body: { executions: [expect.anything()] } });
  const workflows = await w.ask("GET", "/v1/workflows?limit=1");
  const cursor = String(workflows.body.next_cursor);
  expect((await w.ask("GET", `/v1/workflows?limit=1&cursor=${cursor}`)).status).toBe(200);
  for (const path of [
    `/v1/workflows/schedules?page_size=1&next_page_token=${token}`,
    `/v1/workflows/executions?page_size=1&next_page_token=${token}`,
    `/v1/workflows/deployments?cursor=${cursor}`,
    `/v1/workflows/registrations?cursor=${cursor}`,
    `/v1/workflows/deployments/shop/workers?cursor=${cursor}`,
    `/v1/workflows/events/list?cursor=${cursor}`,
    `/v1/workflows?cursor=${token}`,
    `/v1/workflows?cursor=nonsense`,
  ]) {
    const answer = await w.ask("GET", path);
    expect(answer, path).toMatchObject({ status: 422, body: { detail: [{ loc: ["query", expect.any(String)] }] } });
  }
});

test("an encoded input without encodings is decoded, checked and delivered as the input itself", async () => {
  const encoded = (value: unknown, encoding_options?: string[]) => ({
    b64payload: Buffer.from(JSON.stringify(value)).toString("base64"),
    ...(encoding_options && { encoding_options }),
  });
  const execution_id = `enc-${randomUUID()}`;
  const execute = (body: object) => w.ask("POST", "/v1/workflows/orders/execute", { body });
  expect((await execute({ execution_id, encoded_input: encoded({ n: 5 }) })).status).toBe(200);
  expect(await execute({ encoded_input: encoded({ n: "5" }, []) })).toMatchObject({ status: 422 });
  expect(await execute({ input: encoded({ n: "5" }, []) })).toMatchObject({ status: 422 });
  expect(await execute({ encoded_input: { b64payload: "no base64 of JSON" } })).toMatchObject({
    status: 422,
    body: { detail: [{ loc: ["body", "encoded_input", "b64payload"] }] },
  });
  const signal = (input: unknown) =>
    w.ask("POST", `/v1/workflows/executions/${execution_id}/signals`, { body: { name: "go", input } });
  expect((await signal(encoded({ n: 6 }))).status).toBe(202);
  expect((await signal(encoded({}))).status).toBe(422);
  const drive = await worker.claim(execution_id);
  expect(drive.head.input).toEqual({ n: 5 });
  expect(drive.messages).toMatchObject([{ input: { n: 6 } }]);
});

test("an input that is encoded without encodings is refused where base64 or UTF-8 would be read as something else", async () => {
  const send = (b64payload: string) =>
    w.ask("POST", "/v1/workflows/orders/execute", { body: { encoded_input: { b64payload, encoding_options: [] } } });
  const json = '{"n":5,"s":"?~"}';
  const base64 = Buffer.from(json).toString("base64");
  for (const read of [base64, base64.replace(/=+$/, ""), Buffer.from(json).toString("base64url")])
    expect((await send(read)).status, read).toBe(200);
  const broken = Buffer.concat([Buffer.from('{"n":5,"s":"'), Buffer.from([0xff]), Buffer.from('"}')]).toString(
    "base64",
  );
  for (const [refused, why] of [
    [broken, "UTF-8"],
    [`${base64.slice(0, 4)}*${base64.slice(4)}`, "base64"],
    [`${base64}====trailing`, "base64"],
  ] as const)
    expect(await send(refused), refused).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ["body", "encoded_input", "b64payload"], msg: expect.stringContaining(why) }] },
    });
});

test("the input of a schedule that is encoded without encodings is decoded, checked and stored as the input itself", async () => {
  const encoded = (text: string) => ({ b64payload: Buffer.from(text).toString("base64"), encoding_options: [] });
  const schedule_id = `enc-${randomUUID()}`;
  const create = (input: unknown) =>
    w.ask("POST", "/v1/workflows/schedules", {
      body: { workflow_identifier: "orders", schedule_id, schedule: { input, cron_expressions: ["0 9 * * *"] } },
    });
  const patch = (input: unknown) =>
    w.ask("PATCH", `/v1/workflows/schedules/${schedule_id}`, { body: { schedule: { input } } });
  const stored = async () => (await w.ask("GET", `/v1/workflows/schedules/${schedule_id}`)).body.input;
  expect(await create(encoded('{"n":"5"}'))).toMatchObject({ status: 422, body: { code: "WF_1200" } });
  expect(await create(encoded("no JSON"))).toMatchObject({
    status: 422,
    body: { code: "WF_1200", detail: [{ loc: ["body", "schedule", "input", "b64payload"] }] },
  });
  expect((await create(encoded('{"n":5}'))).status).toBe(201);
  expect(await stored()).toEqual({ n: 5 });
  expect((await patch(encoded('{"n":6}'))).status).toBe(200);
  expect(await stored()).toEqual({ n: 6 });
  expect(await patch(encoded('{"n":"6"}'))).toMatchObject({ status: 422, body: { code: "WF_1200" } });
  const kept = { b64payload: "c2VjcmV0", encoding_options: ["encrypted"] };
  expect((await patch(kept)).status).toBe(200);
  expect(await stored()).toMatchObject(kept);
});

test.each(["completed", "terminated"])("the event stream of one execution ends once it is %s", async (how) => {
  const execution_id = `end-${randomUUID()}`;
  await w.ask("POST", "/v1/workflows/orders/execute", { body: { execution_id, input: { n: 1 } } });
  const open = () => Frames.open(w, `/v1/workflows/events/stream?workflow_exec_id=${execution_id}`);
  const live = await open();
  expect((await live.next())?.data).toMatchObject({ data: { event_type: "WORKFLOW_EXECUTION_STARTED" } });
  if (how === "completed") await worker.complete(execution_id);
  else await w.ask("POST", `/v1/workflows/executions/${execution_id}/terminate`);
  const rest = async (frames: Frames) => {
    let count = 0;
    while (await frames.next()) count += 1;
    return count;
  };
  expect(await rest(live)).toBe(how === "completed" ? 1 : 0);
  expect(await rest(await open())).toBe(how === "completed" ? 2 : 1);
});
