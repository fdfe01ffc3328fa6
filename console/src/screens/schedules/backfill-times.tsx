/** The times for which a backfill starts runs, as the server computes them, before it does. */
import { useRead } from "../../api/use.ts";
import { Problem, Skeleton } from "../../ui/loading.tsx";
import { Time } from "../../ui/time.tsx";

/** The server's preview answers so many times at most. */
const MOST = 1_000;
const SHOWN = 100;

interface Props {
  readonly definition: Readonly<Record<string, unknown>>;
  readonly from: string;
  readonly to: string;
}

export function BackfillTimes({ definition, from, to }: Props) {
  const start = Date.parse(from);
  const end = Date.parse(to);
  const isAsked = Number.isFinite(start) && Number.isFinite(end) && start <= end;
  // A preview begins after its moment, a backfill at it.
  const after = isAsked ? new Date(start - 1).toISOString() : undefined;
  const body = { schedule: definition, after, count: MOST };
  const read = useRead("previewSchedule", { body }, { enabled: isAsked, keep: true });
  if (from.trim() === "" || to.trim() === "") return null;
  if (!Number.isFinite(start) || !Number.isFinite(end))
    return <p className="text-sm text-warn">Both are points of time such as 2026-01-31T00:00:00Z.</p>;
  if (!isAsked) return <p className="text-sm text-warn">The second time lies before the first one.</p>;
  if (read.error) return <Problem error={read.error} retry={() => void read.refetch()} />;
  if (!read.data) return <Skeleton lines={2} />;
  const times = read.data.times.filter((at) => Date.parse(at) <= end);
  const isCut = times.length === MOST;
  return (
    <div className="space-y-1 text-sm" data-testid="backfill-times">
      <p>
        <strong>
          {isCut && "More than "}
          {times.length.toLocaleString("en")} {times.length === 1 ? "time" : "times"}
        </strong>{" "}
        of the rule lie{times.length === 1 ? "s" : ""} in between.
      </p>
      {times.length > 0 && (
        <ol
          className="max-h-40 overflow-auto rounded-md border border-line px-3 py-1 text-xs"
          tabIndex={0}
          aria-label="Times of the backfill"
        >
          {times.slice(0, SHOWN).map((at) => (
            <li key={at} data-time={at}>
              <Time at={at} />
            </li>
          ))}
          {times.length > SHOWN && (
            <li className="text-soft">
              and {(times.length - SHOWN).toLocaleString("en")} more, the last one <Time at={times.at(-1)} />
            </li>
          )}
        </ol>
      )}
    </div>
  );
}
