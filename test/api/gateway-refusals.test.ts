/** The official TypeScript client and the command behind an API Gateway that refuses by itself. */
import { Mistral } from "@mistralai/mistralai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cli } from "../cli/support.ts";
import { type FaultyProxy, faultyProxy } from "../support/faulty-proxy.ts";
import { GATEWAY_REFUSALS } from "../support/gateway-refusals.ts";
import { type TestServer, testServer } from "../support/test-server.ts";

let server: TestServer;
let front: FaultyProxy;
beforeAll(async () => {
  server = await testServer();
  front = await faultyProxy(server.url);
});
afterAll(async () => {
  await front?.close();
  await server?.close();
});

describe.each(Object.entries(GATEWAY_REFUSALS))("%s", (_type, { status, body }) => {
  const refusal = {
    answer: { status, body: JSON.stringify(body), headers: { "content-type": "application/json" } },
  } as const;

  test("reaches the user of the official client as status, code and sentence", async () => {
    front.next(refusal);
    const client = new Mistral({ serverURL: front.url, apiKey: server.key, retryConfig: { strategy: "none" } });
    const error = await client.workflows.getWorkflows().catch((e) => e);
    expect(error.statusCode).toBe(status);
    expect(JSON.parse(error.body)).toEqual(body);
  });

  test("reaches the user of the command as a sentence, with code 1", async () => {
    front.next(refusal);
    const ran = await cli(["list"], { env: { SIROCCO_URL: front.url, SIROCCO_API_KEY: server.key } });
    expect([ran.code, ran.err]).toEqual([1, expect.stringContaining(body.detail)]);
  });
});

test("the official client repeats what passes, if it is told to: a request that was throttled, and one that the service did not get", async () => {
  const { THROTTLED, INTEGRATION_FAILURE } = GATEWAY_REFUSALS;
  for (const { status, body } of [THROTTLED, INTEGRATION_FAILURE])
    front.next({ answer: { status, body: JSON.stringify(body) } });
  const backoff = { initialInterval: 1, maxInterval: 5, exponent: 1, maxElapsedTime: 60_000 };
  const client = new Mistral({
    serverURL: front.url,
    apiKey: server.key,
    retryConfig: { strategy: "backoff", backoff },
  });
  expect((await client.workflows.getWorkflows()).result.workflows).toEqual([]);
});
