/** Failures of runs by fingerprint, from the counts that closes have left (`shared/core/rollups.ts`). */
import { type Bucket, FAILURES, HOUR_MS, rangesOf, sum } from "../core/rollups.ts";
import { isRefusal, type Refusal } from "../protocol/errors.ts";
import type { Millis } from "../protocol/history.ts";
import { timestamp } from "../protocol/http/fields.ts";
import { MAX_READ_FAILURES } from "../protocol/limits.ts";
import type { QueryOf, ResponseOf } from "../protocol/routes.ts";
import { windowOf } from "./metrics.ts";
import { pageOf } from "./page.ts";
import type { RequestContext } from "./request-context.ts";

const DEFAULT_WINDOW_MS: Millis = 24 * HOUR_MS;

type Kind = ResponseOf<"listFailures">["failures"][number];

export async function listFailures(
  context: RequestContext,
  query: QueryOf<"listFailures">,
): Promise<ResponseOf<"listFailures"> | Refusal> {
  const end = query.end_time ?? context.ports.clock.now();
  const asked = windowOf(context, { ...query, start_time: query.start_time ?? end - DEFAULT_WINDOW_MS });
  if (isRefusal(asked)) return asked;
  const window = rangesOf(asked);
  const { buckets, complete } = await newest(context, window.ranges);
  const kinds = [...Map.groupBy(buckets, ({ key }) => key).values()].map(kindOf);
  const page = pageOf({
    rows: kinds.filter(
      (kind) =>
        (query.workflow_name === undefined || kind.workflow_name === query.workflow_name) &&
        (query.deployment_name === undefined || kind.deployment_name === query.deployment_name),
    ),
    placeOf: (kind) => [kind.count, kind.last_time, kind.fingerprint],
    order: "desc",
    limit: query.limit,
    query,
    cursor: query.cursor,
  });
  if (isRefusal(page)) return page;
  return {
    failures: page.rows,
    start_time: timestamp(window.from),
    end_time: timestamp(Math.max(window.from, Math.min(window.until, asked.now))),
    complete,
    next_cursor: page.next,
  };
}

async function newest({ ports, workspace }: RequestContext, ranges: ReturnType<typeof rangesOf>["ranges"]) {
  const buckets: Bucket[] = [];
  for (const range of ranges.toReversed()) {
    const most = MAX_READ_FAILURES - buckets.length + 1;
    buckets.push(...(await ports.rollups.read(workspace, { ...range, subject: FAILURES, order: "desc", most })));
    if (buckets.length > MAX_READ_FAILURES) return { buckets: buckets.slice(0, MAX_READ_FAILURES), complete: false };
  }
  return { buckets, complete: true };
}

/** `buckets`: of one fingerprint. */
function kindOf(buckets: Bucket[]): Kind {
  const latest = newestOf(buckets);
  const left = buckets.filter(({ failure }) => failure!.run !== null);
  const { workflow, deployment, status, type, message, execution, run } = (left.length > 0 ? newestOf(left) : latest)
    .failure!;
  return {
    fingerprint: latest.key,
    count: sum(buckets.map((bucket) => bucket.counts)).failed!,
    first_time: timestamp(Math.min(...buckets.map((bucket) => bucket.first!))),
    last_time: timestamp(latest.last!),
    workflow_name: workflow,
    deployment_name: deployment,
    status: status as Kind["status"],
    type,
    message,
    example: execution === null || run === null ? null : { execution_id: execution, run_id: run },
  };
}

const newestOf = (buckets: Bucket[]): Bucket => buckets.reduce((a, b) => (b.last! > a.last! ? b : a));
