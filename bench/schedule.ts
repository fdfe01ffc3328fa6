/**
 * `node bench/schedule.ts`: computations of a next time per second, for eight typical specs. `--json` prints only the JSON.
 *
 * Walk: each time from the previous one, as a schedule does. Random: from a random instant within 20 years, with the zone's
 * transitions cached after the first round. Cold: the first answer for a zone in the process, including its formatter.
 */
import { nextTime, validateSpec } from "../shared/schedule/rules/index.ts";

const SPECS: [name: string, definition: object][] = [
  ["interval 20 s", { intervals: [{ every: "PT20S" }] }],
  ["hourly cron, UTC", { cron_expressions: ["@hourly"] }],
  ["workdays 09:30, Paris", { cron_expressions: ["30 9 * * 1-5"], time_zone_name: "Europe/Paris" }],
  [
    "every 15 min 8-18 h, New York, 5 min jitter",
    { cron_expressions: ["*/15 8-18 * * mon-fri"], time_zone_name: "America/New_York", jitter: "PT5M" },
  ],
  [
    "first Monday 03:00, Casablanca",
    {
      calendars: [{ hour: [{ start: 3 }], day_of_month: [{ start: 1, end: 7 }], day_of_week: [{ start: 1 }] }],
      time_zone_name: "Africa/Casablanca",
    },
  ],
  [
    "three sources, nights and holidays skipped, Sydney",
    {
      cron_expressions: ["0 * * * *", "*/20 9-17 * * *"],
      intervals: [{ every: "PT45M" }],
      skip: [
        { hour: [{ start: 0, end: 6 }], minute: [{ start: 0, end: 59 }] },
        { month: [{ start: 12 }], day_of_month: [{ start: 25 }] },
      ],
      time_zone_name: "Australia/Sydney",
    },
  ],
  ["31st of the month, Lord Howe", { cron_expressions: ["0 2 31 * *"], time_zone_name: "Australia/Lord_Howe" }],
  ["29 February on a Sunday, Dublin", { cron_expressions: ["0 12 29 2 sun"], time_zone_name: "Europe/Dublin" }],
];

const FROM = Date.UTC(2026, 0, 1);
const SPAN = 20 * 365 * 86_400_000;

interface Row {
  spec: string;
  walk_per_second: number;
  random_per_second: number;
  cold_us: number;
}

const compiled = (definition: object) => {
  const validated = validateSpec(definition);
  if ("issues" in validated) throw new Error(JSON.stringify(validated.issues));
  return validated.spec;
};

/** Calls per second of `step`, over at least a third of a second. */
function rate(step: () => void): number {
  let calls = 0;
  const started = performance.now();
  let spent = 0;
  do {
    for (let index = 0; index < 200; index++) step();
    calls += 200;
    spent = performance.now() - started;
  } while (spent < 333);
  return Math.round((calls / spent) * 1000);
}

function measure([name, definition]: [string, object]): Row {
  const started = performance.now();
  const spec = compiled(definition);
  nextTime(spec, FROM);
  const cold = performance.now() - started;

  let at = FROM;
  const walk = () => {
    at = nextTime(spec, at, { seed: name })?.nominal ?? FROM;
  };
  rate(walk); // warms up
  at = FROM;
  const walked = rate(walk);

  const instants = Array.from({ length: 1000 }, (_, index) => FROM + ((index * 7_919_999_983) % SPAN));
  let next = 0;
  const random = () => {
    next = (next + 1) % instants.length;
    nextTime(spec, instants[next]!, { seed: name });
  };
  rate(random);
  return {
    spec: name,
    walk_per_second: walked,
    random_per_second: rate(random),
    cold_us: Math.round(cold * 1000),
  };
}

const rows = SPECS.map(measure);
if (!process.argv.includes("--json")) {
  const width = Math.max(...rows.map(({ spec }) => spec.length));
  const number = (value: number, digits: number) => value.toLocaleString("en").padStart(digits);
  console.log(
    `${"spec".padEnd(width)}  ${"walk /s".padStart(12)}  ${"random /s".padStart(12)}  ${"cold µs".padStart(9)}`,
  );
  for (const row of rows) {
    console.log(
      `${row.spec.padEnd(width)}  ${number(row.walk_per_second, 12)}  ${number(row.random_per_second, 12)}  ${number(row.cold_us, 9)}`,
    );
  }
}
console.log(JSON.stringify({ bench: "schedule", node: process.version, rows }));
