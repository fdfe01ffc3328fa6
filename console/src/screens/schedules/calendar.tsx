/** Past and coming runs of all schedules, or of one, by day: month, week, or as a list. */

import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useRef } from "react";
import { call } from "../../api/call.ts";
import { serverNow } from "../../api/clock.ts";
import type { Answer } from "../../api/operations.ts";
import { keyOf } from "../../api/use.ts";
import { usePaused } from "../../live/pause.ts";
import { Button } from "../../ui/button.tsx";
import { Problem } from "../../ui/loading.tsx";
import { inZone, useZone, zoneName } from "../../ui/time.tsx";
import { dateIn } from "../../ui/wall-clock.ts";
import { type Day, daysFrom, mondayOf, shift } from "./days.ts";

export const VIEWS = ["month", "week", "day", "agenda"] as const;
type View = (typeof VIEWS)[number];
export const isView = (text: string | undefined): text is View => VIEWS.some((view) => view === text);
const DAYS: Record<View, number> = { month: 42, week: 7, day: 1, agenda: 14 };
type LogEntry = Answer<"getScheduleLog">["entries"][number];

interface Entry {
  readonly schedule: string;
  readonly at: number;
  /** `due`, or the outcome in the log. */
  readonly outcome: string;
  readonly execution: string | null;
  readonly reason: string | null;
}

/** Logs are read for so many schedules at once. */
const LOGS = 20;
/** A day shows so many runs of one schedule; more are folded. */
const FOLD_FROM = 4;
/** Of so many schedules a day, or an hour, is drawn: a page of a thousand for each day could not be read, nor drawn soon. */
const MOST: Record<View, number> = { month: 8, week: 40, day: 200, agenda: 60 };
/** The server tells a thousand times at once; so many pages are read. */
const MOST_PAGES = 10;
const PAGE = 1_000;
const HOUR_MS = 3_600_000;

export function Calendar({
  schedules,
  view,
  from,
  only,
}: {
  schedules: readonly string[];
  view: View;
  from: string | undefined;
  only?: string;
}) {
  const zone = zoneName(useZone());
  const today = dateIn(serverNow(), zone);
  const date = from ?? today;
  const first = view === "month" ? mondayOf(`${date.slice(0, 7)}-01`) : view === "week" ? mondayOf(date) : date;
  const days = useMemo(() => daysFrom(first, DAYS[view], zone), [first, view, zone]);
  const start = days[0]?.start ?? 0;
  const end = days.at(-1)?.end ?? 0;
  const { entries, problem, retry, loading, cut } = useEntries(schedules, start, end, only);
  const byDay = useMemo(() => groupByDay(days, entries), [days, entries]);
  const navigate = useNavigate();
  const go = (next: { view?: View; from?: string }) => {
    const search = { view: next.view ?? view, from: next.from ?? date };
    if (only) void navigate({ to: "/schedules/$id", params: { id: only }, search });
    else void navigate({ to: "/schedules", search });
  };
  const step = (by: 1 | -1) =>
    go({
      from: view === "month" ? shift(date, { months: by }) : shift(date, { days: by * DAYS[view] }),
    });
  const title = new Intl.DateTimeFormat("en", {
    month: "long",
    year: "numeric",
    timeZone: "UTC",
    ...(view === "day" && { weekday: "long", day: "numeric" }),
  }).format(new Date(`${date}T00:00:00Z`));
  return (
    <section aria-label="Calendar" className="rounded-lg border border-line bg-panel" data-testid="calendar">
      <div className="flex flex-wrap items-center gap-2 border-b border-line px-3 py-2">
        <Button aria-label="Earlier" onClick={() => step(-1)}>
          ‹
        </Button>
        <Button onClick={() => go({ from: today })}>Today</Button>
        <Button aria-label="Later" onClick={() => step(1)}>
          ›
        </Button>
        <h2 className="text-sm font-semibold">{title}</h2>
        <span className="text-xs text-soft">in {zone}</span>
        <div role="group" aria-label="View" className="ml-auto flex rounded-md border border-line text-xs">
          {VIEWS.map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={view === one}
              onClick={() => go({ view: one })}
              className="min-h-7 px-2.5 aria-pressed:bg-sunken aria-pressed:font-semibold"
            >
              {one}
            </button>
          ))}
        </div>
      </div>
      {loading && (
        <p role="status" aria-label="Loading" className="px-3 py-1 text-xs text-soft">
          Reading the times…
        </p>
      )}
      {problem !== null && <Problem error={problem} retry={retry} />}
      {cut && <p className="px-3 py-1 text-xs text-soft">There are more times in this window than are shown.</p>}
      {view === "agenda" ? (
        <Agenda days={days} byDay={byDay} zone={zone} open={(date) => go({ view: "day", from: date })} />
      ) : view === "day" && days[0] ? (
        <Hours day={days[0]} entries={entries} zone={zone} />
      ) : (
        <Grid
          days={days}
          byDay={byDay}
          zone={zone}
          month={view === "month" ? date.slice(0, 7) : undefined}
          today={today}
          most={MOST[view]}
          open={(date) => go({ view: "day", from: date })}
        />
      )}
    </section>
  );
}

function useEntries(schedules: readonly string[], start: number, end: number, only: string | undefined) {
  // Nothing is due in the past any more: there the logs have what became of it.
  const isPast = end <= serverNow();
  const window = { from: new Date(start).toISOString(), to: new Date(end).toISOString() };
  const paused = usePaused();
  const upcoming = useQuery({
    queryKey: keyOf("listUpcomingTimes", { query: { ...window, limit: PAGE } }),
    queryFn: ({ signal }) => timesIn(window, signal),
    staleTime: 30_000,
    placeholderData: keepPreviousData,
    enabled: !isPast && !paused,
  });
  const wanted = only === undefined ? schedules.slice(0, LOGS) : [only];
  const logs = useQueries({
    queries: wanted.map((schedule_id) => ({
      queryKey: keyOf("getScheduleLog", { params: { schedule_id }, query: { limit: 200 } }),
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        call("getScheduleLog", { params: { schedule_id }, query: { limit: 200 }, signal }),
      staleTime: 15_000,
    })),
  });
  const stamp = logs.map(({ dataUpdatedAt }) => dataUpdatedAt).join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the stamp says when a log has changed
  const entries = useMemo(() => {
    const coming = (upcoming.data?.times ?? [])
      .filter(({ schedule_id }) => only === undefined || schedule_id === only)
      .map(
        (time): Entry => ({
          schedule: time.schedule_id,
          at: Date.parse(time.nominal_at),
          outcome: "due",
          execution: null,
          reason: null,
        }),
      );
    const past = logs.flatMap(({ data }, i) =>
      (data?.entries ?? []).map(
        (entry: LogEntry): Entry => ({
          schedule: wanted[i] as string,
          at: Date.parse(entry.nominal_at),
          outcome: entry.outcome,
          execution: entry.execution_id,
          reason: entry.reason,
        }),
      ),
    );
    return [...past, ...coming].filter(({ at }) => at >= start && at < end).sort((a, b) => a.at - b.at);
  }, [upcoming.data, stamp, start, end, only]);
  const failed = [upcoming, ...logs].find(({ error }) => error)?.error ?? null;
  const retry = () => {
    for (const read of [upcoming, ...logs]) if (read.error) void read.refetch();
  };
  const loading = [upcoming, ...logs].some(({ isLoading }) => isLoading);
  return { entries, problem: failed, retry, loading, cut: upcoming.data?.complete === false };
}

type Times = Pick<Answer<"listUpcomingTimes">, "times" | "complete">;

/** The due times of the window: a page after the other, each from the last time of the one before. */
async function timesIn({ from, to }: { from: string; to: string }, signal: AbortSignal): Promise<Times> {
  const times = new Map<string, Times["times"][number]>();
  let next = from;
  for (let page = 0; page < MOST_PAGES; page++) {
    const read = await call("listUpcomingTimes", { query: { from: next, to, limit: PAGE }, signal });
    for (const time of read.times) times.set(`${time.nominal_at} ${time.schedule_id}`, time);
    const last = read.times.at(-1)?.nominal_at;
    if (read.complete || last === undefined) return { times: [...times.values()], complete: read.complete };
    // The next page begins with the times of the same moment: one of them may be in the page and another not.
    next = Date.parse(last) > Date.parse(next) ? last : new Date(Date.parse(next) + 1).toISOString();
  }
  return { times: [...times.values()], complete: false };
}

/** By date, then by schedule. */
type ByDay = ReadonlyMap<string, ReadonlyMap<string, readonly Entry[]>>;

function groupByDay(days: readonly Day[], entries: readonly Entry[]): ByDay {
  const byDay = new Map<string, Map<string, Entry[]>>();
  let at = 0;
  for (const entry of entries) {
    while (at < days.length && (days[at] as Day).end <= entry.at) at++;
    const day = days[at];
    if (!day || entry.at < day.start) continue;
    const schedules = byDay.get(day.date) ?? new Map<string, Entry[]>();
    byDay.set(day.date, schedules);
    const list = schedules.get(entry.schedule);
    if (list) list.push(entry);
    else schedules.set(entry.schedule, [entry]);
  }
  return byDay;
}

interface GridProps {
  readonly days: readonly Day[];
  readonly byDay: ByDay;
  readonly zone: string;
  readonly month: string | undefined;
  readonly today: string;
  /** Schedules that each day shows. */
  readonly most: number;
  /** Shows one day. */
  readonly open: (date: string) => void;
}

function Grid({ days, byDay, zone, month, today, most, open }: GridProps) {
  const box = useRef<HTMLDivElement>(null);
  // A phone shows a part of the week: that with today, if it is in the window.
  useEffect(() => {
    const own = box.current?.querySelector<HTMLElement>(`[data-date="${today}"]`);
    if (box.current && own) box.current.scrollLeft = own.offsetLeft - own.offsetWidth;
  }, [today]);
  return (
    <div ref={box} className="relative overflow-x-auto" role="region" aria-label="Days" tabIndex={0}>
      <ol className="grid min-w-[42rem] grid-cols-7">
        {days.map((day) => (
          <li
            key={day.date}
            data-date={day.date}
            className={`${month ? "min-h-24" : "min-h-72"} border-r border-b border-line p-1.5 text-xs ${month && !day.date.startsWith(month) ? "bg-sunken" : ""}`}
          >
            <p className="flex justify-between gap-1">
              <button
                type="button"
                title="Show this day"
                onClick={() => open(day.date)}
                className={`min-h-[24px] min-w-[24px] text-left hover:underline ${day.date === today ? "font-bold text-accent" : "text-soft"}`}
              >
                {weekday(day)} {Number(day.date.slice(8))}
              </button>
              <ClockChange hours={day.hours} />
            </p>
            <Runs schedules={byDay.get(day.date)} zone={zone} most={most} open={() => open(day.date)} />
          </li>
        ))}
      </ol>
    </div>
  );
}

const weekday = ({ date }: Day): string =>
  new Intl.DateTimeFormat("en", { weekday: "short", timeZone: "UTC" }).format(new Date(`${date}T00:00:00Z`));

const ClockChange = ({ hours }: { hours: number }) =>
  hours === 24 ? null : <span className="rounded bg-warn-bg px-1 text-warn">{hours} h: clocks change</span>;

interface RunsProps {
  readonly schedules: ReadonlyMap<string, readonly Entry[]> | undefined;
  readonly zone: string;
  readonly most: number;
  /** Shows the day, where the further ones are. */
  readonly open?: () => void;
}

function Runs({ schedules, zone, most, open }: RunsProps) {
  if (!schedules) return null;
  const further = schedules.size - most;
  const shown = [...schedules].slice(0, most).map(([schedule, entries]) =>
    entries.length >= FOLD_FROM ? (
      <p key={schedule} className="max-w-full leading-[24px]">
        <Link to="/schedules/$id" params={{ id: schedule }} className="block min-h-[24px] truncate hover:underline">
          {schedule}: {entries.length.toLocaleString("en")}
        </Link>
      </p>
    ) : (
      entries.map((entry) => <Run key={`${schedule} ${entry.at} ${entry.outcome}`} entry={entry} zone={zone} />)
    ),
  );
  if (further <= 0) return shown;
  const words = `and ${further.toLocaleString("en")} more`;
  return [
    ...shown,
    open ? (
      <button key="more" type="button" onClick={open} className="min-h-[24px] text-accent hover:underline">
        {words}
      </button>
    ) : (
      <p key="more" className="leading-[24px] text-soft">
        {words}
      </p>
    ),
  ];
}

const COLOURS: Readonly<Record<string, string>> = {
  started: "text-good",
  due: "text-ink",
  refused: "text-bad",
  missed_catchup: "text-bad",
};

function Run({ entry, zone }: { entry: Entry; zone: string }) {
  const time = inZone(entry.at, zone).slice(11, 16);
  const words = entry.outcome === "due" ? "" : ` ${entry.outcome.replaceAll("_", " ")}`;
  const text = `${time} ${entry.schedule}${words}`;
  const colour = COLOURS[entry.outcome] ?? "text-warn";
  const title = `${inZone(entry.at, zone)} ${entry.schedule}${words}${entry.reason ? `: ${entry.reason}` : ""}`;
  return (
    <p className={`max-w-full leading-[24px] ${colour}`} title={title} data-at={new Date(entry.at).toISOString()}>
      {entry.execution ? (
        <Link
          to="/executions/$id"
          params={{ id: entry.execution }}
          className="block min-h-[24px] truncate hover:underline"
        >
          {text}
        </Link>
      ) : (
        <Link
          to="/schedules/$id"
          params={{ id: entry.schedule }}
          className="block min-h-[24px] truncate hover:underline"
        >
          {text}
        </Link>
      )}
    </p>
  );
}

/** One day by hours: 23 or 25 of them where the clocks change, each named by its own wall clock. */
function Hours({ day, entries, zone }: { day: Day; entries: readonly Entry[]; zone: string }) {
  const hours = Array.from({ length: Math.ceil((day.end - day.start) / HOUR_MS) }, (_, n) => day.start + n * HOUR_MS);
  const now = serverNow();
  return (
    <ol className="divide-y divide-line text-xs" aria-label="Hours">
      {day.hours !== 24 && (
        <li className="px-4 py-1.5">
          <ClockChange hours={day.hours} />
        </li>
      )}
      {hours.map((start) => {
        const end = Math.min(day.end, start + HOUR_MS);
        const own = Map.groupBy(
          entries.filter(({ at }) => at >= start && at < end),
          ({ schedule }) => schedule,
        );
        const isNow = now >= start && now < end;
        return (
          <li
            key={start}
            data-hour={new Date(start).toISOString()}
            className="grid min-h-7 grid-cols-[4rem_minmax(0,1fr)]"
          >
            <span
              className={`px-4 py-1 whitespace-nowrap tabular-nums ${isNow ? "font-bold text-accent" : "text-soft"}`}
            >
              {inZone(start, zone).slice(11, 16)}
            </span>
            <div className="flex flex-wrap gap-x-4 gap-y-0.5 border-l border-line px-3 py-1">
              <Runs schedules={own} zone={zone} most={MOST.day} />
            </div>
          </li>
        );
      })}
    </ol>
  );
}

function Agenda({ days, byDay, zone, open }: Pick<GridProps, "days" | "byDay" | "zone" | "open">) {
  const shown = days.filter(({ date }) => byDay.has(date));
  if (shown.length === 0) return <p className="px-4 py-8 text-center text-soft">Nothing is due in these two weeks.</p>;
  return (
    <ol className="divide-y divide-line">
      {shown.map((day) => (
        <li
          key={day.date}
          data-date={day.date}
          className="grid grid-cols-[6.5rem_minmax(0,1fr)] gap-3 px-4 py-2 text-sm"
        >
          <span className="text-soft">
            {weekday(day)} <span className="whitespace-nowrap">{day.date}</span>
            <ClockChange hours={day.hours} />
          </span>
          <div>
            <Runs schedules={byDay.get(day.date)} zone={zone} most={MOST.agenda} open={() => open(day.date)} />
          </div>
        </li>
      ))}
    </ol>
  );
}
