/** The wall clock of a time zone, both ways. One formatter for each zone, because to make one costs more than to use it. */

const formats = new Map<string, Intl.DateTimeFormat>();

/** `zone`: `local`, or a name of an IANA zone. Writes `2026-01-31, 09:30:00`. */
export function wallClock(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-CA", {
      ...(zone !== "local" && { timeZone: zone }),
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    formats.set(zone, format);
  }
  return format;
}

function partsIn(at: number, zone: string): number[] {
  const parts = wallClock(zone).formatToParts(at);
  return ["year", "month", "day", "hour", "minute", "second"].map((type) =>
    Number(parts.find((part) => part.type === type)?.value),
  );
}

/** The difference between wall clock and UTC at a moment, in ms. */
function offsetAt(at: number, zone: string): number {
  const [y = 0, mo = 1, d = 1, h = 0, mi = 0, s = 0] = partsIn(at, zone);
  return Date.UTC(y, mo - 1, d, h, mi, s) - Math.floor(at / 1_000) * 1_000;
}

const DAY_MS = 86_400_000;

/**
 * The first moment at which the clock shows `wall`, which is written as if the clock were that of UTC. Where the clocks jump
 * over it: as long after the jump as `wall` lies after its begin.
 */
export function momentAt(wall: number, zone: string): number {
  const [before, after] = [offsetAt(wall - DAY_MS, zone), offsetAt(wall + DAY_MS, zone)];
  const shown = [wall - before, wall - after].filter((at) => at + offsetAt(at, zone) === wall);
  return shown.length > 0 ? Math.min(...shown) : wall - before;
}

export const dateIn = (at: number, zone: string): string => {
  const [y, m, d] = partsIn(at, zone);
  return `${y}-${String(m).padStart(2, "0")}-${String(d).padStart(2, "0")}`;
};
