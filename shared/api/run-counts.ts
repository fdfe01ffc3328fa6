/** How many runs have each status. */
import { MAX_PAGE } from "../protocol/limits.ts";
import type { QueryOf, ResponseOf } from "../protocol/routes.ts";
import { ExecutionStatus } from "../protocol/status.ts";
import type { RequestContext } from "./request-context.ts";
import { filterOf } from "./runs.ts";

type Counts = ResponseOf<"countRuns">;

/** Each status is a list of its own, which the embedded store reads from an index of that status. */
export async function countRuns(context: RequestContext, query: QueryOf<"countRuns">): Promise<Counts> {
  const { ports, workspace, signal } = context;
  const { up_to: upTo, ...filter } = query;
  const asked = new Set(filter.status ?? []);
  const statuses = ExecutionStatus.options.filter((status) => asked.size === 0 || asked.has(status));
  const all = { ...filter, sort_by: "start_time", order: "desc", page_size: MAX_PAGE } as const;
  const wanted = await filterOf(context, all, await ports.registry.workflows(workspace));
  const counts = await Promise.all(
    statuses.map(async (status): Promise<Counts["counts"][number]> => {
      let count = 0;
      let token: string | null = null;
      do {
        if (wanted === null) break;
        const limit = Math.min(MAX_PAGE, upTo - count);
        const rest = { statuses: [status], signal, limit, ...(token !== null && { token }) };
        const { runs, next }: Awaited<ReturnType<typeof ports.executions.runs>> = await ports.executions.runs({
          ...wanted,
          ...rest,
        });
        count += runs.length;
        token = next;
      } while (token !== null && count < upTo && !signal?.aborted);
      return { status, count, more: token !== null };
    }),
  );
  return { counts };
}
