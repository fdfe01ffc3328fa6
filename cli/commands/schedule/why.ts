/** `sirocco schedule why`. */
import { apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT } from "../../errors.ts";
import { printJson } from "../../print.ts";
import { jsonFlag, targetFlags } from "../../target.ts";
import { showExplanation } from "../why.ts";
import { scheduleId } from "./view.ts";

export const why = command({
  name: "schedule why",
  summary: "say what a schedule waits for, who must act, and what to do",
  positionals: [scheduleId],
  flags: { ...targetFlags, ...jsonFlag },
  examples: ["sirocco schedule why nightly"],
  async run([id], flags, io) {
    const explanation = await apiOf(flags, io).call("explainSchedule", { params: { schedule_id: id! } });
    if (flags.json) printJson(io, explanation);
    else showExplanation(io, explanation);
    return EXIT.ok;
  },
});
