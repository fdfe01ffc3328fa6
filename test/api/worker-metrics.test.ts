/** `GET /metrics` of a worker (WORKERMETRICS-1, WORKERMETRICS-2), with a whole server behind it. */
import { createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { activity, type RunningWorker, sleep, startWorker, WorkflowError, workflow } from "../../sdk/index.ts";
import { WORKER_METRICS } from "../../sdk/worker/metrics.ts";
import { QUIET, type TestServer, testServer } from "../support/test-server.ts";

let begun = () => {};
let finish = () => {};
const slow = activity({ name: "slow" }, () => {
  begun();
  return new Promise<void>((ok) => {
    finish = ok;
  });
});
const refuse = activity({ name: "refuse", retry: { maxAttempts: 2, first: "1ms" } }, () => {
  throw new WorkflowError("no");
});
const careful = workflow({ name: "careful", timeout: null }, async () => {
  await refuse().catch(() => {});
  await slow();
  return {};
});
const broken = workflow({ name: "broken", timeout: null }, async () => {
  await sleep("300ms"); // no execution stays in memory, so the step after it is a replay
  throw new TypeError("secret of a customer");
});

let server: TestServer;
let worker: RunningWorker;
const settings = () => ({ url: server.url, apiKey: server.key, deployment: "shop", name: "w1", log: QUIET });
const code = { workflows: [careful, broken], activities: [slow, refuse], cachedExecutions: 0 };
beforeEach(async () => {
  server = await testServer();
  worker = await startWorker({ ...settings(), ...code });
});
afterEach(async () => {
  finish();
  await worker.stop();
  await server.close();
});

const value = (text: string, line: string): number | undefined => {
  const found = text.split("\n").find((each) => each.startsWith(`${line} `));
  return found === undefined ? undefined : Number(found.slice(line.length + 1));
};
const start = (workflow: string) =>
  fetch(`${server.url}/v1/workflows/${workflow}/execute`, {
    method: "POST",
    headers: { authorization: `Bearer ${server.key}`, "content-type": "application/json" },
    body: JSON.stringify({ input: {} }),
  });
async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((ok) => probe.listen(0, ok));
  const { port } = probe.address() as { port: number };
  await new Promise((ok) => probe.close(ok));
  return port;
}

describe("the metrics of a worker", () => {
  test("count slots, steps, attempts by outcome and their times, replays and errors", async () => {
    const running = new Promise<void>((ok) => {
      begun = ok;
    });
    expect((await start("careful")).status).toBe(200);
    await running;
    const during = worker.metrics();
    expect(value(during, 'sirocco_worker_slots{kind="activities"}')).toBe(100);
    expect(value(during, 'sirocco_worker_slots_used{kind="activities"}')).toBe(1);
    expect(value(during, 'sirocco_worker_attempts_total{activity="refuse",outcome="failed"}')).toBe(2);
    expect(value(during, 'sirocco_worker_steps_total{workflow="careful"}')).toBeGreaterThanOrEqual(2);
    expect(value(during, 'sirocco_worker_attempts_total{activity="slow",outcome="completed"}')).toBeUndefined();
    finish();
    await vi.waitFor(() => {
      const text = worker.metrics();
      expect(value(text, 'sirocco_worker_attempts_total{activity="slow",outcome="completed"}')).toBe(1);
      expect(value(text, 'sirocco_worker_attempt_seconds_count{activity="slow"}')).toBe(1);
      expect(value(text, 'sirocco_worker_slots_used{kind="activities"}')).toBe(0);
    });
    await start("broken");
    await vi.waitFor(() => {
      const text = worker.metrics();
      expect(value(text, 'sirocco_worker_errors_total{kind="bug"}')).toBeGreaterThanOrEqual(1);
      expect(value(text, 'sirocco_worker_replays_total{workflow="broken"}')).toBeGreaterThanOrEqual(1);
      expect(value(text, 'sirocco_worker_poll_age_seconds{queue="workflow"}')).toBeLessThan(60);
      expect(text).not.toContain("secret");
    }, 10_000);
  });

  test("are answered on a port of their own, in lines that Prometheus reads", async () => {
    const port = await freePort();
    const other = await startWorker({ ...settings(), ...code, name: 'w"2', metrics: { port } });
    try {
      const response = await fetch(`http://127.0.0.1:${port}/metrics`);
      expect([response.status, response.headers.get("content-type")]).toEqual([
        200,
        "text/plain; version=0.0.4; charset=utf-8",
      ]);
      const text = await response.text();
      expect(text).toMatch(/^# HELP sirocco_worker_info .*\n# TYPE sirocco_worker_info gauge\n/);
      expect(text).toContain('sirocco_worker_info{deployment="shop",worker="w\\"2",version=');
      for (const [, name] of text.matchAll(/^# TYPE (\S+)/gm)) expect(Object.keys(WORKER_METRICS)).toContain(name);
      expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404);
      expect((await fetch(`http://127.0.0.1:${port}/metrics`, { method: "POST" })).status).toBe(405);
      await expect(startWorker({ ...settings(), ...code, metrics: { port } })).rejects.toThrow(
        `the metrics' port ${port} cannot be used`,
      );
    } finally {
      await other.stop();
    }
    await expect(fetch(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow();
  });

  test("need a port that is one", async () => {
    await expect(startWorker({ ...settings(), ...code, metrics: { port: 99_999 } })).rejects.toThrow(
      "metrics.port is '99999': it must be a port number from 0 to 65535",
    );
    vi.stubEnv("SIROCCO_METRICS_PORT", "http");
    await expect(startWorker({ ...settings(), ...code })).rejects.toThrow("SIROCCO_METRICS_PORT is 'http'");
    vi.unstubAllEnvs();
  });
});
