/** `sirocco history`: the recorded events of a run, as a timeline. */
import { apiOf } from "../api.ts";
import { command } from "../command.ts";
import { EXIT } from "../errors.ts";
import { eventOf, historyOf } from "../executions.ts";
import type { Io } from "../io.ts";
import { countOf } from "../length.ts";
import { cut, moment, paint, printJson } from "../print.ts";
import { jsonFlag, targetFlags } from "../target.ts";
import { type Line, timeline } from "../timeline.ts";

export const history = command({
  name: "history",
  summary: "show the recorded events of an execution as a timeline",
  positionals: [{ name: "execution", help: "id of the execution" }],
  flags: {
    run: {
      type: "string",
      value: "RUN",
      help: "id of an earlier run (sirocco list --search EXECUTION --json shows the ids)",
    },
    event: { type: "string", value: "ID", help: "show this event alone, with its values whole" },
    full: { type: "boolean", help: "do not cut inputs and results to the width of the terminal" },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: [
    "sirocco history INV-001",
    "sirocco history INV-001 --event 12",
    "sirocco history INV-001 --json > history.json",
  ],
  async run([id], flags, io) {
    if (flags.event !== undefined) {
      const number = countOf("event", flags.event);
      printJson(io, await eventOf(apiOf(flags, io), id!, String(number), flags.run));
      return EXIT.ok;
    }
    const events = await historyOf(apiOf(flags, io), id!, flags.run);
    if (flags.json) printJson(io, { execution_id: id, events });
    else print(timeline(events), flags.full ? null : io.columns, io);
    return EXIT.ok;
  },
});

const SECOND_MS = 1000;

function print(lines: readonly Line[], width: number | null, io: Io): void {
  const start = lines[0]?.at ?? 0;
  const ids = Math.max(2, String(lines.at(-1)?.id ?? 0).length);
  const offset = (at: number) => `+${((at - start) / SECOND_MS).toFixed(3)}`;
  const times = Math.max(...lines.map((line) => offset(line.at).length));
  io.out(paint(io, "dim", `${"#".padStart(ids)}  ${"s".padStart(times)}  ${moment(start, undefined, true)}`));
  for (const line of lines) {
    const head = `${String(line.id).padStart(ids)}  ${offset(line.at).padStart(times)}  `;
    const room = width === null ? null : width - head.length - line.symbol.length - line.text.length - 3;
    const more = line.more === "" || (room !== null && room < 8) ? "" : `  ${paint(io, "dim", cut(line.more, room))}`;
    io.out(`${paint(io, "dim", head)}${paint(io, line.tone, `${line.symbol} ${line.text}`)}${more}`);
  }
}
