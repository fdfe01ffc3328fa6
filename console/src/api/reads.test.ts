import { afterEach, expect, test, vi } from "vitest";
import { call, open } from "./call.ts";
import type { Session } from "./session.ts";

const AS = { base: "http://server.test/", key: "k" } as Session;
vi.mock("./session.ts", () => ({ session: () => AS, forget: () => {} }));
vi.mock("./unavailable.ts", () => ({ rememberUnavailable: () => {} }));

afterEach(() => vi.unstubAllGlobals());

/** A server that answers only when it is told to. */
function slowServer() {
  const asked: { path: string; answer: () => void }[] = [];
  const fetch = (url: string, { signal }: RequestInit) =>
    new Promise<Response>((resolve, reject) => {
      asked.push({ path: new URL(url).pathname, answer: () => resolve(new Response("{}")) });
      signal?.addEventListener("abort", () => reject(signal.reason));
    });
  vi.stubGlobal("fetch", fetch);
  return asked;
}
const settled = () => new Promise((resolve) => setTimeout(resolve));

test("a slow page has four reads in flight, and the stream and an action do not wait for them", async () => {
  const asked = slowServer();
  const reads = Array.from({ length: 9 }, () => call("listHolds", {}));
  await settled();
  expect(asked).toHaveLength(4);
  const stream = open({ from_now: true }, new AbortController().signal);
  const action = call("holdWork", { body: { workflow_name: "orders" } });
  await settled();
  expect(asked).toHaveLength(6);
  for (let at = 0; at < asked.length; at++) {
    asked[at]!.answer();
    await settled();
  }
  await Promise.all([...reads, stream, action]);
  expect(asked).toHaveLength(11);
});

test("a read that is given up while it waits is not sent, and keeps no place", async () => {
  const asked = slowServer();
  const reads = Array.from({ length: 4 }, () => call("listHolds", {}));
  const left = new AbortController();
  const given = call("getWorkflows", { signal: left.signal });
  const last = call("listDeployments", {});
  left.abort();
  await expect(given).rejects.toThrow();
  asked[0]!.answer();
  await settled();
  expect(asked.map(({ path }) => path)).toHaveLength(5);
  expect(asked[4]!.path).toBe("/v1/workflows/deployments");
  for (const { answer } of asked) answer();
  await Promise.all([...reads, last]);
});
