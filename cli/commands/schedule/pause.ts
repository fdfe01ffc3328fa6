/** `sirocco schedule pause` and `resume`. */
import { apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT } from "../../errors.ts";
import { targetFlags } from "../../target.ts";
import { scheduleId } from "./view.ts";

const both = {
  positionals: [scheduleId],
  flags: {
    note: { type: "string", value: "TEXT", help: "why; kept with the schedule, at most 1000 bytes" },
    ...targetFlags,
  },
} as const;
const bodyOf = (flags: { note: string | undefined }) => (flags.note === undefined ? {} : { note: flags.note });

export const pause = command({
  name: "schedule pause",
  summary: "start no more runs until it is resumed; what runs goes on",
  ...both,
  examples: ["sirocco schedule pause nightly --note 'moving the database'"],
  async run([id], flags, io) {
    await apiOf(flags, io).call("pauseSchedule", { params: { schedule_id: id! }, body: bodyOf(flags) });
    io.out(`${id} paused`);
    return EXIT.ok;
  },
});

export const resume = command({
  name: "schedule resume",
  summary: "go on with the next time; what passed meanwhile is not made up for",
  ...both,
  examples: ["sirocco schedule resume nightly"],
  async run([id], flags, io) {
    await apiOf(flags, io).call("resumeSchedule", { params: { schedule_id: id! }, body: bodyOf(flags) });
    io.out(`${id} resumed`);
    return EXIT.ok;
  },
});
