/** `sirocco schedule get`. */
import { apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT } from "../../errors.ts";
import { printJson } from "../../print.ts";
import { jsonFlag, targetFlags } from "../../target.ts";
import { scheduleId, showSchedule } from "./view.ts";

export const get = command({
  name: "schedule get",
  summary: "show a schedule: its rule, its next and last runs, its running and waiting runs",
  positionals: [scheduleId],
  flags: { ...targetFlags, ...jsonFlag },
  examples: ["sirocco schedule get nightly", "sirocco schedule get nightly --json | jq .future_executions"],
  async run([id], flags, io) {
    const shown = await apiOf(flags, io).call("getSchedule", { params: { schedule_id: id! } });
    if (flags.json) printJson(io, shown);
    else showSchedule(shown, io);
    return EXIT.ok;
  },
});
