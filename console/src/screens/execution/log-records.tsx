/** Log records as lines: when, how grave, what. The rest is in the tooltip. */
import type { Answer } from "../../api/operations.ts";
import { visible } from "../../ui/text.tsx";
import { Time } from "../../ui/time.tsx";

export type LogRecord = Answer<"getWorkflowExecutionLogs">["results"][number];

const COLOURS: Readonly<Record<string, string>> = { ERROR: "text-bad", WARN: "text-warn", DEBUG: "text-soft" };

export function LogRecords({ records }: { records: readonly LogRecord[] }) {
  return (
    <ol className="font-mono text-xs">
      {records.map((record, i) => (
        <li
          // biome-ignore lint/suspicious/noArrayIndexKey: equal records may be logged twice
          key={`${record.timestamp} ${i}`}
          data-log
          className="flex flex-wrap gap-x-3 border-b border-line px-3 py-1 last:border-0 sm:flex-nowrap"
        >
          <Time at={record.timestamp} />
          <span className={`w-12 shrink-0 ${COLOURS[record.severity_text.toUpperCase()] ?? ""}`}>
            {record.severity_text}
          </span>
          <span className="min-w-0 break-words whitespace-pre-wrap" title={attributesOf(record)}>
            {visible(record.body)}
          </span>
        </li>
      ))}
    </ol>
  );
}

const attributesOf = ({ log_attributes }: LogRecord): string =>
  Object.entries(log_attributes)
    .map(([key, value]) => `${key}: ${visible(value)}`)
    .join("\n");
