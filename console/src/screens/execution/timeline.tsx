/** The steps of a run over time: one row each, with a segment for each attempt and each wait for the next one. */
import { useVirtualizer } from "@tanstack/react-virtual";
import clsx from "clsx";
import { type KeyboardEvent, useEffect, useMemo, useRef } from "react";
import type { ExecutionSearch } from "../../app/search.ts";
import { gapsOf, scaleOf } from "../../history/scale.ts";
import { attemptsOf, boundsOf, type Outcome, type Segment, type Step } from "../../history/steps.ts";
import { Button } from "../../ui/button.tsx";
import { Table } from "../../ui/table.tsx";
import { visible } from "../../ui/text.tsx";
import { span, Time, useNow } from "../../ui/time.tsx";
import { Mark, WORDS } from "./outcome.tsx";
import { Overview } from "./timeline-overview.tsx";
import { useWindow } from "./timeline-window.ts";

interface Props {
  readonly steps: readonly Step[];
  readonly start: number;
  readonly closed: number | null;
  readonly selected: string | undefined;
  readonly select: (step: Step) => void;
  /** Shows the steps of a child below it, or hides them; absent where no server can be asked for them. */
  readonly expand?: (child: Step) => void;
  /** What is shown and how, as the address says. */
  readonly view: Pick<ExecutionSearch, "steps" | "name" | "fold" | "as" | "zoom" | "child">;
  readonly setView: (change: Props["view"]) => void;
}

/** Width of the names, as in the rows' grid: what is right of it is time. */
const NAMES = "grid-cols-[minmax(7rem,14rem)_minmax(0,1fr)]";
const ROW = 26;

const FILLS: Record<Outcome, string> = {
  open: "bg-running/80",
  completed: "bg-good/75",
  failed: "bg-bad/80",
  cancelled: "bg-still/80",
};

export function Timeline({ steps, start, closed, selected, select, expand, view, setView }: Props) {
  const now = useNow(closed === null ? 1_000 : 3_600_000);
  const show = view.steps === "failed" || view.steps === "open" ? view.steps : "all";
  const text = view.name ?? "";
  const fold = view.fold !== "off";
  const asTable = view.as === "table";
  const { window, zoom, move, choose } = useWindow(view.zoom, (zoom) => setView({ zoom }));
  const box = useRef<HTMLElement>(null);

  const shown = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    return steps.filter((step) => {
      if (show === "failed" && step.outcome !== "failed") return false;
      if (show === "open" && step.outcome !== "open") return false;
      return wanted === "" || step.name.toLowerCase().includes(wanted);
    });
  }, [steps, show, text]);
  const bounds = useMemo(() => boundsOf(steps, start, closed, now), [steps, start, closed, now]);
  const gaps = useMemo(() => {
    const moments = steps.flatMap(({ segments }) =>
      segments.flatMap(({ from, to }) => (to === null ? [from] : [from, to])),
    );
    return gapsOf(moments, bounds);
  }, [steps, bounds]);
  const scale = useMemo(() => scaleOf(bounds, fold ? gaps : []), [bounds, gaps, fold]);
  const place = (at: number) => ((scale(at) - window[0]) / (window[1] - window[0])) * 100;

  const press = (event: KeyboardEvent) => {
    const act: Record<string, () => void> = {
      "+": () => zoom(0.5),
      "=": () => zoom(0.5),
      "-": () => zoom(2),
      "0": () => choose([0, 1]),
      ArrowLeft: () => move(-0.25),
      ArrowRight: () => move(0.25),
    };
    const found = act[event.key];
    if (!found || (event.target as HTMLElement).tagName === "INPUT") return;
    event.preventDefault();
    found();
  };

  // The browser's own listener, because React's cannot keep the page from being zoomed or moved.
  useEffect(() => {
    const section = box.current;
    if (!section) return;
    const wheel = (event: WheelEvent) => {
      const plot = section.querySelector("[data-plot]")?.getBoundingClientRect();
      const isZoom = event.ctrlKey || event.metaKey;
      const across = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
      if (!plot || (!isZoom && across === 0)) return; // the wheel alone scrolls the rows
      event.preventDefault();
      if (isZoom) zoom(1.002 ** event.deltaY, Math.max(0, Math.min(1, (event.clientX - plot.left) / plot.width)));
      else move(across / plot.width);
    };
    section.addEventListener("wheel", wheel, { passive: false });
    return () => section.removeEventListener("wheel", wheel);
  }, [zoom, move]);

  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    overscan: 12,
  });

  return (
    <div className="rounded-lg border border-line bg-panel" data-testid="timeline">
      <div className="flex flex-wrap items-center gap-2 border-b border-line px-3 py-2">
        <div role="group" aria-label="Steps to show" className="flex rounded-md border border-line text-xs">
          {(["all", "failed", "open"] as const).map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={show === one}
              onClick={() => setView({ steps: one === "all" ? undefined : one })}
              className="min-h-7 px-2.5 aria-pressed:bg-sunken aria-pressed:font-semibold"
            >
              {one}
            </button>
          ))}
        </div>
        <input
          aria-label="Name of the step"
          placeholder="name"
          value={text}
          onChange={(event) => setView({ name: event.target.value || undefined })}
          className="min-h-7 w-36 rounded-md border border-line bg-panel px-2 text-xs placeholder:text-soft"
        />
        <span className="text-xs text-soft">
          {shown.length} of {steps.length} steps
        </span>
        <span className="ml-auto flex flex-wrap gap-1">
          {gaps.length > 0 && (
            <Button aria-pressed={fold} onClick={() => setView({ fold: fold ? "off" : undefined })}>
              {fold
                ? `Unfold idle time (${span(gaps.reduce((sum, { from, to }) => sum + to - from, 0))})`
                : "Fold idle time"}
            </Button>
          )}
          {!asTable && (
            <>
              <Button aria-label="Zoom in" onClick={() => zoom(0.5)}>
                +
              </Button>
              <Button aria-label="Zoom out" onClick={() => zoom(2)}>
                −
              </Button>
              <Button onClick={() => choose([0, 1])} disabled={window[0] === 0 && window[1] === 1}>
                All
              </Button>
            </>
          )}
          <Button aria-pressed={asTable} onClick={() => setView({ as: asTable ? undefined : "table" })}>
            Table
          </Button>
        </span>
      </div>
      {asTable ? (
        <StepTable steps={shown} now={now} select={select} />
      ) : (
        <section
          ref={box}
          aria-label="Timeline; the table shows the same"
          tabIndex={0}
          onKeyDown={press}
          className="max-h-[60dvh] min-h-12 overflow-y-auto"
        >
          {shown.length === 0 && (
            <p className="px-3 py-6 text-center text-sm text-soft">
              {steps.length === 0 ? "It has taken no step yet." : "No step fits."}
            </p>
          )}
          <div style={{ height: virtual.getTotalSize() }} className="relative">
            <span aria-hidden className={`pointer-events-none absolute inset-0 grid ${NAMES}`}>
              <span />
              <span data-plot />
            </span>
            {virtual.getVirtualItems().map(({ index, start: top }) => {
              const step = shown[index] as Step;
              const canExpand = expand !== undefined && step.kind === "child" && step.within === undefined;
              return [
                canExpand && (
                  <button
                    key={`expand ${step.key}`}
                    type="button"
                    aria-expanded={view.child === step.key}
                    aria-label={`Steps of the child ${step.name}`}
                    onClick={() => expand(step)}
                    style={{ top, height: ROW }}
                    className="absolute left-0 z-10 w-6 text-xs text-soft hover:text-ink"
                  >
                    <span aria-hidden>{view.child === step.key ? "▾" : "▸"}</span>
                  </button>
                ),
                <button
                  key={step.key}
                  type="button"
                  data-step={step.key}
                  data-outcome={step.outcome}
                  aria-pressed={selected === step.key}
                  aria-label={`${step.kind} ${step.name}, ${WORDS[step.outcome]}, ${span((step.end ?? now) - step.start)}`}
                  onClick={() => select(step)}
                  style={{ top, height: ROW }}
                  className={`absolute inset-x-0 grid ${NAMES} items-center text-left hover:bg-sunken aria-pressed:bg-sunken`}
                >
                  <span
                    className={clsx("flex items-center gap-1.5 truncate pr-3 text-xs", step.within ? "pl-10" : "pl-6")}
                  >
                    <Mark outcome={step.outcome} />
                    <span className="truncate">{visible(step.name)}</span>
                  </span>
                  <span className="relative h-full overflow-hidden border-l border-line">
                    {step.segments
                      .filter(({ from }) => from <= now)
                      .map((segment) => (
                        <Bar
                          key={`${segment.from} ${segment.kind}`}
                          segment={segment}
                          step={step}
                          now={now}
                          place={place}
                        />
                      ))}
                  </span>
                </button>,
              ];
            })}
          </div>
        </section>
      )}
      {!asTable && steps.length > 0 && (
        <div className={`grid ${NAMES} items-center border-t border-line`}>
          <span className="px-3 text-xs text-soft">drag to zoom</span>
          <Overview steps={shown} now={now} scale={scale} window={window} choose={choose} />
        </div>
      )}
      <div className="flex flex-wrap justify-between gap-x-3 border-t border-line px-3 py-1 text-xs text-soft">
        <Time at={bounds[0]} />
        <span>{span(bounds[1] - bounds[0])}</span>
        <Time at={bounds[1]} />
      </div>
    </div>
  );
}

function Bar({
  segment,
  step,
  now,
  place,
}: {
  segment: Segment;
  step: Step;
  now: number;
  place: (at: number) => number;
}) {
  const from = place(segment.from);
  const to = place(segment.to ?? now);
  const isLast = segment === step.segments.at(-1);
  const fill =
    segment.kind === "wait"
      ? ""
      : segment.failure || (isLast && step.outcome === "failed")
        ? FILLS.failed
        : FILLS[isLast ? step.outcome : "completed"];
  return (
    <span
      className={clsx(
        "absolute top-1/2 h-3 min-w-0.5 -translate-y-1/2 rounded-sm",
        fill,
        segment.kind === "wait" && "border border-dashed border-warn",
        segment.to === null && segment.kind === "run" && "opacity-80",
      )}
      style={{ left: `${from}%`, width: `${Math.max(0, to - from)}%` }}
    />
  );
}

function StepTable({ steps, now, select }: { steps: readonly Step[]; now: number; select: (step: Step) => void }) {
  return (
    <Table
      label="Steps"
      rows={steps.slice(0, 1_000)}
      keyOf={({ key }) => key}
      empty="No step fits."
      columns={[
        {
          id: "name",
          title: "Step",
          cell: (s) => (
            <button type="button" className="text-accent hover:underline" onClick={() => select(s)}>
              {visible(s.name)}
            </button>
          ),
        },
        { id: "kind", title: "Kind", cell: (s) => s.kind },
        { id: "outcome", title: "Outcome", cell: (s) => WORDS[s.outcome] },
        {
          id: "attempts",
          title: "Attempts",
          right: true,
          cell: (s) => attemptsOf(s, now).length,
        },
        { id: "start", title: "Started", cell: (s) => <Time at={s.start} /> },
        { id: "time", title: "Took", right: true, cell: (s) => span((s.end ?? now) - s.start) },
      ]}
    />
  );
}
