/** The log of a schedule, page by page. Apart from the other operations, because it is read seldom. */
import { isRefusal, type Refusal } from "../protocol/errors.ts";
import type { ScheduleLogEntry } from "../protocol/http/schedules.ts";
import type { QueryOf, ResponseOf } from "../protocol/routes.ts";
import { executionIdOf, formatInstant, type LogEntry, type ScheduleState } from "../schedule/rules/index.ts";
import { readLog } from "../schedule/service/index.ts";
import { isCount, readToken, writeToken } from "./page.ts";
import type { RequestContext } from "./request-context.ts";

export async function pageOfLog(
  context: RequestContext,
  state: ScheduleState,
  query: QueryOf<"getScheduleLog">,
): Promise<ResponseOf<"getScheduleLog"> | Refusal> {
  const id = state.schedule_id;
  const of = { schedule: id, created: state.created_at };
  const place = readToken(of, "cursor", query.cursor, [isCount]);
  if (isRefusal(place)) return place;
  const before = place === undefined ? undefined : Number(place[0]);
  const page = await readLog(context.ports, context.workspace, state, {
    limit: query.limit,
    ...(before !== undefined && { before }),
  });
  const last = page.entries.at(-1);
  return {
    entries: page.entries.map((entry) => logEntryView(id, entry)),
    next_cursor: page.more && last ? writeToken(of, [last.seq]) : null,
  };
}

const WITH_EXECUTION: ReadonlySet<LogEntry["outcome"]> = new Set(["started", "refused", "duplicate"]);
function logEntryView(schedule: string, entry: LogEntry): ScheduleLogEntry {
  return {
    seq: entry.seq,
    nominal_at: formatInstant(entry.nominal),
    scheduled_at: formatInstant(entry.actual),
    decided_at: formatInstant(entry.at),
    outcome: entry.outcome,
    manual: entry.manual !== null,
    execution_id: WITH_EXECUTION.has(entry.outcome) ? executionIdOf(schedule, entry) : null,
    reason: entry.reason ?? null,
    until: entry.until === undefined ? null : formatInstant(entry.until),
  };
}
