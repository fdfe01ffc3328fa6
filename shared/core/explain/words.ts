/** Words of `explain`: lengths of time, errors, counts. */
import { cutText } from "../../protocol/cut-text.ts";
import type { Failure, Millis } from "../../protocol/history.ts";

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
] as const;

/** `3 min 20 s`: the two largest units. */
export function span(ms: Millis): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const i = UNITS.findIndex(([, size]) => ms >= size);
  const [big, size] = UNITS[i]!;
  const [small, step] = UNITS[i + 1] ?? ["", 0];
  const rest = step === 0 ? 0 : Math.floor((ms % size) / step);
  return `${Math.floor(ms / size)} ${big}${rest > 0 ? ` ${rest} ${small}` : ""}`;
}

const iso = (at: Millis) => new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
/** `at 2026-01-31T09:30:00Z, in 5 min`, or `now` for what is past. */
export const when = (at: Millis, now: Millis): string => (at <= now ? "now" : `at ${iso(at)}, in ${span(at - now)}`);
export const ago = (at: Millis, now: Millis): string => `${span(now - at)} ago`;

const LONGEST = 300;
/** As one line, because it stands in a sentence. A cut leaves no half of a surrogate pair. */
export const cut = (text: string, longest = LONGEST): string => {
  const line = text.replace(/\s*[\r\n]\s*/g, " ");
  return line.length > longest ? `${cutText(line, longest)}…` : line;
};

export function errorText(failure: Failure): string {
  const { type, message } = failure;
  return cut(type === undefined || type === "Error" ? message : `${type}: ${message}`);
}

/** The failure with its causes, outermost first. */
export function causes(failure: Failure): string[] {
  const chain: string[] = [];
  for (let f: Failure | undefined = failure; f && chain.length < 10; f = f.cause) chain.push(errorText(f));
  return chain;
}

export const quoted = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(", ");
export const some = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;
