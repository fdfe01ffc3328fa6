/** `sirocco schedule trigger`: starts a run now. */
import { apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT } from "../../errors.ts";
import { printJson } from "../../print.ts";
import { jsonFlag, targetFlags } from "../../target.ts";
import { entryLine } from "./log-view.ts";
import { overlapFlag, overlapOf } from "./spec.ts";
import { scheduleId } from "./view.ts";

export const trigger = command({
  name: "schedule trigger",
  summary: "start a run now, also while the schedule is paused",
  details:
    "While another run is active the schedule's overlap policy decides about the new one, unless --overlap is given.",
  positionals: [scheduleId],
  flags: { ...overlapFlag, ...targetFlags, ...jsonFlag },
  examples: ["sirocco schedule trigger nightly", "sirocco schedule trigger nightly --overlap allow-all"],
  async run([id], flags, io) {
    const api = apiOf(flags, io);
    const params = { schedule_id: id! };
    const body = flags.overlap === undefined ? {} : { overlap: overlapOf(flags.overlap) };
    await api.call("triggerSchedule", { params, body });
    const { entries } = await api.call("getScheduleLog", { params, query: { limit: 20 } });
    const mine = entries.find((entry) => entry.manual);
    if (flags.json) printJson(io, mine ?? null);
    else io.out(mine ? entryLine(mine, io) : `${id} triggered; its run is about to start`);
    return EXIT.ok;
  },
});
