/** API keys are listed, made and revoked over the API, and a revoked key ends what it has open. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Access, Keys } from "../../shared/api/auth.ts";
import { createKey } from "../../shared/api/create-key.ts";
import type { KeyRecord } from "../../shared/ports.ts";
import type { Right } from "../../shared/protocol/rights.ts";
import { turnOfTheLoop } from "../contract/manual-clock.ts";
import { type World, world } from "./support/world.ts";

let w: World;
beforeAll(async () => {
  w = await world();
  await (await w.worker("shop", [{ name: "orders", input_schema: {} }])).register([
    { name: "orders", input_schema: {} },
  ]);
});
afterAll(() => w.close());

const keys = async () =>
  (await w.ask("GET", "/v1/keys")).body.keys as { key_id: string; name: string; rights: string[] }[];
/** A key of our workspace, with its id. */
async function made(name: string, ...rights: Right[]) {
  const { status, body } = await w.ask("POST", "/v1/keys", { body: { name, ...(rights.length > 0 && { rights }) } });
  expect(status).toBe(201);
  return { key: body.key as string, id: body.key_id as string };
}
const revoke = (id: string, key?: string) => w.ask("DELETE", `/v1/keys/${id}`, key === undefined ? {} : { key });

describe("keys", () => {
  test("are made, listed without themselves, and work until they are revoked", async () => {
    const { key, id } = await made("ci", "read");
    expect((await w.ask("GET", "/v1/workflows", { key })).status).toBe(200);
    const listed = await keys();
    expect(listed).toContainEqual(
      expect.objectContaining({ key_id: id, name: "ci", rights: ["read"], development: false }),
    );
    expect(JSON.stringify(listed)).not.toContain(key);
    expect((await revoke(id)).status).toBe(204);
    expect(await w.ask("GET", "/v1/workflows", { key })).toMatchObject({ status: 401, body: { code: "UNAUTHORIZED" } });
    expect((await keys()).map((k) => k.key_id)).not.toContain(id);
    expect(await revoke(id)).toMatchObject({ status: 404, body: { code: "WF_1100" } });
  });

  test("are neither shown to nor changed by a key that may only read", async () => {
    const { key, id } = await made("reader", "read");
    for (const [method, path, body] of [
      ["GET", "/v1/keys"],
      ["POST", "/v1/keys", { name: "more" }],
      ["DELETE", `/v1/keys/${id}`],
    ] as const)
      expect(await w.ask(method, path, { key, body })).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } });
  });

  test("of another workspace are not found", async () => {
    const { id } = await made("ours");
    const other = await w.newKey();
    expect((await revoke(id, other.key)).status).toBe(404);
    const listed = (await w.ask("GET", "/v1/keys", { key: other.key })).body.keys as unknown[];
    expect(listed).toHaveLength(1);
  });

  test("keep the last admin key of the workspace", async () => {
    const other = await w.newKey();
    const [only] = (await w.ask("GET", "/v1/keys", { key: other.key })).body.keys as { key_id: string }[];
    await w.ask("POST", "/v1/keys", { key: other.key, body: { name: "reader", rights: ["read"] } });
    expect(await revoke(only!.key_id, other.key)).toMatchObject({ status: 409, body: { code: "LAST_ADMIN_KEY" } });
    await w.ask("POST", "/v1/keys", { key: other.key, body: { name: "second" } });
    expect((await revoke(only!.key_id, other.key)).status).toBe(204);
    expect((await w.ask("GET", "/v1/keys", { key: other.key })).status).toBe(401);
  });

  test("has each right and each deployment once, however often the caller names it", async () => {
    const body = { name: "twice", rights: ["read", "work", "read"], deployments: ["shop", "shop"] };
    const { status, body: answer } = await w.ask("POST", "/v1/keys", { body });
    expect(status).toBe(201);
    expect(answer).toMatchObject({ rights: ["read", "work"], deployments: ["shop"] });
    expect((await keys()).find((key) => key.key_id === answer.key_id)).toMatchObject({ rights: ["read", "work"] });
  });

  test("keep one admin key when two that are the last revoke each other at once", async () => {
    const other = await w.newKey();
    const second = await w.ask("POST", "/v1/keys", { key: other.key, body: { name: "second" } });
    const [first] = (await w.ask("GET", "/v1/keys", { key: other.key })).body.keys as { key_id: string }[];
    const answers = await Promise.all([
      revoke(second.body.key_id as string, other.key),
      revoke(first!.key_id, second.body.key as string),
    ]);
    const statuses = answers.map((answer) => answer.status);
    expect(statuses.filter((status) => status === 204)).toHaveLength(1);
    const left = await Promise.all(
      [other.key, second.body.key as string].map((key) => w.ask("GET", "/v1/keys", { key })),
    );
    expect(left.map((answer) => answer.status).toSorted()).toEqual([200, 401]);
  });

  test.each([
    [{}],
    [{ name: "" }],
    [{ name: "a\nb" }],
    [{ name: "x", rights: ["owner"] }],
    [{ name: "x", more: 1 }],
  ])("are not made from %j", async (body) => {
    expect((await w.ask("POST", "/v1/keys", { body })).status).toBe(422);
  });

  test("are not taken from another workspace", async () => {
    const other = await w.newKey();
    const taken = createKey(w.ports, { workspace: w.workspace, name: "x", key: other.key });
    await expect(taken).rejects.toThrow("belongs to another workspace");
  });
});

describe("a key that expires", () => {
  const NINETY_DAYS = 90 * 86_400;
  const lasting = async (seconds: number, ...rights: Right[]) => {
    const body = { name: "contractor", expires_in_seconds: seconds, ...(rights.length > 0 && { rights }) };
    const made = await w.ask("POST", "/v1/keys", { body });
    expect(made.status).toBe(201);
    return made.body as { key: string; key_id: string; expires_at: string };
  };

  test("works until then, tells when, and is refused from then on", async () => {
    const { key, key_id, expires_at } = await lasting(NINETY_DAYS, "read");
    expect(Date.parse(expires_at)).toBe(w.clock.now() + NINETY_DAYS * 1_000);
    expect((await w.ask("GET", "/v1/whoami", { key })).body).toMatchObject({ expires_at });
    expect((await w.ask("GET", "/v1/whoami")).body).toMatchObject({ expires_at: null });
    expect(await keys()).toContainEqual(expect.objectContaining({ key_id, expires_at }));
    await w.clock.advance(NINETY_DAYS * 1_000 - 1);
    expect((await w.ask("GET", "/v1/workflows", { key })).status).toBe(200);
    await w.clock.advance(1);
    const refused = await w.ask("GET", "/v1/workflows", { key });
    expect(refused).toMatchObject({ status: 401, body: { code: "UNAUTHORIZED" } });
    expect(JSON.stringify(refused.body)).toContain("has expired");
    expect((await revoke(key_id)).status).toBe(204);
  });

  test("ends its open stream at that moment", async () => {
    const { key } = await lasting(60);
    const response = await fetch(`${w.server.url}/v1/workflows/events/stream`, {
      headers: { authorization: `Bearer ${key}` },
    });
    const reader = response.body!.getReader();
    await w.clock.advance(60_000);
    for (;;) if ((await reader.read()).done) break;
  });

  test("is told so where a call of it waits at that moment", async () => {
    const { key } = await lasting(60);
    const worker = await w.worker("patient", [{ name: "slow", input_schema: {} }]);
    const body = { ...worker.who, queue: "activity", max: 1, wait_ms: 60_000 };
    const polled = w.ask("POST", "/v1/worker/poll", { key, body });
    await turnOfTheLoop();
    await w.clock.advance(60_000);
    const { status, body: answer } = await polled;
    expect([status, answer.detail]).toEqual([401, expect.stringContaining("has expired")]);
  });

  test("does not count as the last admin key of its workspace", async () => {
    const other = await w.newKey();
    await w.ask("POST", "/v1/keys", { key: other.key, body: { name: "guest", expires_in_seconds: 600 } });
    const listed = (await w.ask("GET", "/v1/keys", { key: other.key })).body.keys as { key_id: string; name: string }[];
    const idOf = (name: string) => listed.find((key) => key.name === name)!.key_id;
    expect(await revoke(idOf("tester"), other.key)).toMatchObject({ status: 409, body: { code: "LAST_ADMIN_KEY" } });
    expect((await revoke(idOf("guest"), other.key)).status).toBe(204);
  });

  test.each([0, 59, 1.5, "90d", 3_650 * 86_400 + 1])("is not made for %j seconds", async (seconds) => {
    const body = { name: "x", expires_in_seconds: seconds };
    expect((await w.ask("POST", "/v1/keys", { body })).status).toBe(422);
  });
});

describe("a revoked key", () => {
  test("ends its open stream, and only its own", async () => {
    const { key, id } = await made("streamer");
    const open = async (by: string) => {
      const response = await fetch(`${w.server.url}/v1/workflows/events/stream`, {
        headers: { authorization: `Bearer ${by}` },
      });
      const reader = response.body!.getReader();
      return { read: () => reader.read(), cancel: () => reader.cancel() };
    };
    const [theirs, ours] = [await open(key), await open(w.key)];
    await revoke(id);
    for (;;) if ((await theirs.read()).done) break;
    const still = ours.read();
    expect(await Promise.race([still.then((r) => (r.done ? "ended" : "frame")), Promise.resolve("open")])).not.toBe(
      "ended",
    );
    await ours.cancel();
  });

  test("ends its worker's poll with 401, and the worker's session", async () => {
    const { key, id } = await made("worker");
    const worker = await w.worker("annex", [{ name: "refunds", input_schema: {} }], { key });
    const live = async () =>
      (await w.ask("GET", "/v1/workflows/deployments/annex")).body as { active_worker_count?: number };
    expect((await live()).active_worker_count).toBe(1);
    const poll = w.ask("POST", "/v1/worker/poll", {
      key,
      body: { deployment: "annex", worker: "w1", session: worker.session, queue: "workflow", max: 1, wait_ms: 60_000 },
    });
    await revoke(id);
    expect((await poll).status).toBe(401);
    expect((await live()).active_worker_count).toBe(0);
  });
});

describe("where other processes revoke keys", () => {
  const record: KeyRecord = { hash: "h", workspace: "w", rights: ["admin"], name: "n", createdAt: 0 };
  let now: number;
  let timers: { at: number; fn: () => void }[];
  let reads: number;
  let there: boolean;
  const clock = {
    now: () => now,
    at(at: number, fn: () => void) {
      timers.push({ at, fn });
      return () => {};
    },
  };
  const registry = {
    key: async () => {
      reads += 1;
      return there ? record : null;
    },
  };
  const pass = async (ms: number) => {
    now += ms;
    for (const due of timers.filter(({ at }) => at <= now)) {
      timers.splice(timers.indexOf(due), 1);
      due.fn();
    }
    for (let i = 0; i < 5; i++) await Promise.resolve();
  };
  beforeEach(() => {
    now = 1_000;
    timers = [];
    reads = 0;
    there = true;
  });
  const made = () => new Keys({ clock, registry } as never, 4_000);

  test("a key is read again after 4 s, and refused if it is gone", async () => {
    const keys = made();
    for (let i = 0; i < 3; i++) expect(await keys.authenticate("Bearer k")).toBe(record);
    expect(reads).toBe(1);
    there = false;
    await pass(3_999);
    expect(await keys.authenticate("Bearer k")).toBe(record);
    await pass(1);
    expect(await keys.authenticate("Bearer k")).toMatchObject({ status: 401 });
  });

  test("an open request ends within 4 s, and no timer is left after the last one", async () => {
    const keys = made();
    const access = new Access(keys, () => new AbortController().signal);
    access.key = record;
    const { signal } = access;
    await pass(4_000);
    expect(signal.aborted).toBe(false);
    there = false;
    await pass(4_000);
    expect([signal.aborted, access.ended]).toEqual([true, "unknown"]);
    access.end();
    await pass(4_000);
    expect(timers).toEqual([]);
  });
});
