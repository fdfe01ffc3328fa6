/** What the execution's own code has logged, newest first. */
import { useState } from "react";
import { call } from "../../api/call.ts";
import { useRead } from "../../api/use.ts";
import { useSay } from "../../app/toasts.tsx";
import { Button } from "../../ui/button.tsx";
import { Loading } from "../../ui/loading.tsx";
import { type LogRecord, LogRecords } from "./log-records.tsx";

const REFRESH_MS = 30_000;

interface Props {
  readonly id: string;
  readonly run: string;
  readonly open: boolean;
}

export function Logs({ id, run, open }: Props) {
  const params = { execution_id: id };
  const query = { run_id: run, order: "desc", limit: 100 } as const;
  const read = useRead("getWorkflowExecutionLogs", { params, query }, open ? { refetchInterval: REFRESH_MS } : {});
  const [older, setOlder] = useState<{ records: readonly LogRecord[]; next: string | null } | null>(null);
  const [text, setText] = useState("");
  const say = useSay();
  const next = older ? older.next : (read.data?.next_cursor ?? null);
  const more = () =>
    call("getWorkflowExecutionLogs", { params, query: { ...query, cursor: next ?? undefined } }).then(
      (page) => setOlder({ records: [...(older?.records ?? []), ...page.results], next: page.next_cursor }),
      say.failed,
    );
  const wanted = text.trim().toLowerCase();
  return (
    <Loading read={read}>
      {({ results }) => {
        const shown = [...results, ...(older?.records ?? [])].filter(({ body }) => body.toLowerCase().includes(wanted));
        return (
          <div className="rounded-lg border border-line bg-panel" data-testid="logs">
            <div className="flex flex-wrap items-center gap-2 border-b border-line px-3 py-2">
              <input
                aria-label="Text in the logs that were read"
                placeholder="text"
                value={text}
                onChange={({ target }) => setText(target.value)}
                className="min-h-7 rounded-md border border-line bg-panel px-2 text-xs placeholder:text-soft"
              />
              <span className="text-xs text-soft">{shown.length} records</span>
              <Button look="quiet" className="ml-auto" onClick={() => void read.refetch()}>
                Read again
              </Button>
            </div>
            {shown.length === 0 ? (
              <p className="px-4 py-8 text-center text-sm text-soft">
                Its code has logged nothing, or its worker does not ship logs.
              </p>
            ) : (
              <div className="max-h-[60dvh] overflow-auto" tabIndex={0} role="region" aria-label="Log records">
                <LogRecords records={shown} />
              </div>
            )}
            {next !== null && (
              <p className="border-t border-line p-2 text-center">
                <Button onClick={more}>Load older</Button>
              </p>
            )}
          </div>
        );
      }}
    </Loading>
  );
}
