/** Copies of the data over HTTP: how many at once, and what ends one before it is received. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type RunningServer, startServer } from "../../cli/server/index.ts";
import { keyIdOf } from "../../shared/api/create-key.ts";
import { createKey, DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { type Embedded, embedded } from "../../shared/server/embedded.ts";

let folder: string;
let ports: Embedded;
let server: RunningServer;
let admin: { key: string };
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sirocco-backups-"));
  ports = embedded({ file: join(folder, "sirocco.db") });
  server = await startServer({ ports, version: "0.0.0", port: 0 });
  admin = await createKey(ports, { workspace: DEFAULT_WORKSPACE, name: "admin" });
  // More than the buffers of a connection hold.
  ports.database.run("CREATE TABLE large (part BLOB)");
  for (let i = 0; i < 24; i++) ports.database.run("INSERT INTO large VALUES (randomblob(1000000))");
  await ports.durable();
});
afterAll(async () => {
  await server.close(500);
  ports.close();
  rmSync(folder, { recursive: true });
});

const copies = () => readdirSync(folder).filter((name) => name.startsWith("backup-"));

/** Asks for a copy; the answer's body is not read until the test does. */
function asked(key: string) {
  const sent = request(`${server.url}/v1/backups`, { method: "POST", headers: { authorization: `Bearer ${key}` } });
  const answer = new Promise<{ status: number; rest(): Promise<number>; text(): Promise<string> }>(
    (resolve, reject) => {
      sent.on("error", reject);
      sent.on("response", (message) => {
        const rest = async () => {
          let bytes = 0;
          for await (const part of message) bytes += part.length;
          return bytes;
        };
        resolve({ status: message.statusCode!, rest, text: () => text(message) });
      });
    },
  );
  sent.end();
  return { answer, leave: () => sent.destroy() };
}

const gone = () => vi.waitFor(() => expect(copies()).toEqual([]), { timeout: 20_000, interval: 20 });

/** The caller before may not be gone yet. */
async function served(key: string) {
  for (;;) {
    const call = asked(key);
    const answer = await call.answer;
    if (answer.status === 200) return { ...answer, leave: call.leave };
    await answer.text();
  }
}

/** A call of which the copy is being made. */
async function begun(key: string) {
  for (;;) {
    await gone();
    const call = asked(key);
    let status: number | undefined;
    call.answer.then(
      (answer) => {
        status = answer.status;
      },
      () => {},
    );
    while (status === undefined && copies().length === 0) await setTimeout(1);
    if (status !== 429) return call;
  }
}

test("of many callers at once one gets a copy, and the others are told to come later", async () => {
  const all = await Promise.all(Array.from({ length: 8 }, () => asked(admin.key).answer));
  expect(all.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(429)]);
  expect(copies()).toHaveLength(1);
  const refused = all.find(({ status }) => status === 429)!;
  expect(JSON.parse(await refused.text())).toMatchObject({
    code: "RATE_LIMITED",
    detail: expect.stringContaining("one copy at a time"),
  });
  expect(await all.find(({ status }) => status === 200)!.rest()).toBeGreaterThan(24_000_000);
  await gone();
  expect(await (await served(admin.key)).rest()).toBeGreaterThan(24_000_000);
});

test("a caller that leaves, before or while it receives, leaves no copy and lets the next one have one", async () => {
  (await begun(admin.key)).leave();
  await gone();
  (await served(admin.key)).leave();
  await gone();
  expect(await (await served(admin.key)).rest()).toBeGreaterThan(24_000_000);
});

test("a copy ends unfinished once its key is revoked, before or while it is received", async () => {
  const second = async () => createKey(ports, { workspace: DEFAULT_WORKSPACE, name: "second" });
  const idOf = ({ record }: Awaited<ReturnType<typeof second>>) => keyIdOf(record);
  const revoke = async (id: string) => {
    const { status } = await fetch(`${server.url}/v1/keys/${id}`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${admin.key}` },
    });
    expect(status).toBe(204);
  };
  const before = await second();
  const early = await begun(before.key);
  await revoke(idOf(before));
  const answer = await early.answer;
  if (answer.status === 200) await expect(answer.rest()).rejects.toThrow(/aborted/);
  else expect(answer.status).toBe(401);
  await gone();
  const during = await second();
  const late = await served(during.key);
  await revoke(idOf(during));
  await expect(late.rest()).rejects.toThrow(/aborted/);
  await gone();
  await (await served(admin.key)).rest();
});
