/** `GET /metrics` of the server, and the dashboard that reads it. */
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { METRICS } from "../../cli/server/metrics.ts";
import { WORKER_METRICS, WorkerMetrics } from "../../sdk/worker/metrics.ts";
import { type World, world } from "./support/world.ts";

let w: World;
beforeEach(async () => {
  w = await world();
});
afterEach(() => w.close());

const scrape = async (key: string | null = w.key) => {
  const headers = key === null ? {} : { authorization: `Bearer ${key}` };
  const response = await fetch(`${w.server.url}/metrics`, { headers });
  return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
};
/** The value of a line by its name and labels as they are written; undefined: there is none. */
const value = (text: string, line: string): number | undefined => {
  const found = text.split("\n").find((each) => each.startsWith(`${line} `));
  return found === undefined ? undefined : Number(found.slice(line.length + 1));
};

describe("the metrics of a server", () => {
  test("count what waits, how long, the workers, and what is held", async () => {
    const worker = await w.worker("shop", [{ name: "orders" }]);
    for (const executionId of ["o-1", "o-2"]) {
      await w.client.workflows.executeWorkflow({
        workflowIdentifier: "orders",
        workflowExecutionRequest: { executionId },
      });
    }
    await w.clock.advance(7_000);
    await w.ask("POST", "/v1/holds", { body: { deployment_name: "shop" } });
    const { status, type, text } = await scrape();
    expect([status, type]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
    expect(value(text, 'sirocco_queue_tasks{deployment="shop",queue="workflow"}')).toBe(2);
    expect(value(text, 'sirocco_queue_oldest_seconds{deployment="shop",queue="workflow"}')).toBe(7);
    expect(value(text, 'sirocco_workers_live{deployment="shop"}')).toBe(1);
    expect(value(text, 'sirocco_holds{deployment="shop",workflow="",state="held"}')).toBe(1);
    expect(value(text, 'sirocco_worker_calls_total{operation="register"}')).toBe(1);
    expect(value(text, 'sirocco_http_requests_total{kind="wait",status="200"}')).toBe(2);
    expect(value(text, "sirocco_sweep_age_seconds")).toBe(7);
    await w.clock.advance(600_000);
    await w.ports.sweep(10_000);
    const later = (await scrape()).text;
    expect(value(later, 'sirocco_executions_overdue{deployment="shop"}')).toBe(2);
    expect(value(later, "sirocco_sweep_age_seconds")).toBe(0);
    expect(value(later, 'sirocco_workers_live{deployment="shop"}')).toBeUndefined();
    await worker.stop();
  });

  test("are lines that Prometheus reads, each after its help and type, and histograms that add up", async () => {
    await w.worker("shop", [{ name: "orders" }]);
    const { text } = await scrape();
    const seen = new Set<string>();
    for (const line of text.trimEnd().split("\n")) {
      const [, help] = /^# (?:HELP|TYPE) (\S+) /.exec(line) ?? [];
      if (help !== undefined) seen.add(help);
      else {
        expect(line).toMatch(/^[a-z_]+(?:\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)*\})? [\d.e+-]+$/);
        const name = /^[a-z_]+/.exec(line)![0];
        expect([...seen].some((each) => name === each || name.startsWith(`${each}_`))).toBe(true);
      }
    }
    for (const name of seen) expect(Object.keys(METRICS)).toContain(name);
    expect(value(text, 'sirocco_commit_seconds_bucket{le="+Inf"}')).toBe(value(text, "sirocco_commit_seconds_count"));
    expect(value(text, "sirocco_commit_seconds_count")).toBeGreaterThan(0);
  });

  test("need a key with the right read, and are those of its workspace", async () => {
    await w.worker("shop", [{ name: "orders" }]);
    expect((await scrape(null)).status).toBe(401);
    expect((await scrape("wrong")).status).toBe(401);
    const head = await fetch(`${w.server.url}/metrics`, {
      method: "HEAD",
      headers: { authorization: `Bearer ${w.key}` },
    });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    const worker = await w.newKey({ workspace: w.workspace, rights: ["work"] });
    expect((await scrape(worker.key)).status).toBe(403);
    const reader = await w.newKey({ workspace: w.workspace, rights: ["read"] });
    expect((await scrape(reader.key)).text).toContain('sirocco_workers_live{deployment="shop"} 1');
    expect((await scrape((await w.newKey()).key)).text).not.toContain("shop");
  });
});

test("the dashboard and the page on operating name every metric of servers and workers, and no other", () => {
  const names = Object.keys({ ...METRICS, ...WORKER_METRICS }).sort();
  for (const file of ["ops/grafana.json", "docs/operating.md"]) {
    const text = readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");
    const named = new Set((text.match(/\bsirocco_[a-z_]+/g) ?? []).map((name) => name.replace(/_bucket$/, "")));
    expect([...named].sort(), file).toEqual(names);
  }
});

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { expr: string; legendFormat: string }[];
  }[];
}

test("each panel of the dashboard asks for labels that its metrics have, so that no line of it is empty", async () => {
  await w.worker("shop", [{ name: "orders" }]);
  await w.client.workflows.executeWorkflow({ workflowIdentifier: "orders", workflowExecutionRequest: {} });
  await w.ask("POST", "/v1/holds", { body: { workflow_name: "orders" } });
  const before = (await scrape()).text;
  await w.clock.advance(600_000);
  const worker = new WorkerMetrics(w.clock);
  worker.step("orders");
  worker.replay("orders");
  worker.error("bug");
  worker.polled("workflow");
  worker.attempt("charge", { kind: "completed", result: null }, 0);
  const load = { activities: 1, activity_slots: 9, workflow_tasks: 1, workflow_slots: 9, cached: 1 };
  const text = before + (await scrape()).text + worker.text({ deployments: ["shop"], name: "w1", load });
  const labels = new Map<string, Set<string>>();
  for (const [, name, pairs = ""] of text.matchAll(/^(sirocco_[a-z_]+)(?:\{(.*)\})? /gm)) {
    const known = labels.get(name!.replace(/_(?:sum|count)$/, "")) ?? new Set(["instance", "job"]); // which Prometheus adds
    for (const [, label] of pairs.matchAll(/([a-z_]+)="/g)) known.add(label!);
    labels.set(name!.replace(/_(?:sum|count)$/, ""), known);
  }
  const file = new URL("../../ops/grafana.json", import.meta.url);
  const { panels } = JSON.parse(readFileSync(file, "utf8")) as Dashboard;
  const wrong: string[] = [];
  for (const { title, targets } of panels) {
    for (const { expr, legendFormat } of targets) {
      const listed = (pattern: RegExp, from: string) =>
        [...from.matchAll(pattern)].flatMap(([, all]) => all!.split(/, ?/));
      const metrics = listed(/\b(sirocco_[a-z_]+)/g, expr);
      const by = listed(/\bby \(([^)]*)\)/g, expr);
      const shown = listed(/\{\{(\w+)\}\}/g, legendFormat);
      const asked = [...by, ...listed(/\{([^}]*)\}/g, expr).map((pair) => /^\w+/.exec(pair)![0])];
      for (const metric of metrics) {
        const known = labels.get(metric);
        if (!known) wrong.push(`${title}: ${metric} was not scraped`);
        for (const label of [...asked, ...(by.length > 0 ? [] : shown)])
          if (known && !known.has(label)) wrong.push(`${title}: ${metric} has no label ${label}`);
      }
      const aggregated = /\b(?:sum|max|histogram_quantile)\b/.test(expr);
      if (aggregated && shown.some((label) => !by.includes(label)))
        wrong.push(`${title}: the legend names a label that the sum drops`);
    }
  }
  expect(wrong).toEqual([]);
});
