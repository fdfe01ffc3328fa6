/** The whole timeline in one strip. Dragging over it chooses the part that is shown; a double click shows all. */
import { type PointerEvent, useMemo, useRef, useState } from "react";
import type { Outcome, Step } from "../../history/steps.ts";
import type { Part } from "./timeline-window.ts";

/** Steps that are drawn: in so narrow a strip more of them would hide each other. */
const DRAWN = 400;
const HEIGHT = 28;
const COLOURS: Record<Outcome, string> = {
  open: "fill-running",
  completed: "fill-good",
  failed: "fill-bad",
  cancelled: "fill-still",
};

interface Props {
  readonly steps: readonly Step[];
  readonly now: number;
  readonly scale: (at: number) => number;
  readonly window: Part;
  readonly choose: (part: Part) => void;
}

export function Overview({ steps, now, scale, window, choose }: Props) {
  const box = useRef<SVGSVGElement>(null);
  const [drag, setDrag] = useState<Part | null>(null);
  const drawn = useMemo(() => {
    const every = Math.max(1, Math.ceil(steps.length / DRAWN));
    // Failed ones are always drawn: they are what one looks for.
    return steps.filter(({ outcome }, i) => outcome === "failed" || i % every === 0).slice(0, 2 * DRAWN);
  }, [steps]);
  const at = (event: PointerEvent): number => {
    const rect = box.current?.getBoundingClientRect();
    return rect ? Math.max(0, Math.min(1, (event.clientX - rect.left) / rect.width)) : 0;
  };
  const [from, to] = drag ?? window;
  const isWhole = window[0] === 0 && window[1] === 1 && drag === null;
  const row = (i: number) => 2 + (i * (HEIGHT - 6)) / Math.max(1, drawn.length - 1);
  return (
    <svg
      ref={box}
      aria-hidden="true"
      data-testid="brush"
      viewBox={`0 0 1 ${HEIGHT}`}
      preserveAspectRatio="none"
      className="h-7 w-full cursor-crosshair touch-none border-l border-line"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setDrag([at(event), at(event)]);
      }}
      onPointerMove={(event) => drag && setDrag([drag[0], at(event)])}
      onPointerUp={() => {
        // A click without a movement chooses nothing.
        if (drag && Math.abs(drag[1] - drag[0]) > 0.005) choose(drag);
        setDrag(null);
      }}
      onPointerCancel={() => setDrag(null)}
      onDoubleClick={() => choose([0, 1])}
    >
      {drawn.map((step, i) => {
        const left = scale(step.start);
        return (
          <rect
            key={step.key}
            x={left}
            y={row(i)}
            width={Math.max(0.002, scale(step.end ?? now) - left)}
            height={2}
            className={COLOURS[step.outcome]}
          />
        );
      })}
      {!isWhole && (
        <rect
          x={Math.min(from, to)}
          width={Math.max(0.001, Math.abs(to - from))}
          y={0}
          height={HEIGHT}
          className="fill-accent/20"
        />
      )}
    </svg>
  );
}
