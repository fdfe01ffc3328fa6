/** Metrics of a workflow, from the counts that its starts and closes have left (`shared/core/rollups.ts`). */
import { type Bucket, HOUR_MS, quantile, rangesOf, subjectOf, sum } from "../core/rollups.ts";
import { invalidAt, notFound, type Refusal } from "../protocol/errors.ts";
import type { Millis } from "../protocol/history.ts";
import { timestamp } from "../protocol/http/fields.ts";
import type { QueryOf, ResponseOf } from "../protocol/routes.ts";
import type { RequestContext } from "./request-context.ts";

/** A window up to this is shown by the minute, where minutes are kept; a longer one by the hour. */
const SHOWN_BY_MINUTE_MS: Millis = 6 * HOUR_MS;

export async function workflowMetrics(
  context: RequestContext,
  name: string,
  query: QueryOf<"getWorkflowMetrics">,
): Promise<ResponseOf<"getWorkflowMetrics"> | Refusal> {
  const { ports, workspace } = context;
  const workflow = await ports.registry.workflow(workspace, name);
  if (!workflow) return notFound("workflow", name);
  const asked = windowOf(context, query);
  if ("kind" in asked) return asked;
  const { now } = asked;
  const window = rangesOf({ ...asked, minutes: asked.until - asked.from <= SHOWN_BY_MINUTE_MS });
  const subject = subjectOf(workflow.name);
  const read = await Promise.all(window.ranges.map((range) => ports.rollups.read(workspace, { ...range, subject })));
  const byMinute = window.ranges.every(({ size }) => size === "minute");
  const counts = sum(read.flat().map((bucket) => bucket.counts));
  const n = (count: string) => counts[count] ?? 0;
  const ran = n("completed") + n("failed");
  const ended = ran + n("canceled") + n("terminated") + n("timed_out");
  const closed = ended + n("continued") + n("reset");
  const value = (v: number) => ({ value: v });
  return {
    execution_count: value(n("started")),
    success_count: value(n("completed")),
    error_count: value(n("failed") + n("terminated") + n("timed_out")),
    average_latency_ms: value(ran === 0 ? 0 : n("latency_ms") / ran),
    latency_over_time: { value: overTime(read.flat(), byMinute ? 1 : HOUR_MS) },
    retry_rate: value(closed === 0 ? 0 : n("retried") / closed),
    p50_latency_ms: value(quantile(counts, 0.5)),
    p95_latency_ms: value(quantile(counts, 0.95)),
    open_count: value(Math.max(0, n("started") - closed)),
    failed_count: value(n("failed")),
    canceled_count: value(n("canceled")),
    terminated_count: value(n("terminated")),
    timed_out_count: value(n("timed_out")),
    continued_count: value(n("continued")),
    reset_count: value(n("reset")),
    start_time: timestamp(window.from),
    end_time: timestamp(Math.min(window.until, Math.max(now, window.from))),
  };
}

interface Window {
  readonly from: Millis;
  readonly until: Millis;
  readonly now: Millis;
}

/** Default: as far back as the store keeps closed runs. */
export function windowOf(
  { ports }: RequestContext,
  query: { readonly start_time?: Millis | undefined; readonly end_time?: Millis | undefined },
): Window | Refusal {
  const now = ports.clock.now();
  const { start_time, end_time } = query;
  if (start_time !== undefined && end_time !== undefined && end_time < start_time)
    return invalidAt(["query", "end_time"], "must not be before start_time");
  // Nothing is counted for a time to come, and nothing is kept from before the retention.
  const until = Math.min(end_time ?? now + 1, now + 1);
  const oldest = now - ports.settings.retentionMs;
  return { from: Math.max(start_time ?? oldest, oldest), until, now };
}

/** Average latencies of the parts of the window in which runs began that have completed or failed. */
function overTime(buckets: readonly Bucket[], partMs: Millis): [number, number][] {
  const parts = Map.groupBy(buckets, ({ start }) => Math.floor(start / partMs) * partMs);
  return [...parts].flatMap(([start, some]): [number, number][] => {
    const { completed = 0, failed = 0, latency_ms = 0 } = sum(some.map((bucket) => bucket.counts));
    return completed + failed === 0 ? [] : [[start * 1000, latency_ms / (completed + failed)]];
  });
}
