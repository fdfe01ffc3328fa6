/** `sirocco schedule update`: changes the given parts of a schedule and keeps the rest. */
import { apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT, usage } from "../../errors.ts";
import { inputFlag, readInput } from "../../input.ts";
import { printJson } from "../../print.ts";
import { jsonFlag, targetFlags } from "../../target.ts";
import { policyFlags, policyOf, type Spec, specOf, timeFlags } from "./spec.ts";
import { scheduleId, showSchedule } from "./view.ts";

const CLEARABLE: Readonly<Record<string, Spec>> = {
  cron: { cron_expressions: [] },
  every: { intervals: [] },
  calendars: { calendars: [] },
  skip: { skip: [] },
  tz: { time_zone_name: null },
  start: { start_at: null },
  end: { end_at: null },
  jitter: { jitter: null },
  max: { max_executions: null },
  "pause-on-failure": { policy: { pause_on_failure: false } },
};

export const update = command({
  name: "schedule update",
  summary: "change parts of a schedule",
  details: `Changes only the given parts of rule, policy and input. A list is replaced as a whole: --cron replaces all cron lines.
Times that have passed are not made up for; active and waiting runs are not changed.`,
  positionals: [scheduleId],
  flags: {
    ...inputFlag,
    ...timeFlags,
    ...policyFlags,
    deployment: { type: "string", value: "NAME", help: "move it to another deployment of its workflow" },
    clear: {
      type: "string",
      multiple: true,
      value: "OPTION",
      help: `remove a part: ${Object.keys(CLEARABLE).join(", ")}`,
    },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: [
    "sirocco schedule update nightly --cron '0 4 * * *'",
    "sirocco schedule update nightly --max 10 --clear end --clear jitter",
  ],
  async run([id], flags, io) {
    const input = await readInput(flags.input, io);
    const { schedule_id: _, ...spec } = await specOf(flags, io);
    const policy = policyOf(flags);
    const given: Spec = {
      ...spec,
      ...(input && { input }),
      ...(policy && { policy: { ...(spec.policy as Spec | undefined), ...policy } }),
    };
    const schedule = Object.assign(given, ...flags.clear.map((name) => cleared(name, given)));
    const { deployment } = flags;
    if (Object.keys(schedule).length === 0 && deployment === undefined) {
      throw usage("No change was given.", "sirocco schedule update --help lists the options.");
    }
    const api = apiOf(flags, io);
    const params = { schedule_id: id! };
    const body = { schedule, ...(deployment !== undefined && { deployment_name: deployment }) };
    await api.call("updateSchedule", { params, body });
    const shown = await api.call("getSchedule", { params });
    if (flags.json) printJson(io, shown);
    else showSchedule(shown, io);
    return EXIT.ok;
  },
});

function cleared(name: string, given: Spec): Spec {
  const found = CLEARABLE[name];
  if (!found) throw usage(`--clear is '${name}': it must be one of ${Object.keys(CLEARABLE).join(", ")}.`);
  const { policy, ...rest } = found;
  return policy ? { policy: { ...(given.policy as Spec | undefined), ...(policy as Spec) } } : rest;
}
