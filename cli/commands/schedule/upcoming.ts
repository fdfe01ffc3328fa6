/** `sirocco schedule upcoming`: the coming times of all schedules. */
import { apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT } from "../../errors.ts";
import { countOf, lengthOf } from "../../length.ts";
import { moment, printJson, table } from "../../print.ts";
import { jsonFlag, targetFlags } from "../../target.ts";

export const upcoming = command({
  name: "schedule upcoming",
  summary: "show the coming times of all schedules",
  positionals: [],
  flags: {
    within: { type: "string", value: "TIME", help: "times in the next TIME, such as 2h or 7d (default 1d)" },
    limit: { type: "string", short: "n", value: "N", help: "show at most N (default 100)" },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: ["sirocco schedule upcoming", "sirocco schedule upcoming --within 7d --json"],
  async run(_, flags, io) {
    const within = lengthOf("within", flags.within);
    const limit = countOf("limit", flags.limit);
    const answer = await apiOf(flags, io).call("listUpcomingTimes", {
      query: { ...(within !== undefined && { to: new Date(Date.now() + within).toISOString() }), limit },
    });
    if (flags.json) {
      printJson(io, answer);
      return EXIT.ok;
    }
    const rows = answer.times.map((t) => [
      { text: moment(t.scheduled_at) },
      { text: t.schedule_id },
      { text: t.workflow_name },
      { text: t.deployment_name },
    ]);
    if (rows.length === 0) io.err("No schedule has a time then.");
    else table(io, ["time", "schedule", "workflow", "deployment"], rows);
    if (!answer.complete) io.err("There are more times: use --limit, or a shorter --within.");
    return EXIT.ok;
  },
});
