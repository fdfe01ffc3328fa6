/** Widths of columns: dragged with the pointer or the arrow keys, kept beside the column's name as `execution:320`. */
import { type KeyboardEvent, type PointerEvent, useRef } from "react";

export const NARROWEST = 64;
export const WIDEST = 900;
const STEP = 16;

const clamp = (width: number): number => Math.round(Math.min(WIDEST, Math.max(NARROWEST, width)));

/** `execution:320` → the column and its width. A width that cannot be is left out. */
export function columnIn(text: string): { id: string; width: number | undefined } {
  const [id = "", given] = text.split(":");
  const width = Number(given);
  return { id, width: given && Number.isFinite(width) ? clamp(width) : undefined };
}

export const columnText = (id: string, width: number | undefined): string => (width ? `${id}:${width}` : id);

interface Props {
  readonly title: string;
  readonly width: number | undefined;
  /** `done`: the person has let go. Undefined: as wide as its content. */
  readonly resize: (width: number | undefined, done: boolean) => void;
}

export function WidthHandle({ title, width, resize }: Props) {
  const drag = useRef<{ x: number; from: number } | null>(null);
  const measured = (handle: Element): number => handle.closest("th")?.getBoundingClientRect().width ?? NARROWEST;
  const begin = (event: PointerEvent<HTMLSpanElement>) => {
    event.preventDefault();
    event.currentTarget.setPointerCapture(event.pointerId);
    drag.current = { x: event.clientX, from: measured(event.currentTarget) };
  };
  const at = (event: PointerEvent): number | null =>
    drag.current && clamp(drag.current.from + event.clientX - drag.current.x);
  const move = (event: PointerEvent) => {
    const to = at(event);
    if (to !== null) resize(to, false);
  };
  const end = (event: PointerEvent) => {
    const to = at(event);
    if (drag.current && event.clientX !== drag.current.x && to !== null) resize(to, true);
    drag.current = null;
  };
  const press = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
    if (step !== undefined) resize(clamp((width ?? measured(event.currentTarget)) + step), true);
    else if (event.key === "Delete" || event.key === "Home") resize(undefined, true);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <span
      role="separator"
      aria-orientation="vertical"
      aria-label={`Width of ${title}`}
      aria-valuemin={NARROWEST}
      aria-valuemax={WIDEST}
      aria-valuenow={width ?? NARROWEST}
      aria-valuetext={width ? `${width} px` : "as wide as its content"}
      tabIndex={0}
      title="Drag, or press ← →. Double click: as wide as its content"
      onPointerDown={begin}
      onPointerMove={move}
      onPointerUp={end}
      onPointerCancel={end}
      onDoubleClick={() => resize(undefined, true)}
      onKeyDown={press}
      className="group/width absolute inset-y-0 -right-1.5 z-[2] flex w-3 cursor-col-resize touch-none justify-center max-sm:hidden"
    >
      <span className="h-full w-px bg-transparent group-hover/width:bg-accent" aria-hidden />
    </span>
  );
}
