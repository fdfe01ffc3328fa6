/** Output for people: tables, colours, durations, times. */

import { styleText } from "node:util";
import { cutText } from "../shared/protocol/cut-text.ts";
import { withLocks } from "./encoding.ts";
import type { Io } from "./io.ts";

export type Tone = "good" | "bad" | "warn" | "busy" | "dim" | "bold" | "plain";
const STYLES = { good: "green", bad: "red", warn: "yellow", busy: "cyan", dim: "dim", bold: "bold" } as const;

export function paint(io: Pick<Io, "color">, tone: Tone, text: string): string {
  if (!io.color || tone === "plain") return text;
  return styleText(STYLES[tone], text, { validateStream: false });
}

export function toneOf(status: string | null): Tone {
  if (status === "COMPLETED") return "good";
  if (status === "RUNNING") return "busy";
  return status === "FAILED" || status === "TIMED_OUT" ? "bad" : "warn";
}

export interface Cell {
  readonly text: string;
  readonly tone?: Tone;
  /** Right-aligned. */
  readonly right?: true;
}

/** Prints rows under a heading. Columns are as wide as their cells; the last one is cut to the terminal's width. */
export function table(io: Io, heading: readonly string[], rows: readonly (readonly (string | Cell)[])[]): void {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === "string" ? { text: cell } : cell) as Cell));
  const widths = heading.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]?.text.length ?? 0)));
  const line = (row: readonly Cell[]) => {
    let used = 0;
    const parts = row.map((cell, i) => {
      const last = i === row.length - 1;
      const text = last ? cut(cell.text, io.columns === null ? null : io.columns - used) : cell.text;
      used += widths[i]! + 2;
      const padded = cell.right ? text.padStart(widths[i]!) : last ? text : text.padEnd(widths[i]!);
      return paint(io, cell.tone ?? "plain", padded);
    });
    io.out(parts.join("  ").trimEnd());
  };
  line(heading.map((text) => ({ text: text.toUpperCase(), tone: "dim" })));
  for (const row of cells) line(row);
}

/** Prints `name: value` lines, and skips those without a value. Further lines of a value stand below its first. */
export function fields(io: Io, rows: readonly (readonly [string, string | null | undefined, Tone?])[]): void {
  const shown = rows.filter(([, value]) => value !== null && value !== undefined && value !== "");
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  for (const [name, value, tone] of shown) {
    const lines = (value as string).replaceAll("\n", `\n${" ".repeat(width + 2)}`);
    io.out(`${paint(io, "dim", `${name}:`.padEnd(width + 1))} ${paint(io, tone ?? "plain", lines)}`);
  }
}

export function printJson(io: Io, value: unknown): void {
  io.out(JSON.stringify(value ?? null, null, 2));
}

/** The text as one line of at most `width` characters; null: of any length. */
export function cut(text: string, width: number | null): string {
  const line = text.replace(/\s*\n\s*/g, " ");
  return width === null || line.length <= width ? line : `${cutText(line, Math.max(0, width - 1))}…`;
}

/** A value as one line of JSON. */
export function compact(value: unknown): string {
  if (value === undefined) return "";
  const shown = withLocks(value);
  return typeof shown === "string" && typeof value === "object" ? shown : JSON.stringify(shown); // a lock is no text
}

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
] as const;

/** A duration: 400 ms, 1.23 s, 12.3 s, 4 min 5 s, 3 h 10 min, 2 d 4 h. Rounded, so that 14 d minus a few ms is 14 d. */
export function span(ms: number): string {
  if (Math.round(ms) < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(ms < 9_995 ? 2 : 1)} s`;
  for (const [i, [big, size]] of UNITS.entries()) {
    const [small, step] = UNITS[i + 1] ?? UNITS[i]!;
    const rounded = Math.round(ms / step) * step;
    if (rounded < size) continue;
    const rest = (rounded % size) / step;
    return `${Math.floor(rounded / size)} ${big}${rest > 0 ? ` ${rest} ${small}` : ""}`;
  }
  return `${Math.round(ms)} ms`;
}

/** Local time to the second, or with milliseconds if `exact`; without the date if that is today's. */
export function moment(at: string | number, now: number = Date.now(), exact = false): string {
  const date = new Date(at);
  const two = (n: number) => String(n).padStart(2, "0");
  const day = (d: Date) => `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const shown = exact ? `${time}.${String(date.getMilliseconds()).padStart(3, "0")}` : time;
  return day(date) === day(new Date(now)) ? shown : `${day(date)} ${shown}`;
}
