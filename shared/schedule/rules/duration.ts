/** The two forms of durations: ISO 8601 (`PT1H30M`) in definitions, Go's form (`1h30m`) in `@every`. */

export type Parsed<T> = { readonly value: T } | { readonly problem: string };

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;

const NUMBER = String.raw`(\d+(?:[.,]\d+)?)`;
const ISO = new RegExp(
  `^([+-])?P(?:${NUMBER}W)?(?:${NUMBER}D)?(?:T(?=\\d)(?:${NUMBER}H)?(?:${NUMBER}M)?(?:${NUMBER}S)?)?$`,
);

/**
 * An ISO 8601 duration in milliseconds: weeks, days, hours, minutes and seconds; the last part may have a decimal fraction.
 * Years and months are refused, because they have no fixed length. A sign is accepted: each field has its own rule about it.
 */
export function parseIsoDuration(text: string): Parsed<number> {
  const match = ISO.exec(text);
  if (!match || text.endsWith("P")) {
    const calendar = /^[+-]?P[^T]*[YM]/.test(text);
    return {
      problem: calendar
        ? "years and months have no fixed length; allowed are weeks, days, hours, minutes and seconds, such as P30D"
        : "allowed is an ISO 8601 duration of weeks, days, hours, minutes and seconds, such as PT30M or P1DT12H",
    };
  }
  const parts = match.slice(2);
  const given = parts.filter((part) => part !== undefined);
  if (given.slice(0, -1).some((part) => /[.,]/.test(part))) {
    return { problem: "only the last part of a duration may have a fraction" };
  }
  const units = [WEEK, DAY, HOUR, MINUTE, SECOND];
  let ms = 0;
  for (const [index, part] of parts.entries()) ms += part ? Number(part.replace(",", ".")) * units[index]! : 0;
  return within(match[1] === "-" ? -ms : ms);
}

const GO_UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: SECOND,
  m: MINUTE,
  h: HOUR,
  d: DAY,
};

/** A duration in Go's form with `d` for 24 hours, in milliseconds: `90s`, `1h30m`, `1.5h`, `2d12h`. */
export function parseGoDuration(text: string): Parsed<number> {
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d)/g)];
  if (parts.length === 0 || parts.map((part) => part[0]).join("") !== text) {
    return { problem: "allowed are numbers with the units d, h, m and s, such as 1h30m or 90s" };
  }
  return within(parts.reduce((sum, part) => sum + Number(part[1]) * GO_UNITS[part[2]!]!, 0));
}

function within(ms: number): Parsed<number> {
  const whole = Math.trunc(Number(ms.toFixed(3)));
  return Number.isSafeInteger(whole) ? { value: whole } : { problem: "the duration is too long to count" };
}
