/**
 * Rollups: counts of runs by time, in buckets of a minute and of an hour, from which metrics and the list of failures are
 * read. No request ever looks at the runs for them.
 *
 * ROLLUP-1. A run is counted when it starts and when it closes, by the time of its start. A run that failed is counted once
 *     more by the time of its close, under the fingerprint of its failure.
 * ROLLUP-2. Exactly once: the counts join a write that happens exactly once. On one machine this is the transaction that
 *     moves the row of the run to where lists find it (LATERUN-3), or that of the close of a run that was moved before. On AWS it is the transaction that appends the start or the closing batch to the feed, which
 *     recognises a record that is delivered twice (FEEDWRITER-1), so neither a start nor a close pays for the counts.
 * ROLLUP-3. Minutes are kept for `MINUTES_KEPT_MS`, hours for the retention after their last change. A count for a minute
 *     that is older goes to the hour alone. So every window is exact: a young bound to the minute, an old one to the hour.
 */
import { fingerprintOf, toldOf } from "../protocol/failure-kind.ts";
import type { Head } from "../protocol/head.ts";
import { type Batch, CLOSING, type HistoryEvent, isClosing, type Millis } from "../protocol/history.ts";

export const MINUTE_MS: Millis = 60_000;
export const HOUR_MS: Millis = 3_600_000;
/** ROLLUP-3. */
export const MINUTES_KEPT_MS: Millis = 48 * HOUR_MS;

export type BucketSize = "minute" | "hour";
export const SIZE_MS: Record<BucketSize, Millis> = { minute: MINUTE_MS, hour: HOUR_MS };

/** The newest failure of a bucket. */
export interface FailureExample {
  readonly workflow: string;
  readonly deployment: string;
  readonly status: string;
  readonly type: string | null;
  readonly message: string;
  /** Null: the example was deleted, and its message with it. */
  readonly execution: string | null;
  readonly run: string | null;
}

/** What one start or one close adds. */
export interface Increment {
  /** `workflow NAME`, or `failures`. */
  readonly subject: string;
  /** Of a failure its fingerprint, else empty. */
  readonly key: string;
  /** The bucket is that of this time. */
  readonly at: Millis;
  readonly add: Counts;
  readonly failure?: FailureExample;
}
/** By name: `started`, the outcomes, `retried`, `latency_ms` (a sum), and the bins of the sketch of latencies. */
export type Counts = Readonly<Record<string, number>>;

export interface Bucket {
  readonly key: string;
  readonly start: Millis;
  readonly counts: Counts;
  /** When the first and the last failure of the bucket were counted, and the last one. */
  readonly first?: Millis;
  readonly last?: Millis;
  readonly failure?: FailureExample;
}

/** @throws TypeError if the stored value is no bucket: it is damaged. */
export function storedBucket(value: unknown): Bucket {
  const { counts, failure } = (value ?? {}) as Partial<Bucket>;
  const isWhole = typeof counts === "object" && counts !== null && Object.values(counts).every(Number.isFinite);
  if (!isWhole || failure === null || !["undefined", "object"].includes(typeof failure))
    throw new TypeError(`${JSON.stringify(value)} is stored in place of counts`);
  return value as Bucket;
}

export const FAILURES = "failures";
export const subjectOf = (workflow: string): string => `workflow ${workflow}`;

type StartedRun = Pick<Head, "workflow" | "started_at">;
type ClosedRun = StartedRun & Pick<Head, "execution" | "deployment" | "run">;

export const startedRun = (run: StartedRun): Increment => ({
  subject: subjectOf(run.workflow),
  key: "",
  at: run.started_at,
  add: { started: 1 },
});

/** The closing batch of a run. `retries`: of activities in the whole run. */
export function closedRun(run: ClosedRun, batch: Pick<Batch, "events">, retries: number): Increment[] {
  const last = batch.events.at(-1)!;
  if (!isClosing(last)) return [];
  const status = CLOSING[last.kind];
  const reset = last.kind === "execution_terminated" && last.next_run !== undefined;
  const latency = Math.max(0, last.at - run.started_at);
  const ran = status === "COMPLETED" || status === "FAILED";
  const counted: Increment = {
    subject: subjectOf(run.workflow),
    key: "",
    at: run.started_at,
    add: {
      [reset ? "reset" : OUTCOME[status]]: 1,
      ...(retries > 0 && { retried: 1 }),
      ...(ran && { latency_ms: latency, [binOf(latency)]: 1 }),
    },
  };
  const failure = failureOf(run, last);
  if (failure === null) return [counted];
  return [counted, { subject: FAILURES, key: fingerprintOf(failure), at: last.at, add: { failed: 1 }, failure }];
}

/** `last`: the last event of the run. Null: the run did not fail. */
export function failureOf(run: Omit<ClosedRun, "started_at">, last: HistoryEvent): FailureExample | null {
  const status = isClosing(last) ? CLOSING[last.kind] : null;
  if (status !== "FAILED" && status !== "TIMED_OUT") return null;
  const { workflow, deployment, execution } = run;
  return { workflow, deployment, status, ...toldOf(last), execution, run: run.run };
}

const OUTCOME = {
  COMPLETED: "completed",
  FAILED: "failed",
  CANCELED: "canceled",
  TERMINATED: "terminated",
  TIMED_OUT: "timed_out",
  CONTINUED_AS_NEW: "continued",
} as const;

/** The sketch of latencies: bins whose bounds grow by a fixed factor, so that a quantile is exact to 9 % at any scale. */
const BINS_PER_DOUBLING = 4;
const BIN = /^l(\d+)$/;
const binOf = (ms: Millis): string => `l${ms < 1 ? 0 : Math.floor(Math.log2(ms) * BINS_PER_DOUBLING)}`;

/** The latency below which the share `q` of the counted runs lies; 0 if none was counted. */
export function quantile(counts: Counts, q: number): number {
  const bins = Object.entries(counts)
    .flatMap(([name, n]) => (BIN.test(name) ? [{ bin: Number(name.slice(1)), n }] : []))
    .sort((a, b) => a.bin - b.bin);
  let left = q * bins.reduce((sum, { n }) => sum + n, 0);
  for (const { bin, n } of bins) {
    left -= n;
    if (left <= 0) return Math.round(2 ** ((bin + 0.5) / BINS_PER_DOUBLING));
  }
  return 0;
}

export const floorTo = (at: Millis, size: BucketSize): Millis => Math.floor(at / SIZE_MS[size]) * SIZE_MS[size];
export const ceilTo = (at: Millis, size: BucketSize): Millis => Math.ceil(at / SIZE_MS[size]) * SIZE_MS[size];

/** The buckets that an increment changes, with the time at which each may be deleted (ROLLUP-3). */
export function bucketsFor(
  { at }: Pick<Increment, "at">,
  o: { now: Millis; retentionMs: Millis },
): { size: BucketSize; start: Millis; expiresAt: Millis }[] {
  // In whole hours, so that most changes of a bucket leave its expiry as it is.
  const hour = {
    size: "hour",
    start: floorTo(at, "hour"),
    expiresAt: ceilTo(o.now + o.retentionMs, "hour") + HOUR_MS,
  } as const;
  if (at < o.now - MINUTES_KEPT_MS) return [hour];
  const start = floorTo(at, "minute");
  return [hour, { size: "minute", start, expiresAt: start + MINUTES_KEPT_MS + HOUR_MS }];
}

export function sum(all: readonly Counts[]): Counts {
  const counts: Record<string, number> = {};
  for (const one of all) for (const [name, n] of Object.entries(one)) counts[name] = (counts[name] ?? 0) + n;
  return counts;
}

/** The content of a bucket with an increment. */
export const withIncrement = (before: Bucket, increment: Increment): Bucket => {
  const after = copyOf(before);
  addTo(after, increment);
  return after;
};

/** A bucket that `addTo` may change. */
export type OpenBucket = { -readonly [K in keyof Bucket]: K extends "counts" ? Record<string, number> : Bucket[K] };

export const copyOf = (bucket: Bucket): OpenBucket => ({ ...bucket, counts: { ...bucket.counts } });

/** Adds in place: a bucket has dozens of counts, and under load one write takes the increments of many runs. */
export function addTo(bucket: OpenBucket, { add, at, failure }: Increment): void {
  const { counts } = bucket;
  for (const [name, n] of Object.entries(add)) counts[name] = (counts[name] ?? 0) + n;
  if (!failure) return;
  if (bucket.last === undefined || at >= bucket.last) bucket.failure = failure;
  bucket.first = Math.min(bucket.first ?? at, at);
  bucket.last = Math.max(bucket.last ?? at, at);
}

/** The bucket without the example of this run; null: it has another. */
export function withoutFailure(bucket: Bucket, run: string | null): Bucket | null {
  const { failure } = bucket;
  if (!failure || failure.run === null || failure.run !== run) return null;
  return { ...bucket, failure: { ...failure, message: DELETED, execution: null, run: null } };
}
const DELETED = "(the example was deleted)";

export interface Range {
  readonly size: BucketSize;
  readonly from: Millis;
  /** Exclusive. */
  readonly until: Millis;
}

/** The ranges of buckets that together cover a window, in order, and the window that they cover exactly (ROLLUP-3). */
export function rangesOf(p: { from: Millis; until: Millis; now: Millis; minutes?: boolean }): {
  from: Millis;
  until: Millis;
  ranges: Range[];
} {
  const young = (at: Millis) => at >= p.now - MINUTES_KEPT_MS;
  const from = floorTo(p.from, young(p.from) ? "minute" : "hour");
  const until = Math.max(from, ceilTo(p.until, young(p.until) ? "minute" : "hour"));
  const [hours, lastHours] = [ceilTo(from, "hour"), floorTo(until, "hour")];
  const minutesAlone = hours >= lastHours || (p.minutes === true && young(from));
  const ranges: Range[] = minutesAlone
    ? [{ size: young(from) ? "minute" : "hour", from, until }]
    : [
        { size: "minute", from, until: hours },
        { size: "hour", from: hours, until: lastHours },
        { size: "minute", from: lastHours, until },
      ];
  return { from, until, ranges: ranges.filter((range) => range.from < range.until) };
}
