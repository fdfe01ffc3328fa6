/** The wall clock of a time zone. One formatter for each zone, because to make one costs more than to use it. */

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
