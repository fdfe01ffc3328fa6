/** Prints times of a schedule in its zone and in UTC, with their distances and the clock changes in between. */
import { formatInstant, type Zone } from "../../../shared/schedule/rules/index.ts";
import type { Io } from "../../io.ts";
import { type Cell, span, table } from "../../print.ts";

const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const two = (n: number) => String(n).padStart(2, "0");

/** Seconds by which the zone's clock is ahead of UTC. */
const offsetAt = (zone: Zone, ms: number): number => zone.pieceAt(Math.floor(ms / 1000)).offset;

/** `Fri 2026-03-27 09:00:00 +01:00` */
export function inZone(ms: number, zone: Zone): string {
  const offset = offsetAt(zone, ms);
  const wall = new Date(ms + offset * 1000);
  const date = `${wall.getUTCFullYear()}-${two(wall.getUTCMonth() + 1)}-${two(wall.getUTCDate())}`;
  const time = `${two(wall.getUTCHours())}:${two(wall.getUTCMinutes())}:${two(wall.getUTCSeconds())}`;
  return `${WEEKDAYS[wall.getUTCDay()]} ${date} ${time} ${offsetText(offset)}`;
}

function offsetText(seconds: number): string {
  const minutes = Math.floor(Math.abs(seconds) / 60);
  return `${seconds < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/** The change of the zone's clock between two times; empty: none. */
export function shiftBetween(before: number, after: number, zone: Zone): string {
  const change = offsetAt(zone, after) - offsetAt(zone, before);
  if (change === 0) return "";
  const sameWall = after - before === -change * 1000;
  const by = `clocks ${change > 0 ? "forward" : "back"} ${span(Math.abs(change) * 1000)}`;
  return sameWall ? `${by}: the same wall time again` : by;
}

/** Prints one line per time. `from`: the time from which the first distance is measured. */
export function showTimes(io: Io, times: readonly number[], zone: Zone, from: number, notes?: readonly string[]): void {
  const local = zone.name !== "UTC";
  const rows = times.map((ms, i): (string | Cell)[] => {
    const before = i === 0 ? from : times[i - 1]!;
    const marks = [shiftBetween(before, ms, zone), notes?.[i] ?? ""].filter((mark) => mark !== "").join("; ");
    return [
      { text: String(i + 1), right: true, tone: "dim" },
      ...(local ? [inZone(ms, zone)] : [inZone(ms, zone).slice(0, -" +00:00".length)]),
      ...(local ? [{ text: formatInstant(ms), tone: "dim" } as const] : []),
      { text: `+${span(ms - before)}`, right: true },
      { text: marks, tone: "warn" },
    ];
  });
  table(io, ["#", zone.name, ...(local ? ["UTC"] : []), "distance", ""], rows);
}
