/** The part of a timeline that is shown, from 0 to 1 of the whole. It is in the address once the person has stopped moving it. */
import { useCallback, useEffect, useRef, useState } from "react";

export type Part = readonly [from: number, to: number];
const WHOLE: Part = [0, 1];
const SMALLEST = 1e-4;
const SETTLED_MS = 300;

/** Exported for its test. */
export function readPart(text: string | undefined): Part {
  const [from = Number.NaN, to = Number.NaN] = (text ?? "").split("-").map(Number);
  return from >= 0 && to <= 1 && to - from >= SMALLEST ? [from, to] : WHOLE;
}

const writePart = ([from, to]: Part): string | undefined =>
  from === 0 && to === 1 ? undefined : `${Number(from.toFixed(5))}-${Number(to.toFixed(5))}`;

/** Shows more or less of the whole; what lies at `at` of the part stays where it is. */
export function zoomed([from, to]: Part, factor: number, at = 0.5): Part {
  const length = Math.min(1, Math.max(SMALLEST, (to - from) * factor));
  const left = Math.max(0, Math.min(1 - length, from + (to - from - length) * at));
  return [left, left + length];
}

export function useWindow(given: string | undefined, keep: (text: string | undefined) => void) {
  const [window, setWindow] = useState(() => readPart(given));
  const kept = useRef(keep);
  kept.current = keep;
  const text = writePart(window);
  const told = useRef(given);
  useEffect(() => {
    if (given === told.current) return;
    told.current = given;
    setWindow(readPart(given));
  }, [given]);
  useEffect(() => {
    if (text === told.current) return;
    const timer = setTimeout(() => {
      told.current = text;
      kept.current(text);
    }, SETTLED_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const zoom = useCallback((factor: number, at?: number) => setWindow((part) => zoomed(part, factor, at)), []);
  const move = useCallback(
    (by: number) =>
      setWindow(([from, to]) => {
        const step = Math.max(-from, Math.min(1 - to, (to - from) * by));
        return [from + step, to + step];
      }),
    [],
  );
  const choose = useCallback(([from, to]: Part) => {
    const left = Math.max(0, Math.min(from, to));
    const right = Math.min(1, Math.max(from, to));
    setWindow(right - left < SMALLEST ? WHOLE : [left, right]);
  }, []);
  return { window, zoom, move, choose };
}
