/** `sirocco hold` and `sirocco release`. */
import { MAX_RELEASE_PER_SECOND, MIN_RELEASE_PER_SECOND } from "../../shared/protocol/limits.ts";
import type { ResponseOf } from "../../shared/protocol/routes.ts";
import { apiOf } from "../api.ts";
import { command } from "../command.ts";
import { EXIT, usage } from "../errors.ts";
import type { Io } from "../io.ts";
import { moment, printJson, table } from "../print.ts";
import { jsonFlag, targetFlags } from "../target.ts";

type Shown = ResponseOf<"listHolds">["holds"][number];

const scopeFlags = {
  deployment: { type: "string", value: "NAME", help: "the executions of this deployment" },
  workflow: {
    type: "string",
    value: "NAME",
    help: "the executions of this workflow; with --deployment only those there",
  },
} as const;

function scopeOf({ deployment, workflow }: { deployment: string | undefined; workflow: string | undefined }) {
  if (deployment === undefined && workflow === undefined)
    throw usage("name what to hold or release: --deployment NAME, --workflow NAME, or both");
  return {
    ...(deployment !== undefined && { deployment_name: deployment }),
    ...(workflow !== undefined && { workflow_name: workflow }),
  };
}

export const hold = command({
  name: "hold",
  summary: "keep executions from workers: starts and messages are accepted and wait",
  details: `Starts, schedules, signals and results are taken in, and workers get no new tasks.
Activities that run go on to their end. Deadlines and timeouts run on too.
The hold outlives restarts of server and workers, until \`sirocco release\`.`,
  positionals: [],
  flags: {
    ...scopeFlags,
    reason: { type: "string", value: "TEXT", help: "why, as `sirocco why` will say it" },
    list: { type: "boolean", help: "show the holds, and change nothing" },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: [
    "sirocco hold --deployment billing --reason 'the bank is down'",
    "sirocco hold --workflow invoice_processor",
    "sirocco hold --list",
  ],
  async run(_, flags, io) {
    const api = apiOf(flags, io);
    if (flags.list) {
      const answer = await api.call("listHolds");
      if (flags.json) printJson(io, answer);
      else if (answer.holds.length === 0) io.err("Nothing is held.");
      else show(answer.holds, io);
      return EXIT.ok;
    }
    const body = { ...scopeOf(flags), ...(flags.reason !== undefined && { reason: flags.reason }) };
    const held = await api.call("holdWork", { body });
    if (flags.json) printJson(io, held);
    else show([held], io);
    return EXIT.ok;
  },
});

export const release = command({
  name: "release",
  summary: "end a hold: workers get what was kept, at once or at a rate",
  details: `With --rate workers get at most so many tasks of the held executions a second, in the
order in which they became due, until those that waited are through.`,
  positionals: [],
  flags: {
    ...scopeFlags,
    rate: { type: "string", value: "N/s", help: "at most so many tasks a second, such as 10/s, or 30/m a minute" },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: ["sirocco release --deployment billing --rate 10/s", "sirocco release --workflow invoice_processor"],
  async run(_, flags, io) {
    const rate = flags.rate === undefined ? {} : { per_second: perSecond(flags.rate) };
    const released = await apiOf(flags, io).call("releaseHold", { body: { ...scopeOf(flags), ...rate } });
    if (flags.json) printJson(io, released);
    else show([released], io);
    return EXIT.ok;
  },
});

function perSecond(text: string): number {
  const [, n, unit] = /^(\d+(?:\.\d+)?)(?:\/(s|m))?$/.exec(text) ?? [];
  const rate = Number(n) / (unit === "m" ? 60 : 1);
  const [least, most] = [MIN_RELEASE_PER_SECOND, MAX_RELEASE_PER_SECOND];
  if (!(rate >= least && rate <= most))
    throw usage(`--rate is a number of tasks from ${least}/s to ${most}/s, such as 10/s or 30/m, not '${text}'`);
  return rate;
}

function show(holds: readonly Shown[], io: Io): void {
  const rows = holds.map(({ deployment_name, workflow_name, held_at, held_by, reason, release: released }) => [
    deployment_name ?? "every",
    workflow_name ?? "every",
    moment(held_at),
    held_by ?? "",
    released === null
      ? "held"
      : `released ${released.per_second === null ? "at once" : `at ${rateText(released.per_second)}`}`,
    reason ?? "",
  ]);
  table(io, ["deployment", "workflow", "held since", "by", "state", "reason"], rows);
}

const rateText = (rate: number): string =>
  rate >= 1 ? `${Number(rate.toFixed(2))}/s` : `${Number((rate * 60).toFixed(2))}/m`;
