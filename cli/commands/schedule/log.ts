/** `sirocco schedule log`: the outcome of each due time, and its reason. */
import type { ScheduleLogEntry } from "../../../shared/protocol/http/schedules.ts";
import { MAX_PAGE } from "../../../shared/protocol/limits.ts";
import { type Api, apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT } from "../../errors.ts";
import { countOf } from "../../length.ts";
import { moment, paint, printJson, table } from "../../print.ts";
import { jsonFlag, targetFlags } from "../../target.ts";
import { detailOf, outcomeCell } from "./log-view.ts";
import { scheduleId } from "./view.ts";

const DEFAULT_LIMIT = 50;

export const log = command({
  name: "schedule log",
  summary: "show the outcome of each due time, and why no run was started",
  positionals: [scheduleId],
  flags: {
    limit: { type: "string", short: "n", value: "N", help: `show the newest N entries (default ${DEFAULT_LIMIT})` },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: ["sirocco schedule log nightly", "sirocco schedule log nightly --limit 500 --json"],
  async run([id], flags, io) {
    const limit = countOf("limit", flags.limit) ?? DEFAULT_LIMIT;
    const { entries, more } = await pages(apiOf(flags, io), id!, limit);
    if (flags.json) printJson(io, { entries });
    else if (entries.length === 0) io.err("No time has been due yet.");
    else {
      const rows = entries
        .toReversed()
        .map((entry) => [moment(entry.scheduled_at), outcomeCell(entry), detailOf(entry)]);
      table(io, ["due", "outcome", ""], rows);
    }
    if (more && !flags.json) io.err(paint(io, "dim", `there are older entries: use --limit ${limit * 5}`));
    return EXIT.ok;
  },
});

/** Newest first. */
async function pages(api: Api, schedule_id: string, most: number) {
  const entries: ScheduleLogEntry[] = [];
  let cursor: string | null | undefined;
  do {
    const limit = Math.min(MAX_PAGE, most - entries.length);
    const query = { limit, cursor: cursor ?? undefined };
    const answer = await api.call("getScheduleLog", { params: { schedule_id }, query });
    entries.push(...answer.entries);
    cursor = answer.next_cursor;
  } while (cursor && entries.length < most);
  return { entries, more: Boolean(cursor) };
}
