/** `sirocco schedule preview`: the times at which a definition would fire, computed without a server. */
import { preview as timesOf, validateSpec } from "../../../shared/schedule/rules/index.ts";
import { command } from "../../command.ts";
import { EXIT, usage } from "../../errors.ts";
import { countOf } from "../../length.ts";
import { paint, printJson, span } from "../../print.ts";
import { instantOf, refusedSpec, specOf, timeFlags } from "./spec.ts";
import { showTimes } from "./times.ts";

const DEFAULT_COUNT = 10;
const MOST = 1000;

export const preview = command({
  name: "schedule preview",
  summary: "show the times at which a definition would fire; needs no server",
  details: `Shows the times of the definition that are later than --after, in the schedule's time zone and in UTC, with the
distance from the time before and a mark where the zone's clocks change in between.`,
  positionals: [],
  flags: {
    ...timeFlags,
    after: { type: "string", value: "TIME", help: "show times later than this (default: now)" },
    count: {
      type: "string",
      short: "n",
      value: "N",
      help: `number of times to show, at most ${MOST} (default ${DEFAULT_COUNT})`,
    },
    json: { type: "boolean", help: "print a JSON array of UTC times" },
  },
  examples: [
    "sirocco schedule preview --cron '0 9 * * 1-5' --tz Europe/Paris",
    "sirocco schedule preview --every 4h --offset 30m --count 3 --json",
    "sirocco schedule get nightly --json | sirocco schedule preview --spec -",
  ],
  async run(_, flags, io) {
    const count = countOf("count", flags.count) ?? DEFAULT_COUNT;
    if (count > MOST) throw usage(`--count is ${count}: it must be at most ${MOST}.`);
    const after = flags.after === undefined ? Date.now() : instantOf("after", flags.after);
    const spec = await specOf(flags, io);
    const validated = validateSpec(spec);
    if ("issues" in validated) throw refusedSpec(validated.issues);
    const shown = timesOf(spec, { after, count });
    if ("issues" in shown) throw refusedSpec(shown.issues);
    if (flags.json) {
      printJson(io, shown.times);
      return EXIT.ok;
    }
    const { zone } = validated.spec;
    const starts = shown.times.map((time) => Date.parse(time));
    const spans = shown.windows?.map((w) => `within ${span(Date.parse(w.before) - Date.parse(w.not_before))}`);
    if (starts.length > 0) showTimes(io, starts, zone, after, spans);
    if (shown.exhausted) io.err(paint(io, "dim", starts.length > 0 ? "no further times" : "it never fires"));
    return EXIT.ok;
  },
});
