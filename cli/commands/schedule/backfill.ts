/** `sirocco schedule backfill`: starts the runs of a past range. */
import { apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT, usage } from "../../errors.ts";
import { paint, printJson } from "../../print.ts";
import { jsonFlag, targetFlags } from "../../target.ts";
import { overlapFlag, overlapOf, timeOf } from "./spec.ts";
import { scheduleId } from "./view.ts";

export const backfill = command({
  name: "schedule backfill",
  summary: "start a run for every time of a past range",
  details: `Starts a run for each time between --from and --to, both included, in order, as if triggered by hand, even if that
time has had a run before. While runs are active the overlap policy decides about the next: buffer-all runs one after the other.`,
  positionals: [scheduleId],
  flags: {
    from: { type: "string", value: "TIME", help: "the first time, such as 2026-01-01T00:00:00Z" },
    to: { type: "string", value: "TIME", help: "the last time (default: now)" },
    ...overlapFlag,
    ...targetFlags,
    ...jsonFlag,
  },
  examples: ["sirocco schedule backfill nightly --from 2026-01-01 --to 2026-01-07"],
  async run([id], flags, io) {
    if (flags.from === undefined) throw usage("backfill needs --from: the first time of the range.");
    const answer = await apiOf(flags, io).call("backfillSchedule", {
      params: { schedule_id: id! },
      body: {
        start_at: timeOf("from", flags.from),
        end_at: flags.to === undefined ? new Date().toISOString() : timeOf("to", flags.to),
        ...(flags.overlap !== undefined && { overlap: overlapOf(flags.overlap) }),
      },
    });
    if (flags.json) printJson(io, answer);
    else {
      io.out(`${answer.accepted} ${answer.accepted === 1 ? "run" : "runs"} requested`);
      io.err(paint(io, "dim", `see their outcomes with: sirocco schedule log ${id}`));
    }
    return EXIT.ok;
  },
});
