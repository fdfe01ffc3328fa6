/** What the code of one activity has logged, in all its attempts, beside its input and result. */
import { useQuery } from "@tanstack/react-query";
import { call } from "../../api/call.ts";
import type { Step } from "../../history/steps.ts";
import { Loading } from "../../ui/loading.tsx";
import { type LogRecord, LogRecords } from "./log-records.tsx";

/** Clocks of workers differ a little from the server's, by which the step began and ended. */
const MARGIN_MS = 5_000;
const PAGES = 5;
const REFRESH_MS = 10_000;

interface Props {
  readonly step: Step;
  readonly id: string;
  readonly run: string;
}

/** The API finds records by their time. Those of other activities that ran meanwhile are left out here. */
async function recordsOf({ step, id, run }: Props, signal: AbortSignal) {
  const after = new Date(step.start - MARGIN_MS).toISOString();
  const before = step.end === null ? undefined : new Date(step.end + MARGIN_MS).toISOString();
  const own: LogRecord[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < PAGES; page++) {
    const query = { run_id: run, order: "asc", limit: 100, after, before, cursor } as const;
    const found = await call("getWorkflowExecutionLogs", { params: { execution_id: id }, query, signal });
    own.push(...found.results.filter(({ log_attributes }) => `activity-${log_attributes.activity_id}` === step.key));
    if (found.next_cursor === null) return { own, isAll: true };
    cursor = found.next_cursor;
  }
  return { own, isAll: false };
}

export function StepLogs({ step, id, run }: Props) {
  const read = useQuery({
    queryKey: ["stepLogs", id, run, step.key, step.end],
    queryFn: ({ signal }) => recordsOf({ step, id, run }, signal),
    ...(step.end === null && { refetchInterval: REFRESH_MS }),
  });
  return (
    <div className="space-y-1" data-testid="step-logs">
      <h4 className="text-xs font-semibold">Logs</h4>
      <Loading read={read} lines={1}>
        {({ own, isAll }) => (
          <>
            {own.length === 0 ? (
              <p className="text-sm text-soft">It has logged nothing, or its worker does not ship logs.</p>
            ) : (
              <div
                className="max-h-64 overflow-auto rounded-md border border-line"
                tabIndex={0}
                role="region"
                aria-label="Logs of the step"
              >
                <LogRecords records={own} />
              </div>
            )}
            {!isAll && (
              <p className="text-xs text-soft">The run logged much at that time: the tab Logs has the rest.</p>
            )}
          </>
        )}
      </Loading>
    </div>
  );
}
