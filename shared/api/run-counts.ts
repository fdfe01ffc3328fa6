/** How many runs have each status. */
import { MAX_COUNTED_RUNS } from "../protocol/limits.ts";
import type { QueryOf, ResponseOf } from "../protocol/routes.ts";
import { ExecutionStatus } from "../protocol/status.ts";
import type { RequestContext } from "./request-context.ts";
import { filterOf } from "./runs.ts";

type Counts = ResponseOf<"countRuns">;

/** Each status is a list of its own, which the embedded store reads from an index of that status. */
export async function countRuns(context: RequestContext, query: QueryOf<"countRuns">): Promise<Counts> {
  const { ports, workspace } = context;
  const asked = new Set(query.status ?? []);
  const statuses = ExecutionStatus.options.filter((status) => asked.size === 0 || asked.has(status));
  const all = { ...query, sort_by: "start_time", order: "desc", page_size: MAX_COUNTED_RUNS } as const;
  const wanted = await filterOf(context, all, await ports.registry.workflows(workspace));
  const counts = await Promise.all(
    statuses.map(async (status): Promise<Counts["counts"][number]> => {
      if (wanted === null) return { status, count: 0, more: false };
      const { runs, next } = await ports.executions.runs({ ...wanted, statuses: [status], signal: context.signal });
      return { status, count: runs.length, more: next !== null };
    }),
  );
  return { counts };
}
