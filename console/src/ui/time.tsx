/** Points and lengths of time. All are told by the server; the clock of the browser only counts on from its last answer. */

import { createContext, useContext, useEffect, useState } from "react";
import { onClock, serverNow } from "../api/clock.ts";
import { wallClock } from "./wall-clock.ts";

/** `local`, or a name of an IANA zone such as `UTC`. */
export type Zone = string;
const ZoneContext = createContext<Zone>("local");
/** Whether points of time are shown as ages. */
export const AgesContext = createContext(false);
export const ZoneProvider = ZoneContext;
export const useZone = (): Zone => useContext(ZoneContext);

export const zoneName = (zone: Zone): string =>
  zone === "local" ? Intl.DateTimeFormat().resolvedOptions().timeZone : zone;

export const inZone = (at: string | number, zone: Zone): string =>
  wallClock(zone).format(new Date(at)).replace(",", "");

export function Time({ at }: { at: string | number | null | undefined }) {
  const zone = useZone();
  const isAge = useContext(AgesContext);
  if (at === null || at === undefined) return <span className="text-soft">–</span>;
  if (isAge) {
    return (
      <time dateTime={new Date(at).toISOString()} title={`${inZone(at, zone)} (${zoneName(zone)})`}>
        <Ago at={at} />
      </time>
    );
  }
  return (
    <time
      dateTime={new Date(at).toISOString()}
      title={`${new Date(at).toISOString()} (${zoneName(zone)})`}
      className="tabular-nums whitespace-nowrap"
    >
      {inZone(at, zone)}
    </time>
  );
}

/** `1 h 2 min`; below ten seconds with a digit, below a second in milliseconds. */
export function span(ms: number): string {
  if (!Number.isFinite(ms)) return "–";
  const abs = Math.abs(ms);
  if (abs < 1_000) return `${Math.round(ms)} ms`;
  if (abs < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  const units: [number, string][] = [
    [86_400_000, "d"],
    [3_600_000, "h"],
    [60_000, "min"],
    [1_000, "s"],
  ];
  const at = units.findIndex(([size]) => abs >= size);
  const [size, unit] = units[at] as [number, string];
  const next = units[at + 1];
  const whole = Math.floor(abs / size);
  const rest = next ? Math.floor((abs - whole * size) / next[0]) : 0;
  return `${ms < 0 ? "-" : ""}${whole} ${unit}${rest > 0 && next ? ` ${rest} ${next[1]}` : ""}`;
}

export function useNow(everyMs: number): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const tick = () => setNow(serverNow());
    const timer = setInterval(tick, everyMs);
    const off = onClock(tick);
    return () => {
      clearInterval(timer);
      off();
    };
  }, [everyMs]);
  return now;
}

/** A clock that ticks once a second tells no more of what has just been. */
const JUST_NOW_MS = 2_000;
/** The clocks of browser and server differ by less. */
const SKEW_MS = 500;

/** `ms`: how long ago; until then where negative. */
export function ago(ms: number): string {
  if (ms < -SKEW_MS) return `in ${span(Math.max(1_000, -ms))}`;
  return ms < JUST_NOW_MS ? "just now" : `${span(ms)} ago`;
}

/** How long ago, or how long until. */
export function Ago({ at }: { at: string | number | null }) {
  const now = useNow(1_000);
  if (at === null) return <span className="text-soft">–</span>;
  return <span className="whitespace-nowrap tabular-nums">{ago(now - new Date(at).getTime())}</span>;
}

/** How old an answer is that stands on the page. */
export function AsOf({ at }: { at: string | number }) {
  const age = useNow(1_000) - new Date(at).getTime();
  return (
    <span className="text-xs whitespace-nowrap text-soft tabular-nums">
      as of {age < JUST_NOW_MS ? "now" : ago(age)}
    </span>
  );
}

/** When a wait ends by itself, or should have ended. */
export function Until({ at }: { at: string }) {
  const age = useNow(1_000) - Date.parse(at);
  return (
    <span>
      {age < -SKEW_MS ? "until" : "was due"} <Ago at={at} />
    </span>
  );
}

/** The length of something that may still run. */
export function Lasting({ from, to }: { from: string | number; to: string | number | null }) {
  const now = useNow(to === null ? 1_000 : 3_600_000);
  const end = to === null ? now : new Date(to).getTime();
  return <span className="whitespace-nowrap tabular-nums">{span(Math.max(0, end - new Date(from).getTime()))}</span>;
}
