/** The worker's side of one attempt (`ActivityHost`), for tests of activities. */
import type { Progress } from "../shared/protocol/worker.ts";
import type { Json } from "./json.ts";
import type { ActivityHost } from "./runtime/activity.ts";

export function hostFor(over: Partial<ActivityHost> = {}) {
  const published: Omit<Progress, "at">[] = [];
  const beats: Json[] = [];
  const host: ActivityHost = {
    execution: "order-1",
    run: "run-1",
    workflow: "order",
    activity: 4,
    attempt: 2,
    scheduledAt: 1000,
    deployment: "demo",
    options: {
      start_to_close_ms: 1000,
      retry: { max_attempts: 3, first_ms: 1, factor: 2, max_ms: 1, non_retryable: [] },
    },
    signal: new AbortController().signal,
    heartbeat: (details) => void beats.push(details),
    lastHeartbeat: null,
    resources: {},
    log: { debug() {}, info() {}, warn() {}, error() {} },
    publish: (progress) => void published.push(progress),
    ...over,
  };
  return { host, published, beats };
}
