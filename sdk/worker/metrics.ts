/**
 * What a worker counts, for `GET /metrics` in the text format of Prometheus.
 *
 * WORKERMETRICS-1. Labels are names of the program (activities, workflows) and words of this file: no payload, no id and no message of an
 *     error is in them, so that the answer needs no key and stays small.
 * WORKERMETRICS-2. Counting never throws and never waits: no step depends on it.
 */
import { type Clock, steadyOf } from "../../shared/lib/clock.ts";
import { Histogram } from "../../shared/lib/histogram.ts";
import { Counter, Exposition, type MetricTable } from "../../shared/lib/prometheus.ts";
import type { Millis } from "../../shared/protocol/history.ts";
import type { ActivityOutcome } from "../../shared/protocol/messages.ts";
import { VERSION } from "../../shared/protocol/version.ts";
import type { WorkerLoad } from "../../shared/protocol/worker-load.ts";

/** Name, type and meaning of each metric. `ops/grafana.json` uses these names, and a test compares them. */
export const WORKER_METRICS = {
  sirocco_worker_info: ["gauge", "1, with deployment, name and SDK version of the worker"],
  sirocco_worker_slots: [
    "gauge",
    "Attempts of activities, and executions being advanced, that the worker takes at a time, by kind",
  ],
  sirocco_worker_slots_used: ["gauge", "How many of these slots are taken, by kind"],
  sirocco_worker_cached_executions: ["gauge", "Executions in memory"],
  sirocco_worker_poll_age_seconds: ["gauge", "Time since the last poll for tasks was answered, by queue"],
  sirocco_worker_steps_total: ["counter", "Recorded steps of executions, by workflow"],
  sirocco_worker_replays_total: ["counter", "Executions that were replayed from their histories, by workflow"],
  sirocco_worker_attempts_total: ["counter", "Ended attempts of activities, by activity and outcome"],
  sirocco_worker_attempt_seconds: ["histogram", "Duration of the attempts of activities, by activity"],
  sirocco_worker_errors_total: ["counter", "Errors by kind"],
} as const satisfies MetricTable;

/**
 * `bug`: workflow code threw what is no failure, or cannot go on. `divergence`: it no longer does what its history says. `repeated_call`: a call of the
 * server failed and is repeated. `execution`: an execution could not be advanced and is tried again. `poll`: no tasks could be received.
 */
export type ErrorKind = "bug" | "divergence" | "repeated_call" | "execution" | "poll";

export type Slots = Omit<WorkerLoad, "cpu" | "memory_bytes">;

export class WorkerMetrics {
  readonly #clock: Clock;
  readonly #steps = new Counter("workflow");
  readonly #replays = new Counter("workflow");
  readonly #attempts = new Counter("activity", "outcome");
  readonly #seconds = new Map<string, Histogram>();
  readonly #errors = new Counter("kind");
  readonly #polled = new Map<"workflow" | "activity", Millis>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  step(workflow: string): void {
    this.#steps.add(workflow);
  }

  replay(workflow: string): void {
    this.#replays.add(workflow);
  }

  error(kind: ErrorKind): void {
    this.#errors.add(kind);
  }

  polled(queue: "workflow" | "activity"): void {
    this.#polled.set(queue, steadyOf(this.#clock));
  }

  attempt(activity: string, outcome: ActivityOutcome, began: Millis): void {
    this.#attempts.add(activity, outcome.kind === "completed" ? "completed" : outcome.reason);
    const histogram = this.#seconds.get(activity) ?? new Histogram();
    this.#seconds.set(activity, histogram);
    histogram.observe((steadyOf(this.#clock) - began) / 1000);
  }

  /** `deployments`: all that the process serves. */
  text(of: { deployments: readonly string[]; name: string; load: Slots | null }): string {
    const { deployments, name, load } = of;
    const shown = new Exposition(WORKER_METRICS);
    for (const deployment of deployments)
      shown.value("sirocco_worker_info", { deployment, worker: name, version: VERSION }, 1);
    if (load) {
      shown.value("sirocco_worker_slots", { kind: "activities" }, load.activity_slots);
      shown.value("sirocco_worker_slots", { kind: "workflows" }, load.workflow_slots);
      shown.value("sirocco_worker_slots_used", { kind: "activities" }, load.activities);
      shown.value("sirocco_worker_slots_used", { kind: "workflows" }, load.workflow_tasks);
      shown.value("sirocco_worker_cached_executions", {}, load.cached);
    }
    const now = steadyOf(this.#clock);
    for (const [queue, at] of this.#polled)
      shown.value("sirocco_worker_poll_age_seconds", { queue }, (now - at) / 1000);
    for (const [labels, n] of this.#steps) shown.value("sirocco_worker_steps_total", labels, n);
    for (const [labels, n] of this.#replays) shown.value("sirocco_worker_replays_total", labels, n);
    for (const [labels, n] of this.#attempts) shown.value("sirocco_worker_attempts_total", labels, n);
    for (const [activity, of] of this.#seconds) shown.histogram("sirocco_worker_attempt_seconds", { activity }, of);
    for (const [labels, n] of this.#errors) shown.value("sirocco_worker_errors_total", labels, n);
    return shown.text;
  }
}
