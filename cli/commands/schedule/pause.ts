/** `sirocco schedule pause` and `resume`. */
import { apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT } from "../../errors.ts";
import { targetFlags } from "../../target.ts";
import { scheduleId } from "./view.ts";

const both = {
  positionals: [scheduleId],
  flags: {
    note: { type: "string", value: "TEXT", help: "the reason, stored with the schedule; at most 1000 bytes" },
    ...targetFlags,
  },
} as const;
const bodyOf = (flags: { note: string | undefined }) => (flags.note === undefined ? {} : { note: flags.note });

export const pause = command({
  name: "schedule pause",
  summary: "start no runs until the schedule is resumed; running executions continue",
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
  summary: "start runs again from the next time on; times during the pause are not made up for",
  ...both,
  examples: ["sirocco schedule resume nightly"],
  async run([id], flags, io) {
    await apiOf(flags, io).call("resumeSchedule", { params: { schedule_id: id! }, body: bodyOf(flags) });
    io.out(`${id} resumed`);
    return EXIT.ok;
  },
});
