/** Prints entries of a schedule's log. */
import type { ScheduleLogEntry } from "../../../shared/protocol/http/schedules.ts";
import type { Io } from "../../io.ts";
import { type Cell, moment, paint, type Tone } from "../../print.ts";

const TONES: Readonly<Record<ScheduleLogEntry["outcome"], Tone>> = {
  started: "good",
  buffered: "busy",
  skipped_overlap: "dim",
  superseded: "dim",
  missed_catchup: "warn",
  buffer_full: "warn",
  paused: "dim",
  exhausted: "dim",
  refused: "bad",
  duplicate: "warn",
};

export const outcomeCell = ({ outcome }: ScheduleLogEntry): Cell => ({
  text: outcome.replaceAll("_", " "),
  tone: TONES[outcome],
});

/** The execution, or the reason why there is none. */
export function detailOf(entry: ScheduleLogEntry): string {
  const until = entry.until === null ? null : `and all times until ${moment(entry.until)}`;
  const execution = entry.outcome === "refused" ? null : entry.execution_id;
  return [execution, entry.reason, until, entry.manual ? "by hand" : null].filter((part) => part !== null).join("; ");
}

export function entryLine(entry: ScheduleLogEntry, io: Io): string {
  const { text, tone } = outcomeCell(entry);
  return `${paint(io, tone ?? "plain", text)}  ${detailOf(entry)}`;
}
