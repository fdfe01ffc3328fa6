/** The events of a run by step: one row for each step, which opens to its events. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef } from "react";
import { serverNow } from "../../api/clock.ts";
import { type Group, groupsOf } from "../../history/groups.ts";
import { attemptsOf, type Step } from "../../history/steps.ts";
import { DRAWN, type HistoryStore, type Shown } from "../../history/store.ts";
import { rootOf } from "../../history/words.ts";
import { visible } from "../../ui/text.tsx";
import { span, Time } from "../../ui/time.tsx";
import { toEnds } from "./ends.ts";
import { EventLine } from "./event-line.tsx";
import { Mark, WORDS } from "./outcome.tsx";

const ROW = 30;

type Row = { readonly step: Step; readonly events: readonly Shown[] } | { readonly event: Shown; readonly of?: Step };

interface Props {
  readonly store: HistoryStore;
  readonly oldestFirst: boolean;
  readonly selected: number | undefined;
  readonly select: (event: number) => void;
  /** The key of the step that is shown. */
  readonly shown: string | undefined;
  readonly show: (step: string | undefined) => void;
}

export function BySteps({ store, oldestFirst, selected, select, shown, show }: Props) {
  const box = useRef<HTMLElement>(null);
  const version = store.version();
  useEffect(() => {
    if (store.last > 0) void store.newest(DRAWN);
  }, [store, store.last]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the version says when the events have changed
  const events = useMemo(() => store.recent(DRAWN), [store, version]);
  const groups = useMemo(() => groupsOf(events), [events]);
  const isOpen = ({ step, events }: Group) =>
    step !== null && (step.key === shown || events.some(({ id }) => id === selected));
  const rows = (oldestFirst ? groups : groups.toReversed()).flatMap((group): Row[] => {
    const { step, events } = group;
    if (step === null) return events.map((event) => ({ event }));
    return [{ step, events }, ...(isOpen(group) ? events.map((event) => ({ event, of: step })) : [])];
  });
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    overscan: 12,
  });
  const at = rows.findIndex((row) => ("event" in row ? row.event.id === selected : row.step.key === shown));
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another selection moves the list
  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at, { align: "auto" });
  }, [selected, shown, at < 0]);
  const nameOf = (activity: number) =>
    groups.find(({ step }) => step?.key === `activity-${activity}`)?.step?.name ?? `activity ${activity}`;
  return (
    <>
      {store.last > DRAWN && (
        <p className="border-b border-line px-3 py-2 text-sm text-soft">
          These are the steps of the newest {DRAWN.toLocaleString("en")} of {store.last.toLocaleString("en")} events; as
          lines and as JSON there are all.
        </p>
      )}
      <section
        ref={box}
        aria-label="Events by step"
        aria-busy={events.length < Math.min(DRAWN, store.last)}
        tabIndex={0}
        onKeyDown={toEnds(virtual, rows.length)}
        className="h-[60dvh] overflow-y-auto"
      >
        <ol style={{ height: virtual.getTotalSize() }} className="relative">
          {virtual.getVirtualItems().map(({ index, start }) => {
            const row = rows[index] as Row;
            const place = { top: start, height: ROW };
            if ("step" in row) {
              const isExpanded = rows[index + 1] !== undefined && (rows[index + 1] as { of?: Step }).of === row.step;
              return (
                <li key={row.step.key} data-group={row.step.key} className="absolute inset-x-0" style={place}>
                  <StepLine {...row} isExpanded={isExpanded} show={show} />
                </li>
              );
            }
            const { event } = row;
            return (
              <li
                key={event.id}
                data-event={event.id}
                className={`absolute inset-x-0 ${row.of ? "border-l-4 border-line pl-4" : ""}`}
                style={place}
              >
                <EventLine
                  id={event.id}
                  event={event}
                  nameOf={nameOf}
                  isSelected={selected === event.id}
                  select={select}
                />
              </li>
            );
          })}
        </ol>
      </section>
    </>
  );
}

interface StepLineProps {
  readonly step: Step;
  readonly events: readonly Shown[];
  readonly isExpanded: boolean;
  readonly show: Props["show"];
}

function StepLine({ step, events, isExpanded, show }: StepLineProps) {
  const attempts = attemptsOf(step, serverNow()).length;
  const failure = step.failure ?? step.segments.findLast((segment) => segment.failure)?.failure;
  return (
    <button
      type="button"
      aria-expanded={isExpanded}
      onClick={() => show(isExpanded ? undefined : step.key)}
      className="flex h-full w-full items-center gap-3 px-3 text-left text-sm hover:bg-sunken aria-expanded:bg-sunken"
    >
      <span className="w-12 shrink-0 text-right text-xs text-soft tabular-nums">{events[0]?.id}</span>
      <span className="hidden shrink-0 text-xs text-soft sm:inline">
        <Time at={step.start} />
      </span>
      <Mark outcome={step.outcome} />
      <span className="truncate">
        <span className="font-medium">{visible(step.name)}</span>{" "}
        <span className="text-soft">
          {step.kind}, {WORDS[step.outcome]}
          {step.end !== null && ` after ${span(step.end - step.start)}`}
          {attempts > 1 && `, ${attempts} attempts`}
          {failure && `: ${visible(rootOf(failure).message)}`}
        </span>
      </span>
      <span className="ml-auto shrink-0 text-xs text-soft">
        {events.length === 1 ? "1 event" : `${events.length} events`}
      </span>
    </button>
  );
}
