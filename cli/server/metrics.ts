/**
 * `GET /metrics` in the text format of Prometheus.
 *
 * METRICS-1. The caller has an API key with the right `read`, as for every other read: a proxy may bring the path to anybody.
 *     Tasks, workers, executions, schedules and holds are those of the key's workspace. Figures of the process (requests,
 *     commits, the sweep) are the same for all. No payload and no id of an execution is in them.
 * METRICS-2. Calls that wait (polls, streams, starts that wait for results) are counted apart, so that they do not hide slow ones.
 */
import type { IncomingHttpHeaders } from "node:http";
import { Keys } from "../../shared/api/auth.ts";
import { Histogram } from "../../shared/lib/histogram.ts";
import { Counter, Exposition, type MetricTable } from "../../shared/lib/prometheus.ts";
import type { Ports } from "../../shared/ports.ts";
import { forbidden, isRefusal, type Refusal } from "../../shared/protocol/errors.ts";
import { mayDo } from "../../shared/protocol/rights.ts";
import { WORKER_ROUTES } from "../../shared/protocol/worker.ts";

/** Name, type and meaning of each metric. `ops/grafana.json` uses these names, and a test compares them. */
export const METRICS = {
  sirocco_build_info: ["gauge", "1, with the version of the server"],
  sirocco_http_requests_total: ["counter", "Answered requests, by kind (api, worker, wait) and status"],
  sirocco_http_request_seconds: ["histogram", "Time from request to answer, by kind"],
  sirocco_worker_calls_total: [
    "counter",
    "Answered calls of workers, by operation; an append is a step, or steps and closes of several executions",
  ],
  sirocco_queue_tasks: ["gauge", "Tasks that wait for a worker, by deployment and queue"],
  sirocco_queue_oldest_seconds: ["gauge", "How long the oldest waiting task has waited"],
  sirocco_workers_live: ["gauge", "Workers with a recent heartbeat, by deployment"],
  sirocco_executions_overdue: ["gauge", "Running executions that no worker has taken up in time, by deployment"],
  sirocco_schedules_late: ["gauge", "Schedules whose due time has passed without a start"],
  sirocco_holds: ["gauge", "1 for each hold, by deployment, workflow and state"],
  sirocco_sweep_age_seconds: ["gauge", "Time since the last round of maintenance ended"],
  sirocco_commits_total: ["counter", "Commits of the database"],
  sirocco_commit_seconds: ["histogram", "Duration of a commit"],
  sirocco_sync_seconds: ["histogram", "Duration of the sync of the log after a commit"],
} as const satisfies MetricTable;
type Name = keyof typeof METRICS;

const OPERATIONS = new Map(Object.entries(WORKER_ROUTES).map(([name, { path }]) => [path as string, name]));
const WAITS = /^\/v1\/workflows\/(?:events\/stream|[^?]*\/(?:execute|stream|queries|updates))(?:\?|$)/;

/** `operation`: of a worker. METRICS-2. */
function kindOf(target: string, operation: string | undefined): "api" | "worker" | "wait" {
  if (operation === undefined) return WAITS.test(target) ? "wait" : "api";
  return operation === "poll" ? "wait" : "worker";
}

export class ServerMetrics {
  readonly #ports: Ports;
  readonly #keys: Keys;
  readonly #version: string;
  readonly #requests = new Counter("kind", "status");
  readonly #calls = new Counter("operation");
  readonly #seconds = new Map<string, Histogram>();

  constructor(ports: Ports, version: string) {
    this.#ports = ports;
    this.#keys = new Keys(ports, null); // read anew for each scrape
    this.#version = version;
  }

  /** A request was answered. */
  answered(target: string, status: number, seconds: number): void {
    const operation = OPERATIONS.get(target);
    const kind = kindOf(target, operation);
    this.#requests.add(kind, String(status));
    if (operation && status === 200) this.#calls.add(operation);
    const histogram = this.#seconds.get(kind) ?? new Histogram();
    this.#seconds.set(kind, histogram);
    histogram.observe(seconds);
  }

  async answer(headers: IncomingHttpHeaders): Promise<{ readonly text: string } | { readonly refused: Refusal }> {
    const caller = await this.#callerOf(headers);
    return typeof caller === "string" ? { text: await this.#text(caller) } : { refused: caller };
  }

  /** METRICS-1: the workspace of the caller. */
  async #callerOf({ authorization }: IncomingHttpHeaders): Promise<string | Refusal> {
    const key = await this.#keys.authenticate(authorization);
    if (isRefusal(key)) return key;
    if (mayDo(key.rights, "read")) return key.workspace;
    return forbidden(`The API key '${key.name}' may not read metrics: use a key with the right 'read'.`);
  }

  async #text(workspace: string): Promise<string> {
    const shown = new Exposition(METRICS);
    shown.value("sirocco_build_info", { version: this.#version }, 1);
    for (const [labels, n] of this.#requests) shown.value("sirocco_http_requests_total", labels, n);
    for (const [labels, n] of this.#calls) shown.value("sirocco_worker_calls_total", labels, n);
    for (const [kind, of] of this.#seconds) shown.histogram("sirocco_http_request_seconds", { kind }, of);
    const known = await this.#ports.gauges?.(workspace);
    for (const { name, labels, value } of known?.gauges ?? []) shown.value(name as Name, labels, value);
    for (const [name, of] of Object.entries(known?.timings ?? {})) shown.histogram(name as Name, {}, of);
    return shown.text;
  }
}
