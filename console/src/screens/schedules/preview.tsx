/** The next times of a rule, as the server computes them, while a person edits it. */
import { useEffect, useState } from "react";
import { CallFailed } from "../../api/failure.ts";
import { useRead } from "../../api/use.ts";
import { SelectField } from "../../ui/field.tsx";
import { Problem, Skeleton } from "../../ui/loading.tsx";
import { inZone, useZone, zoneName } from "../../ui/time.tsx";

const PAUSE_MS = 300;

export function Preview({ definition }: { definition: Record<string, unknown> }) {
  const text = JSON.stringify(definition);
  const [asked, setAsked] = useState(text);
  const [count, setCount] = useState(10);
  const zone = useZone();
  useEffect(() => {
    const timer = setTimeout(() => setAsked(text), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const schedule = JSON.parse(asked) as Record<string, unknown>;
  const read = useRead("previewSchedule", { body: { schedule, count } }, { keep: true });
  const own = typeof schedule.time_zone_name === "string" ? schedule.time_zone_name : "UTC";
  const isOne = own === zoneName(zone);
  return (
    <div className="space-y-3" aria-busy={asked !== text || read.isFetching}>
      <SelectField
        label="Times to show"
        value={String(count)}
        onChange={({ target }) => setCount(Number(target.value))}
        options={["10", "50", "200", "1000"].map((n) => [n, n])}
      />
      {read.error ? (
        <Problem
          error={read.error}
          {...(read.error instanceof CallFailed && read.error.status === 422
            ? {}
            : { retry: () => void read.refetch() })}
        />
      ) : !read.data ? (
        <Skeleton lines={6} />
      ) : (
        <>
          {read.data.times.length === 0 && <p className="text-sm">The rule has no times.</p>}
          <div className="max-h-[28rem] overflow-auto" role="region" aria-label="Next times" tabIndex={0}>
            <table className="w-full text-left text-xs tabular-nums">
              <thead className="text-soft">
                <tr>
                  <th scope="col" className="py-1">
                    {own}
                  </th>
                  {!isOne && <th scope="col">{zoneName(zone)}</th>}
                </tr>
              </thead>
              <tbody>
                {read.data.times.map((at, i) => {
                  const window = read.data?.windows?.[i];
                  return (
                    <tr key={at} data-time={at} className="border-t border-line">
                      <td className="py-1">
                        {weekday(at, own)} {inZone(at, own)}
                        {window && <span className="text-soft"> to {inZone(window.before, own).slice(-8)}</span>}
                      </td>
                      {!isOne && <td>{inZone(at, zone)}</td>}
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
          {read.data.exhausted && <p className="text-xs text-soft">There are no further times.</p>}
        </>
      )}
    </div>
  );
}

const weekday = (at: string, zone: string): string =>
  new Intl.DateTimeFormat("en", { weekday: "short", timeZone: zone }).format(new Date(at));
