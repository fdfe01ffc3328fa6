/** `sirocco schedule trigger`: starts a run now. */
import type { ScheduleLogEntry } from "../../../shared/protocol/http/schedules.ts";
import { MAX_PAGE } from "../../../shared/protocol/limits.ts";
import { apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT } from "../../errors.ts";
import { paint, printJson } from "../../print.ts";
import { jsonFlag, targetFlags } from "../../target.ts";
import { entryLine } from "./log-view.ts";
import { overlapFlag, overlapOf } from "./spec.ts";
import { scheduleId } from "./view.ts";

export const trigger = command({
  name: "schedule trigger",
  summary: "start a run now, also while the schedule is paused",
  details:
    "While another run is active the schedule's overlap policy decides about the new one, unless --overlap is given.\n" +
    "The exit code is 0 if the run has started, waits for its turn or is still being started, and 1 if there will be none.",
  positionals: [scheduleId],
  flags: { ...overlapFlag, ...targetFlags, ...jsonFlag },
  examples: ["sirocco schedule trigger nightly", "sirocco schedule trigger nightly --overlap allow-all"],
  async run([id], flags, io) {
    const body = flags.overlap === undefined ? {} : { overlap: overlapOf(flags.overlap) };
    const api = apiOf(flags, io);
    const params = { schedule_id: id! };
    const log = async (limit: number) => (await api.call("getScheduleLog", { params, query: { limit } })).entries;
    const { running_executions, waiting_executions } = await api.call("getSchedule", { params });
    const [last] = await log(1);
    await api.call("triggerSchedule", { params, body });
    // Runs that were triggered earlier may start, or be dropped, at the same time.
    const starting = new Set(running_executions.map((run) => run.execution_id));
    const waiting = new Set(waiting_executions.map((run) => run.scheduled_at));
    const mine = (await log(MAX_PAGE)).find(
      ({ manual, seq, execution_id, scheduled_at }) =>
        manual && seq > (last?.seq ?? 0) && !starting.has(execution_id ?? "") && !waiting.has(scheduled_at),
    );
    if (flags.json) printJson(io, mine ?? { outcome: "starting" });
    else if (mine) io.out(entryLine(mine, io));
    else {
      io.out(`${id} triggered; its run has not started yet, the server tries again for some minutes`);
      io.err(paint(io, "dim", `is a worker running? see what becomes of it: sirocco schedule log ${id}`));
    }
    return mine && !WILL_RUN.has(mine.outcome) ? EXIT.failed : EXIT.ok;
  },
});

const WILL_RUN: ReadonlySet<ScheduleLogEntry["outcome"]> = new Set(["started", "buffered"]);
