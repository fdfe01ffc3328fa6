import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { startWorker } from "@sirocco/sdk";
import { createClient } from "@sirocco/sdk/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { QUIET, type TestServer, testServer } from "../../test/support/test-server.ts";
import { signatureOf, webhookServer } from "./server.ts";
import { charge, payment } from "./workflows.ts";

const SECRET = "shared-with-the-provider";
let server: TestServer;
let worker: Awaited<ReturnType<typeof startWorker>>;
let hooks: ReturnType<typeof webhookServer>;
let client: ReturnType<typeof createClient>;
beforeAll(async () => {
  server = await testServer();
  const connection = { url: server.url, apiKey: server.key };
  worker = await startWorker({
    workflows: [payment],
    activities: [charge],
    ...connection,
    deployment: "pay",
    log: QUIET,
  });
  client = createClient(connection);
  hooks = webhookServer(client, SECRET).listen(0);
  await once(hooks, "listening");
});
afterAll(async () => {
  hooks?.close();
  await worker?.stop();
  await server?.close();
});

async function deliver(event: object, signature?: string): Promise<number> {
  const body = JSON.stringify(event);
  const { port } = hooks.address() as AddressInfo;
  const headers = { "x-signature": signature ?? signatureOf(SECRET, body) };
  return (await fetch(`http://127.0.0.1:${port}`, { method: "POST", body, headers })).status;
}

test("a signed webhook lets the payment go on, and a repeated one harms nothing", async () => {
  const run = await client.start(payment, { id: "P-1", cents: 5 }, { id: "P-1" });
  const event = { id: "e-1", payment: "P-1", status: "paid" };
  expect(await deliver(event)).toBe(204);
  expect(await run.result()).toMatchObject({ reference: "ref-P-1", events: 1 });
  expect(await deliver(event)).toBe(204); // the execution has closed
});

test("a wrong signature and a malformed event reach no execution", async () => {
  expect(await deliver({ id: "e-2", payment: "P-1", status: "paid" }, "0".repeat(64))).toBe(401);
  expect(await deliver({ id: "e-3" })).toBe(400);
});
